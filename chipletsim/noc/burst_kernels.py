"""Bursts through the native kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.kernels import thread_count
from chipletsim.noc.burst_tables import BurstTables, burst_tables
from chipletsim.noc.flit_network import BurstTimes, Busiest, Job, PortCounts
from chipletsim.noc.padding import rounded_up


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
    """

    times: list[BurstTimes]
    counts: list[PortCounts]
    history: list[np.ndarray]
    held: np.ndarray


PacketModel = Callable[[Sequence[Job]], BurstResults]
"""Runs bursts; independent of one another."""


def run_bursts(
    target: str, jobs: Sequence[Job], bins: int, bin_ticks: int, *, held: bool = False
) -> BurstResults:
    """Run bursts by a native kernel.

    Args:
        target: Name of the kernel.
        jobs: Bursts and what they run on.
        bins: Of the history of each port; none if 0.
        bin_ticks: Ticks of each.
        held: Whether to tell what is left in each queue; for one burst alone.
    """
    if not jobs:
        return BurstResults([], [], [], np.zeros((0, 3), np.int64))
    tables = burst_tables(jobs)
    ports = len(tables.arrays[2])
    sizes = np.array([len(jobs), len(tables.networks), ports, bins, bin_ticks, int(held)], np.int64)
    padded = [_padded(each) for each in tables.arrays]
    bursts, packets, deliveries = (len(padded[number]) for number in (9, 10, 12))
    rows = rounded_up(ports)
    history = (rows, rounded_up(bins)) if bins else (1, 1)
    lanes = ports * jobs[0].network.channels if held else 0
    of_packets = (packets, packets, deliveries, deliveries)
    of_ports = ((rows, len(PortCounts._fields)), history)
    of_lanes = (rounded_up(lanes), 3)
    shapes = (*of_packets, bursts, *of_ports, (bursts, len(Busiest._fields)), of_lanes)
    with jax.enable_x64(True):
        found = _call(target, sizes, *padded, shapes=shapes, threads=thread_count())
    return _results(tables, [np.asarray(each) for each in found], bins, lanes)


def _padded(array: np.ndarray) -> np.ndarray:
    """Return an array with rows added, so that calls of like sizes are compiled once."""
    found = np.zeros((rounded_up(len(array)), *array.shape[1:]), np.int64)
    found[: len(array)] = array
    return found


@partial(jax.jit, static_argnames=("target", "shapes", "threads"))
def _call(
    target: str, *arguments: jax.Array, shapes: tuple[int | tuple[int, int], ...], threads: int
) -> Sequence[jax.Array]:
    kinds = [jax.ShapeDtypeStruct(np.atleast_1d(each), jnp.int64) for each in shapes]
    return jax.ffi.ffi_call(target, kinds)(*arguments, threads=np.int64(threads))


def _results(tables: BurstTables, found: list[np.ndarray], bins: int, lanes: int) -> BurstResults:
    made, injected, arrived, taken, undelivered, counts, history, busiest, held = found
    times = []
    for number, left in enumerate(undelivered[: tables.packet_start.size - 1].tolist()):
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
    bounds = np.cumsum([0, *(len(each.port) for each in tables.networks)])
    spans = [slice(*pair) for pair in pairwise(bounds)]
    flits = history.reshape(-1)[: int(bounds[-1]) * bins].reshape(int(bounds[-1]), bins)
    return BurstResults(
        times,
        [PortCounts(*counts[span].T) for span in spans],
        [flits[span] for span in spans],
        held[:lanes],
    )
