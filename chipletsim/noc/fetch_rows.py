"""Packets that fetch weights on a package: what each message asks for, and what is sent unasked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.fetches import Fetched, cut
from chipletsim.noc.flit_network import NOWHERE
from chipletsim.noc.messages import MessageLists, with_messages_first
from chipletsim.noc.package_network import whole_ticks
from chipletsim.noc.packet_plan import PacketPlan
from chipletsim.package.model import Package
from chipletsim.spec.package import PacketSpec
from chipletsim.tiles import Memory


class FetchRows(NamedTuple):
    """Packets that each delivery of a message asks for: requests, and behind each its reply.

    Attributes:
        first: int64 [deliveries], first packet that each delivery of the plan asks for.
        counts: int64 [deliveries], and how many it does.
        source: int64 [packets], tile that sends it.
        flow: int64 [packets].
        kind: int64 [packets], its size by number.
        delay: int64 [packets], ticks from what it answers until the tile may begin to make it.
        generation: int64 [packets], ticks for making it.
        processing: int64 [packets], ticks that its target works on the weights in it.
        back: int64 [packets], places between it and the request that it answers; 0 for a request,
            which answers the message.
    """

    first: np.ndarray
    counts: np.ndarray
    source: np.ndarray
    flow: np.ndarray
    kind: np.ndarray
    delay: np.ndarray
    generation: np.ndarray
    processing: np.ndarray
    back: np.ndarray


def fetch_sizes(fetched: Fetched, packet: PacketSpec) -> np.ndarray:
    """Return the sizes in bits of all packets that fetch weights, each once, in order."""
    full, rest_bits = cut(np.concatenate([fetched.bits, fetched.streams[:, 3]]), packet)
    payloads = rest_bits[rest_bits > 0]
    if full.any():
        payloads = np.append(payloads, packet.max_payload_bits)
    asks = [packet.header_bits + packet.address_bits] * bool(fetched.bits.size)
    return np.unique(np.concatenate([np.array(asks, np.int64), payloads + packet.header_bits]))


def fetch_rows(plan: PacketPlan, package: Package, sizes: np.ndarray, tick_s: float) -> FetchRows:
    """Return the packets that messages ask for.

    A tile asks for the weights of an event once it has got it, for those of each projection into
    each slice apart. The memory has their first bit an access latency after the request, and makes
    the packets of one reply after the other at its bandwidth. The tile works on the weights in each
    packet as it comes.

    Args:
        plan: Packets of a mapping.
        package: The package.
        sizes: int64 [kinds], bits of packets, in order.
        tick_s: Seconds of a tick.
    """
    fetched, packet = plan.fetched, package.spec.packet
    tile = plan.flows.flow[plan.request, 0]
    parts = cut(fetched.bits, packet)
    counts = parts.packets + 1
    start = np.concatenate([[0], np.cumsum(counts)])
    first = start[np.searchsorted(fetched.axon, plan.axon)]
    stop = start[np.searchsorted(fetched.axon, plan.axon, side="right")]
    fetch = np.repeat(np.arange(counts.size), counts)
    back = np.arange(fetch.size) - start[fetch]
    asks, memory = back == 0, fetched.memory[fetch]
    is_full = back <= parts.full[fetch]
    read_bits = np.where(is_full, packet.max_payload_bits, parts.rest_bits[fetch])
    payload_bits = np.where(asks, packet.address_bits, read_bits)
    share = read_bits / np.maximum(fetched.bits, 1)[fetch]
    weights_s = fetched.weights * _synapse_s(package)[tile]
    return FetchRows(
        first,
        stop - first,
        np.where(asks, tile[fetch], memory),
        np.where(asks, plan.request[fetch], plan.reply[fetch]),
        np.searchsorted(sizes, payload_bits + packet.header_bits),
        whole_ticks(np.where(asks, 0.0, _access_s(package)[memory]), tick_s),
        whole_ticks(np.where(asks, 0.0, read_bits * _bit_s(package)[memory]), tick_s),
        whole_ticks(np.where(asks, 0.0, share * weights_s[fetch]), tick_s),
        back,
    )


def stream_sizes(fetched: Fetched, packet: PacketSpec) -> np.ndarray:
    """Return int64 [packets of streams]: bits of each, of each stream a full one and the last.

    What a stream has none of is told with the size of a spike.
    """
    full, rest_bits = cut(fetched.streams[:, 3], packet)
    some = packet.header_bits + packet.address_bits
    full_bits = np.where(full > 0, packet.header_bits + packet.max_payload_bits, some)
    last_bits = np.where(rest_bits > 0, packet.header_bits + rest_bits, some)
    return np.stack([full_bits, last_bits], axis=1).reshape(-1)


def with_streams(
    lists: MessageLists, plan: PacketPlan, package: Package, works: np.ndarray
) -> MessageLists:
    """Return lists in which memories send the weights of dense tiles, from the start of a row on.

    They read for their access latency first, if only to find that a block has no weights, and send
    one stream after the other.

    Args:
        lists: Messages of rows.
        plan: Packets of the mapping.
        package: The package.
        works: bool [rows, neurons], whether the population of each works.
    """
    if not plan.fetched.streams.size:
        return lists
    neuron, memory, _, bits = plan.fetched.streams.T
    row, stream = np.nonzero(works[:, neuron])
    cores = plan.messages.tile.size
    at = row * cores + np.argsort(plan.messages.tile)[memory[stream]]
    order = np.argsort(at, kind="stable")
    at, stream = at[order], stream[order]
    begins = np.diff(at, prepend=-1) > 0
    parts = cut(bits, package.spec.packet)
    counts = parts.packets[stream] + begins
    which = np.repeat(np.arange(at.size), counts)
    place = np.arange(which.size) - (np.cumsum(counts) - counts + begins)[which]
    stream = stream[which]
    reads, last = place < 0, place >= parts.full[stream]
    read_bits = np.where(last, parts.rest_bits[stream], package.spec.packet.max_payload_bits)
    read_s = read_bits * _bit_s(package)[memory[stream]]
    packet = plan.messages.axon_core.size + 2 * stream + last
    return with_messages_first(
        lists,
        at[which],
        np.where(reads, NOWHERE, packet),
        np.where(reads, _access_s(package)[memory[stream]], read_s),
    )


def _bit_s(package: Package) -> np.ndarray:
    """Return float64 [tiles]: seconds in which a memory reads a bit, 0 of other tiles."""
    memories = [each.parameters for each in package.tiles]
    return np.array(
        [1 / each.bandwidth_bit_per_s if isinstance(each, Memory) else 0.0 for each in memories]
    )


def _access_s(package: Package) -> np.ndarray:
    """Return float64 [tiles]: seconds until a memory has the first bit, 0 of other tiles."""
    memories = [each.parameters for each in package.tiles]
    return np.array(
        [each.access_latency_s if isinstance(each, Memory) else 0.0 for each in memories]
    )


def _synapse_s(package: Package) -> np.ndarray:
    """Return float64 [tiles]: seconds for a synapse, 0 of tiles that take steps as a whole."""
    times = [each.parameters.message_times() for each in package.tiles]
    return np.array([each.event_s[0] if each else 0.0 for each in times])
