"""Bursts through the native kernels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.kernels import thread_count
from chipletsim.noc.burst_tables import BurstTables, burst_tables
from chipletsim.noc.flit_network import BurstTimes, Busiest, Job, PortCounts
from chipletsim.noc.padding import rounded_up

_HEADER = 7 + 14 + 10
"""Numbers in front of the arrays of a call: sizes, and where arrays and results begin."""


class BurstResults(NamedTuple):
    """What bursts did.

    Attributes:
        times: Of each burst.
        counts: Of each network, in the order in which networks first appear.
        history: int64 [ports, bins] of each network: flits sent, by time; what is later than the
            last bin is in it.
        held: int64 [ports x channels, 3] of the first network, if asked for and left packets wait
            for one another: the packet at the front of each virtual channel of an input (-1 if
            there is none), the port whose output it needs, and the channel of that which it holds
            (-1 if none).
        each: int64 [bursts, ports of all networks, counts]: `PortCounts` of each burst, if asked
            for.
    """

    times: list[BurstTimes]
    counts: list[PortCounts]
    history: list[np.ndarray]
    held: np.ndarray
    each: np.ndarray


class PacketModel(Protocol):
    """Runs bursts; independent of one another."""

    def __call__(
        self, jobs: Sequence[Job], *, bins: int = 0, bin_ticks: int = 1, each: bool = False
    ) -> BurstResults:
        """Run bursts.

        Args:
            jobs: Bursts and what they run on; jobs may share networks and flows.
            bins: Of the history of each port; none if 0.
            bin_ticks: Ticks of each.
            each: Whether to tell what happened at the ports in each burst.
        """
        ...


def run_bursts(
    target: str,
    jobs: Sequence[Job],
    bins: int,
    bin_ticks: int,
    *,
    held: bool = False,
    each: bool = False,
) -> BurstResults:
    """Run bursts by a native kernel.

    Args:
        target: Name of the kernel.
        jobs: Bursts and what they run on.
        bins: Of the history of each port; none if 0.
        bin_ticks: Ticks of each.
        held: Whether to tell what is left in each queue; for one burst alone.
        each: Whether to tell what happened at the ports in each burst.
    """
    if not jobs:
        return BurstResults([], [], [], np.zeros((0, 3), np.int64), np.zeros((0, 0, 0), np.int64))
    tables = burst_tables(jobs)
    bursts, ports = len(jobs), len(tables.arrays[2])
    packets, deliveries = int(tables.packet_start[-1]), int(tables.delivery_start[-1])
    lanes = ports * jobs[0].network.channels if held else 0
    shapes = [
        *((packets,), (packets,), (deliveries,), (deliveries,), (bursts,)),
        (ports, len(PortCounts._fields)),
        *((ports, bins), (bursts, len(Busiest._fields)), (lanes, 3)),
        (bursts if each else 0, ports, len(PortCounts._fields)),
    ]
    begin = _HEADER + np.cumsum([0, *(array.size for array in tables.arrays)])
    out = np.cumsum([0, *(prod(shape) for shape in shapes)])
    rows = np.empty(rounded_up(int(begin[-1])), np.int64)
    sizes = [bursts, len(tables.networks), ports, bins, bin_ticks, int(held), int(each)]
    rows[:_HEADER] = [*sizes, *begin[:-1], *out[:-1]]
    for array, *span in zip(tables.arrays, begin[:-1], begin[1:], strict=True):
        rows[slice(*span)] = array.reshape(-1)
    with jax.enable_x64(True):
        found = _call(target, rows, size=rounded_up(int(out[-1])), threads=thread_count())
    flat = np.asarray(found)
    parts = [
        flat[a:b].reshape(shape) for a, b, shape in zip(out[:-1], out[1:], shapes, strict=True)
    ]
    return _results(tables, parts)


@partial(jax.jit, static_argnames=("target", "size", "threads"))
def _call(target: str, rows: jax.Array, *, size: int, threads: int) -> jax.Array:
    call = jax.ffi.ffi_call(target, jax.ShapeDtypeStruct((size,), jnp.int64))
    found: jax.Array = call(rows, threads=np.int64(threads))
    return found


def _results(tables: BurstTables, found: list[np.ndarray]) -> BurstResults:
    made, injected, arrived, taken, undelivered, counts, history, busiest, held, each = found
    times = []
    for number, left in enumerate(undelivered.tolist()):
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
                left,
                Busiest(*busiest[number].tolist()),
            )
        )
    bounds = np.cumsum([0, *(len(network.port) for network in tables.networks)])
    spans = [slice(*pair) for pair in pairwise(bounds)]
    return BurstResults(
        times,
        [PortCounts(*counts[span].T) for span in spans],
        [history[span] for span in spans],
        held,
        each,
    )
