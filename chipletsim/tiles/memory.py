"""A memory, such as an SRAM macro or an HBM stack: it holds other tiles' weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from chipletsim.tiles.base import TileCost, TileEvents, TileParameters
from chipletsim.units import Bandwidth, EnergyPerBit, EnergyPerPacket, Time


class Memory(TileParameters):
    """A memory that sends weights to tiles whose own memory is too small.

    Its capacity is ``synaptic_memory``; no neurons live on it.
    """

    computes: ClassVar[bool] = False

    kind: Literal["memory"] = "memory"
    neurons: int = Field(0, ge=0, le=0, description="none live on a memory")
    energy_j_per_bit: EnergyPerBit = Field(alias="energy_per_bit", description="one bit read")
    energy_j_per_request: EnergyPerPacket = Field(0.0, alias="energy_per_request")
    bandwidth_bit_per_s: Bandwidth = Field(alias="bandwidth")
    access_latency_s: Time = Field(alias="access_latency", description="from request to first bit")

    @classmethod
    def cost(cls, events: TileEvents, p: Mapping[str, Any]) -> TileCost:
        """Return energy and busy time of the weights read.

        ``E = bits e_bit + requests e_request``; ``busy = bits / bandwidth``, plus the
        access latency once in a row with a request, since requests overlap.

        Example:
            >>> memory = Memory(
            ...     synaptic_memory="1 GiB", energy_per_bit="4 pJ/bit", bandwidth="1 Tb/s",
            ...     access_latency="100 ns",
            ... )
            >>> events = TileEvents(memory_read_bits=8000, memory_requests=10)
            >>> cost = memory.cost(events, memory.constants())
            >>> f"{cost.energy_j['memory'] * 1e9:.0f} nJ, {cost.busy_s * 1e9:.0f} ns"
            '32 nJ, 108 ns'
        """
        import jax.numpy as jnp

        energy = {
            "memory": events.memory_read_bits * p["energy_j_per_bit"]
            + events.memory_requests * p["energy_j_per_request"]
        }
        latency = jnp.where(events.memory_requests > 0, p["access_latency_s"], 0.0)
        return TileCost(energy, events.memory_read_bits / p["bandwidth_bit_per_s"] + latency)
