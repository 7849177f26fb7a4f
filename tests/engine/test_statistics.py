"""Firing statistics of spike trains whose rate, irregularity and synchrony are known."""

from math import sqrt

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.engine.activity import Activity
from chipletsim.engine.statistics import spike_statistics

DT = 1e-3


def activity(**spikes):
    """Populations by name, bool [samples, steps, neurons]."""
    return Activity.from_spikes({name: each.shape[2:] for name, each in spikes.items()}, spikes)


def clocks(neurons, steps, period, *, together):
    """Neurons that spike every few steps, all at once or one after the other."""
    spikes = np.zeros((1, steps, neurons), bool)
    for neuron in range(neurons):
        spikes[0, (0 if together else neuron) % period :: period, neuron] = True
    return spikes


def poisson(rng, rate_per_step, neurons):
    return (rng.random((*rate_per_step.shape, neurons)) < rate_per_step[..., None])[None]


def test_by_hand():
    # Two neurons, 12 steps of 1 ms. Intervals of the first: 1 and 3 five times each; the second
    # is silent.
    spikes = np.zeros((1, 40, 2), bool)
    spikes[0, np.cumsum([0, *[1, 3] * 5]), 0] = True  # 11 spikes
    found = spike_statistics(activity(a=spikes), DT)["a"]
    assert found.rate_hz == pytest.approx(11 / 2 / 0.04)
    # Mean 2, variance 10 / 9 of ten intervals.
    assert found.cv == pytest.approx(sqrt(10 / 9) / 2)
    assert found.cv_neurons == 1
    # Counts 0 and 1 in 40 bins: the mean over both has half the deviation of the first; the root
    # mean square of single ones is that of the first over sqrt(2).
    assert found.synchrony == pytest.approx(0.5 * sqrt(2))


def test_clocks_that_tick_together_and_apart():
    together = spike_statistics(activity(a=clocks(100, 2000, 20, together=True)), DT)["a"]
    assert together.rate_hz == pytest.approx(50)
    assert together.cv == 0
    assert together.synchrony == pytest.approx(1)
    assert together.regime == "SR"
    apart = spike_statistics(activity(a=clocks(100, 2000, 20, together=False)), DT)["a"]
    assert apart.synchrony == pytest.approx(0, abs=1e-6)
    assert (apart.modulation, apart.regime) == (0, "AR")


def test_poisson_neurons_are_irregular_and_each_for_itself():
    rng = np.random.default_rng(0)
    spikes = poisson(rng, np.full(20_000, 0.04), 200)
    found = spike_statistics(activity(a=spikes), DT)["a"]
    assert found.rate_hz == pytest.approx(40, rel=5 / sqrt(160_000))
    # Geometric intervals: CV = sqrt(1 - p); 800 intervals of each of 200 neurons.
    assert found.cv == pytest.approx(sqrt(0.96), abs=0.01)
    assert found.synchrony == pytest.approx(1 / sqrt(200), rel=0.05)
    assert found.modulation < 0.1
    assert found.regime == "AI"


def test_a_common_rhythm_is_found():
    rng = np.random.default_rng(1)
    t = np.arange(20_000) * DT
    rate = 0.02 * (1 + np.cos(2 * np.pi * 40 * t))
    found = spike_statistics(activity(a=poisson(rng, rate, 500)), DT)["a"]
    # A rate of r (1 + cos) has a relative standard deviation of 1 / sqrt(2); 10 spikes a bin.
    assert found.modulation == pytest.approx(sqrt(0.5), rel=0.03)
    assert found.oscillation_hz == pytest.approx(40, abs=1000 / 256)
    assert found.regime == "SI"


def test_samples_are_recordings_of_their_own():
    rng = np.random.default_rng(2)
    one, two = (poisson(rng, np.full(3000, 0.05), 30) for _ in range(2))
    both = spike_statistics(activity(a=np.concatenate([one, two])), DT)["a"]
    rates = [spike_statistics(activity(a=each), DT)["a"].rate_hz for each in (one, two)]
    assert both.rate_hz == pytest.approx(np.mean(rates))
    ends = np.zeros((2, 3000, 1), bool)
    ends[:, ::100] = True
    assert spike_statistics(activity(a=ends), DT)["a"].cv == 0, "no interval across samples"


def test_the_start_may_be_left_out_and_bins_widened():
    spikes = clocks(10, 1000, 10, together=True)
    spikes[:, :500] = False
    spikes[:, 0] = True
    found = spike_statistics(activity(a=spikes), DT, skip_s=0.5, bin_s=10e-3)
    assert found["a"].rate_hz == pytest.approx(100)
    assert (found.duration_s, found.bin_s) == (0.5, 0.01)
    assert np.isnan(found["a"].synchrony), "the same in every bin: nothing varies"


def test_silence_has_no_irregularity():
    found = spike_statistics(activity(a=np.zeros((1, 100, 3), bool)), DT)["a"]
    assert found.rate_hz == 0
    assert np.isnan([found.cv, found.synchrony, found.modulation, found.oscillation_hz]).all()
    assert found.regime == ""


def test_the_verb_and_its_table():
    values = np.ones((1, 50, 2), np.float32)
    mixed = activity(a=clocks(3, 50, 4, together=True), graded=values)
    found = cs.spike_statistics(mixed, DT)
    assert list(found.populations) == ["a"]
    assert "250 Hz" in str(found) or "260 Hz" in str(found)
    with pytest.raises(cs.UsageError, match="'graded' is no population of spikes; there are: a"):
        cs.spike_statistics(mixed, DT, populations=["graded"])
    with pytest.raises(cs.UsageError, match="dt_s must be a positive time step, got 0"):
        cs.spike_statistics(mixed, 0)
    with pytest.raises(cs.UsageError, match="leaves no step of 50"):
        cs.spike_statistics(mixed, DT, skip_s=1.0)
