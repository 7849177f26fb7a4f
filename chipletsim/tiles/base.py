"""What a tile kind is: parameters, capacities and one cost function.

A kind is one file in this folder with a `TileParameters` subclass, whose
``cost`` prices the events of a tile, and a line in ``chipletsim.tiles.TILE_KINDS``.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from chipletsim.spec.base import Spec
from chipletsim.units import Bits, Power


class TileEvents(NamedTuple):
    """What happened on the tiles of one kind, step by step.

    Every field is an integer array that broadcasts to [rows, tiles], one row a
    hardware step of a sample; block fields are sums over the tile's blocks (a
    block is one projection into one slice).

    Attributes:
        synaptic_operations: Source spikes times their synapses on the tile.
        input_messages: Messages delivered to the tile, its own included.
        output_spikes: Spikes (or graded events) its neurons sent out.
        neuron_updates: Neurons on the tile whose population advanced.
        dense_operations: Multiply-accumulates of its blocks were every input active.
        array_reads: Crossbar read-outs, columns times row blocks read (crossbar only).
        row_activations: Crossbar rows driven (crossbar only).
        dense_cycles: Clock cycles of the dense schedule (systolic only).
        memory_read_bits: Weight bits read for other tiles (memory only).
        memory_requests: Requests for weights served (memory only).
    """

    synaptic_operations: Any
    input_messages: Any
    output_spikes: Any
    neuron_updates: Any
    dense_operations: Any
    array_reads: Any
    row_activations: Any
    dense_cycles: Any
    memory_read_bits: Any
    memory_requests: Any


class TileCost(NamedTuple):
    """Energy by component and busy time of the tiles of one kind.

    Attributes:
        energy_j: Component name to float array [rows, tiles], in joules.
        busy_s: Float array [rows, tiles], in seconds.
    """

    energy_j: dict[str, Any]
    busy_s: Any


class TileParameters(Spec):
    """Capacities that every tile states, whatever its kind.

    Attributes:
        computes: Whether neurons other than inputs can live on this kind.
        shares_weights: Whether a convolution's kernel is stored once per slice
            (else once per synapse).
        streams_weights: Whether weights that do not fit may come from a memory tile.
    """

    computes: ClassVar[bool] = True
    streams_weights: ClassVar[bool] = False

    neurons: int = Field(ge=0, description="most neurons the tile holds")
    synaptic_memory_bits: Bits = Field(alias="synaptic_memory", description="room for weights")
    fan_in: int | None = Field(
        None, ge=1, description="most distinct source neurons of a slice; unlimited if left out"
    )
    fan_out: int | None = Field(
        None, ge=1, description="most (neuron, destination tile) pairs; unlimited if left out"
    )
    weight_bits: int = Field(32, ge=1, le=32, description="precision of a weight")
    shares_weights: bool = Field(True, description="a convolution kernel is stored once per slice")
    static_power_w: Power = Field(0.0, alias="static_power", description="leakage of the tile")
