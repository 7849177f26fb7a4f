"""Tiles that take the work of a step as a whole, and dense ones that wait for weights with it.

Weights on memory tiles are sent to dense tiles from the start of a row on. Such a tile does one
thing at a time: first all work that needs none of these weights, then that on the blocks that are
sent, a part at a time, and then it sends what its neurons do. A part is begun once its weights are
there and the one before is done:

``end = max(arrival, end of the part before) + share of the work``

A memory sends a tile its packets of a row in `MOST_PARTS` parts of equal numbers, or in fewer if
there are no more packets, and each packet brings the share of its block's work that its bits are of
the block's. The n-th parts of several memories, from the last, are waited for together. Packets are
taken in as they come, so nothing else waits for the tile's work.

Who waits for whom is told by levels, see `MessageLists`: those of the parts end at -1, each part of
the work is a level above its weights, and messages of neurons are of level 0. Times of parts are
rounded up to ticks, so that a tile works no shorter than timing `bound` has it, and fewer ticks
longer than it has parts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.fetch_rows import MOST_PARTS, access_s, read_bit_s
from chipletsim.noc.fetches import cut
from chipletsim.noc.flit_network import NOWHERE
from chipletsim.noc.messages import FirstMessages, MessageLists, with_messages_first
from chipletsim.noc.packet_times import PacketTimes
from chipletsim.package.model import Package
from chipletsim.tiles import Npu

_ROUNDED = 1e-9
"""Share of a tile's work that is but what rounding left of differences."""


def with_whole_steps(
    lists: MessageLists,
    packets: PacketTimes,
    package: Package,
    works: np.ndarray,
    busy_s: np.ndarray,
) -> MessageLists:
    """Return lists in which tiles do the work of rows as a whole, before they send.

    Memories read for their access latency first, if only to find that a block has no weights, and
    send one stream after the other.

    Args:
        lists: Messages of rows.
        packets: Packets of the mapping.
        package: The package.
        works: bool [rows, neurons], whether the population of each works.
        busy_s: float64 [rows, cores], all work of those that take steps as a whole, 0 of others.
    """
    sent = _sent(packets, package, works)
    parts = _work(sent)
    own_s = busy_s.reshape(-1).copy()
    np.subtract.at(own_s, parts.at, parts.generation_s)
    at = np.flatnonzero(own_s > _ROUNDED * busy_s.reshape(-1))
    streams = packets.plan.fetched.streams
    waits = np.isin(packets.plan.messages.tile[at % busy_s.shape[1]], streams[:, 2])
    first = [
        FirstMessages(at, np.full(at.size, NOWHERE), own_s[at], np.where(waits, -packets.parts, 0)),
        sent.reads,
        FirstMessages(sent.at, sent.packet, sent.read_s, sent.level),
        parts,
    ]
    joined = FirstMessages(*(np.concatenate(columns) for columns in zip(*first, strict=True)))
    return with_messages_first(lists, joined)


class _Sent(NamedTuple):
    """Packets of weights that memories send unasked in rows, in the order in which they do.

    Attributes:
        reads: What the memories do before them.
        at: int64 [packets], row times number of cores + core of the memory.
        to: int64 [packets], the same of the tile that is sent it.
        packet: int64 [packets], its number in the plan.
        read_s: float64 [packets], in which it is read.
        work_s: float64 [packets], in which the tile computes with it.
        level: int64 [packets].
    """

    reads: FirstMessages
    at: np.ndarray
    to: np.ndarray
    packet: np.ndarray
    read_s: np.ndarray
    work_s: np.ndarray
    level: np.ndarray


def _sent(packets: PacketTimes, package: Package, works: np.ndarray) -> _Sent:
    """Return what memories send in rows."""
    plan = packets.plan
    neuron, memory, tile, bits, cycles = plan.fetched.streams.T
    core = np.argsort(plan.messages.tile)
    row, stream = np.nonzero(works[:, neuron])
    at = row * core.size + core[memory[stream]]
    order = np.argsort(at, kind="stable")
    at, stream, row = at[order], stream[order], row[order]
    begins = np.unique(at)
    own_access_s = access_s(package)[plan.messages.tile[begins % core.size]]
    reads = FirstMessages(
        begins,
        np.full(begins.size, NOWHERE),
        own_access_s,
        np.full(begins.size, -packets.parts),
    )
    full, rest_bits = parts = cut(bits, package.spec.packet)
    counts = parts.packets[stream]
    which = np.repeat(np.arange(stream.size), counts)
    place = np.arange(which.size) - (np.cumsum(counts) - counts)[which]
    at, to = at[which], (row * core.size + core[tile[stream]])[which]
    stream = stream[which]
    last = place >= full[stream]
    read_bits = np.where(last, rest_bits[stream], package.spec.packet.max_payload_bits)
    work_s = cycles * _cycle_s(package)[tile]
    return _Sent(
        reads,
        at,
        to,
        plan.messages.axon_core.size + 2 * stream + last,
        read_bits * read_bit_s(package)[memory[stream]],
        read_bits / bits[stream] * work_s[stream],
        _levels(at * core.size + to % core.size),
    )


def _levels(pair: np.ndarray) -> np.ndarray:
    """Return int64 [packets]: level of each among those from its memory to its tile in its row.

    Args:
        pair: int64 [packets], a number of these.
    """
    _, of, size = np.unique(pair, return_inverse=True, return_counts=True)
    order = np.argsort(of, kind="stable")
    place = np.empty_like(of)
    place[order] = np.arange(of.size) - (np.cumsum(size) - size)[of[order]]
    parts = np.minimum(size, MOST_PARTS)[of]
    return place * parts // size[of] - parts


def _work(sent: _Sent) -> FirstMessages:
    """Return the work on weights, of each tile in the order of the parts."""
    part = sent.to * MOST_PARTS + sent.level + MOST_PARTS
    parts, of = np.unique(part, return_inverse=True)
    work_s = np.bincount(of, sent.work_s, minlength=parts.size)
    at, place = np.divmod(parts, MOST_PARTS)
    nowhere = np.full(parts.size, NOWHERE)
    return FirstMessages(at, nowhere, work_s, place - MOST_PARTS + 1)


def _cycle_s(package: Package) -> np.ndarray:
    """Return float64 [tiles]: seconds of a cycle of dense tiles, 0 of others."""
    tiles = [each.parameters for each in package.tiles]
    return np.array([1 / each.clock_hz if isinstance(each, Npu) else 0.0 for each in tiles])
