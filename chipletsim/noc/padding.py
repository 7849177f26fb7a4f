"""Shapes rounded up, so that similar mappings share one compiled program."""

from __future__ import annotations

import numpy as np


def rounded_up(size: int) -> int:
    """Return the least of 8, 9, ..., 15 times a power of two that is at least ``size``.

    Programs are compiled for shapes; with sizes rounded up by at most an eighth, the
    points of a sweep over mappings or seeds mostly find theirs compiled already.

    Example:
        >>> [rounded_up(size) for size in (0, 3, 8, 17, 1000)]
        [8, 8, 8, 18, 1024]
    """
    step = 1
    while step * 15 < size:
        step *= 2
    return step * max(-(-size // step), 8)


def padded(array: np.ndarray, size: int, value: int) -> np.ndarray:
    """Return ``array`` with its last axis filled up to ``size`` with ``value``."""
    missing = [(0, 0)] * (array.ndim - 1) + [(0, size - array.shape[-1])]
    return np.pad(array, missing, constant_values=value)
