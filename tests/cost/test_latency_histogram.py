"""Distributions of latencies: against the sorted list, and against one another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.cost import latency_histogram
from chipletsim.cost.latency_histogram import LatencyHistogram, nearest_ranks
from chipletsim.cost.load_history import LoadHistory

LISTS = st.lists(st.integers(0, 2**40), min_size=1, max_size=60)


def gathered(*parts) -> LatencyHistogram:
    found = LatencyHistogram()
    for part in parts:
        found.add(np.array(part, np.int64))
    return found


@settings(derandomize=True, deadline=None)
@given(LISTS, LISTS)
def test_percentiles_are_those_of_the_list(first, second) -> None:
    values = np.array(first + second)
    found = gathered(first, second).quantiles()
    nearest = [np.percentile(values, share, method="inverted_cdf") for share in (50, 95, 99)]
    assert [found.p50, found.p95, found.p99] == nearest
    assert (found.number, found.largest) == (values.size, values.max())
    assert found.mean == sum(first + second) / values.size


def test_nothing_has_no_percentiles() -> None:
    assert gathered([]).quantiles() == (0, None, None, None, None, None)


def test_of_four_values_the_median_is_the_second() -> None:
    """Nearest rank: half of four is the second; 95 % of four are 3.8, so the fourth."""
    found = gathered([40, 10], [30, 20]).quantiles()
    assert (found.mean, found.p50, found.p95, found.largest) == (25.0, 20, 40, 40)


@pytest.mark.parametrize("seed", range(8))
def test_many_values_share_bins_whatever_their_order(seed, monkeypatch) -> None:
    monkeypatch.setattr(latency_histogram, "MOST_VALUES", 256)
    rng = np.random.default_rng(seed)
    values = np.exp(rng.uniform(0, 14, rng.integers(200, 3000))).astype(np.int64)
    found = gathered(*np.array_split(values, 1 + seed))
    values = rng.permutation(values).tolist()
    again = gathered(values[:70], values[70:])
    for one, other in zip(found.bins(), again.bins(), strict=True):
        assert np.array_equal(one, other)
    assert found.resolution == again.resolution
    assert found.count == len(values)
    assert found.total == sum(values)
    assert found.quantiles().largest == max(values)
    for share, name in ((50, "p50"), (95, "p95"), (99, "p99")):
        exact = int(np.percentile(np.array(values), share, method="inverted_cdf"))
        close = getattr(found.quantiles(), name)
        assert exact <= close <= exact * (1 + found.resolution)


def test_a_million_values_stay_few() -> None:
    values = np.random.default_rng(0).integers(0, 10**9, 300_000)
    found = gathered(values[:100_000], values[100_000:])
    assert found.bins()[0].size <= latency_histogram.MOST_VALUES
    assert 0 < found.resolution <= 1 / 256
    assert found.total == values.sum()


@settings(derandomize=True, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), max_size=9), min_size=1, max_size=5))
def test_percentiles_of_groups(groups) -> None:
    group = np.repeat(np.arange(len(groups)), [len(each) for each in groups])
    values = np.array([value for each in groups for value in sorted(each)], np.int64)
    found = nearest_ranks(values, group, len(groups), 95)
    expected = [np.percentile(each, 95, method="inverted_cdf") if each else 0 for each in groups]
    assert found.tolist() == expected


def test_merged_bins_are_sums_of_bins() -> None:
    rng = np.random.default_rng(1)
    rows = np.concatenate([np.arange(23), np.arange(23)])
    ticks = rng.integers(0, 100, (rows.size, 3))
    every, few = LoadHistory(3, 32), LoadHistory(3, 4)
    for first in range(0, rows.size, 5):
        for history in (every, few):
            history.add(rows[first : first + 5], ticks[first : first + 5])
    assert (every.rows_per_bin, few.rows_per_bin) == (1, 8)
    whole = np.zeros((24, 3), np.int64)
    np.add.at(whole, rows, ticks)
    assert np.array_equal(every.table(), whole[:23])
    assert np.array_equal(few.table(), whole.reshape(3, 8, 3).sum(1))
