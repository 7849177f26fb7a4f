"""What of a projection is known when a native call is planned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KINDS = {"sparse": 0, "dense": 1, "conv": 2, "currents": 3}
"""Values of ``enum class Kind``."""
NUMBERS = {np.dtype(np.int8): 0, np.dtype(np.int16): 1, np.dtype(np.float32): 2}
"""Values of ``enum class Weights``."""


@dataclass(frozen=True)
class NativeGeometry:
    """What of a projection is known when a call is planned.

    Attributes:
        kind: Key of ``KINDS``.
        numbers: Value of ``NUMBERS``: the type of the weights.
        with_values: Whether events carry values: graded ones, or rounded sums of a pooling.
        sources: Neurons of the source, behind the pooling in front.
        largest: Most events of a row, those of a pooling in front counted.
        pooled: Windows whose sums are rounded before use; 0 where none are.
        pooled_weight: What they are multiplied by.
        shape: Geometry of a convolution, in the order of ``ConvShape``.
    """

    kind: str
    numbers: int
    with_values: bool
    sources: int
    largest: int
    pooled: int = 0
    pooled_weight: float = 1.0
    shape: tuple[int, ...] = ()
