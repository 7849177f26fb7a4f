"""A digital core as a pipeline of units: axons in, synapse, dendrite, soma, axons out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from chipletsim.spec.base import Spec
from chipletsim.tiles.base import (
    MessageTimes,
    NeuronTimes,
    TileCost,
    TileEvents,
    TileParameters,
    of_unit,
)
from chipletsim.units import (
    Bits,
    Energy,
    EnergyPerOperation,
    EnergyPerPacket,
    Time,
    TimePerOperation,
    TimePerPacket,
)

UNLIMITED_BITS = 1 << 50
"""Synaptic memory of a core that states none: more than any network here has."""


class AxonSpec(Spec):
    """Messages into a core, or out of it."""

    energy_j_per_message: EnergyPerPacket = Field(0.0, alias="energy_per_message")
    time_s_per_message: TimePerPacket = Field(0.0, alias="time_per_message")


class SynapseUnitSpec(Spec):
    """A unit that reads synapses; an event is one synapse of one arriving message."""

    energy_j_per_event: EnergyPerOperation = Field(alias="energy_per_event")
    time_s_per_event: TimePerOperation = Field(alias="time_per_event")


class DendriteSpec(Spec):
    """The unit that gathers the current of a neuron."""

    energy_j_per_update: EnergyPerOperation = Field(0.0, alias="energy_per_update")
    time_s_per_update: TimePerOperation = Field(0.0, alias="time_per_update")
    per: Literal["synaptic_event", "neuron"] = Field(
        "synaptic_event",
        description="updated by each synaptic event as messages arrive, or once for each neuron"
        " in each step, before its soma",
    )
    update_every_step: bool = Field(
        False,
        description="updated once for each neuron in each step in any case, as where the time-step"
        " buffer is inside the dendrite",
    )

    @property
    def before_soma(self) -> bool:
        """Whether it is updated for each neuron in each step."""
        return self.per == "neuron" or self.update_every_step


class SomaUnitSpec(Spec):
    """A unit that computes neurons. The costs of a neuron in a step add up."""

    energy_j_per_access: EnergyPerOperation = Field(
        alias="energy_per_access", description="each neuron of the core in each step"
    )
    time_s_per_access: TimePerOperation = Field(alias="time_per_access")
    energy_j_per_update: EnergyPerOperation = Field(
        0.0, alias="energy_per_update", description="added where its state was updated, or it fired"
    )
    time_s_per_update: TimePerOperation = Field(0.0, alias="time_per_update")
    energy_j_per_spike: EnergyPerOperation = Field(
        0.0, alias="energy_per_spike", description="added where it fired"
    )
    time_s_per_spike: TimePerOperation = Field(0.0, alias="time_per_spike")


class HopSpec(Spec):
    """One hop of a message from a router to the next."""

    energy_j: Energy = Field(0.0, alias="energy")
    time_s: Time = Field(0.0, alias="time")


class HopsSpec(Spec):
    """Hops by direction: east is towards larger x, north towards larger y."""

    east: HopSpec = HopSpec()
    west: HopSpec = HopSpec()
    north: HopSpec = HopSpec()
    south: HopSpec = HopSpec()


class PipelineCore(TileParameters):
    """A core whose units each have an energy and a time per event.

    A time-step buffer cuts it in two halves that work side by side: messages of the step before
    are taken in, synapse by synapse, while neurons are computed one after the other and send a
    message to each core that holds a synapse of theirs, their own included. Sections of several
    units name them; the first is the default, and mappings choose others. Hops cost energy by
    the numbers of the core where the message ends, for its whole path, and time by those of the
    core that sends it. Input channels may live here, as neurons of a soma unit of their own.

    The form and meaning of the costs are those of SANA-FE (J. A. Boyle et al., IEEE TCAD 2025).
    """

    holds_inputs: ClassVar[bool] = True
    capacities: ClassVar[tuple[str, ...]] = (
        *TileParameters.capacities, "soma_units", "synapse_units",
    )  # fmt: skip

    kind: Literal["pipeline_core"] = "pipeline_core"
    synaptic_memory_bits: Bits = Field(
        UNLIMITED_BITS, alias="synaptic_memory", description="room for weights"
    )
    axon_in: AxonSpec = Field(AxonSpec(), description="each message that arrives")
    synapse: dict[str, SynapseUnitSpec] = Field(
        min_length=1, description="synapse units by name; the first is the default"
    )
    dendrite: DendriteSpec = DendriteSpec()
    soma: dict[str, SomaUnitSpec] = Field(
        min_length=1, description="soma units by name; the first is the default"
    )
    axon_out: AxonSpec = Field(AxonSpec(), description="each message that is sent")
    hop: HopsSpec = HopsSpec()

    def __hash__(self) -> int:
        """Hash what is cheap to hash; units are compared where that is equal."""
        return hash((self.kind, self.neurons, tuple(self.soma), tuple(self.synapse)))

    @property
    def soma_units(self) -> list[str]:
        """Names of the soma units, in their order."""
        return list(self.soma)

    @property
    def synapse_units(self) -> list[str]:
        """Names of the synapse units, in their order."""
        return list(self.synapse)

    def message_times(self) -> MessageTimes:
        """Return its times for single messages; a dendrite counts where it is updated."""
        dendrite_s = self.dendrite.time_s_per_update
        per_event = self.dendrite.per == "synaptic_event"
        return MessageTimes(
            neurons=tuple(
                NeuronTimes(
                    dendrite_s if self.dendrite.before_soma else 0.0,
                    soma.time_s_per_access,
                    soma.time_s_per_update,
                    soma.time_s_per_spike,
                )
                for soma in self.soma.values()
            ),
            event_s=tuple(
                synapse.time_s_per_event + (dendrite_s if per_event else 0.0)
                for synapse in self.synapse.values()
            ),
            in_s=self.axon_in.time_s_per_message,
            out_s=self.axon_out.time_s_per_message,
            hop_s=(
                self.hop.east.time_s,
                self.hop.west.time_s,
                self.hop.north.time_s,
                self.hop.south.time_s,
            ),
        )

    def constants(self) -> dict[str, float]:
        """Return every number that ``cost`` may use; those of units after the first by number."""
        numbers = {
            "energy_j_per_message_in": self.axon_in.energy_j_per_message,
            "time_s_per_message_in": self.axon_in.time_s_per_message,
            "energy_j_per_message_out": self.axon_out.energy_j_per_message,
            "time_s_per_message_out": self.axon_out.time_s_per_message,
            "energy_j_per_dendrite_update": self.dendrite.energy_j_per_update,
            "time_s_per_dendrite_update": self.dendrite.time_s_per_update,
            "dendrite_per_event": float(self.dendrite.per == "synaptic_event"),
            "dendrite_per_neuron": float(self.dendrite.before_soma),
        }
        for direction in HopsSpec.model_fields:
            numbers[f"energy_j_per_hop_{direction}"] = getattr(self.hop, direction).energy_j
        for number, synapse in enumerate(self.synapse.values()):
            numbers[of_unit("energy_j_per_event", number)] = synapse.energy_j_per_event
            numbers[of_unit("time_s_per_event", number)] = synapse.time_s_per_event
        for number, soma in enumerate(self.soma.values()):
            for name in SomaUnitSpec.model_fields:
                numbers[of_unit(name, number)] = getattr(soma, name)
        return super().constants() | numbers

    @classmethod
    def cost(cls, events: TileEvents, p: Mapping[str, Any]) -> TileCost:
        """Return energy and busy time, each a sum of events times a constant.

        With sums over units ``u`` of synapses and somas:

        * ``E_synapse = sum_u events_u e_u``;
        * ``E_dendrite = (events [per event] + accesses [per neuron or every step]) e``;
        * ``E_soma = sum_u (accesses_u e_access + updates_u e_update + spikes_u e_spike)``;
        * ``E_network = sent e_out + received e_in + sum over directions hops e_hop``.

        ``busy`` is the longer of both halves: times of neurons and of messages sent, or those of
        messages received and their synaptic events.

        Example:
            Three neurons, of which two were updated and one fired, sent two messages, one of
            them over a hop to the east that ended here, with four synapses:

            >>> core = PipelineCore(
            ...     neurons=16,
            ...     axon_in={"time_per_message": "16 ns/packet"},
            ...     synapse={
            ...         "dense": {"energy_per_event": "35 pJ/op", "time_per_event": "4 ns/op"},
            ...     },
            ...     soma={"lif": {
            ...         "energy_per_access": "50 pJ/op", "time_per_access": "6 ns/op",
            ...         "energy_per_update": "20 pJ/op", "time_per_update": "4 ns/op",
            ...         "energy_per_spike": "70 pJ/op", "time_per_spike": "30 ns/op",
            ...     }},
            ...     axon_out={"energy_per_message": "111 pJ/packet"},
            ...     hop={"east": {"energy": "3 pJ"}},
            ... )
            >>> events = TileEvents(
            ...     synaptic_operations=4, input_messages=1, output_messages=2, hops_east=1,
            ...     neuron_accesses=3, neuron_updates=2, neuron_spikes=1,
            ... )
            >>> cost = core.cost(events, core.constants())
            >>> {name: f"{energy * 1e12:.0f} pJ" for name, energy in cost.energy_j.items()}
            {'synaptic_operations': '140 pJ', 'dendrites': '0 pJ', 'neuron_updates': '260 pJ', \
'network': '225 pJ'}
            >>> f"{cost.busy_s * 1e9:.0f} ns"
            '56 ns'
        """
        import jax.numpy as jnp

        per_event = events.synaptic_operations * p["dendrite_per_event"]
        per_neuron = events.neuron_accesses * p["dendrite_per_neuron"]
        hops = sum(
            getattr(events, f"hops_{direction}") * p[f"energy_j_per_hop_{direction}"]
            for direction in HopsSpec.model_fields
        )
        energy = {
            "synaptic_operations": _by_unit(events, "synaptic_operations", p, "energy_j_per_event"),
            "dendrites": (per_event + per_neuron) * p["energy_j_per_dendrite_update"],
            "neuron_updates": _soma(events, p, "energy_j"),
            "network": events.output_messages * p["energy_j_per_message_out"]
            + events.input_messages * p["energy_j_per_message_in"]
            + hops,
        }
        dendrite_s = p["time_s_per_dendrite_update"]
        neurons = (
            per_neuron * dendrite_s
            + _soma(events, p, "time_s")
            + events.output_messages * p["time_s_per_message_out"]
        )
        messages = (
            events.input_messages * p["time_s_per_message_in"]
            + _by_unit(events, "synaptic_operations", p, "time_s_per_event")
            + per_event * dendrite_s
        )
        return TileCost(energy, jnp.maximum(neurons, messages))


def _soma(events: TileEvents, p: Mapping[str, Any], what: str) -> Any:
    """Return energy (``energy_j``) or time (``time_s``) of all soma units."""
    parts = {"neuron_accesses": "access", "neuron_updates": "update", "neuron_spikes": "spike"}
    return sum(_by_unit(events, name, p, f"{what}_per_{part}") for name, part in parts.items())


def _by_unit(events: TileEvents, name: str, p: Mapping[str, Any], constant: str) -> Any:
    """Return events times the constant of the unit where each happened.

    What no other unit is told to have done is the first one's.
    """
    first, others = getattr(events, name), 0.0
    for (what, unit), told in events.of_units.items():
        if what == name:
            first = first - told
            others = others + told * p[of_unit(constant, unit)]
    return first * p[constant] + others
