"""Thresholds and biases that are trained: consistent with the network, positive, followed."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from chipletsim.engine.compile import compile_network
from chipletsim.errors import ConfigError, UsageError
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.training import forward
from chipletsim.training.parameters import (
    Parameters,
    neuron_constants,
    start_parameters,
    with_parameters,
)
from tests.quick import quickly


def network(threshold=1.0, bias=0.25):
    random = np.random.default_rng(0)

    def weights(*shape):
        return (random.integers(-8, 24, shape) / 32).astype(np.float32)

    return (
        NetworkBuilder("three", dt="1 ms")
        .input("in", (1, 4, 4))
        .population("conv", (2, 2, 2), "lif", tau="4 ms", r=4.0, v_threshold=threshold, bias=bias)
        .population("cells", (5,), "if", r=1000.0, v_threshold=0.5)
        .population("out", (2,), "li", tau="4 ms", output=True)
        .project("in", "conv", Conv2d(weights(2, 1, 3, 3)))
        .project("conv", "cells", Dense(weights(5, 8)))
        .project("cells", "out", Dense(weights(2, 5)))
        .build()
    )


SPIKES = np.random.default_rng(1).random((3, 6, 1, 4, 4)) < 0.4


def run(compiled, parameters):
    @jax.jit
    def events(parameters):
        neurons = neuron_constants(compiled, parameters)
        return forward(compiled, parameters.synapses, (SPIKES,), slope=2.0, neurons=neurons)

    return events(parameters)


@pytest.mark.parametrize("grain", ["neuron", "population"])
def test_changed_parameters_are_a_changed_network(grain):
    given = network()
    compiled = compile_network(given, exact=False)
    start = start_parameters(compiled, thresholds=grain, biases=True)
    random = np.random.default_rng(2)
    logs = {
        name: random.normal(0, 0.5, np.shape(values)).astype(np.float32)
        for name, values in start.threshold_logs.items()
    }
    assert set(logs) == {"conv", "cells"}  # the integrators have no threshold
    bias = np.array([0.5, -0.125], np.float32).reshape(2, 1, 1)
    assert start.biases["conv"].shape == bias.shape  # the same within each channel
    changed = Parameters(start.synapses, logs, {"conv": bias})
    after = with_parameters(given, compiled, changed)
    for name, values in logs.items():
        before = given.population(name).parameters["v_threshold"]
        stored = after.population(name).parameters["v_threshold"]
        np.testing.assert_allclose(stored, before * np.exp(values), rtol=1e-6)
        assert np.all(stored > 0)
    np.testing.assert_array_equal(after.population("conv").bias, np.broadcast_to(bias, (2, 2, 2)))
    again = compile_network(after, exact=False)
    ours, theirs = run(compiled, changed), run(again, start_parameters(again))
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


def test_what_is_not_trained_stays():
    given = network()
    compiled = compile_network(given, exact=False)
    start = start_parameters(compiled)
    assert (start.threshold_logs, start.biases) == ({}, {})
    after = with_parameters(given, compiled, start)
    for old, new in zip(given.populations, after.populations, strict=True):
        assert old is new


def test_a_bias_of_single_neurons_is_trained_for_each():
    bias = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    compiled = compile_network(network(bias=bias), exact=False)
    np.testing.assert_array_equal(start_parameters(compiled, biases=True).biases["conv"], bias)


def test_fewer_spikes_come_of_higher_thresholds():
    compiled = compile_network(network(), exact=False)
    start = start_parameters(compiled, thresholds="neuron", biases=True)

    @quickly
    @jax.value_and_grad
    def spikes(parameters):
        neurons = neuron_constants(compiled, parameters)
        events = forward(compiled, parameters.synapses, (SPIKES,), slope=2.0, neurons=neurons)
        return sum(events[name].sum() for name in ("conv", "cells"))

    count, slopes = spikes(start)
    assert float(slopes.threshold_logs["conv"].sum()) < 0
    assert float(slopes.threshold_logs["cells"].sum()) < 0
    assert float(slopes.biases["conv"].sum()) > 0
    higher = replace(start, threshold_logs=jax.tree.map(lambda x: x + 1, start.threshold_logs))
    assert spikes(higher)[0] < count


def test_thresholds_stay_between_zero_and_infinity():
    compiled = compile_network(network(), exact=False)
    start = start_parameters(compiled, thresholds="population")
    for log in (-1e4, 1e4):
        logs = dict.fromkeys(start.threshold_logs, jnp.float32(log))
        constants = neuron_constants(compiled, replace(start, threshold_logs=logs))
        assert 0 < float(constants[1]["v_threshold"]) < np.inf


def test_a_threshold_at_zero_cannot_be_trained():
    compiled = compile_network(network(threshold=0.0), exact=False)
    with pytest.raises(ConfigError, match=r"conv.parameters.v_threshold: .* above 0"):
        start_parameters(compiled, thresholds="population")


def test_constants_that_would_have_to_follow_are_refused(monkeypatch):
    model = replace(
        NEURON_MODELS["lif"],
        factors=lambda exact, dt_s: {
            "dt_over_tau": dt_s / exact["tau"],
            "half": exact["v_threshold"] / 2,
        },
    )
    monkeypatch.setitem(NEURON_MODELS, "lif", model)
    compiled = compile_network(network(), exact=False)
    with pytest.raises(UsageError, match="half would have to follow"):
        start_parameters(compiled, thresholds="neuron")


def test_parameters_are_a_pytree():
    compiled = compile_network(network(), exact=False)
    start = start_parameters(compiled, thresholds="population", biases=True)
    doubled = jax.tree.map(lambda x: 2 * jnp.asarray(x), start)
    assert isinstance(doubled, Parameters)
    assert len(jax.tree.leaves(doubled)) == 3 + 2 + 1  # weights, thresholds, a bias
