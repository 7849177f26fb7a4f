"""The device file: a dense processor for the roofline baseline."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chipletsim.errors import UsageError
from chipletsim.spec.base import Spec
from chipletsim.spec.fabric import NodeSpec
from chipletsim.units import (
    Bandwidth,
    EnergyPerBit,
    EnergyPerOperation,
    OperationRate,
    PositiveBits,
    Power,
    Time,
)

NumberType = Literal["fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4", "int4"]

# tf32 is kept in memory in 32 bits; only its products are shorter.
TYPE_BITS: dict[str, int] = {
    "fp64": 64, "fp32": 32, "tf32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "fp4": 4,
    "int4": 4,
}  # fmt: skip


class NumberTypeSpec(Spec):
    """What a device does in one more number type."""

    peak_flop_per_s: OperationRate = Field(alias="peak", description="dense")
    energy_j_per_flop: EnergyPerOperation = Field(alias="energy_per_flop")


class DeviceSpec(Spec):
    """A GPU or another dense device, by its roofline."""

    name: str
    peak_flop_per_s: OperationRate = Field(alias="peak", description="dense, in the type below")
    dtype: str = Field(description="number type the peak is for, such as fp16")
    dtype_bits: int = Field(16, ge=1, le=64)
    other_dtypes: dict[NumberType, NumberTypeSpec] = Field(
        default_factory=dict, description="peaks in further number types"
    )
    kernel_efficiency: float = Field(
        1.0, gt=0, le=1, description="share of the peak that a large product reaches"
    )
    memory_bandwidth_bit_per_s: Bandwidth = Field(alias="memory_bandwidth")
    memory_efficiency: float = Field(
        1.0, gt=0, le=1, description="share of the bandwidth that a long read reaches"
    )
    memory_bits: PositiveBits | None = Field(
        None, alias="memory", description="capacity; nothing is too large if left out"
    )
    kernel_overhead_s: Time = Field(alias="kernel_overhead", description="per kernel launched")
    energy_j_per_flop: EnergyPerOperation = Field(alias="energy_per_flop")
    memory_energy_j_per_bit: EnergyPerBit = Field(alias="memory_energy_per_bit")
    idle_power_w: Power = Field(alias="idle_power")
    link_bandwidth_bit_per_s: Bandwidth = Field(
        alias="link_bandwidth", description="to other devices, per direction"
    )
    link_energy_j_per_bit: EnergyPerBit = Field(alias="link_energy_per_bit")
    link_latency_s: Time = Field(0.0, alias="link_latency")
    node: NodeSpec | None = Field(
        None, description="how devices are joined; all of them by the link above if left out"
    )

    def in_type(self, dtype: str) -> DeviceSpec:
        """Return the device with peak, energy and width of another number type.

        Args:
            dtype: Name of the type, such as ``fp8``.

        Raises:
            UsageError: The device has no peak in that type.
        """
        if dtype == self.dtype:
            return self
        found = next((spec for name, spec in self.other_dtypes.items() if name == dtype), None)
        if found is None:
            known = ", ".join([self.dtype, *self.other_dtypes])
            raise UsageError(f"{self.name} has no peak in {dtype!r}; it has: {known}")
        return self.model_copy(
            update={
                "dtype": dtype,
                "dtype_bits": TYPE_BITS[dtype],
                "peak_flop_per_s": found.peak_flop_per_s,
                "energy_j_per_flop": found.energy_j_per_flop,
            }
        )
