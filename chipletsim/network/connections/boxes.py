"""Boxes of a population: sizes, members, and which box holds a neuron."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np
from scipy import sparse

Shape = tuple[int, ...]
Box = tuple[tuple[int, int], ...]


def box_sizes(boxes: Iterable[Box]) -> np.ndarray:
    """Return int64 [boxes]: neurons in each box."""
    return np.array([prod(stop - start for start, stop in box) for box in boxes], np.int64)


def box_slices(box: Box) -> tuple[slice, ...]:
    """Return the index of a box in an array of the population's shape."""
    return tuple(slice(start, stop) for start, stop in box)


def box_owners(shape: Shape, boxes: list[Box]) -> np.ndarray:
    """Return int32 [neurons]: the box that holds each neuron, or -1.

    Raises:
        ValueError: Two boxes overlap.
    """
    owner = np.full(shape, -1, np.int32)
    for number, box in enumerate(boxes):
        owner[box_slices(box)] = number
    if np.count_nonzero(owner >= 0) != box_sizes(boxes).sum():
        raise ValueError("boxes overlap, or reach beyond the population")
    return owner.ravel()


def counts_by_row(indptr: np.ndarray, columns: np.ndarray, n_columns: int) -> Any:
    """Return csr_array int64 [rows, n_columns]: how often each column stands in each row.

    Args:
        indptr: int64 [rows + 1], where each row's entries start.
        columns: Integer column of each entry, -1 to leave it out.
        n_columns: Number of columns.
    """
    kept = columns >= 0
    if not kept.all():
        indptr = np.concatenate([[0], np.cumsum(kept)])[indptr]
        columns = columns[kept]
    ones = np.ones(columns.size, np.int64)
    # Summing duplicates works in place, and the caller's indptr may be the network's own.
    arrays = (ones, columns, indptr.copy())
    counts = sparse.csr_array(arrays, shape=(indptr.size - 1, n_columns))
    counts.sum_duplicates()
    return counts


def outer_products(shape: Shape, factors: list[np.ndarray]) -> Any:
    """Return csr_array int64 [neurons, boxes]: products of counts along each axis.

    Args:
        shape: Shape of the population.
        factors: For each axis, int64 [length of the axis, boxes].
    """
    n_boxes = factors[0].shape[1]
    rows, data = [], []
    for box in range(n_boxes):
        members = [np.flatnonzero(factor[:, box]) for factor in factors]
        rows.append(np.ravel_multi_index(np.ix_(*members), shape).ravel())
        value = np.ones((), np.int64)
        for factor, member in zip(factors, members, strict=True):
            value = np.multiply.outer(value, factor[member, box])
        data.append(value.ravel())
    columns = np.repeat(np.arange(n_boxes), [row.size for row in rows])
    if not rows:
        return sparse.csr_array((prod(shape), 0), dtype=np.int64)
    entries = (np.concatenate(data), (np.concatenate(rows), columns))
    return sparse.coo_array(entries, shape=(prod(shape), n_boxes)).tocsr()
