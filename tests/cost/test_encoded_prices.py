"""Prices of events in messages are the same to the bit in windows, on threads and together."""

from dataclasses import replace

import numpy as np
import pytest
from chipletsim.kernels import THREADS
from cost_cases import mixed_package, random_activity
from encoded_cases import SPIKES, VALUES, mixed_mapping, two_dies, windows

from chipletsim.cost.price import CostStream, price, price_many


@pytest.fixture(scope="module")
def mapping():
    return mixed_mapping()


@pytest.fixture(scope="module")
def linear_mapping(mapping):
    encoding = {"spikes": SPIKES["counted"], "values": VALUES["masked"]}
    return replace(mapping, package=two_dies(encoding, {"spikes": SPIKES["bitmap"]}))


def test_threads_do_not_change_the_price(linear_mapping, monkeypatch):
    activity = random_activity(linear_mapping.network, 3, 40, 0.2, 1)
    due = price(activity, linear_mapping).metrics()
    for threads in ("1", "3"):
        monkeypatch.setenv(THREADS, threads)
        assert price(activity, linear_mapping).metrics() == due


@pytest.mark.parametrize("stops", [(1, 2, 3, 4), (0, 4, 4), (6,)])
def test_windows_cost_what_the_whole_does(mapping, stops):
    activity = random_activity(mapping.network, 2, 6, 0.2, 2)
    due = price(activity, mapping)
    stream = CostStream(mapping)
    for part in windows(activity, *stops):
        stream.add(part)
    found = stream.close()
    assert found.metrics() == due.metrics()
    np.testing.assert_array_equal(found.latency_s, due.latency_s)
    again = stream.fresh()
    again.add(activity)
    assert again.close().metrics() == due.metrics()


def test_packages_that_encode_in_other_ways_are_priced_apart(linear_mapping, mapping):
    activity = random_activity(mapping.network, 1, 3, 0.3, 6)
    packages = [each.package for each in (linear_mapping, mapping)]
    plain = mixed_package((True, False))
    found = price_many(activity, mapping, [*packages, plain])
    for package, result in zip([*packages, plain], found, strict=True):
        assert result.metrics() == price(activity, replace(mapping, package=package)).metrics()
    assert len({result.events.bits_across_dies for result in found}) == 3
