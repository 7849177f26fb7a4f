"""Input and output: where events enter the package and answers leave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from chipletsim.tiles.base import (
    MessageTimes,
    NeuronTimes,
    TileCost,
    TileEvents,
    TileParameters,
)
from chipletsim.units import Bits, EnergyPerPacket, EventRate


class Io(TileParameters):
    """Input channels, which send events into the package, and the place of its answers.

    Only populations of model ``input`` live here; ``neurons`` is the number of channels.
    """

    computes: ClassVar[bool] = False
    holds_inputs: ClassVar[bool] = True

    kind: Literal["io"] = "io"
    synaptic_memory_bits: Bits = Field(0, alias="synaptic_memory", description="none is needed")
    energy_j_per_input: EnergyPerPacket = Field(
        alias="energy_per_input", description="one event from outside into the package"
    )
    energy_j_per_output: EnergyPerPacket = Field(
        alias="energy_per_output", description="one event out of the package"
    )
    event_rate_per_s: EventRate = Field(alias="event_rate", description="events, each direction")

    def message_times(self) -> MessageTimes:
        """Return its times for single messages: each takes its turn, in either direction."""
        turn_s = 1.0 / self.event_rate_per_s
        channel = NeuronTimes(0.0, 0.0, 0.0, turn_s)
        return MessageTimes((channel,), (0.0,), in_s=turn_s, out_s=0.0, hop_s=None)

    @classmethod
    def cost(cls, events: TileEvents, p: Mapping[str, Any]) -> TileCost:
        """Return energy and busy time of events that enter and leave.

        ``E = entering e_input + leaving e_output``; ``busy = max(entering, leaving) /
        event_rate``, as the two directions work at once. Entering events are the
        ``output_spikes`` of the input channels; leaving ones are ``input_messages``.

        Example:
            >>> port = Io(
            ...     neurons=784, energy_per_input="80 pJ/packet", energy_per_output="60 pJ/packet",
            ...     event_rate="1 Gpacket/s",
            ... )
            >>> cost = port.cost(TileEvents(output_spikes=100, input_messages=10), port.constants())
            >>> f"{cost.energy_j['messages'] * 1e9:.1f} nJ, {cost.busy_s * 1e9:.0f} ns"
            '8.6 nJ, 100 ns'
        """
        import jax.numpy as jnp

        energy = {
            "messages": events.output_spikes * p["energy_j_per_input"]
            + events.input_messages * p["energy_j_per_output"]
        }
        busier = jnp.maximum(events.output_spikes, events.input_messages)
        return TileCost(energy, busier / p["event_rate_per_s"])
