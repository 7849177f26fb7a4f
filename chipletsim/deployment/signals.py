"""What an edge sends: values once, or spikes in each step; and in how many packets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from chipletsim.deployment.plan import Plan
from chipletsim.models import Layer, Model, Signal
from chipletsim.spec.package import PacketSpec

INDEX_BITS = 32
"""Bits of an index, such as the number of a token."""
VALUES, SPIKES, PARTIAL_SUMS, WEIGHTS, CACHE, REQUESTS = KINDS = (
    "values", "spikes", "partial sums", "weights", "cache", "requests",
)  # fmt: skip
"""Kinds of traffic."""


class Packets(NamedTuple):
    """Packets of one size.

    Attributes:
        number: How many, on average.
        bits: Of each, header included.
    """

    number: float
    bits: float


@dataclass(frozen=True)
class Sending:
    """What the outputs of a layer are sent as.

    Attributes:
        kind: `VALUES` or `SPIKES`.
        times: Messages one after another: evaluations, or steps of spikes.
        rate: Spikes per value in a message; 1 for values.
        packets: From a number of values to the packets of one message.
    """

    kind: str
    times: int
    rate: float
    packets: Callable[[int], tuple[Packets, ...]]


def cut(bits: float, packet: PacketSpec) -> tuple[Packets, ...]:
    """Return the packets of a message: full ones, and one with the rest.

    Example:
        >>> package = PacketSpec(
        ...     header_bits="8 bit", address_bits="32 bit", max_payload_bits="1024 bit")
        >>> [(part.number, part.bits) for part in cut(2500, package)]
        [(2.0, 1032.0), (1.0, 460.0)]
    """
    full, rest = divmod(bits, packet.max_payload_bits)
    parts = (
        Packets(float(full), float(packet.header_bits + packet.max_payload_bits)),
        Packets(1.0, float(packet.header_bits + rest)),
    )
    return tuple(part for part in parts if part.number and part.bits > packet.header_bits)


class Signals:
    """What the edges of a model send under a plan.

    Args:
        model: The model.
        plan: The plan.
        packet: Format of packets.
    """

    def __init__(self, model: Model, plan: Plan, packet: PacketSpec) -> None:
        self.model, self.plan, self._packet = model, plan, packet
        self.steps = plan.steps_of(model)
        self._codings: dict[tuple[str, int, float], Sending] = {}

    def applications(self, layer: Layer) -> int:
        """Return how often a layer is applied for an inference."""
        if self.plan.activations == "spiking":
            return self.steps
        return self.model.applications(layer) if self.plan.activations == "own" else 1

    def rate(self, layer: Layer) -> float:
        """Return the spikes per output of a layer and step."""
        return self.plan.rates.get(layer.name, self.plan.rate)

    def sending(self, layer: Layer, crosses: bool) -> Sending:
        """Return what the outputs of a layer are sent as.

        Args:
            layer: The layer.
            crosses: Whether it is over a die boundary.
        """
        if not self._spikes(layer, crosses):
            if layer.signal is Signal.INDICES:
                return self._values(
                    1 if self.plan.activations == "spiking" else self.applications(layer),
                    INDEX_BITS,
                )
            return self._values(self.applications(layer), 0)
        steps = self.steps
        if self.plan.activations == "own":
            steps = self.model.applications(layer)
        return self._spiking(steps, self.rate(layer))

    def input_rate(self, layer: Layer) -> float:
        """Return the events per input of a layer that add up in one application.

        1 where it reads values; else the rate of its rarest source, which bounds a product of
        two of them from above.
        """
        sources = [self.model.layer(name) for name in layer.sources + layer.delayed]
        rates = [self.rate(source) for source in sources if self._spikes(source, crosses=False)]
        return min(rates, default=1.0)

    def _spikes(self, layer: Layer, crosses: bool) -> bool:
        if self.plan.activations == "own":
            return layer.signal.sparse
        if layer.signal is Signal.INDICES or self.plan.activations == "dense":
            return False
        return self.plan.activations == "spiking" or crosses

    def _values(self, times: int, width_bits: int) -> Sending:
        key = (VALUES, times, float(width_bits))
        if key not in self._codings:
            self._codings[key] = Sending(
                VALUES, times, 1.0, lru_cache(None)(lambda n: self._value_packets(n, width_bits))
            )
        return self._codings[key]

    def _value_packets(self, number: int, width_bits: int) -> tuple[Packets, ...]:
        codec = self.plan.value_codec
        if width_bits or codec is None:
            return cut(number * (width_bits or self.plan.activation_bits), self._packet)
        return cut(codec.expected_bits(number, self.plan.share_of_zeros), self._packet)

    def _spiking(self, steps: int, rate: float) -> Sending:
        key = (SPIKES, steps, rate)
        if key not in self._codings:
            together = steps if self.plan.batched_steps else 1
            self._codings[key] = Sending(
                SPIKES,
                steps // together,
                rate * together,
                lru_cache(None)(lambda n: self._spike_packets(n, steps, rate, together)),
            )
        return self._codings[key]

    def _spike_packets(
        self, number: int, steps: int, rate: float, together: int
    ) -> tuple[Packets, ...]:
        if self.plan.spike_codec is not None:
            bits = self.plan.spike_codec.expected_bits(number, steps, rate)
            return cut(bits * together / steps, self._packet)
        each_bits = float(self._packet.header_bits + self._packet.address_bits)
        return (Packets(number * rate * together, each_bits),) if rate else ()
