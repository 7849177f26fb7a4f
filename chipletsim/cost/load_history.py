"""Load of the links over time, in a table whose size does not grow with the run."""

from __future__ import annotations

import numpy as np

MOST_BINS = 1024
"""Longest table of bits; longer runs put 2, 4, 8, ... rows in a bin."""


class LoadHistory:
    """Bits of each link by row, or ticks, rows joined in bins once there are too many.

    Bins hold a power of two of rows, the least for which they suffice, so the table does
    not depend on the order in which rows come.

    Args:
        links: Number of links.
        most_bins: Of the table; a power of two.

    Attributes:
        rows_per_bin: Rows in a bin.
    """

    def __init__(self, links: int, most_bins: int = MOST_BINS) -> None:
        self._most_bins = most_bins
        self._bits = np.zeros((most_bins, links), np.int64)
        self._last = -1
        self.rows_per_bin = 1

    def reach(self, row: int) -> None:
        """Take that there are rows up to this one, whether or not they have bits."""
        self._last = max(self._last, row)
        while self._last // self.rows_per_bin >= self._most_bins:
            half = self._most_bins // 2
            self._bits[:half] = self._bits[0::2] + self._bits[1::2]
            self._bits[half:] = 0
            self.rows_per_bin *= 2

    def add(self, rows: np.ndarray, bits: np.ndarray) -> None:
        """Add the bits of some rows.

        Args:
            rows: int64 [added], number of each row.
            bits: int64 [added, links].
        """
        self.reach(int(rows.max(initial=-1)))
        bins = rows // self.rows_per_bin
        if np.all(np.diff(bins) > 0):
            self._bits[bins] += bits
        elif rows.size:
            order = np.argsort(bins, kind="stable")
            bins, first = np.unique(bins[order], return_index=True)
            self._bits[bins] += np.add.reduceat(bits[order], first, axis=0)

    def table(self) -> np.ndarray:
        """Return int64 [bins, links], up to the last row that there is."""
        return self._bits[: self._last // self.rows_per_bin + 1].copy()
