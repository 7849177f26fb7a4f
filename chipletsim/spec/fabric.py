"""The fabric file: how devices are joined, inside a node and between nodes."""

from __future__ import annotations

from pydantic import Field

from chipletsim.spec.base import Spec
from chipletsim.units import Bandwidth, EnergyPerBit, Time


class FabricSpec(Spec):
    """A technology that joins dense devices, seen from one of them."""

    name: str
    bandwidth_bit_per_s: Bandwidth = Field(
        alias="bandwidth", description="per device and direction, all its links together"
    )
    latency_s: Time = Field(alias="latency", description="of one message from device to device")
    energy_j_per_bit: EnergyPerBit = Field(alias="energy_per_bit", description="end to end")


class NodeSpec(Spec):
    """How devices of one type are built into nodes."""

    devices: int = Field(ge=1, le=65_536, description="in one node")
    inside: FabricSpec = Field(description="joins the devices of a node")
    between: FabricSpec = Field(description="joins devices of different nodes")
