"""Address events: one entry for each spike, which names the neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from chipletsim.codecs.base import LinearBits, SpikeCodec, check_width
from chipletsim.units import PacketBits, PositivePacketBits

if TYPE_CHECKING:
    import numpy as np


class AddressEvents(SpikeCodec):
    """Events packed one after another, each an address and other bits.

    A message is the number of events in ``count_bits``, then for each spike, in the order
    of neurons, ``address_bits`` of address and ``other_bits`` that say nothing here. With
    ``count_bits = 0`` the length of the message, told by the link, gives the number.

        bits = T (N r (a + h) + count)

    The table of bits per activation is ``T r (a + h)``, its limit for many neurons.

    Example:
        Two spikes and none, with addresses of 12 bits and 4 other bits:

        >>> import numpy as np
        >>> codec = AddressEvents(address="12 bit", other="4 bit")
        >>> codec.bits(np.array([[True, False, True], [False, False, False]])).tolist()
        [32, 0]
        >>> codec.expected_bits(neurons=1000, steps=4, rate=0.25)
        16000.0
    """

    kind: Literal["address_events"] = "address_events"
    address_bits: PositivePacketBits = Field(alias="address", description="names the neuron")
    other_bits: PacketBits = Field(
        0, alias="other", description="of an event besides its address, such as a time stamp"
    )
    count_bits: PacketBits = Field(
        0,
        alias="count",
        description="number of events, sent with each step; 0 if the link tells its end",
    )

    @property
    def event_bits(self) -> int:
        """Bits of one event."""
        return self.address_bits + self.other_bits

    def _bits(self, spikes: np.ndarray) -> np.ndarray:
        events = spikes.sum(axis=-1, dtype="int64")
        return events * self.event_bits + self.count_bits

    def _linear_bits(self, neurons: int) -> LinearBits:
        return LinearBits(self.event_bits, self.count_bits)

    def _expected_bits(self, neurons: int, steps: int, rate: float) -> float:
        return steps * (neurons * rate * self.event_bits + self.count_bits)

    def _bits_per_neuron(self, steps: int, rate: float) -> float:
        return steps * rate * self.event_bits

    def _check_neurons(self, neurons: int) -> None:
        check_width("address", self.address_bits, neurons)
        if self.count_bits:
            check_width("count", self.count_bits, neurons + 1)


class AddressPackets(SpikeCodec):
    """One packet of fixed size for each spike.

    A message is one packet for each spike, in the order of neurons, and, with
    ``end_packet``, one more whose contents name no neuron. Without it the number of
    packets of a step, told by the link, gives the end.

        bits = T packet (N r + end)

    Example:
        >>> import numpy as np
        >>> codec = AddressPackets(packet="32 bit", end_packet=True)
        >>> codec.bits(np.array([[True, False, True], [False, False, False]])).tolist()
        [96, 32]
    """

    kind: Literal["address_packets"] = "address_packets"
    packet_bits: PositivePacketBits = Field(alias="packet", description="of one spike")
    end_packet: bool = Field(False, description="whether one more packet ends each step")

    def _bits(self, spikes: np.ndarray) -> np.ndarray:
        events = spikes.sum(axis=-1, dtype="int64")
        return (events + int(self.end_packet)) * self.packet_bits

    def _linear_bits(self, neurons: int) -> LinearBits:
        return LinearBits(self.packet_bits, int(self.end_packet) * self.packet_bits)

    def _expected_bits(self, neurons: int, steps: int, rate: float) -> float:
        return steps * self.packet_bits * (neurons * rate + int(self.end_packet))

    def _bits_per_neuron(self, steps: int, rate: float) -> float:
        return steps * rate * self.packet_bits

    def _check_neurons(self, neurons: int) -> None:
        check_width("packet", self.packet_bits, neurons + int(self.end_packet))
