"""What a tile kind is: parameters, capacities and one cost function.

To add a kind, write one file in this folder with a `TileParameters` subclass whose
literal field ``kind`` names it and whose ``cost`` prices the events of its tiles, and
add a line to ``chipletsim.tiles.TILE_KINDS``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from chipletsim.spec.base import Spec
from chipletsim.units import Bits, EnergyPerOperation, Power


class TileEvents(NamedTuple):
    """What happened on the tiles of one kind, step by step.

    Every field is an integer array that broadcasts to [rows, tiles]; a row is one
    hardware step of one sample. Fields are sums over the tile's blocks, a block
    being one projection into one slice. Seen as a matrix, a block has

    * ``rows``: distinct weights of one output neuron (dense: source neurons;
      convolution: input channels of a group x kernel height x kernel width),
    * ``columns``: output neurons that share those inputs (dense: neurons of the
      slice; convolution: output channels of the slice),
    * ``positions``: how often the matrix is used in a step (dense: 1; convolution:
      output pixels of the slice).

    A crossbar stores it in ``row_blocks x column_blocks`` arrays, which
    `Crossbar.blocks` gives; ``drives`` below is the sum over source events of the
    output positions of the slice that the source reaches.

    Attributes:
        synaptic_operations: Source events times their synapses on the tile.
        input_messages: Messages delivered to the tile, those from itself included.
        output_spikes: Events that its neurons (or input channels) sent, each once
            however many tiles it is bound for.
        neuron_updates: Neurons on the tile whose population advanced.
        dense_operations: Multiply-accumulates of a dense schedule, in rows in which
            the target population advances: synapses of the block, zeros of the
            padding left out.
        weight_reads: Stored weights of the blocks whose target population advances,
            each read once (npu only).
        dense_cycles: Clock cycles of the dense schedule, `Npu.dense_cycles` of each
            block whose target population advances (npu only).
        row_activations: Word lines driven, ``drives x column_blocks`` (crossbar only).
        array_reads: Read-outs of one array,
            ``min(drives, positions x row_blocks) x column_blocks`` (crossbar only).
        column_reads: Weight columns converted,
            ``min(drives, positions x row_blocks) x columns`` (crossbar only).
        position_reads: Read-outs that follow one another, as all arrays of a block
            work at once: ``min(drives, positions)`` (crossbar only).
        memory_read_bits: Weight bits read for other tiles (memory only).
        memory_requests: Requests for weights served (memory only).
        encoder_updates: Neurons of encoders that advanced in conversion hardware.
        decoder_additions: Events times synapses that decoders in conversion hardware added up.
        neuron_accesses: Neurons on the tile, input channels included, whose population advanced
            (pipeline_core only; the next six, too).
        neuron_spikes: Events of its neurons, of those without any destination, too.
        output_messages: Events times their destination tiles, the own tile included.
        hops_east: Hops to the east on the routes of messages that end on the tile; likewise
            ``hops_west``, ``hops_north`` and ``hops_south``. Links between dies do not count.
        of_units: Those of the above that happened on a unit other than the tile's first, by
            name and number of the unit; they are part of the above.
    """

    synaptic_operations: Any = 0
    input_messages: Any = 0
    output_spikes: Any = 0
    neuron_updates: Any = 0
    dense_operations: Any = 0
    weight_reads: Any = 0
    dense_cycles: Any = 0
    row_activations: Any = 0
    array_reads: Any = 0
    column_reads: Any = 0
    position_reads: Any = 0
    memory_read_bits: Any = 0
    memory_requests: Any = 0
    encoder_updates: Any = 0
    decoder_additions: Any = 0
    neuron_accesses: Any = 0
    neuron_spikes: Any = 0
    output_messages: Any = 0
    hops_east: Any = 0
    hops_west: Any = 0
    hops_north: Any = 0
    hops_south: Any = 0
    of_units: Mapping[tuple[str, int], Any] = MappingProxyType({})


EVENT_NAMES = tuple(name for name in TileEvents._fields if name != "of_units")
"""Fields of `TileEvents` that are arrays."""


def of_unit(name: str, unit: int) -> str:
    """Return the name of a number that units of a tile have each their own of.

    Example:
        >>> of_unit("energy_j_per_spike", 0), of_unit("energy_j_per_spike", 2)
        ('energy_j_per_spike', 'energy_j_per_spike/2')
    """
    return f"{name}/{unit}" if unit else name


class TileCost(NamedTuple):
    """Energy by component and busy time of the tiles of one kind.

    Attributes:
        energy_j: Component name to float array [rows, tiles], in joules. Kinds share
            the names ``synaptic_operations``, ``neuron_updates``, ``messages`` and
            ``memory``, and may add their own.
        busy_s: Float array [rows, tiles], in seconds.
    """

    energy_j: dict[str, Any]
    busy_s: Any


class NeuronTimes(NamedTuple):
    """Times of a neuron in a step, in seconds, in the order in which they are added.

    Attributes:
        dendrite_s: In front of its soma, in each step.
        access_s: In each step.
        update_s: Where it was updated, or fired.
        spike_s: Of each spike.
    """

    dendrite_s: float
    access_s: float
    update_s: float
    spike_s: float


class MessageTimes(NamedTuple):
    """Times of a tile for timing models that follow single messages, in seconds.

    Attributes:
        neurons: Times of a neuron on each soma unit.
        event_s: Time of a synaptic event on each synapse unit.
        in_s: Of each message that arrives.
        out_s: Of each message that is sent.
        hop_s: Of a hop of messages that it sends, east, west, north and south; None where
            hops take the latency of links.
        by_turns: Whether it either computes neurons or works on a message, not both at once.
        converted: Times of a neuron in conversion hardware, which works beside the tile: of its
            spikes, where sending them is the tile's own work.
    """

    neurons: tuple[NeuronTimes, ...]
    event_s: tuple[float, ...]
    in_s: float
    out_s: float
    hop_s: tuple[float, float, float, float] | None
    by_turns: bool = False
    converted: NeuronTimes = NeuronTimes(0.0, 0.0, 0.0, 0.0)


class TileParameters(Spec):
    """Capacities that every tile states, whatever its kind.

    Attributes:
        computes: Whether neurons other than inputs can live on this kind.
        holds_inputs: Whether input channels can live on it.
        shares_weights: Whether a convolution's kernel is stored once per slice
            (else once per synapse).
        streams_weights: Whether weights that do not fit may come from a memory tile.
        capacities: Names of the fields that decide what fits on the tile.
    """

    computes: ClassVar[bool] = True
    holds_inputs: ClassVar[bool] = False
    streams_weights: ClassVar[bool] = False
    capacities: ClassVar[tuple[str, ...]] = (
        "neurons", "synaptic_memory_bits", "fan_in", "fan_out", "weight_bits", "shares_weights",
    )  # fmt: skip

    kind: str
    neurons: int = Field(ge=0, description="most neurons the tile holds")
    synaptic_memory_bits: Bits = Field(alias="synaptic_memory", description="room for weights")
    fan_in: int | None = Field(
        None, ge=1, description="most distinct source neurons of a tile; unlimited if left out"
    )
    fan_out: int | None = Field(
        None, ge=1, description="most (neuron, destination tile) pairs; unlimited if left out"
    )
    weight_bits: int = Field(32, ge=1, le=32, description="precision of a weight")
    shares_weights: bool = Field(True, description="a convolution kernel is stored once per slice")
    static_power_w: Power = Field(0.0, alias="static_power", description="leakage of the tile")
    output_queue: int = Field(
        1,
        ge=1,
        description="packets that it holds while they wait for its router; then it stops computing "
        "(timing `queue`, `cycle`)",
    )
    energy_j_per_encoder_update: EnergyPerOperation = Field(
        0.0,
        alias="energy_per_encoder_update",
        description="conversion hardware: one neuron of an encoder in one step; if left out,"
        " encoders and decoders are neurons and synapses like any others",
    )
    energy_j_per_decoder_add: EnergyPerOperation = Field(
        0.0,
        alias="energy_per_decoder_add",
        description="conversion hardware: one event added up by a decoder",
    )

    @property
    def converts(self) -> bool:
        """Whether the tile has hardware that encodes and decodes."""
        return "energy_j_per_encoder_update" in self.model_fields_set

    @classmethod
    @abstractmethod
    def cost(cls, events: TileEvents, p: Mapping[str, Any]) -> TileCost:
        """Return energy and busy time of the events on tiles of this kind.

        Args:
            events: Integer arrays that broadcast to [rows, tiles].
            p: Every name of `constants` to a float array that broadcasts to [tiles].
        """

    @classmethod
    def price(cls, events: TileEvents, p: Mapping[str, Any]) -> TileCost:
        """Return what the events cost, those of conversion hardware included.

        To `cost` is added ``E = encoder_updates e_encode + decoder_additions e_add``: an
        encoder updates a membrane for each of its neurons in every step, spike or not; a
        decoder adds for each event that arrives. They work beside the tile, and take no time.
        """
        priced = cls.cost(events, p)
        converted = (
            events.encoder_updates * p["energy_j_per_encoder_update"]
            + events.decoder_additions * p["energy_j_per_decoder_add"]
        )
        energy = {
            **priced.energy_j,
            "conversions": priced.energy_j.get("conversions", 0.0) + converted,
        }
        return TileCost(energy, priced.busy_s)

    def message_times(self) -> MessageTimes | None:
        """Return its times for single messages, None where its kind has no such times."""
        return None

    def constants(self) -> dict[str, float]:
        """Return every number that ``cost`` may use, by Python name, in SI units.

        Flags count 0 or 1. Optional fields are left out, so that all tiles of a kind
        have the same names.
        """
        return {
            name: float(getattr(self, name))
            for name, field in type(self).model_fields.items()
            if field.annotation in (int, float, bool)
        }
