"""What is found from arrays is kept with them, and they cannot change behind it."""

import pickle
from typing import NamedTuple

import numpy as np
import pytest
from burst_cases import Features, random_job

from chipletsim.noc.cycle import cycle
from chipletsim.noc.kept import Keeper, kept


class _Pair(NamedTuple):
    first: np.ndarray
    second: np.ndarray


class Pair(_Pair, Keeper):
    """Two arrays."""


calls = []


@kept
def total(pair: Pair, other: object) -> int:
    calls.append(other)
    return int(pair.first.sum() + pair.second.sum())


def test_found_once_for_the_same_objects() -> None:
    calls.clear()
    pair, other, third = Pair(np.arange(3), np.ones(2, int)), object(), object()
    assert [total(pair, each) for each in (other, other, third, third)] == [5] * 4
    assert total(pair._replace(second=np.ones(3, int)), third) == 6
    assert total(pickle.loads(pickle.dumps(pair)), third) == 5
    assert calls == [other, third, third, third]


def test_arrays_are_read_only_from_then_on() -> None:
    pair = Pair(np.arange(3), np.ones(2, int))
    pair.first[0] = 1
    assert total(pair, None) == 6
    with pytest.raises(ValueError, match="read-only"):
        pair.first[0] = 2


def test_networks_and_flows_of_a_burst() -> None:
    job = random_job(1, Features(kinds=True))
    before = cycle([job]).times[0]
    for array in (job.network.port, job.network.intervals, job.flows.branch):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    np.testing.assert_array_equal(cycle([job]).times[0].arrived, before.arrived)
