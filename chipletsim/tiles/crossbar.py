"""An in-memory crossbar: analog products in memory arrays, read by converters."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar, Literal

from pydantic import Field

from chipletsim.tiles.base import TileCost, TileEvents, TileParameters
from chipletsim.units import EnergyPerOperation, EnergyPerPacket, TimePerOperation


class Crossbar(TileParameters):
    """Arrays of memory cells that multiply in place; a spike drives one word line.

    Each weight takes ``cells_per_weight`` neighbouring cells of a row: its bits over
    the bits of a cell, times the columns of a differential pair. Weights never move,
    so all arrays of a block read at once; the blocks of a tile follow one another. An
    event drives its word line once, with all its bits if it is graded: drivers of one
    bit would take a read for each of them.

    An array is read for an output position only if one of its rows is driven. How
    many reads that makes depends on which rows were driven together; the number used
    is the lesser of the rows driven and all reads there are, an upper bound that is
    exact where each read has one driven row or where all reads are needed. So energy
    and busy time of a convolution with many spikes close together are overstated, up
    to the size of its kernel.
    """

    capacities: ClassVar[tuple[str, ...]] = (
        *TileParameters.capacities,
        "array_rows", "array_columns", "cell_bits", "differential_columns",
    )  # fmt: skip

    kind: Literal["crossbar"] = "crossbar"
    array_rows: int = Field(ge=1, description="word lines of an array")
    array_columns: int = Field(ge=1, description="bit lines of an array")
    cell_bits: int = Field(ge=1, description="bits kept in one cell")
    differential_columns: int = Field(
        2, ge=1, le=2, description="columns of a weight: 2 where a pair holds its sign"
    )
    adcs_per_array: int = Field(ge=1, description="converters of an array; its columns share them")
    energy_j_per_row_activation: EnergyPerOperation = Field(
        alias="energy_per_row_activation", description="driving one word line of one array"
    )
    energy_j_per_cell: EnergyPerOperation = Field(
        alias="energy_per_cell", description="one cell on a driven word line"
    )
    energy_j_per_conversion: EnergyPerOperation = Field(
        alias="energy_per_conversion", description="one bit line, or pair of them, converted"
    )
    energy_j_per_neuron_update: EnergyPerOperation = Field(alias="energy_per_neuron_update")
    energy_j_per_spike: EnergyPerPacket = Field(0.0, alias="energy_per_spike")
    energy_j_per_message: EnergyPerPacket = Field(0.0, alias="energy_per_message")
    time_s_per_read: TimePerOperation = Field(
        alias="time_per_read", description="driving and settling of an array"
    )
    time_s_per_conversion: TimePerOperation = Field(
        alias="time_per_conversion", description="one conversion of one converter"
    )
    time_s_per_neuron_update: TimePerOperation = Field(0.0, alias="time_per_neuron_update")

    @property
    def bit_slices(self) -> int:
        """Cells that hold the bits of one weight, ``ceil(weight_bits / cell_bits)``."""
        return -(-self.weight_bits // self.cell_bits)

    @property
    def cells_per_weight(self) -> int:
        """Cells of one weight, both columns of a differential pair included."""
        return self.bit_slices * self.differential_columns

    def stored_bits(self, rows: int, columns: int) -> int:
        """Return the bits of the arrays that a weight matrix takes, whole ones.

        Two matrices never share an array, since a driven word line reaches all of it.

        Args:
            rows: Inputs of the matrix.
            columns: Outputs of the matrix.

        Example:
            257 inputs take two arrays of 256 x 128 cells of 4 bits, 262,144 bits:

            >>> Crossbar.model_construct(
            ...     array_rows=256, array_columns=128, cell_bits=4, weight_bits=4
            ... ).stored_bits(257, 1)
            262144
        """
        array_bits = self.array_rows * self.array_columns * self.cell_bits
        return prod(self.blocks(rows, columns)) * array_bits

    def blocks(self, rows: int, columns: int) -> tuple[int, int]:
        """Return how many arrays a weight matrix takes, down its rows and along its columns.

        Args:
            rows: Inputs of the matrix.
            columns: Outputs of the matrix.

        Example:
            1,000 x 100 weights of two cells on arrays of 256 x 128: 4 arrays down, 2 along.

            >>> Crossbar.model_construct(
            ...     array_rows=256, array_columns=128, cell_bits=4, weight_bits=4
            ... ).blocks(1000, 100)
            (4, 2)
        """
        return -(-rows // self.array_rows), -(
            -columns * self.cells_per_weight // self.array_columns
        )

    def constants(self) -> dict[str, float]:
        """Return every number that ``cost`` may use, cells and bit slices of a weight included."""
        derived = {"bit_slices": self.bit_slices, "cells_per_weight": self.cells_per_weight}
        return super().constants() | {name: float(value) for name, value in derived.items()}

    @classmethod
    def cost(cls, events: TileEvents, p: Mapping[str, Any]) -> TileCost:
        """Return energy and busy time.

        ``E = row_activations e_row + synaptic_operations cells_per_weight e_cell
        + column_reads bit_slices e_adc``: a differential pair is subtracted before one
        conversion, the bit slices of a weight are converted apart and added digitally.
        ``busy = position_reads max(t_read, t_sweep) + min(t_read, t_sweep) +
        neuron_updates t_update`` with ``t_sweep = ceil(array_columns /
        (differential_columns adcs_per_array)) t_adc``: columns are sampled and held, so
        that the next read goes on while converters sweep the last one; the shorter of
        the two shows once, in a row with a read.

        Example:
            Three spikes into a dense block of 64 x 32 weights, each of two slices of two
            columns, on arrays of 64 x 128: 3 rows, 96 products, one read of 32 columns.
            Four converters sweep 64 pairs of columns in 16 turns: 20 + 16 ns.

            >>> tile = Crossbar(
            ...     neurons=32, synaptic_memory="2 KiB", weight_bits=8, cell_bits=4,
            ...     array_rows=64, array_columns=128, adcs_per_array=4,
            ...     energy_per_row_activation="5 pJ/op", energy_per_cell="0.25 pJ/op",
            ...     energy_per_conversion="2 pJ/op", energy_per_neuron_update="1 pJ/op",
            ...     time_per_read="20 ns/op", time_per_conversion="1 ns/op",
            ... )
            >>> events = TileEvents(
            ...     row_activations=3, synaptic_operations=96, array_reads=1, column_reads=32,
            ...     position_reads=1, neuron_updates=32,
            ... )
            >>> cost = tile.cost(events, tile.constants())
            >>> [f"{name} {e * 1e12:.0f} pJ" for name, e in cost.energy_j.items() if e]
            ['synaptic_operations 111 pJ', 'conversions 128 pJ', 'neuron_updates 32 pJ']
            >>> f"{cost.busy_s * 1e9:.0f} ns"
            '36 ns'
        """
        import jax.numpy as jnp

        turns = jnp.ceil(p["array_columns"] / (p["differential_columns"] * p["adcs_per_array"]))
        sweep_s, read_s = turns * p["time_s_per_conversion"], p["time_s_per_read"]
        energy = {
            "synaptic_operations": events.row_activations * p["energy_j_per_row_activation"]
            + events.synaptic_operations * (p["cells_per_weight"] * p["energy_j_per_cell"]),
            "conversions": events.column_reads * (p["bit_slices"] * p["energy_j_per_conversion"]),
            "neuron_updates": events.neuron_updates * p["energy_j_per_neuron_update"],
            "messages": events.output_spikes * p["energy_j_per_spike"]
            + events.input_messages * p["energy_j_per_message"],
        }
        shown_once_s = jnp.where(events.position_reads > 0, jnp.minimum(read_s, sweep_s), 0.0)
        busy = (
            events.position_reads * jnp.maximum(read_s, sweep_s)
            + shown_once_s
            + events.neuron_updates * p["time_s_per_neuron_update"]
        )
        return TileCost(energy, busy)
