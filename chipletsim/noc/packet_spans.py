"""What tiles, packets and links do in a step, as timing `queue` or `cycle` has it, for a trace."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.blocked import Made, Worked, blocked
from chipletsim.noc.flit_network import (
    OWN_NODE,
    BurstTimes,
    Job,
    PortCounts,
    available,
    delivery_nodes,
    delivery_starts,
    one_by_one,
)
from chipletsim.noc.package_network import PackageNetwork
from chipletsim.noc.spans import Doing, Span

MOST_MESSAGES = 2_000
"""Messages of a step that are shown one by one; of a step with more, what tiles do is joined."""
BUSY_LINKS = 16
"""Links of a step whose use over time is shown: the busiest."""
BUSY_BINS = 32
"""Parts of a step over which that is averaged."""


class Busy(NamedTuple):
    """How busy a link is from a time on.

    Attributes:
        start_s: Seconds since the step began.
        link: Number of the link.
        percent: Share of the time in which it is in use.
    """

    start_s: float
    link: int
    percent: int


class _Intervals(NamedTuple):
    """Times of something on nodes, each int64 [intervals]; in ticks, by node, then by start."""

    node: np.ndarray
    start: np.ndarray
    end: np.ndarray
    other: np.ndarray
    messages: np.ndarray


def packet_spans(job: Job, times: BurstTimes) -> tuple[list[Span], int]:
    """Return what tiles and packets do in a burst, and how many messages are not shown.

    Tiles make packets (or compute what ends in none), are blocked while those that they made leave
    no room for more, and work on what came. A message is on its way from when its head leaves its
    tile until its tail arrives.

    Args:
        job: The burst, whose nodes are tiles.
        times: What it did.
    """
    nodes = delivery_nodes(job.flows, job.burst)
    making, working = _making(job, times, nodes), _working(job, times, nodes)
    full = _blocked(job, times, working)
    few = nodes.size <= MOST_MESSAGES
    if not few:
        making, working = _joined(making), _joined(working)
    tick_s = job.network.tick_s or 1.0
    spans = []
    for doing, found in (
        (Doing.MAKING, making), (Doing.BLOCKED, full), (Doing.WORKING, working),
    ):  # fmt: skip
        spans += _spans(doing, found, tick_s)
    routed = _on_the_way(job, times, nodes)
    if few:
        spans += _spans(Doing.ON_THE_WAY, routed, tick_s)
    return spans, 0 if few else routed.node.size


def busy_links(
    network: PackageNetwork, counts: PortCounts, history: np.ndarray, bin_ticks: int, end: int
) -> list[Busy]:
    """Return how busy the busiest links are over time, where that changes; at the end it is 0.

    A flit, or of `queue` a packet, counts from when it is sent. What would keep a link busy beyond
    the end of a bin goes into the next one. Shares are rounded to percent.

    Args:
        network: The package as routers and ports.
        counts: What happened at its ports in one burst.
        history: int64 [ports, bins], flits sent.
        bin_ticks: Ticks of a bin.
        end: Tick in which the burst ends.
    """
    port = network.link_port
    busy = counts.busy[port]
    links = [at for at in np.lexsort((np.arange(busy.size), -busy)).tolist() if busy[at]]
    links = links[:BUSY_LINKS]
    per_flit = busy[links] / np.maximum(counts.flits[port[links]], 1)
    sent = np.cumsum(history[port[links]] * per_flit[:, None], axis=1)
    done = np.zeros_like(sent)
    before = np.zeros(len(links))
    for at in range(sent.shape[1]):
        before = done[:, at] = np.minimum(sent[:, at], before + bin_ticks)
    share = np.rint(100 * np.diff(done, axis=1, prepend=0.0) / bin_ticks).astype(int)
    tick_s = network.network.tick_s or 1.0
    begins = [*range(0, end, bin_ticks), end]
    found = []
    for link, shares in zip(links, share.tolist(), strict=True):
        last = 0
        for at, percent in zip(begins, [*shares[: len(begins) - 1], 0], strict=True):
            if percent != last:
                found.append(Busy(at * tick_s, link, percent))
                last = percent
    return found


def _making(job: Job, times: BurstTimes, nodes: np.ndarray) -> _Intervals:
    rows = job.burst.packet
    starts = delivery_starts(job.flows, job.burst)
    counts = np.diff(starts)
    first = nodes[np.minimum(starts[:-1], max(nodes.size - 1, 0))] if nodes.size else rows[:, 0]
    other = np.where(counts == 1, first, -1)
    found = _Intervals(rows[:, 0], times.made - rows[:, 4], times.made, other, counts)
    return _in_order(found)


def _working(job: Job, times: BurstTimes, nodes: np.ndarray) -> _Intervals:
    source = np.repeat(job.burst.packet[:, 0], np.diff(delivery_starts(job.flows, job.burst)))
    ends = times.taken + job.burst.processing
    return _in_order(_Intervals(nodes, times.taken, ends, source, np.ones_like(nodes)))


def _on_the_way(job: Job, times: BurstTimes, nodes: np.ndarray) -> _Intervals:
    rows = job.burst.packet
    packet = np.repeat(np.arange(len(rows)), np.diff(delivery_starts(job.flows, job.burst)))
    routed = rows[packet, 1] != OWN_NODE
    found = _Intervals(
        rows[packet, 0], times.injected[packet], times.arrived, nodes, np.ones_like(nodes)
    )
    return _Intervals(*(each[routed] for each in found))


def _blocked(job: Job, times: BurstTimes, working: _Intervals) -> _Intervals:
    """Return when nodes have no room for the next packet that they would make."""
    rows = job.burst.packet
    turns = one_by_one(job.network)[working.node]
    found = blocked(
        Made(rows[:, 0], times.made - rows[:, 4], times.made, rows[:, 5], available(job, times)),
        Worked(*(each[turns] for each in working[:3])),
    )
    return _Intervals(*found[:3], np.full(found.node.size, -1), np.zeros(found.node.size, np.int64))


def _joined(found: _Intervals) -> _Intervals:
    """Return intervals of which those that follow one another at once are one."""
    if not found.node.size:
        return found
    apart = (found.node[1:] != found.node[:-1]) | (found.start[1:] > found.end[:-1])
    first = np.flatnonzero(np.append(True, apart))
    last = np.append(first[1:], found.node.size) - 1
    messages = np.add.reduceat(found.messages, first)
    other = np.where(first == last, found.other[first], -1)
    return _Intervals(found.node[first], found.start[first], found.end[last], other, messages)


def _in_order(found: _Intervals) -> _Intervals:
    order = np.lexsort((found.end, found.start, found.node))
    return _Intervals(*(each[order] for each in found))


def _spans(doing: Doing, found: _Intervals, tick_s: float) -> list[Span]:
    """Return spans of intervals of some length."""
    return [
        Span(doing, node, start * tick_s, (end - start) * tick_s, other, messages)
        for node, start, end, other, messages in zip(
            *(each.tolist() for each in found), strict=True
        )
        if end > start
    ]
