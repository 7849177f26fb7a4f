"""Timing `cycle`: routers with virtual channels and credits, flit by flit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.kernels import native_kernels, thread_count
from chipletsim.noc.flit_network import (
    Burst,
    BurstTimes,
    FlitNetwork,
    Flows,
    Job,
    PortCounts,
    delivery_nodes,
    delivery_starts,
)
from chipletsim.noc.padding import rounded_up

_COUNTS = len(PortCounts._fields)


class CycleResult(NamedTuple):
    """What bursts did.

    Attributes:
        times: Of each burst.
        counts: Of each network, in the order in which networks first appear.
        history: int64 [ports, bins] of each network: flits sent, by time; what is later than the
            last bin is in it.
    """

    times: list[BurstTimes]
    counts: list[PortCounts]
    history: list[np.ndarray]


def cycle(jobs: Sequence[Job], *, bins: int = 0, bin_ticks: int = 1) -> CycleResult:
    """Run bursts through networks of routers.

    A router is input-queued, with virtual channels and credits. Route computation, allocation of a
    virtual channel, allocation of the switch and its traversal take a cycle each; both allocators
    make one round of iSLIP (N. McKeown, IEEE/ACM Trans. Networking 7(2), 1999). It is the router
    of BookSim 2 (N. Jiang et al., ISPASS 2013), revision 28f43299, cycle by cycle, with `islip`,
    one iteration and speedup 1. Beyond BookSim, packets are copied where their flow parts (one copy
    a cycle, each as soon as its output takes it), nodes take time to make packets and to work on
    them, and routers have clocks of their own.

    Bursts are independent, and share threads.

    Args:
        jobs: Bursts and what they run on; jobs may share networks and flows.
        bins: Of the history of each link; none if 0.
        bin_ticks: Ticks of each.
    """
    if not native_kernels():
        raise NotImplementedError
    tables = _tables(jobs)
    sizes = np.array(
        [len(jobs), len(tables.networks), tables.ports, bins, bin_ticks, 0], np.int64
    )
    found = _run(tables, sizes, held=1)
    return _result(tables, found, bins)


class _Tables(NamedTuple):
    """Rows of all networks, flows and bursts, see ``kernels/src/burst.h``."""

    networks: list[FlitNetwork]
    ports: int
    packet_start: np.ndarray
    delivery_start: np.ndarray
    arrays: list[np.ndarray]


def _tables(jobs: Sequence[Job]) -> _Tables:
    networks, network_of = _distinct([job.network for job in jobs])
    flows, flows_of = _distinct([job.flows for job in jobs])
    network, router, port, node = _network_rows(networks, [job.flows for job in jobs], network_of)
    stop, branch, flow, first_flow = _flow_rows(flows)
    packets = [job.burst.packet.copy() for job in jobs]
    starts, processing, expected, burst = [], [], [], []
    packet_first = delivery_first = gate_first = 0
    for number, job in enumerate(jobs):
        rows = packets[number]
        rows[:, 1] = np.where(rows[:, 1] >= 0, rows[:, 1] + first_flow[flows_of[number]], -1)
        start = delivery_starts(job.flows, job.burst)
        starts.append(start[:-1] + delivery_first)
        processing.append(job.burst.processing)
        expected.append(_expected(job))
        burst.append([network_of[number], packet_first, len(rows), gate_first, job.burst.steps])
        packet_first += len(rows)
        delivery_first += int(start[-1])
        gate_first += expected[-1].size
    arrays = [
        network,
        router,
        port,
        node,
        stop,
        branch,
        flow,
        np.array(burst, np.int64),
        np.concatenate(packets),
        np.append(np.concatenate(starts), delivery_first),
        np.concatenate(processing),
        np.concatenate(expected),
    ]
    bounds = np.cumsum([0, *(len(each) for each in packets)])
    deliveries = np.cumsum([0, *(each.size for each in processing)])
    return _Tables(networks, len(port), bounds, deliveries, arrays)


def _distinct(items: Sequence[NamedTuple]) -> tuple[list, list[int]]:
    """Return distinct objects in the order of their appearance, and the number of each item."""
    number: dict[int, int] = {}
    found = []
    for item in items:
        if id(item) not in number:
            number[id(item)] = len(found)
            found.append(item)
    return found, [number[id(item)] for item in items]


def _network_rows(
    networks: Sequence[FlitNetwork], flows: Sequence[Flows], network_of: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    every = [(1 << each.channels) - 1 for each in networks]
    restricted, forks = [False] * len(networks), [False] * len(networks)
    for number, each in zip(network_of, flows, strict=True):
        mask = every[number] if every[number] < 2**63 else -1
        restricted[number] |= bool(((each.branch[:, 2] & mask) != mask).any())
        forks[number] |= each.stop.size - 1 != len(each.branch)
    rows, first = [], [0, 0, 0]
    for number, each in enumerate(networks):
        sizes = [len(each.router), len(each.port), len(each.node)]
        spans = [value for pair in zip(first, sizes, strict=True) for value in pair]
        quantum = int(np.gcd.reduce(each.router[:, 1]))
        rows.append([*spans, each.channels, quantum, int(restricted[number]), int(forks[number])])
        first = [a + b for a, b in zip(first, sizes, strict=True)]
    return (
        np.array(rows, np.int64),
        np.concatenate([each.router for each in networks]),
        np.concatenate([each.port for each in networks]),
        np.concatenate([each.node for each in networks]),
    )


def _flow_rows(
    flows: Sequence[Flows],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
    stops, branches, rows, first_flow = [], [], [], []
    stop_first = branch_first = flow_first = 0
    for each in flows:
        branch, flow = each.branch.copy(), each.flow.copy()
        branch[:, 1] = np.where(branch[:, 1] >= 0, branch[:, 1] + stop_first, branch[:, 1])
        flow[:, 1] += stop_first
        stops.append(each.stop[:-1] + branch_first)
        branches.append(branch)
        rows.append(flow)
        first_flow.append(flow_first)
        stop_first += each.stop.size - 1
        branch_first += len(branch)
        flow_first += len(flow)
    stop = np.append(np.concatenate(stops), branch_first)
    return stop, np.concatenate(branches), np.concatenate(rows), first_flow


def _expected(job: Job) -> np.ndarray:
    """Return int64 [steps x nodes]: deliveries to each node, of each step."""
    burst, nodes = job.burst, len(job.network.node)
    if not burst.steps:
        return np.zeros(0, np.int64)
    step = np.repeat(burst.packet[:, 5], np.diff(delivery_starts(job.flows, burst)))
    gate = step * nodes + delivery_nodes(job.flows, burst)
    return np.bincount(gate, minlength=burst.steps * nodes).astype(np.int64)


def _run(tables: _Tables, sizes: np.ndarray, held: int) -> list[np.ndarray]:
    padded = [_padded(each) for each in tables.arrays]
    bursts, packets = len(padded[7]), len(padded[8])
    deliveries, ports = len(padded[10]), len(padded[2])
    shapes = (packets, packets, deliveries, deliveries, bursts, (ports, _COUNTS))
    history = (ports, rounded_up(int(sizes[3])) if sizes[3] else 1)
    with jax.enable_x64(True):
        found = _call(
            sizes, *padded, shapes=(*shapes, history, (held, 3)), threads=thread_count()
        )
    return [np.asarray(each) for each in found]


def _padded(array: np.ndarray) -> np.ndarray:
    """Return an array with rows added, so that calls of like sizes are compiled once."""
    found = np.zeros((rounded_up(len(array)), *array.shape[1:]), np.int64)
    found[: len(array)] = array
    return found


@partial(jax.jit, static_argnames=("shapes", "threads"))
def _call(
    *arguments: jax.Array, shapes: tuple[int | tuple[int, int], ...], threads: int
) -> list[jax.Array]:
    kinds = [jax.ShapeDtypeStruct(np.atleast_1d(each), jnp.int64) for each in shapes]
    return jax.ffi.ffi_call("chipletsim_flits", kinds)(*arguments, threads=np.int64(threads))


def _result(tables: _Tables, found: list[np.ndarray], bins: int) -> CycleResult:
    made, injected, arrived, taken, undelivered, counts, history, _ = found
    times = []
    for number, left in enumerate(undelivered[: tables.packet_start.size - 1]):
        if left < 0:
            raise AssertionError("flits were lost; this is a fault of chipletsim")
        packets = slice(*tables.packet_start[number : number + 2])
        deliveries = slice(*tables.delivery_start[number : number + 2])
        times.append(
            BurstTimes(
                made[packets],
                injected[packets],
                arrived[deliveries],
                taken[deliveries],
                int(left),
            )
        )
    bounds = np.cumsum([0, *(len(each.port) for each in tables.networks)])
    spans = [slice(*pair) for pair in zip(bounds[:-1], bounds[1:], strict=True)]
    return CycleResult(
        times,
        [PortCounts(*counts[span].T) for span in spans],
        [history.reshape(-1)[: int(bounds[-1]) * bins].reshape(-1, max(bins, 1))[span] if bins
         else history[span, :0] for span in spans],
    )
