"""The training pass fires the engine's spikes, whatever the network."""

from functools import cache

import jax
import numpy as np
import pytest

from chipletsim.engine.compile import compile_network
from chipletsim.engine.simulate import simulate
from chipletsim.errors import UsageError
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.training import forward, trainable, with_synapses
from tests.quick import quickly


def dyadic(random, *shape):
    """Multiples of 1/32 in [-1, 2): sums of them are exact in float32 in any order."""
    return (random.integers(-32, 64, shape) / 32).astype(np.float32)


def mixed_network(seed, delay):
    random = np.random.default_rng(seed)
    return (
        NetworkBuilder("mixed", dt="1 ms")
        .input("input", (2, 6, 6))
        .population("conv", (3, 6, 6), "lif", tau="4 ms", r=2.0)
        .population("cells", (7,), "cubalif", tau_syn="2 ms", tau_mem="3 ms", r=3.0, bias=0.125)
        .population("echo", (7,), "if", r=700.0)
        .population("out", (7,), "lif", tau="8 ms", r=3.0, output=True)
        .population("value", (2,), "li", tau="5 ms", output=True)
        .project("input", "conv", Conv2d(dyadic(random, 3, 2, 3, 3), padding=((1, 1), (1, 1))))
        .project("conv", "cells", Dense(dyadic(random, 7, 27)), pool=Pool2d((2, 2), (2, 2)))
        .project("cells", "cells", Dense(dyadic(random, 7, 7)), delay=delay)
        .project("cells", "echo", OneToOne(dyadic(random, 7)))
        .project("echo", "cells", OneToOne(dyadic(random, 7)), delay=1)
        .project("echo", "out", Dense(dyadic(random, 7, 7)), delay=2)
        .project("out", "value", Dense(dyadic(random, 2, 7)))
        .build()
    )


@cache
def compiled_forward(delay):
    """The training pass of all mixed networks with this delay; their weights are arguments."""
    compiled = compile_network(mixed_network(0, delay), exact=False)
    return jax.jit(lambda synapses, spikes: forward(compiled, synapses, (spikes,), slope=5.0))


@pytest.mark.parametrize("delay", [1, 3])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_forward_fires_the_spikes_of_the_engine(seed, delay):
    network = mixed_network(seed, delay)
    spikes = np.random.default_rng(seed + 1).random((3, 9, 2, 6, 6)) < 0.3
    activity = simulate(network, spikes)
    events = compiled_forward(delay)(compile_network(network, exact=False).synapses, spikes)
    assert all(total.sum() > 0 for total in activity.totals.values())
    for population in network.populations:
        ours = np.moveaxis(np.asarray(events[population.name]), 1, 0).reshape(3, 9, -1)
        theirs = activity.values.get(population.name)
        if theirs is None:
            theirs = activity.spikes(population.name).reshape(3, 9, -1)
        np.testing.assert_array_equal(ours, theirs, err_msg=population.name)


def test_gradients_reach_every_weight():
    network = mixed_network(0, 1)
    compiled = compile_network(network, exact=False)
    spikes = np.random.default_rng(1).random((4, 9, 2, 6, 6)) < 0.5

    def total(synapses):
        return forward(compiled, synapses, (spikes,), slope=1.0)["value"].sum()

    gradients = quickly(jax.grad(total))(compiled.synapses)
    for projection, gradient in zip(network.projections, gradients, strict=True):
        flow = np.asarray(gradient["weight"])
        assert np.all(np.isfinite(flow)), projection.name
        assert np.any(flow != 0), projection.name


def test_trained_weights_go_back_into_the_network():
    network = mixed_network(3, 1)
    doubled = jax.tree.map(
        lambda weights: 2 * weights, compile_network(network, exact=False).synapses
    )
    after = with_synapses(network, doubled)
    for old, new in zip(network.projections, after.projections, strict=True):
        np.testing.assert_array_equal(new.connection.weights, 2 * old.connection.weights)
        assert (new.source, new.target, new.delay) == (old.source, old.target, old.delay)


def test_a_projection_without_weights_is_left_alone():
    network = (
        NetworkBuilder("pooled", dt="1 ms")
        .input("in", (1, 4, 4))
        .population("out", (1, 2, 2), "if", r=1000.0, output=True)
        .project("in", "out", Pool2d((2, 2), (2, 2)))
        .build()
    )
    assert with_synapses(network, compile_network(network, exact=False).synapses) == network


@pytest.mark.parametrize("samples", [1, 5])
def test_shapes_are_steps_samples_population(samples):
    network = mixed_network(4, 1)
    compiled = compile_network(network, exact=False)
    silence = (np.zeros((samples, 3, 2, 6, 6), bool),)
    events = jax.eval_shape(lambda: forward(compiled, compiled.synapses, silence, slope=5.0))
    assert {name: each.shape for name, each in events.items()} == {
        population.name: (3, samples, *population.shape) for population in network.populations
    }


def test_split_weights_are_not_trained():
    network = (
        NetworkBuilder("pair", dt="1 ms")
        .input("in", (2,))
        .population("out", (1,), "if", output=True)
        .project("in", "out", Dense(np.full((1, 2), np.pi, np.float32)))
        .build()
    )
    compiled = compile_network(network)
    with pytest.raises(UsageError, match="exact=False"):
        trainable(compiled)
    with pytest.raises(UsageError, match="exact=False"):
        forward(compiled, compiled.synapses, (np.zeros((1, 1, 2), bool),), slope=1.0)


def test_sparse_weights_go_back_into_the_network():
    sparse = Sparse(
        np.array([0, 2, 3]), np.array([1, 0, 1]), dyadic(np.random.default_rng(0), 3), 2
    )
    network = (
        NetworkBuilder("pair", dt="1 ms")
        .input("in", (2,))
        .population("out", (2,), "if", output=True)
        .project("in", "out", sparse)
        .build()
    )
    compiled = compile_network(network, exact=False)
    tripled = jax.tree.map(lambda weights: 3 * weights, trainable(compiled))
    (projection,) = with_synapses(network, tripled).projections
    np.testing.assert_array_equal(
        projection.connection.weights, 3 * network.projections[0].connection.weights
    )
