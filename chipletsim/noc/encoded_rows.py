"""What links that encode send in rows, as packets of bursts.

Who waits for whom is told by steps of a burst: a node lists its packets of a step, and makes them
once it has worked on all that comes to it of steps before. Events leave tiles in step 0, after
weights that are sent unasked. Behind n other links, a link writes its message in step 2 n + 1, and
sends the events on in step 2 n + 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from chipletsim.noc.burst_rows import BurstRows
from chipletsim.noc.listed import listed as numbers

if TYPE_CHECKING:
    from chipletsim.noc.encoded_packets import EncodedPackets
    from chipletsim.noc.packet_times import PacketTimes


class LinkMessages(NamedTuple):
    """Messages of links that encode.

    Attributes:
        bits: int64 [rows, links that encode], of all messages of a row together.
        wait: int64 [links that encode], ticks after which a message without events is sent.
        tell: int64 [links that encode], ticks after which tiles behind it know that none come.
    """

    bits: np.ndarray
    wait: np.ndarray
    tell: np.ndarray


class Coded(NamedTuple):
    """Packets of rows with those of messages.

    Attributes:
        rows: The packets.
        delivery: int64 [deliveries], number in the plan of each.
        silent: int64 [messages without events], the last delivery of each.
        silent_ticks: int64 [messages without events], until tiles know that no events come.
    """

    rows: BurstRows
    delivery: np.ndarray
    silent: np.ndarray
    silent_ticks: np.ndarray


def last_step(encoded: EncodedPackets) -> int:
    """Return the number of the last step of a burst, from that of events on tiles."""
    return 2 * int(encoded.level.max(initial=0)) + 2


def with_messages(
    listed: BurstRows, delivery: np.ndarray, packets: PacketTimes, messages: LinkMessages
) -> Coded:
    """Return packets of rows, and behind them those of messages and of events behind links.

    Args:
        listed: Packets of tiles.
        delivery: int64 [deliveries], number in the plan of each delivery.
        packets: Packets of the mapping.
        messages: What links send.
    """
    plan = packets.plan
    crossed = np.zeros(messages.bits.shape, np.int64)
    parts, deliveries = [listed], [delivery]
    rows = np.repeat(listed.row, listed.deliveries)
    while True:
        packet = plan.encoded.onward[deliveries[-1]]
        on = packet >= 0
        if not on.any():
            break
        part = _behind(rows[on], packet[on], packets)
        np.add.at(crossed, (part.row, plan.encoded.link[packet[on] - plan.encoded.first]), 1)
        parts.append(part)
        deliveries.append(numbers(plan.delivery_start[packet[on]], part.deliveries))
        rows = np.repeat(part.row, part.deliveries)
    part, link, silent = _stretches(packets, messages, crossed)
    before = sum(each.size for each in deliveries)
    parts.append(part)
    deliveries.append(plan.delivery_start[plan.encoded.first_message + link])
    return Coded(
        BurstRows(*(np.concatenate(columns) for columns in zip(*parts, strict=True))),
        np.concatenate(deliveries),
        before + silent,
        messages.tell[link[silent]],
    )


def _behind(row: np.ndarray, packet: np.ndarray, packets: PacketTimes) -> BurstRows:
    """Return packets of the plan that go on behind links."""
    plan = packets.plan
    flow, zeros = plan.flow[packet], np.zeros_like(packet)
    level = plan.encoded.level[plan.encoded.link[packet - plan.encoded.first]]
    return BurstRows(
        row,
        plan.flows.flow[flow, 0],
        flow,
        packets.kind[packet],
        zeros,
        zeros,
        np.diff(plan.delivery_start)[packet],
        zeros - 1,
        2 * level + 2,
    )


def _stretches(
    packets: PacketTimes, messages: LinkMessages, crossed: np.ndarray
) -> tuple[BurstRows, np.ndarray, np.ndarray]:
    """Return the packets of messages, the link of each, and which are the last of a silent one.

    Args:
        packets: Packets of the mapping.
        messages: What links send.
        crossed: int64 [rows, links that encode], events that do so.
    """
    plan, stretches = packets.plan, packets.stretches
    bits = np.maximum(messages.bits, crossed > 0)  # what carries an event has a bit or more
    flits = -(-bits // stretches.flit_bits)
    row, link = np.nonzero(flits)
    most = stretches.most[link]
    full, rest = np.divmod(flits[row, link], most)
    counts = full + (rest > 0)
    which = np.repeat(np.arange(row.size), counts)
    last = np.cumsum(counts) - 1
    sent = most[which]
    sent[last[rest > 0]] = rest[rest > 0]
    zeros = np.zeros_like(which)
    silent = crossed[row, link] == 0
    wait = zeros.copy()
    wait[(last - counts + 1)[silent]] = messages.wait[link[silent]]
    row, link = row[which], link[which]
    flow = plan.flow[plan.encoded.first_message + link]
    part = BurstRows(
        row,
        plan.flows.flow[flow, 0],
        flow,
        np.searchsorted(stretches.sizes, sent * stretches.flit_bits[link]),
        zeros,
        wait,
        np.ones_like(which),
        zeros - 1,
        2 * plan.encoded.level[link] + 1,
    )
    return part, link, last[silent]
