"""Building blocks of the incidence: what one event of a class adds to which quantity."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from chipletsim.errors import UsageError
from chipletsim.noc.padding import rounded_up
from chipletsim.package.model import Package


class Entries(NamedTuple):
    """Sparse incidence: each event of ``traffic_class`` adds ``weight`` to ``quantity``.

    Attributes:
        traffic_class: int32 [entries].
        quantity: int32 [entries].
        weight: int64 or int32 [entries].
    """

    traffic_class: np.ndarray
    quantity: np.ndarray
    weight: np.ndarray


MOST_CELLS = 2**31 - 1
"""Most pairs of a packet size and a channel, which are numbered in 32 bits."""
CHUNK = 8192
"""Entries handled at once by a sparse product; bounds its intermediate arrays."""


def packed(groups: list[list[Entries]], sizes: tuple[int, ...]) -> Entries:
    """Return all entries in chunks of at most CHUNK, filled up with zero weights.

    Quantities are numbered group after group. Weights have 32 bits where they all fit.
    The groups are emptied on the way, so that large ones are not held twice.

    Args:
        groups: Entries of each group, with quantities numbered from 0.
        sizes: Number of quantities of each group.
    """
    count = sum(part.weight.size for group in groups for part in group)
    largest = max((int(p.weight.max(initial=0)) for group in groups for p in group), default=0)
    width = CHUNK if count > CHUNK else rounded_up(count)
    shape = width * (rounded_up(-(-count // CHUNK)) if count > CHUNK else 1)
    table = Entries(
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int32 if largest < 2**31 else np.int64),
    )
    stop, first = 0, 0
    for group, size in zip(groups, sizes, strict=True):
        while group:
            part = group.pop()
            place = slice(stop, stop + part.weight.size)
            table.traffic_class[place] = part.traffic_class
            np.add(part.quantity, first, out=table.quantity[place], casting="same_kind")
            table.weight[place] = part.weight
            stop = place.stop
        first += size
    return Entries(*(column.reshape(-1, width) for column in table))


class Form(IntEnum):
    """What a packet in the ledger is on a link.

    Attributes:
        PACKET: A packet of whole flits.
        IN_MESSAGE: A packet for routers, whose event crosses the link in a message.
        MESSAGE: Bits of messages, one by one; no packet.
    """

    PACKET = 0
    IN_MESSAGE = 1
    MESSAGE = 2


class Cells(NamedTuple):
    """Quantities of packets, one for each packet size and form in use on a channel.

    Attributes:
        channel: int64 [cells], a link, or number of links + router for a port.
        packet_bits: int64 [cells], bits of each packet.
        form: int64 [cells], a `Form`.
    """

    channel: np.ndarray
    packet_bits: np.ndarray
    form: np.ndarray


class PacketLedger:
    """Packets that enter channels, gathered class by class.

    A channel is a link (its index) or the port by which tiles inject into a router
    (number of links + router). Packets of one size and form on one channel are one quantity,
    so that whole flits and bits of routers follow from its packets.
    """

    def __init__(self, package: Package) -> None:
        self.package = package
        self.channels = len(package.links) + len(package.routers)
        self._sizes: dict[tuple[int, Form], int] = {}
        self._parts: list[Entries] = []

    def port(self, router: np.ndarray) -> np.ndarray:
        """Return the channel by which tiles inject packets into each router."""
        return len(self.package.links) + router

    def add(
        self,
        traffic_class: np.ndarray,
        channel: np.ndarray,
        packets: np.ndarray,
        packet_bits: np.ndarray,
        form: Form = Form.PACKET,
    ) -> None:
        """Add packets per event of a class on a channel.

        Args:
            traffic_class: int [entries].
            channel: int [entries].
            packets: int [entries], packets of this size per event.
            packet_bits: int [entries], bits of each packet, header included.
            form: What they are on the channel.

        Raises:
            UsageError: There are too many sizes of packets.
        """
        if not traffic_class.size:
            return
        one_size = np.ptp(packet_bits) == 0  # the common case, spared the sorting
        sizes, inverse = np.unique(
            packet_bits[:1] if one_size else packet_bits, return_inverse=True
        )
        numbers = [self._sizes.setdefault((int(size), form), len(self._sizes)) for size in sizes]
        if len(self._sizes) * self.channels > MOST_CELLS:
            raise UsageError(
                f"{len(self._sizes):,} sizes of packets on {self.channels:,} links and ports are "
                f"more than the {MOST_CELLS:,} that can be told apart; a smaller `max_payload` "
                "gives fewer sizes"
            )
        size = np.array(numbers, np.int32)[inverse]
        key = (size * np.int32(self.channels) + channel).astype(np.int32)
        weight = packets.astype(np.int32 if packets.max() < 2**31 else np.int64)
        self._parts.append(Entries(traffic_class.astype(np.int32), key, weight))

    def close(self) -> tuple[Entries, Cells]:
        """Return the entries and their quantities, numbered by packet size and channel."""
        used = np.zeros(max(len(self._sizes), 1) * self.channels, bool)
        for part in self._parts:
            used[part.quantity] = True
        cells = np.flatnonzero(used)
        number = np.zeros(used.size, np.int32)
        number[cells] = np.arange(cells.size)
        for part in self._parts:
            part.quantity[:] = number[part.quantity]
        empty = [Entries(*(np.zeros(0, np.int32) for _ in range(3)))]
        entries = Entries(*map(np.concatenate, zip(*(self._parts or empty), strict=True)))
        self._parts = []
        sizes = np.array([*self._sizes, (0, Form.PACKET)], np.int64)[cells // self.channels]
        return entries, Cells(cells % self.channels, *sizes.T)
