"""Rows of a sparse table that are equal, found by hashing and then compared."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse


def group_rows(table: Any, *keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each row, and one row of each group.

    Rows are compared by two independent 64-bit hashes, and then entry by entry, so that a
    collision can never merge two different rows.

    Args:
        table: csr_array [rows, columns] of integers, with sorted indices.
        keys: Integers [rows] that must be equal, too; the last sorts first.

    Returns:
        int64 [rows], groups numbered in the order of the keys; int64 [groups].
    """
    seed = 0
    group, member = _hashed(table, keys, seed)
    while not _same_rows(table, member[group]):
        seed += 1
        group, member = _hashed(table, keys, seed)
    return group, member


def _hashed(table: Any, keys: tuple[np.ndarray, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what ``group_rows`` does, by hash.

    The hash of a row is the sum of its entries times random odd words, modulo 2^64.
    """
    words = np.random.default_rng(seed).integers(0, 2**63, (2, table.shape[1]), np.uint64)
    counts = sparse.csr_array(
        (table.data.astype(np.uint64), table.indices, table.indptr), table.shape
    )
    order_by = (*(counts @ (2 * word + np.uint64(1)) for word in words), *keys)
    order = np.lexsort(order_by)
    changes = np.zeros(order.size, bool)
    for key in order_by:
        changes[1:] |= np.diff(key[order]) != 0
    group = np.empty(order.size, np.int64)
    group[order] = np.cumsum(changes)
    starts = np.flatnonzero(changes)
    return group, order[np.concatenate([[0], starts])] if order.size else order


def _same_rows(table: Any, reference: np.ndarray) -> bool:
    """Return whether each row of ``table`` equals its row ``reference``."""
    lengths = np.diff(table.indptr)
    if not np.array_equal(lengths, lengths[reference]):
        return False
    differs = np.flatnonzero(reference != np.arange(reference.size))
    mine, other = table[differs], table[reference[differs]]
    return np.array_equal(mine.indices, other.indices) and np.array_equal(mine.data, other.data)
