"""From lists of messages to bursts of packets, and how long these take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chipletsim.errors import InfeasibleError, Shortfall
from chipletsim.noc.burst_rows import BurstRows, Ordered, ordered, with_fetches
from chipletsim.noc.encoded_rows import LinkMessages, last_step, with_messages
from chipletsim.noc.flit_network import NOWHERE, Burst, BurstTimes, Job
from chipletsim.noc.listed import listed as numbers
from chipletsim.noc.message_timing import MessageTiming
from chipletsim.noc.messages import MessageLists
from chipletsim.noc.package_network import whole_ticks
from chipletsim.noc.packet_times import PacketTimes


def packet_jobs(
    lists: MessageLists, packets: PacketTimes, messages: LinkMessages | None = None
) -> list[Job]:
    """Return the burst of each row of lists whose messages are packets of a plan.

    Packets that fetch weights follow those that their tile has listed, as they answer others.

    Args:
        lists: Messages of the rows.
        packets: Packets of the mapping.
        messages: What links that encode send in these rows, if there are any.
    """
    plan = packets.plan
    tile = plan.messages.tile
    rows = (lists.start.size - 1) // tile.size
    place = np.repeat(np.arange(lists.start.size - 1), np.diff(lists.start))
    packet, sent = lists.target, lists.target >= 0
    known = np.where(sent, packet, 0)
    generation_s = lists.generation_s + np.where(sent, packets.joined_s[known], 0.0)
    counts = np.where(sent, np.diff(plan.delivery_start)[known], 0)
    delivery = numbers(plan.delivery_start[known], counts)
    zeros = np.zeros(packet.size, np.int64)
    listed = BurstRows(
        place // tile.size,
        tile[place % tile.size],
        np.where(sent, plan.flow[known], NOWHERE),
        np.where(sent, packets.kind[known], 0),
        zeros,
        whole_ticks(generation_s, packets.network.network.tick_s or 1.0),
        counts,
        zeros - 1,
        lists.level,
    )
    if messages is not None:
        coded = with_messages(listed, delivery, packets, messages)
        listed, delivery = coded.rows, coded.delivery
    work = packets.processing[delivery]
    if messages is not None:
        work[coded.silent] = coded.silent_ticks
    listed, work = with_fetches(listed, delivery, work, packets.fetches)
    return _jobs(ordered(listed), work, rows, packets)


def _jobs(found: Ordered, processing: np.ndarray, rows: int, packets: PacketTimes) -> list[Job]:
    """Return the burst of each row.

    Args:
        found: Packets of all rows.
        processing: int64 [deliveries], as they were numbered before.
        rows: How many.
        packets: Packets of the mapping.
    """
    columns, network, flows = found.rows, packets.network.network, packets.plan.flows
    flits = packets.flits[columns.kind]
    step = columns.step + packets.parts
    table = np.stack(
        [columns.source, columns.flow, flits, columns.delay, columns.generation, step], axis=1
    )
    behind = last_step(packets.plan.encoded) if packets.plan.encoded.level.size else 0
    levels = packets.parts + 1 + behind
    steps = levels if levels > 1 else 0
    processing = processing[found.delivery]
    bounds = np.searchsorted(columns.row, np.arange(rows + 1))
    jobs = []
    for number in range(rows):
        span = slice(bounds[number], bounds[number + 1])
        first, last = found.first[span.start], found.first[span.stop]
        after = columns.after[span]
        answers = np.where(after >= 0, after - first, -1) if (after >= 0).any() else None
        kind = columns.kind[span]
        burst = Burst(table[span], processing[first:last], steps, kind, answers, levels)
        jobs.append(Job(network, flows, burst))
    return jobs


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
    # The ends of a link that encodes count as the link.
    node_resource = np.append(np.arange(tiles), tiles + np.repeat(network.encoded, 2))
    ends = np.zeros(len(jobs), np.int64)
    resource = np.full(len(jobs), tiles + links, np.int32)
    for number, (job, times) in enumerate(zip(jobs, done, strict=True)):
        if times.undelivered:
            raise InfeasibleError([_stuck(times.undelivered)])
        ends[number] = times.end(job.burst)
        busiest = times.busiest
        if 2 * max(busiest.node_ticks, busiest.port_ticks) >= ends[number]:
            on_link = busiest.port_ticks > busiest.node_ticks
            on_port = tiles + link_of_port[busiest.port]
            resource[number] = on_port if on_link else node_resource[busiest.node]
    resource[ends == 0] = tiles + links + 1
    return MessageTiming(ends * (network.network.tick_s or 1.0), resource)


def _stuck(left: int) -> Shortfall:
    remedy = "add virtual channels, or deeper buffers (`buffer_flits`), or use shorter packets"
    return Shortfall("packets that wait for one another", left, 0, "packets", remedy)
