"""Packets that fetch weights on a package: what each message asks for, and what is sent unasked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.fetches import Fetched, cut
from chipletsim.noc.package_network import whole_ticks
from chipletsim.noc.packet_plan import PacketPlan
from chipletsim.package.model import Package
from chipletsim.spec.package import PacketSpec
from chipletsim.tiles import Memory

MOST_PARTS = 32
"""Parts of what a memory sends a tile unasked in a step, of which each may be waited for."""


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
        whole_ticks(np.where(asks, 0.0, access_s(package)[memory]), tick_s),
        whole_ticks(np.where(asks, 0.0, read_bits * read_bit_s(package)[memory]), tick_s),
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


def stream_parts(fetched: Fetched, packet: PacketSpec) -> int:
    """Return in how many parts streams are sent, and tiles compute with them; 0 without any.

    That is the most packets from one memory to one tile in a step, but no more than `MOST_PARTS`.
    """
    _, memory, tile, bits, _ = fetched.streams.T
    _, of = np.unique(np.stack([memory, tile]), axis=1, return_inverse=True)
    packets = np.bincount(of.reshape(-1), cut(bits, packet).packets)
    return min(int(packets.max(initial=0)), MOST_PARTS)


def read_bit_s(package: Package) -> np.ndarray:
    """Return float64 [tiles]: seconds in which a memory reads a bit, 0 of other tiles."""
    memories = [each.parameters for each in package.tiles]
    return np.array(
        [1 / each.bandwidth_bit_per_s if isinstance(each, Memory) else 0.0 for each in memories]
    )


def access_s(package: Package) -> np.ndarray:
    """Return float64 [tiles]: seconds until a memory has the first bit, 0 of other tiles."""
    memories = [each.parameters for each in package.tiles]
    return np.array(
        [each.access_latency_s if isinstance(each, Memory) else 0.0 for each in memories]
    )


def _synapse_s(package: Package) -> np.ndarray:
    """Return float64 [tiles]: seconds for a synapse, 0 of tiles that take steps as a whole."""
    times = [each.parameters.message_times() for each in package.tiles]
    return np.array([each.event_s[0] if each else 0.0 for each in times])
