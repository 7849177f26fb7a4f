"""Codecs of dense activations: one value per neuron and evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from chipletsim.codecs.base import LinearBits, ValueCodec
from chipletsim.units import PositivePacketBits

if TYPE_CHECKING:
    import numpy as np


class DenseValues(ValueCodec):
    """Every value in ``width_bits``, in the order of neurons.

        bits = N b

    Example:
        >>> import numpy as np
        >>> DenseValues(width="8 bit").bits(np.array([[3, 0, 1], [0, 0, 0]])).tolist()
        [24, 24]
    """

    kind: Literal["dense"] = "dense"
    width_bits: PositivePacketBits = Field(alias="width", description="of one value")

    def _bits(self, values: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.full(values.shape[:-1], values.shape[-1] * self.width_bits, np.int64)

    def _linear_bits(self, neurons: int) -> LinearBits:
        return LinearBits(0, neurons * self.width_bits)

    def _expected_bits(self, neurons: int, share_of_zeros: float) -> float:
        return neurons * self.width_bits


class MaskedValues(ValueCodec):
    """For each neuron in order a bit that says whether its value is 0, and if not the value.

        bits = N (1 + (1 - z) b), z the share of zeros

    Example:
        >>> import numpy as np
        >>> MaskedValues(width="8 bit").bits(np.array([[3, 0, 1], [0, 0, 0]])).tolist()
        [19, 3]
        >>> MaskedValues(width="8 bit").expected_bits(neurons=100, share_of_zeros=0.75)
        300.0
    """

    kind: Literal["masked"] = "masked"
    width_bits: PositivePacketBits = Field(alias="width", description="of one value but 0")

    def _bits(self, values: np.ndarray) -> np.ndarray:
        sent = (values != 0).sum(axis=-1, dtype="int64")
        return sent * self.width_bits + values.shape[-1]

    def _linear_bits(self, neurons: int) -> LinearBits:
        return LinearBits(self.width_bits, neurons)

    def _expected_bits(self, neurons: int, share_of_zeros: float) -> float:
        return neurons * (1 + (1 - share_of_zeros) * self.width_bits)
