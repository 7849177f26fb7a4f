"""Networks of dense and spiking layers: the engine against the slow reference, and by hand."""

import numpy as np
import pytest

from chipletsim.engine.reference import simulate_reference
from chipletsim.engine.simulate import simulate, simulate_windows
from chipletsim.errors import ConfigError, UsageError
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense, OneToOne

STEP = 2.0**-4  # a power of two, so that sums of values times weights are exact


def weights(seed, *shape):
    """Whole sixteenths, so that every sum is exact."""
    return (np.random.default_rng(seed).integers(-12, 13, shape) / 16).astype(np.float32)


def hybrid(encoder, decoder, steps, *, weighted, recurrent=False, **parameters):
    """Return image > conv > encoder > (spiking loop) > decoder > dense."""
    made = (
        NetworkBuilder("hybrid", dt="1 ms")
        .input("in", (1, 6, 6), value_bits=8, steps=1)
        .population("conv", (2, 4, 4), "relu", step=STEP, value_bits=6, bias=0.125)
        .population("enc", (2, 4, 4), encoder, steps=steps, **parameters)
        .population("dec", (8,) if weighted else (2, 4, 4), decoder, step=STEP, value_bits=8)
        .population("out", (3,), "linear", step=STEP, value_bits=12, output=True)
        .project("in", "conv", Conv2d(weights(0, 2, 1, 3, 3)))
        .project("conv", "enc", OneToOne(np.ones(32, np.float32)))
    )
    last = "enc"
    if recurrent:
        made.population("loop", (32,), "lif", tau="4 ms", r=4, v_threshold=0.5)
        made.project("enc", "loop", Dense(weights(1, 32, 32)))
        made.project("loop", "loop", Dense(weights(2, 32, 32)), delay=1)
        last = "loop"
    if weighted:
        made.project(last, "dec", Dense(weights(3, 8, 32)))
    else:
        made.project(last, "dec", OneToOne(np.full(32, 1 / steps, np.float32)))
    made.project("dec", "out", Dense(weights(4, 3, 8 if weighted else 32)))
    return made.build()


def images(samples, steps):
    values = np.zeros((samples, steps, 1, 6, 6), np.float32)
    values[:, 0] = np.random.default_rng(5).integers(0, 33, (samples, 1, 6, 6)) / 16
    return values


CASES = {
    "rate": hybrid("encode_rate", "decode_rate", 4, weighted=False, ceiling=2),
    "rate, weighted": hybrid("encode_rate", "decode_rate", 5, weighted=True, ceiling=2),
    "latency": hybrid("encode_latency", "decode_latency", 8, weighted=False, ceiling=2),
    "lif": hybrid("encode_lif", "decode_rate", 6, weighted=True, tau="4 ms", v_threshold=0.5),
    "loop": hybrid("encode_rate", "decode_rate", 8, weighted=True, recurrent=True, ceiling=2),
}


@pytest.mark.parametrize("name", CASES)
def test_engine_agrees_with_the_slow_reference(name):
    network = CASES[name]
    inputs = images(7, 10)
    found, expected = simulate(network, inputs), simulate_reference(network, inputs)
    assert found.totals["enc"].sum() > 0
    assert np.count_nonzero(expected.values["out"]) > 0
    for population in network.populations:
        own = population.name
        assert np.array_equal(found.rasters[own], expected.rasters[own]), own
        if own in expected.values:
            assert np.array_equal(found.values[own], expected.values[own]), own


def test_values_come_in_their_steps_alone():
    found = simulate(CASES["rate"], images(3, 10))
    for name, steps in {"conv": {0}, "enc": {0, 1, 2, 3}, "dec": {3}, "out": {3}}.items():
        busy = set(np.flatnonzero(found.spikes(name).any(axis=(0, 2))).tolist())
        assert busy <= steps, name


def test_one_boundary_by_hand():
    # x = 1.5 of ceiling 2 in 4 steps: 3 spikes; decoded 3/4; times 2 is 1.5 again.
    network = (
        NetworkBuilder("hand", dt="1 ms")
        .input("in", (2,), value_bits=8, steps=1)
        .population("enc", (2,), "encode_rate", steps=4, ceiling=2)
        .population("dec", (2,), "decode_rate", step=STEP, value_bits=8, gain=2)
        .project("in", "enc", OneToOne(np.ones(2, np.float32)))
        .project("enc", "dec", OneToOne(np.full(2, 0.25, np.float32)))
        .build()
    )
    inputs = np.zeros((1, 4, 2), np.float32)
    inputs[0, 0] = [1.5, 0.5]
    found = simulate(network, inputs)
    assert found.totals["enc"].tolist() == [3, 1]
    assert found.values["dec"][0, 3].tolist() == [1.5, 0.5]


def test_batches_of_samples_change_nothing():
    whole = simulate(CASES["loop"], images(9, 8))
    parts = [simulate(CASES["loop"], images(9, 8)[i : i + 2]) for i in range(0, 9, 2)]
    joined = np.concatenate([part.values["out"] for part in parts])
    assert np.array_equal(whole.values["out"], joined)


def test_what_cannot_run_is_refused():
    network = CASES["rate"]
    with pytest.raises(ConfigError, match="one inference takes 4 steps, but the inputs have 3"):
        simulate(network, images(1, 3))
    with pytest.raises(UsageError, match="cannot be cut into windows of 2"):
        list(simulate_windows(network, images(1, 4), 2))
    with pytest.raises(UsageError, match="layer by layer"):
        simulate(network, images(1, 4), schedule="steps")
    late = images(1, 4)
    late[0, 2] = 1
    with pytest.raises(ConfigError, match="must be 0 after the first 1 steps"):
        simulate(network, late)
