"""Where each neuron's synapses lie: the one table that traffic and capacities share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class FanOut:
    """Synapses of every neuron in every block; a block is one projection into one slice.

    Attributes:
        synapses: scipy.sparse.csr_array of int64 [neurons, blocks], the number of
            synapses of a source neuron in a block (pooling in front included).
        block_projection: int32 [blocks], index of the projection.
        block_slice: int32 [blocks], index of the target slice.
    """

    synapses: Any
    block_projection: np.ndarray
    block_slice: np.ndarray
