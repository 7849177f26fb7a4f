"""From lists of messages to bursts of packets, and how long these take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chipletsim.errors import InfeasibleError, Shortfall
from chipletsim.noc.flit_network import NOWHERE, Burst, BurstTimes, Job
from chipletsim.noc.message_timing import MessageTiming
from chipletsim.noc.messages import MessageLists
from chipletsim.noc.packet_times import PacketTimes, whole_ticks


def packet_jobs(lists: MessageLists, packets: PacketTimes) -> list[Job]:
    """Return the burst of each row of lists whose messages are packets of a plan."""
    network, plan = packets.network.network, packets.plan
    tile = plan.messages.tile
    rows = (lists.start.size - 1) // tile.size
    place = np.repeat(np.arange(lists.start.size - 1), np.diff(lists.start))
    row, source = place // tile.size, tile[place % tile.size]
    order = np.lexsort((source, row))
    row, source, packet = row[order], source[order], lists.target[order]
    sent = packet >= 0
    known = np.where(sent, packet, 0)
    generation_s = lists.generation_s[order] + np.where(sent, packets.joined_s[known], 0.0)
    flow = np.where(sent, plan.flow[known], NOWHERE)
    kind = np.where(sent, packets.kind[known], 0)
    zeros = np.zeros(packet.size, np.int64)
    generation = whole_ticks(generation_s, network.tick_s or 1.0)
    table = np.stack([source, flow, packets.flits[kind], zeros, generation, zeros], axis=1)
    counts = np.where(sent, np.diff(plan.delivery_start)[known], 0)
    first = np.cumsum(counts) - counts
    rank = np.arange(int(counts.sum())) - np.repeat(first, counts)
    processing = packets.processing[np.repeat(plan.delivery_start[known], counts) + rank]
    bounds = np.searchsorted(row, np.arange(rows + 1))
    deliveries = np.append(first, rank.size)[bounds]
    jobs = []
    for number in range(rows):
        span = slice(bounds[number], bounds[number + 1])
        delivered = slice(deliveries[number], deliveries[number + 1])
        burst = Burst(table[span], processing[delivered], kind=kind[span])
        jobs.append(Job(network, plan.flows, burst))
    return jobs


def with_work_first(
    lists: MessageLists, cores: int, which: np.ndarray, work_s: np.ndarray
) -> MessageLists:
    """Return lists in which some cores work before they make their first message.

    Args:
        lists: Messages of rows.
        cores: Number of cores.
        which: int64 [some cores].
        work_s: float64 [rows, some cores].
    """
    at = (np.arange(len(work_s))[:, None] * cores + which).ravel()
    place = lists.start[at]
    shift = np.zeros(lists.start.size, np.int64)
    shift[at + 1] = 1
    return MessageLists(
        lists.start + np.cumsum(shift),
        np.insert(lists.target, place, NOWHERE),
        np.insert(lists.generation_s, place, work_s.ravel()),
        np.insert(lists.processing_s, place, 0.0),
    )


def row_timing(jobs: list[Job], done: Sequence[BurstTimes], packets: PacketTimes) -> MessageTiming:
    """Return how long rows take, without a barrier, and what bounds them.

    That is the tile or link that works longest, if it does so for half of the time or longer;
    otherwise the ways of packets do: their latencies, and their waiting for one another.

    Args:
        jobs: Burst of each row.
        done: What they did.
        packets: Packets of the mapping.

    Raises:
        InfeasibleError: Packets wait for one another forever.
    """
    network = packets.network
    tiles, links = len(network.tile_port), len(network.link_port)
    link_of_port = np.zeros(len(network.network.port), np.int64)
    link_of_port[network.link_port] = np.arange(links)
    ends = np.zeros(len(jobs), np.int64)
    resource = np.full(len(jobs), tiles + links, np.int32)
    for number, (job, times) in enumerate(zip(jobs, done, strict=True)):
        if times.undelivered:
            raise InfeasibleError([_stuck(times.undelivered)])
        ends[number] = times.end(job.burst)
        busiest = times.busiest
        if 2 * max(busiest.node_ticks, busiest.port_ticks) >= ends[number]:
            on_link = busiest.port_ticks > busiest.node_ticks
            resource[number] = tiles + link_of_port[busiest.port] if on_link else busiest.node
    resource[ends == 0] = tiles + links + 1
    return MessageTiming(ends * (network.network.tick_s or 1.0), resource)


def _stuck(left: int) -> Shortfall:
    remedy = "add virtual channels, or deeper buffers (`buffer_flits`), or use shorter packets"
    return Shortfall("packets that wait for one another", left, 0, "packets", remedy)
