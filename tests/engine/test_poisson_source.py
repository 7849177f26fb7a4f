"""Poisson sources: their law, their windows, and what they refuse."""

from math import exp

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.engine.poisson import PoissonSource, poisson_source
from chipletsim.engine.simulate import Simulator
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import OneToOne


def source(mean, *, counts=True, steps=1000, channels=500, **others):
    given = {"seed": 1, "name": "drive", "active": (0, steps)} | others
    return PoissonSource((2, steps, channels), mean, counts, **given)


@pytest.fixture(scope="module")
def network():
    """Inputs of counts and of spikes, each to neurons of its own."""
    build = NetworkBuilder("n", "1 ms").input("counts", (50,), value_bits=5).input("spikes", (50,))
    for name in ("counts", "spikes"):
        build.population(f"{name}_out", (50,), "lif", tau="10 ms", output=True)
        build.project(name, f"{name}_out", OneToOne(np.full(50, 2.0, np.float32)))
    return build.build()


@pytest.mark.parametrize("mean", [0.02, 2.0, 40.0])
def test_counts_are_poisson(mean):
    drawn = source(mean)[:, :]
    n = drawn.size  # a million
    assert drawn.dtype == np.float32
    assert abs(drawn.mean() - mean) < 5 * (mean / n) ** 0.5
    # The variance of a Poisson variance is about (2 mean^2 + mean) / n.
    assert abs(drawn.var() - mean) < 5 * ((2 * mean**2 + mean) / n) ** 0.5
    for k, probability in enumerate((exp(-mean), mean * exp(-mean))):
        share = np.mean(drawn == k)
        assert abs(share - probability) < 5 * (probability / n) ** 0.5 + 1e-9


def test_spikes_keep_their_rate_and_channels_are_independent():
    drawn = source(0.1, counts=False)[:, :]
    assert drawn.dtype == np.bool_
    assert abs(drawn.mean() - 0.1) < 5 * (0.09 / drawn.size) ** 0.5
    together = np.mean(drawn[..., 0] & drawn[..., 1])
    assert abs(together - 0.01) < 5 * (0.01 / 2000) ** 0.5
    assert not np.array_equal(drawn[0], drawn[1]), "samples differ"


def test_any_window_is_a_part_of_the_whole():
    whole = source(1.5, steps=300, channels=7)
    everything = np.asarray(whole)
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = sorted(rng.integers(0, 301, 2).tolist())
        assert np.array_equal(whole[1:2, a:b], everything[1:2, a:b])
    assert np.array_equal(np.asarray(whole.of_samples(1, 5)), everything[1:])
    assert whole.of_samples(1, 5).identity != whole.of_samples(0, 1).identity
    assert not np.array_equal(everything, np.asarray(source(1.5, steps=300, channels=7, seed=2)))
    assert not np.array_equal(everything, np.asarray(source(1.5, steps=300, channels=7, name="x")))


def test_events_come_while_it_is_active():
    drawn = np.asarray(source(1.0, steps=200, active=(70, 133)))
    assert drawn[:, 70:133].any(axis=(0, 2)).all()
    assert not drawn[:, :70].any()
    assert not drawn[:, 133:].any()
    assert not np.asarray(source(0.0, steps=100)).any()


def test_a_source_is_what_its_array_is(network):
    inputs = {
        "counts": poisson_source(network, "counts", 1500.0, steps=150, seed=3, start_s=0.02),
        "spikes": poisson_source(network, "spikes", 200.0, steps=150, seed=3, stop_s=0.1),
    }
    arrays = {name: np.asarray(each) for name, each in inputs.items()}
    simulator = Simulator(network)
    drawn, held = simulator.run(inputs, window_steps=40), simulator.run(arrays, window_steps=40)
    for name in drawn.rasters:
        assert np.array_equal(drawn.rasters[name], held.rasters[name])
    assert np.array_equal(drawn.values["counts"], held.values["counts"])
    assert drawn.totals["counts_out"].sum() > 0
    assert drawn.inputs == simulator.run(inputs, window_steps=40).inputs != held.inputs


@pytest.mark.parametrize(
    ("name", "rate_hz", "says"),
    [
        ("spiks", 10.0, "no input population 'spiks'; there are: counts, spikes"),
        ("spikes", 1001.0, "are 1.001 spikes a step of 0.001 s; give the population value_bits"),
        ("counts", 2e8, "a mean of 200000 a step is not between 0 and 100000"),
        ("counts", -1.0, "is not between 0 and"),
    ],
)
def test_refused(network, name, rate_hz, says):
    with pytest.raises(cs.UsageError, match=says):
        poisson_source(network, name, rate_hz, steps=10)


def test_counts_must_fit_the_bits_of_the_population(network):
    inputs = {
        "counts": poisson_source(network, "counts", 20e3, steps=10),
        "spikes": poisson_source(network, "spikes", 10.0, steps=10),
    }
    # A mean of 20 reaches 57 with a chance of 1e-10: 5 bits hold 31.
    with pytest.raises(cs.ConfigError, match="do not fit 5 bit; give the population value_bits: 6"):
        cs.simulate(network, inputs)
