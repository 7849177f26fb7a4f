"""An event-driven digital neurocore: work is done where a spike arrives."""

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
from chipletsim.units import EnergyPerOperation, EnergyPerPacket, TimePerOperation, TimePerPacket


class Neurocore(TileParameters):
    """An event-driven digital core, such as one of Loihi or TrueNorth.

    Every neuron mapped to the tile is updated in each step in which its population
    advances. Cores that spend less on a neuron whose state is at rest cannot be told
    apart here: whether a neuron is at rest depends on its membrane, which is no event.
    """

    streams_weights: ClassVar[bool] = True

    kind: Literal["neurocore"] = "neurocore"
    energy_j_per_synaptic_op: EnergyPerOperation = Field(
        alias="energy_per_synaptic_op", description="one synapse of one arriving event"
    )
    energy_j_per_neuron_update: EnergyPerOperation = Field(
        alias="energy_per_neuron_update", description="one neuron in one step"
    )
    energy_j_per_spike: EnergyPerPacket = Field(
        0.0, alias="energy_per_spike", description="sending one event, whatever its targets"
    )
    energy_j_per_message: EnergyPerPacket = Field(
        0.0, alias="energy_per_message", description="receiving one event"
    )
    time_s_per_synaptic_op: TimePerOperation = Field(alias="time_per_synaptic_op")
    time_s_per_neuron_update: TimePerOperation = Field(alias="time_per_neuron_update")
    time_s_per_spike: TimePerPacket = Field(0.0, alias="time_per_spike")
    time_s_per_message: TimePerPacket = Field(0.0, alias="time_per_message")
    synaptic_lanes: int = Field(1, ge=1, description="synaptic operations done at once")

    def message_times(self) -> MessageTimes:
        """Return its times for single messages: it updates neurons and adds synapses by turns."""
        neuron = NeuronTimes(0.0, self.time_s_per_neuron_update, 0.0, self.time_s_per_spike)
        return MessageTimes(
            (neuron,),
            (self.time_s_per_synaptic_op / self.synaptic_lanes,),
            in_s=self.time_s_per_message,
            out_s=0.0,
            hop_s=None,
            by_turns=True,
            converted=NeuronTimes(0.0, 0.0, 0.0, self.time_s_per_spike),
        )

    @classmethod
    def cost(cls, events: TileEvents, p: Mapping[str, Any]) -> TileCost:
        """Return energy and busy time, each a sum of events times a constant.

        ``busy = synaptic_operations t_syn / lanes + neuron_updates t_update
        + output_spikes t_spike + input_messages t_message``: the four phases of a
        step follow one another.

        Example:
            100 synaptic operations on two lanes, 10 neurons, 3 spikes sent, 4 received:

            >>> core = Neurocore(
            ...     neurons=16, synaptic_memory="1 KiB", synaptic_lanes=2,
            ...     energy_per_synaptic_op="20 pJ/op", time_per_synaptic_op="4 ns/op",
            ...     energy_per_neuron_update="50 pJ/op", time_per_neuron_update="5 ns/op",
            ...     energy_per_spike="2 pJ/packet", energy_per_message="1 pJ/packet",
            ... )
            >>> events = TileEvents(
            ...     synaptic_operations=100, neuron_updates=10, output_spikes=3, input_messages=4
            ... )
            >>> cost = core.cost(events, core.constants())
            >>> {name: f"{energy * 1e12:.0f} pJ" for name, energy in cost.energy_j.items()}
            {'synaptic_operations': '2000 pJ', 'neuron_updates': '500 pJ', 'messages': '10 pJ'}
            >>> f"{cost.busy_s * 1e9:.0f} ns"
            '250 ns'
        """
        energy = {
            "synaptic_operations": events.synaptic_operations * p["energy_j_per_synaptic_op"],
            "neuron_updates": events.neuron_updates * p["energy_j_per_neuron_update"],
            "messages": events.output_spikes * p["energy_j_per_spike"]
            + events.input_messages * p["energy_j_per_message"],
        }
        busy = (
            events.synaptic_operations * p["time_s_per_synaptic_op"] / p["synaptic_lanes"]
            + events.neuron_updates * p["time_s_per_neuron_update"]
            + events.output_spikes * p["time_s_per_spike"]
            + events.input_messages * p["time_s_per_message"]
        )
        return TileCost(energy, busy)
