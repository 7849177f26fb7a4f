"""What our writer notes in a file beside what NIR says, so that our reader finds it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chipletsim.network.connections import Sparse

VALUE_BITS_KEY = "chipletsim_value_bits"
STEPS_KEY = "chipletsim_steps"
SHAPE_KEY = "chipletsim_shape"
"""On a node whose values are a population: its shape."""
ALONE_KEY = "chipletsim_alone"
"""On a node whose values are a population of their own."""
ROWS_KEY = "chipletsim_indptr"
TARGETS_KEY = "chipletsim_targets"
"""On a matrix that stands for listed synapses: those of each source, as in ``Sparse``."""

LATE = "_late"
"""Ending of models with a bias that begins later."""
CURRENT = "current"
"""Model of values that are a population of their own."""


def sparse_notes(connection: Sparse) -> dict[str, Any]:
    """Return the metadata of a matrix that stands for listed synapses."""
    return {ROWS_KEY: connection.indptr, TARGETS_KEY: connection.targets}


def listed(weight: np.ndarray, metadata: Mapping[str, Any]) -> Sparse | None:
    """Return the listed synapses that a matrix stands for; None where it is a matrix.

    Args:
        weight: float32 [targets, sources].
        metadata: That of its node.

    Raises:
        ValueError: The list is damaged, or leaves out a weight.
    """
    if ROWS_KEY not in metadata or TARGETS_KEY not in metadata:
        return None
    indptr, targets = (np.asarray(metadata[key]) for key in (ROWS_KEY, TARGETS_KEY))
    if any(each.ndim != 1 or each.dtype.kind not in "iu" for each in (indptr, targets)):
        raise ValueError("the metadata that lists its synapses is damaged")
    count, sources = weight.shape
    found = Sparse(
        indptr.astype(np.int64), targets.astype(np.int32), np.zeros(targets.size, np.float32), count
    )
    problem = found.problem((sources,), (count,))
    if problem:
        raise ValueError(f"the metadata that lists its synapses is damaged: {problem}")
    rows = np.repeat(np.arange(sources), np.diff(found.indptr))
    if np.count_nonzero(weight[found.targets, rows]) != np.count_nonzero(weight):
        raise ValueError("the metadata that lists its synapses leaves out some with a weight")
    return found.with_weights(weight[found.targets, rows])
