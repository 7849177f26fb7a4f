"""Distributions of whole numbers in bounded memory: exact while few differ."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MOST_VALUES = 16_384
"""Values that are told apart, at most."""
_ALL_BITS = 63


class Quantiles(NamedTuple):
    """A distribution in a few numbers; all are None but their number where there is nothing.

    Attributes:
        number: How many there are.
        mean: Exact but for the rounding of one division.
        p50: The median; as all percentiles by nearest rank: the least value that is not below so
            large a share of all.
        p95: Of 95 %.
        p99: Of 99 %.
        largest: Exact.
    """

    number: int
    mean: float | None
    p50: int | None
    p95: int | None
    p99: int | None
    largest: int | None


class LatencyHistogram:
    """How often each whole number occurs, from 0 on.

    Once more than ``MOST_VALUES`` differ, they are told apart by their first binary digits alone:
    by as many, the same for all, as leave no more than so many. That depends on all that was added
    and not on its order. Percentiles are then the upper ends of bins, up to ``resolution`` too
    large; count, mean and largest stay exact.
    """

    def __init__(self) -> None:
        self._values = np.zeros(0, np.int64)
        self._counts = np.zeros(0, np.int64)
        self._bits = _ALL_BITS
        self._total = 0
        self._largest = 0

    @property
    def resolution(self) -> float:
        """Relative width of a bin, 0 where each value has its own."""
        return 0.0 if self._bits == _ALL_BITS else 2.0 ** (1 - self._bits)

    @property
    def total(self) -> int:
        """The sum of all values, exact."""
        return self._total

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._counts.sum())

    def add(self, values: np.ndarray) -> None:
        """Add int64 values, none below 0."""
        if not values.size:
            return
        self._total += int(values.sum())
        self._largest = max(self._largest, int(values.max()))
        own, counts = np.unique(_upper(values, self._bits), return_counts=True)
        self._values, self._counts = _merged(
            np.concatenate([self._values, own]), np.concatenate([self._counts, counts])
        )
        while self._values.size > MOST_VALUES:
            # No value needs more digits than the largest has.
            self._bits = min(self._bits, self._largest.bit_length()) - 1
            self._values, self._counts = _merged(_upper(self._values, self._bits), self._counts)

    def quantiles(self) -> Quantiles:
        """Return the distribution in a few numbers."""
        count = self.count
        if not count:
            return Quantiles(0, None, None, None, None, None)
        upto = np.cumsum(self._counts)
        p50, p95, p99 = (
            min(int(self._values[np.searchsorted(upto, -(-count * share // 100))]), self._largest)
            for share in (50, 95, 99)
        )
        return Quantiles(count, self._total / count, p50, p95, p99, self._largest)

    def bins(self) -> tuple[np.ndarray, np.ndarray]:
        """Return int64 [bins] twice: largest value of each bin, and how many are in it."""
        return np.minimum(self._values, self._largest), self._counts.copy()


def nearest_ranks(values: np.ndarray, group: np.ndarray, groups: int, share: int) -> np.ndarray:
    """Return int64 [groups]: the percentile of each group by nearest rank, 0 of an empty one.

    Args:
        values: int64 [values], sorted within each group.
        group: int64 [values], not falling.
        groups: Number of groups.
        share: Of each group, in percent.
    """
    first = np.searchsorted(group, np.arange(groups + 1))
    count = np.diff(first)
    found = np.zeros(groups, np.int64)
    some = count > 0
    found[some] = values[(first[:-1] + -(-count * share // 100) - 1)[some]]
    return found


def _upper(values: np.ndarray, bits: int) -> np.ndarray:
    """Return the largest values that have the same first binary digits."""
    if bits == _ALL_BITS:
        return values
    _, digits = np.frexp(values.astype(float))  # exact below 2^53, and no latency is longer
    shift = np.maximum(digits.astype(np.int64) - bits, 0)
    return values | ((np.int64(1) << shift) - 1)


def _merged(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distinct values in order, and the sums of their counts."""
    distinct, number = np.unique(values, return_inverse=True)
    sums = np.zeros(distinct.size, np.int64)
    np.add.at(sums, number.reshape(-1), counts)
    return distinct, sums
