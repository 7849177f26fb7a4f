"""The narrowest numbers in which the weights of a projection add up exactly.

Weights that are whole multiples of one power of two, up to 127 or 32,767 of them, are kept as
such in 8 or 16 bits and added in 32. All others are kept as float32 and added in float64, which
is exact once ``chipletsim.engine.exact`` has rounded them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_CHUNK = 1 << 22
_MOST_SUM = 2**31 - 1
_NARROW = ((np.int8, 127), (np.int16, 32767))


class Weights(NamedTuple):
    """Weights of a projection as the kernels add them.

    Attributes:
        values: int8, int16 or float32, of the shape of the weights.
        scale: What 1 stands for; a power of two, 1 for float32.
    """

    values: np.ndarray
    scale: float


def narrowest(weights: np.ndarray, terms: int) -> Weights:
    """Return weights of spikes in the narrowest numbers.

    Args:
        weights: float32, all finite.
        terms: Most of them that are added for one target in a step.
    """
    step = _common_step(weights)
    largest = float(max(weights.max(initial=0.0), -weights.min(initial=0.0))) / step
    for dtype, most in _NARROW:
        if largest <= most and largest * terms <= _MOST_SUM:
            values = np.empty(weights.shape, dtype)
            for part in _chunks(weights.size):
                values.reshape(-1)[part] = weights.reshape(-1)[part] / np.float32(step)
            return Weights(values, step)
    return Weights(np.asarray(weights, np.float32), 1.0)


def _common_step(weights: np.ndarray) -> float:
    """Return the largest power of two of which all weights are whole multiples; 1 if all are 0."""
    lowest = 200
    for part in _chunks(weights.size):
        mantissa, exponent = np.frexp(weights.reshape(-1)[part])
        whole = np.ldexp(mantissa, 24).astype(np.int32)
        used = whole != 0
        # The lowest set bit of the mantissa, a power of two of its own.
        bit = np.frexp((whole & -whole).astype(np.float32))[1] - 1
        lowest = min(lowest, int((exponent - 24 + bit)[used].min(initial=lowest)))
    return 1.0 if lowest == 200 else float(np.ldexp(1.0, lowest))


def _chunks(size: int) -> list[slice]:
    return [slice(first, min(first + _CHUNK, size)) for first in range(0, size, _CHUNK)]
