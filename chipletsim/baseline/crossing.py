"""One boundary that activations cross, and what its link takes for their bits."""

from __future__ import annotations

from functools import reduce
from math import ceil
from operator import or_
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from chipletsim.codecs import SPIKE_CODECS, SpikeCodec
from chipletsim.codecs.conversion import Conversion
from chipletsim.spec.base import Spec
from chipletsim.spec.package import LinkSpec
from chipletsim.units import Time

if TYPE_CHECKING:
    SpikeCodecSpec = SpikeCodec
else:
    SpikeCodecSpec = Annotated[reduce(or_, SPIKE_CODECS.values()), Field(discriminator="kind")]


class BoundarySpec(Spec):
    """One boundary that activations cross, dense or as spikes."""

    activations: int = Field(ge=1, le=1 << 40)
    dense_bits: int = Field(8, ge=1, le=64, description="of a dense activation")
    link: LinkSpec
    codec: SpikeCodecSpec
    conversion: Conversion
    barrier_s: Time = Field(0.0, alias="barrier", description="after each step of spikes")
    flush: bool = Field(False, description="whether each step ends its last frame")


def payload_energy_j_per_bit(link: LinkSpec) -> float:
    """Return the energy of a bit of payload, with its part of the frame and retransmissions."""
    if link.frame is None:
        return link.expected_energy_j_per_bit
    return link.expected_energy_j_per_bit * link.frame.total_bits / link.frame.payload_bits


def _wire_s(link: LinkSpec, payload_bits: float) -> float:
    """Return the time of sending bits in whole flits and frames, at least one."""
    sent = max(ceil(payload_bits / link.flit_bits - 1e-9), 1) * link.flit_bits
    if link.frame is not None:
        sent = ceil(sent / link.frame.payload_bits) * link.frame.total_bits
    return sent / link.expected_bandwidth_bit_per_s


def spike_time_s(boundary: BoundarySpec, bits: float, steps: int) -> float:
    """Return the time of an inference as spikes, with ``bits`` expected of an activation."""
    link, all_bits = boundary.link, bits * boundary.activations
    messages = steps if boundary.flush else 1
    wire_s = messages * _wire_s(link, all_bits / messages)
    return link.expected_latency_s + wire_s + steps * boundary.barrier_s


def dense_time_s(boundary: BoundarySpec) -> float:
    """Return the time of an inference as dense activations."""
    link, all_bits = boundary.link, boundary.activations * boundary.dense_bits
    return link.expected_latency_s + _wire_s(link, all_bits)
