"""Codecs: the bits of activations that cross a die boundary, as sent and as expected."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from chipletsim.codecs.address_events import AddressEvents, AddressPackets
from chipletsim.codecs.base import LinearBits, SpikeCodec, SpikeCoding, ValueCodec
from chipletsim.codecs.bitmap import Bitmap, BlockedBitmap
from chipletsim.codecs.bounds import CountEntropy, SpikeEntropy
from chipletsim.codecs.rice_gaps import RiceGaps
from chipletsim.codecs.spike_counts import SpikeCounts, fair_bits
from chipletsim.codecs.values import DenseValues, MaskedValues

SPIKE_CODECS: dict[str, type[SpikeCodec]] = {
    "address_events": AddressEvents,
    "address_packets": AddressPackets,
    "bitmap": Bitmap,
    "blocked_bitmap": BlockedBitmap,
    "rice_gaps": RiceGaps,
    "spike_counts": SpikeCounts,
}

VALUE_CODECS: dict[str, type[ValueCodec]] = {
    "dense": DenseValues,
    "masked": MaskedValues,
}

CODECS: dict[str, type[SpikeCodec] | type[ValueCodec]] = {**SPIKE_CODECS, **VALUE_CODECS}
"""Every codec by the name that a file gives as its kind."""

BOUNDS: dict[str, type[SpikeCoding]] = {
    "spike_entropy": SpikeEntropy,
    "count_entropy": CountEntropy,
}
"""Expectations to compare codecs with; nothing can be sent in them."""

if TYPE_CHECKING:
    CodecSpec = SpikeCodec | ValueCodec
    SpikeCodecSpec = SpikeCodec
    ValueCodecSpec = ValueCodec
else:
    CodecSpec = Annotated[reduce(or_, CODECS.values()), Field(discriminator="kind")]
    SpikeCodecSpec = Annotated[reduce(or_, SPIKE_CODECS.values()), Field(discriminator="kind")]
    ValueCodecSpec = Annotated[reduce(or_, VALUE_CODECS.values()), Field(discriminator="kind")]

__all__ = [
    "BOUNDS",
    "CODECS",
    "SPIKE_CODECS",
    "VALUE_CODECS",
    "AddressEvents",
    "AddressPackets",
    "Bitmap",
    "BlockedBitmap",
    "CodecSpec",
    "CountEntropy",
    "DenseValues",
    "LinearBits",
    "MaskedValues",
    "RiceGaps",
    "SpikeCodec",
    "SpikeCodecSpec",
    "SpikeCoding",
    "SpikeCounts",
    "SpikeEntropy",
    "ValueCodec",
    "ValueCodecSpec",
    "fair_bits",
]
