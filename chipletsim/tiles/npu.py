"""A dense systolic array: every product is made, whatever spiked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from chipletsim.tiles.base import TileCost, TileEvents, TileParameters
from chipletsim.units import EnergyPerBit, EnergyPerOperation, EnergyPerPacket, Frequency


class Npu(TileParameters):
    """A weight-stationary systolic array of multiply-accumulate units.

    It computes every product of a layer in each step in which the layer advances.
    With ``zero_gating`` a product with a silent input costs less energy, but no less
    time. Synapses that a sparse projection leaves out take their time in the array, but
    no energy.
    """

    streams_weights: ClassVar[bool] = True

    kind: Literal["npu"] = "npu"
    array_rows: int = Field(ge=1, description="units along the inputs")
    array_columns: int = Field(ge=1, description="units along the outputs")
    clock_hz: Frequency = Field(alias="clock")
    energy_j_per_mac: EnergyPerOperation = Field(
        alias="energy_per_mac", description="one multiply-accumulate, memories left out"
    )
    zero_gating: bool = Field(False, description="a product with a silent input is suppressed")
    energy_j_per_gated_mac: EnergyPerOperation = Field(
        0.0, alias="energy_per_gated_mac", description="one suppressed product"
    )
    sram_energy_j_per_bit: EnergyPerBit = Field(
        alias="sram_energy_per_bit", description="reading a bit of a weight into the array"
    )
    energy_j_per_neuron_update: EnergyPerOperation = Field(
        0.0, alias="energy_per_neuron_update", description="accumulator, membrane and threshold"
    )
    energy_j_per_spike: EnergyPerPacket = Field(0.0, alias="energy_per_spike")
    energy_j_per_message: EnergyPerPacket = Field(0.0, alias="energy_per_message")

    def dense_cycles(self, rows: int, columns: int, positions: int, groups: int = 1) -> int:
        """Return the clock cycles of one dense product of a block.

        The weights are cut into folds of the array's size. A fold takes R cycles to
        load its weights, and streams ``positions`` input vectors through R + C - 2
        further stages of skew, so a block takes

        ``(2 R + C + positions - 2) ceil(rows / R) ceil(columns / C) groups``

        cycles for an array of R x C units (A. Samajdar et al., "A systematic
        methodology for characterizing scalability of DNN accelerators using
        SCALE-Sim", ISPASS 2020).

        Args:
            rows: Inputs of the weight matrix of a group.
            columns: Outputs of the weight matrix of a group.
            positions: Input vectors, the output pixels of a convolution, 1 if dense.
            groups: Matrices of this size, one for each group of a convolution.

        Example:
            9 x 16 weights on 8 x 8 units are 2 x 2 folds of 16 + 8 + 100 - 2 cycles.

            >>> Npu.model_construct(array_rows=8, array_columns=8).dense_cycles(9, 16, 100)
            488
        """
        folds = -(-rows // self.array_rows) * -(-columns // self.array_columns)
        return (2 * self.array_rows + self.array_columns + positions - 2) * folds * groups

    @classmethod
    def cost(cls, events: TileEvents, p: Mapping[str, Any]) -> TileCost:
        """Return energy and busy time.

        ``E = active e_mac + (dense_operations - active) e_silent + weight_reads
        weight_bits e_sram`` with ``active = min(synaptic_operations, dense_operations)``
        and ``e_silent`` the energy of a gated product, or of a full one without zero
        gating. ``busy = dense_cycles / clock``.

        Example:
            A dense layer of 64 x 10 8-bit weights with five of its inputs active:

            >>> tile = Npu(
            ...     neurons=10, synaptic_memory="1 KiB", weight_bits=8, array_rows=8,
            ...     array_columns=8, clock="1 GHz", energy_per_mac="0.5 pJ/op", zero_gating=True,
            ...     energy_per_gated_mac="0.1 pJ/op", sram_energy_per_bit="0.25 pJ/bit",
            ... )
            >>> events = TileEvents(
            ...     synaptic_operations=50, dense_operations=640, weight_reads=640,
            ...     dense_cycles=tile.dense_cycles(64, 10, 1),
            ... )
            >>> cost = tile.cost(events, tile.constants())
            >>> [f"{name} {e * 1e12:.0f} pJ" for name, e in cost.energy_j.items() if e]
            ['synaptic_operations 84 pJ', 'memory 1280 pJ']
            >>> f"{cost.busy_s * 1e9:.0f} ns"
            '368 ns'
        """
        import jax.numpy as jnp

        active = jnp.minimum(events.synaptic_operations, events.dense_operations)
        silent = events.dense_operations - active
        silent_energy_j = jnp.where(
            p["zero_gating"] > 0, p["energy_j_per_gated_mac"], p["energy_j_per_mac"]
        )
        energy = {
            "synaptic_operations": active * p["energy_j_per_mac"] + silent * silent_energy_j,
            "memory": events.weight_reads * (p["weight_bits"] * p["sram_energy_j_per_bit"]),
            "neuron_updates": events.neuron_updates * p["energy_j_per_neuron_update"],
            "messages": events.output_spikes * p["energy_j_per_spike"]
            + events.input_messages * p["energy_j_per_message"],
        }
        return TileCost(energy, events.dense_cycles / p["clock_hz"])
