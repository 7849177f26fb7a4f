"""The Pareto front: points that no other point beats in every objective."""

from __future__ import annotations

import numpy as np


def pareto_front(values: np.ndarray) -> np.ndarray:
    """Return which points are on the front, all objectives minimised.

    A point is dominated if another is no worse in every objective and better in one.
    Equal points are both kept. A point with a NaN is never on the front.

    Args:
        values: float [points, objectives].

    Returns:
        bool [points].

    Example:
        >>> pareto_front(np.array([[1.0, 4.0], [2.0, 2.0], [3.0, 3.0]])).tolist()
        [True, True, False]
    """
    values = np.asarray(values, np.float64)
    known = np.flatnonzero(~np.isnan(values).any(axis=1))
    # In lexical order no point is dominated by a later one, so one pass over the front does.
    order = known[np.lexsort(values[known].T[::-1])]
    front = np.empty((0, values.shape[1]))
    kept = np.zeros(len(values), bool)
    for point in order:
        candidate = values[point]
        no_worse = (front <= candidate).all(axis=1)
        if not (no_worse & (front < candidate).any(axis=1)).any():
            kept[point] = True
            front = np.vstack([front, candidate])
    return kept
