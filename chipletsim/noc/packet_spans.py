"""What tiles, packets and links do in a burst, as timing `queue` or `cycle` has it, for a trace.

A burst is a step, or all steps of a sample that run freely.
"""

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
from chipletsim.noc.link_work import flit_by_flit, spread
from chipletsim.noc.package_network import PackageNetwork
from chipletsim.noc.spans import Doing, Span

MOST_MESSAGES = 2_000
"""Messages of a step that are shown one by one, of several steps on average; of bursts with more,
what tiles do is joined."""
BUSY_LINKS = 16
"""Links of a burst whose use over time is shown: the busiest."""
BUSY_BINS = 32
"""Parts of a step over which that is averaged."""
SAMPLE_BINS = 256
"""Parts of a sample of several steps."""


class Busy(NamedTuple):
    """How busy a link is from a time on.

    Attributes:
        start_s: Seconds since the burst began.
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
    step: np.ndarray

    def of(self, chosen: np.ndarray) -> _Intervals:
        """Return some of them, by number or as a mask."""
        return _Intervals(*(each[chosen] for each in self))


class Shown(NamedTuple):
    """What is shown of a burst.

    Attributes:
        spans: What tiles and packets do in the first steps.
        left_out: Messages of these that are on their way but not shown.
        steps: How many steps these are.
    """

    spans: list[Span]
    left_out: int
    steps: int


def packet_spans(job: Job, times: BurstTimes, most_events: int | None = None) -> Shown:
    """Return what tiles and packets do in a burst.

    Tiles make packets (or compute what ends in none), are blocked while those that they made leave
    no room for more, and work on what came. A message is on its way from when its head leaves its
    tile until its tail arrives.

    Args:
        job: The burst, whose nodes are tiles.
        times: What it did.
        most_events: So many steps are shown as have no more beginnings of spans, ends of messages,
            and steps; None for all.
    """
    nodes, steps = delivery_nodes(job.flows, job.burst), job.burst.network_steps
    making, working = _making(job, times, nodes), _working(job, times, nodes)
    full, routed = _blocked(job, times, working), _on_the_way(job, times, nodes)
    few = nodes.size <= MOST_MESSAGES * steps
    if not few:
        making, working = _joined(making), _joined(working)
    found = {Doing.MAKING: making, Doing.BLOCKED: full, Doing.WORKING: working}
    if few:
        found[Doing.ON_THE_WAY] = routed
    found = {doing: each.of(each.end > each.start) for doing, each in found.items()}
    if most_events is not None:
        steps = _steps_within(found, steps, most_events)
        found = {doing: each.of(each.step < steps) for doing, each in found.items()}
    tick_s = job.network.tick_s or 1.0
    spans = [span for doing, each in found.items() for span in _spans(doing, each, tick_s)]
    return Shown(spans, 0 if few else int((routed.step < steps).sum()), steps)


def _steps_within(found: dict[Doing, _Intervals], steps: int, most_events: int) -> int:
    """Return how many first steps have no more than some events, with one for each step."""
    events = np.ones(steps, np.int64)
    for doing, each in found.items():
        ends = 1 + (doing is Doing.ON_THE_WAY)
        events += ends * np.bincount(each.step, minlength=steps)
    return int(np.searchsorted(events.cumsum(), most_events, side="right"))


def busy_links(
    network: PackageNetwork, counts: PortCounts, history: np.ndarray, bin_ticks: int, end: int
) -> list[Busy]:
    """Return how busy the busiest links are over time, where that changes; at the end it is 0.

    A flit, or of `queue` a packet, counts from the start of the bin in which it is sent. What would
    keep a link busy beyond the end of a bin goes into the next one. Shares are rounded to percent.

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
    begins = [*range(0, end, bin_ticks), end]
    room = np.diff(begins).astype(float)
    per_flit = busy[links] / np.maximum(counts.flits[port[links]], 1)
    work = flit_by_flit(history[port[links], : room.size].T, per_flit, bin_ticks)
    share = np.rint(100 * spread(work, room) / room[:, None]).astype(int)
    tick_s = network.network.tick_s or 1.0
    found = []
    for link, shares in zip(links, share.T.tolist(), strict=True):
        last = 0
        for at, percent in zip(begins, [*shares, 0], strict=True):
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
    found = _Intervals(
        rows[:, 0], times.made - rows[:, 4], times.made, other, counts, job.burst.network_step
    )
    return _in_order(found)


def _working(job: Job, times: BurstTimes, nodes: np.ndarray) -> _Intervals:
    counts = np.diff(delivery_starts(job.flows, job.burst))
    source = np.repeat(job.burst.packet[:, 0], counts)
    step = np.repeat(job.burst.network_step, counts)
    ends = times.taken + job.burst.processing
    return _in_order(_Intervals(nodes, times.taken, ends, source, np.ones_like(nodes), step))


def _on_the_way(job: Job, times: BurstTimes, nodes: np.ndarray) -> _Intervals:
    rows = job.burst.packet
    packet = np.repeat(np.arange(len(rows)), np.diff(delivery_starts(job.flows, job.burst)))
    source, flow = rows[packet][:, [0, 1]].T
    step = job.burst.network_step[packet]
    injected = times.injected[packet]
    found = _Intervals(source, injected, times.arrived, nodes, np.ones_like(nodes), step)
    return found.of(flow != OWN_NODE)


def _blocked(job: Job, times: BurstTimes, working: _Intervals) -> _Intervals:
    """Return when nodes have no room for the next packet that they would make."""
    rows = job.burst.packet
    turns = one_by_one(job.network)[working.node]
    found = blocked(
        Made(
            rows[:, 0],
            times.made - rows[:, 4],
            times.made,
            job.burst.network_step,
            available(job, times),
        ),
        Worked(*(each[turns] for each in working[:3])),
    )
    none = np.zeros(found.node.size, np.int64)
    return _Intervals(*found[:3], none - 1, none, found.step)


def _joined(found: _Intervals) -> _Intervals:
    """Return intervals of which those of a step that follow one another at once are one."""
    if not found.node.size:
        return found
    apart = (found.node[1:] != found.node[:-1]) | (found.start[1:] > found.end[:-1])
    apart |= found.step[1:] != found.step[:-1]
    first = np.flatnonzero(np.append(True, apart))
    last = np.append(first[1:], found.node.size) - 1
    messages = np.add.reduceat(found.messages, first)
    other = np.where(first == last, found.other[first], -1)
    return found.of(first)._replace(end=found.end[last], other=other, messages=messages)


def _in_order(found: _Intervals) -> _Intervals:
    return found.of(np.lexsort((found.end, found.start, found.node)))


def _spans(doing: Doing, found: _Intervals, tick_s: float) -> list[Span]:
    columns = zip(*(each.tolist() for each in found), strict=True)
    return [
        Span(doing, node, start * tick_s, (end - start) * tick_s, other, messages, step)
        for node, start, end, other, messages, step in columns
    ]
