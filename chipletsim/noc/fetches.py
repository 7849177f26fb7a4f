"""Weights that tiles fetch from memory tiles: by which messages, and in which packets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.spec.package import PacketSpec


class Fetched(NamedTuple):
    """Weights that a mapping keeps on memory tiles, as its message plan needs them.

    Attributes:
        axon: int64 [fetches], an axon each of whose messages asks for weights; in order.
        memory: int64 [fetches], the tile that holds them.
        bits: int64 [fetches], bits that are read.
        weights: int64 [fetches], synapses that these serve, those of conversion hardware left out.
        synapses: int64 [groups, 3], as `MessagePlan.synapses`, without those that are fetched.
        streams: int64 [streams, 5], weights that are sent unasked in each step of a population: a
            neuron of it, numbered as in the plan; the tile that holds them, the tile that needs
            them, bits, and clock cycles in which that computes with them.
    """

    axon: np.ndarray
    memory: np.ndarray
    bits: np.ndarray
    weights: np.ndarray
    synapses: np.ndarray
    streams: np.ndarray


class Cut(NamedTuple):
    """Packets that weights are sent in; each int64 [replies].

    Attributes:
        full: Packets of the largest payload.
        rest_bits: Payload of one more packet, 0 for none.
    """

    full: np.ndarray
    rest_bits: np.ndarray

    @property
    def packets(self) -> np.ndarray:
        """int64 [replies]: number of packets."""
        return self.full + (self.rest_bits > 0)


def cut(bits: np.ndarray, packet: PacketSpec) -> Cut:
    """Return the packets that weights are sent in, each with a header.

    Args:
        bits: int64 [replies], bits of weights.
        packet: Format of packets.

    Example:
        2,500 bits with payloads of at most 1,024 bits take two packets and one of 452:

        >>> packet = PacketSpec(header_bits="8 bit", address_bits="32 bit")
        >>> [int(each[0]) for each in cut(np.array([2500]), packet)]
        [2, 452]
    """
    return Cut(*np.divmod(bits, packet.max_payload_bits))
