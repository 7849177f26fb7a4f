"""Lists of whole numbers: stretches of them, and those that differ."""

from __future__ import annotations

import numpy as np


def listed(first: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return the whole numbers of stretches, one stretch after the other.

    Args:
        first: int64 [stretches], where each begins.
        count: int64 [stretches], how many numbers each has.

    Returns:
        int64 [sum of counts], such as 5, 6, 7, 2, 3 for firsts of 5 and 2, counts of 3 and 2.
    """
    return np.arange(int(count.sum())) + np.repeat(first - np.cumsum(count) + count, count)


def distinct(values: np.ndarray) -> np.ndarray:
    """Return the numbers that differ, sorted: ``np.unique``, which hashes, is slow for millions."""
    ordered = np.sort(values)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])[: ordered.size]]
