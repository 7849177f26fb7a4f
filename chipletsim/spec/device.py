"""The device file: a dense processor for the roofline baseline."""

from __future__ import annotations

from pydantic import Field

from chipletsim.spec.base import Spec
from chipletsim.units import Bandwidth, EnergyPerBit, EnergyPerOperation, OperationRate, Power, Time


class DeviceSpec(Spec):
    """A GPU or another dense device, by its roofline."""

    name: str
    peak_flop_per_s: OperationRate = Field(alias="peak", description="dense, in the type below")
    dtype: str = Field(description="number type the peak is for, such as fp16")
    dtype_bits: int = Field(16, ge=1, le=64)
    memory_bandwidth_bit_per_s: Bandwidth = Field(alias="memory_bandwidth")
    kernel_overhead_s: Time = Field(alias="kernel_overhead", description="per kernel launched")
    energy_j_per_flop: EnergyPerOperation = Field(alias="energy_per_flop")
    memory_energy_j_per_bit: EnergyPerBit = Field(alias="memory_energy_per_bit")
    idle_power_w: Power = Field(alias="idle_power")
    link_bandwidth_bit_per_s: Bandwidth = Field(
        alias="link_bandwidth", description="to other devices, per direction"
    )
    link_energy_j_per_bit: EnergyPerBit = Field(alias="link_energy_per_bit")
    link_latency_s: Time = Field(0.0, alias="link_latency")
