"""Prices are the same to the bit, whichever counter has counted."""

import sys
from pathlib import Path

import numpy as np
import pytest
from chipletsim.kernels import CHOICE, describe, native_kernels

from chipletsim.cost.price import price

sys.path.append(str(Path(__file__).parents[1] / "cost"))
from cost_cases import mixed_network, mixed_package, random_activity, random_mapping


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_prices_are_the_same(seed, monkeypatch) -> None:
    network = mixed_network()
    mapping = random_mapping(network, mixed_package((bool(seed), True)), 50 + seed)
    activity = random_activity(network, 3, 5, 0.25, seed)
    monkeypatch.delenv(CHOICE, raising=False)
    if not native_kernels():
        pytest.skip(f"no native kernels: {describe()}")
    ours = price(activity, mapping)
    monkeypatch.setenv(CHOICE, "xla")
    theirs = price(activity, mapping)
    assert ours.metrics() == theirs.metrics()
    np.testing.assert_array_equal(ours.latency_s, theirs.latency_s)
    np.testing.assert_array_equal(ours.link_load_bits, theirs.link_load_bits)
    assert ours.layers.to_dict() == theirs.layers.to_dict()
