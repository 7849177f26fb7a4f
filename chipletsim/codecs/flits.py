"""Flits of a die-to-die link: how many carry the bits of each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from chipletsim.codecs.base import check_dense_bits, check_whole
from chipletsim.errors import UsageError
from chipletsim.spec.base import Spec
from chipletsim.units import PositivePacketBits, Time

if TYPE_CHECKING:
    import numpy as np


class FrameSpec(Spec):
    """Link-layer frames into which packets or messages are packed, such as the flits of UCIe.

    Each step ends its last frame.
    """

    payload_bits: PositivePacketBits = Field(
        alias="payload", description="bits of packets or messages in a frame"
    )
    total_bits: PositivePacketBits = Field(alias="total", description="bits of a frame on the wire")
    wait_s: Time = Field(
        0.0,
        alias="wait",
        description="how long the first packet of a frame waits for others at most, before it goes "
        "on a free link (timing `queue`, `cycle`; `bound` fills all but the last frame of a step)",
    )

    @model_validator(mode="after")
    def _total_holds_payload(self) -> FrameSpec:
        if self.total_bits < self.payload_bits:
            raise ValueError("total must be at least payload")
        return self


UCIE_68B = FrameSpec.model_validate({"payload": "512 bit", "total": "544 bit"})
"""UCIe 68 B: 64 B payload, 2 B header, 2 B CRC (UCIe specification 1.0 to 2.0, read in
second-hand notes)."""

UCIE_256B_STANDARD = FrameSpec.model_validate({"payload": "1888 bit", "total": "2048 bit"})
"""UCIe standard 256 B: 236 B payload, 6 B header and CRC, 14 B reserved and for the data link
(UCIe specification 1.0 to 2.0; overhead read in second-hand notes, payload recalled)."""

UCIE_256B_OPTIMISED = FrameSpec.model_validate({"payload": "2000 bit", "total": "2048 bit"})
"""UCIe latency-optimised 256 B with optional bytes: 250 B payload, 6 B header and CRC (UCIe
specification 1.0 to 2.0, read in second-hand notes)."""


def flits(bits: np.ndarray, flit: FrameSpec, *, flush: bool) -> np.ndarray:
    """Return the flits sent after each step.

    With a flush each step sends all its bits, ``max(1, ceil(bits / payload))`` flits: even
    an empty step sends one, by which the receiver knows that it is over. Without, bits of
    several steps share flits: a step sends those that are full by then, and the last one
    the rest, ``ceil(sum of bits / payload)`` flits in all.

    Args:
        bits: Integers [..., steps], such as `SpikeCodec.bits` gives.
        flit: Format of the link.
        flush: Whether the receiver needs each step before the next one starts.

    Returns:
        int64 [..., steps].

    Raises:
        UsageError: The array is of another type or shape, or holds a negative number.

    Example:
        >>> import numpy as np
        >>> bits = np.array([0, 100, 600])
        >>> flits(bits, UCIE_68B, flush=True).tolist()
        [1, 1, 2]
        >>> flits(bits, UCIE_68B, flush=False).tolist()
        [0, 0, 2]
    """
    import numpy as np

    if not isinstance(bits, np.ndarray) or bits.dtype.kind not in "iu":
        raise UsageError("bits must be a NumPy array of integers")
    if bits.ndim < 1 or bits.shape[-1] < 1:
        raise UsageError(f"bits must be [..., steps], got the shape {bits.shape}")
    bits = bits.astype(np.int64)
    if bits.min(initial=0) < 0:
        raise UsageError(f"bits must not be negative, got {bits.min()}")
    if flush:
        return np.maximum(1, -(-bits // flit.payload_bits))
    sent = np.cumsum(bits, axis=-1)
    full = sent // flit.payload_bits
    full[..., -1] = -(-sent[..., -1] // flit.payload_bits)
    return np.diff(full, axis=-1, prepend=0)


def flit_floor_neurons(steps: int, flit: FrameSpec, dense_bits: int) -> int:
    """Return the most neurons that dense activations send in T flits: ``T payload / b``.

    With a flush after each step spikes take at least T flits, so that for so many neurons
    or fewer they can never send fewer flits than dense activations of b bits.

    Example:
        >>> flit_floor_neurons(8, UCIE_68B, 8), flit_floor_neurons(8, UCIE_256B_STANDARD, 8)
        (512, 1888)

    Raises:
        UsageError: A number is out of range.
    """
    check_whole("steps", steps)
    check_dense_bits(dense_bits)
    return int(steps * flit.payload_bits // dense_bits)
