"""Gradients of projections: against dense products in float64, and finite differences."""

import sys
from dataclasses import replace
from functools import cache
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from chipletsim.kernels import CHOICE, THREADS

from chipletsim.engine import differentiable
from chipletsim.engine.compile import compile_network
from chipletsim.engine.native import layout
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense, Sparse
from chipletsim.training import forward, trainable, with_synapses
from tests.quick import quickly

RATES = (0.0, 0.1, 1.0)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(layout, "_LEAST_IN_BLOCK", 64)


# --- connections ----------------------------------------------------------------------------


def normal(random, *shape):
    return random.normal(0, 1, shape).astype(np.float32)


def dense(random, sources, targets):
    return Dense(normal(random, targets, sources)), (sources,), (targets,)


def sparse(random, sources, targets):
    """Rows of all lengths, empty ones and targets that repeat among them."""
    indptr = np.concatenate([[0], np.cumsum(random.integers(0, 7, sources))]).astype(np.int64)
    chosen = random.integers(0, targets, indptr[-1]).astype(np.int32)
    chosen[1::5] = chosen[::5][: len(chosen[1::5])]
    return Sparse(indptr, chosen, normal(random, chosen.size), targets), (sources,), (targets,)


def conv(random, shape, out, kernel, **options):
    connection = Conv2d(
        normal(random, out, shape[0] // options.get("groups", 1), *kernel), **options
    )
    return connection, shape, connection.target_shape(shape)


CONNECTIONS = {
    "dense 1x1": lambda random: dense(random, 1, 1),
    "dense 65x7": lambda random: dense(random, 65, 7),
    "dense 30x130": lambda random: dense(random, 30, 130),
    "dense 1100x64": lambda random: dense(random, 1100, 64),
    "sparse 1x1": lambda random: sparse(random, 1, 1),
    "sparse 70x200": lambda random: sparse(random, 70, 200),
    "sparse 1100x63": lambda random: sparse(random, 1100, 63),
    "conv": lambda random: conv(random, (2, 6, 7), 3, (3, 3), padding=((1, 1), (1, 1))),
    "conv, strides": lambda random: conv(random, (3, 9, 8), 5, (2, 3), stride=(2, 3)),
    "conv, groups": lambda random: conv(random, (4, 5, 5), 6, (2, 2), groups=2),
    "conv, dilated": lambda random: conv(
        random, (1, 7, 9), 5, (2, 3), dilation=(3, 2), padding=((2, 0), (1, 3))
    ),
}


def whole(connection, weights, source):
    """The projection as a dense matrix [targets, sources], in float64."""
    if isinstance(connection, Dense):
        return weights.astype(np.float64)
    if isinstance(connection, Sparse):
        matrix = np.zeros((connection.n_targets, prod(source)))
        sources = np.repeat(np.arange(prod(source)), np.diff(connection.indptr))
        np.add.at(matrix, (connection.targets, sources), weights)
        return matrix
    height, width = connection.target_shape(source)[1:]
    out, per_group = weights.shape[:2]
    of_group = out // connection.groups
    matrix = np.zeros((out, height, width, *source))
    for o, i, ky, kx in np.ndindex(weights.shape):
        for y, x in np.ndindex(height, width):
            at_y = y * connection.stride[0] + ky * connection.dilation[0] - connection.padding[0][0]
            at_x = x * connection.stride[1] + kx * connection.dilation[1] - connection.padding[1][0]
            if 0 <= at_y < source[1] and 0 <= at_x < source[2]:
                channel = o // of_group * per_group + i
                matrix[o, y, x, channel, at_y, at_x] += weights[o, i, ky, kx]
    return matrix.reshape(out * height * width, -1)


@cache
def taps_of(name):
    """For each weight in order, where it stands in the matrix: indices of targets and sources.

    Each is found in the matrix of a connection of which that weight alone is not 0.
    """
    connection, source, _ = CONNECTIONS[name](np.random.default_rng(0))
    weights, taps = np.zeros(connection.weights.shape, np.float32), []
    for place in np.ndindex(weights.shape):
        weights[place] = 1
        taps.append(np.nonzero(whole(connection, weights, source)))
        weights[place] = 0
    return taps


class Product:
    """A connection compiled for training, once for each number of rows."""

    def __init__(self, name):
        self.connection, self.source, self.target = CONNECTIONS[name](np.random.default_rng(0))
        kind = differentiable.differentiable_kinds()[type(self.connection)]
        geometry, arrays = kind.split(self.connection, self.source, self.target)

        def currents(weight, events):
            found = kind.currents(geometry, {**arrays, "weight": weight}, events)
            return found.reshape(len(events), -1)

        @quickly
        def run(weight, events, given):
            values, back = jax.vjp(currents, weight, events)
            return values, *back(given)

        self._run, self._weight, self._name = run, arrays["weight"], name

    def gradient_by_weights(self, events, given):
        """What each weight adds to ``sum(given * currents)``, in float64."""
        outer = given.T.astype(np.float64) @ events
        if isinstance(self.connection, Dense):
            return outer
        if isinstance(self.connection, Sparse):
            sources = np.repeat(np.arange(events.shape[1]), np.diff(self.connection.indptr))
            return outer[self.connection.targets, sources]
        shape = self.connection.weights.shape
        return np.array([outer[each].sum() for each in taps_of(self._name)]).reshape(shape)

    def rows(self, rate, *, values=False, rows=19, seed=1):
        """Return events [rows, sources], and a gradient by the currents that they give."""
        random = np.random.default_rng(seed)
        events = (random.random((rows, prod(self.source))) < rate).astype(np.float32)
        if values:
            events *= normal(random, *events.shape)
        return events, normal(random, rows, prod(self.target))

    def run(self, events, given):
        """Return currents, and gradients by weights and by events."""
        rows = events.reshape(-1, *self.source)
        currents, by_weight, by_events = self._run(self._weight, rows, given)
        return currents, by_weight, np.asarray(by_events).reshape(events.shape)


@pytest.fixture(scope="module")
def products(kernels):
    """Return what gives the product of a connection, compiled once for these kernels."""
    return cache(Product)


def check(product, events, given):
    currents, by_weight, by_events = map(np.asarray, product.run(events, given))
    connection = product.connection
    matrix = whole(connection, connection.weights, product.source)
    events = events.astype(np.float64)
    expected = product.gradient_by_weights(events, given)
    assert by_weight.shape == connection.weights.shape
    close = {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(currents, events @ matrix.T, **close)
    np.testing.assert_allclose(by_weight, expected, **close)
    np.testing.assert_allclose(by_events, given @ matrix, **close)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", CONNECTIONS)
def test_gradients_are_those_of_the_dense_product(products, name, rate):
    product = products(name)
    check(product, *product.rows(rate))


@pytest.mark.parametrize("name", CONNECTIONS)
def test_gradients_of_values(products, name):
    product = products(name)
    check(product, *product.rows(0.4, values=True, seed=2))


@pytest.mark.parametrize("rows", [1, 16, 17])
@pytest.mark.parametrize("name", ["dense 30x130", "sparse 70x200", "conv, groups"])
def test_gradients_of_few_rows(name, rows):
    product = Product(name)
    check(product, *product.rows(0.3, rows=rows, seed=3))


@pytest.mark.parametrize("above", [0.0, 0.3])
@pytest.mark.parametrize("rate", [0.1, 0.6])
def test_above_some_activity_a_product_gives_the_same(monkeypatch, above, rate):
    monkeypatch.setattr(differentiable, "PRODUCT_ABOVE", above)
    product = Product("dense 30x130")
    check(product, *product.rows(rate, seed=4))


@pytest.mark.parametrize("name", ["dense 1100x64", "sparse 1100x63", "sparse 70x200", "conv"])
def test_threads_change_no_bit_of_a_gradient(monkeypatch, name):
    runs = []
    for threads in ("1", "2", "7"):
        monkeypatch.setenv(THREADS, threads)
        product = Product(name)
        runs.append([np.asarray(each) for each in product.run(*product.rows(0.2, values=True))])
    for run in runs[1:]:
        for one, other in zip(runs[0], run, strict=True):
            np.testing.assert_array_equal(one, other)


# --- networks -------------------------------------------------------------------------------


def recurrent_network(seed):
    """Sparse, dense and convolved synapses, a cycle among them."""
    random = np.random.default_rng(seed)

    def weights(*shape):
        return (0.7 * random.normal(0, 1, shape)).astype(np.float32)

    listed = sparse(random, 18, 70)[0]
    return (
        NetworkBuilder("trained", dt="1 ms")
        .input("in", (2, 5, 5))
        .population("conv", (2, 3, 3), "lif", tau="4 ms", r=4.0)
        .population("cells", (70,), "cubalif", tau_syn="3 ms", tau_mem="4 ms", r=4.0)
        .population("out", (3,), "li", tau="5 ms", r=2.0, output=True)
        .project("in", "conv", Conv2d(weights(2, 2, 3, 3)))
        .project("conv", "cells", listed)
        .project("cells", "cells", sparse(random, 70, 70)[0], delay=1)
        .project("cells", "out", Dense(weights(3, 70)))
        .build()
    )


def as_dense(network):
    """The same network with dense connections in place of sparse ones."""
    return replace(
        network,
        projections=tuple(
            replace(
                each,
                connection=Dense(
                    whole(
                        each.connection,
                        each.connection.weights,
                        (network.population(each.source).size,),
                    ).astype(np.float32)
                ),
            )
            if isinstance(each.connection, Sparse)
            else each
            for each in network.projections
        ),
    )


def loss_of(compiled, spikes, slope):
    """A smooth function of all values and events, with the seed of its factors fixed."""
    random = np.random.default_rng(5)
    factors = {
        each.name: random.normal(0, 1, (spikes.shape[1], spikes.shape[0], *each.shape))
        for each in compiled.network.populations
    }

    def loss(synapses):
        events = forward(compiled, synapses, (spikes,), slope=slope)
        return sum(jnp.sum(events[name] * factor) for name, factor in factors.items())

    return loss


def test_a_network_has_the_gradients_of_its_dense_twin(monkeypatch):
    network = recurrent_network(0)
    spikes = np.random.default_rng(1).random((3, 8, 2, 5, 5)) < 0.3

    def gradients(network):
        compiled = compile_network(network, exact=False)
        loss = quickly(jax.value_and_grad(loss_of(compiled, spikes, 2.0)))
        value, found = loss(trainable(compiled))
        return value, [np.asarray(each["weight"]) for each in found]

    value, ours = gradients(network)
    monkeypatch.setenv(CHOICE, "xla")
    dense_value, expected = gradients(as_dense(network))
    np.testing.assert_allclose(value, dense_value, rtol=1e-5)
    for projection, one, dense in zip(network.projections, ours, expected, strict=True):
        other, connection = dense, projection.connection
        if isinstance(connection, Sparse):
            sources = np.repeat(np.arange(len(connection.indptr) - 1), np.diff(connection.indptr))
            other = dense[connection.targets, sources]
        assert np.any(other != 0), projection.name
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(other).max())


class Smooth:
    """Events that grow smoothly with the potential; their slope is that of the surrogate.

    Nothing is reset, for a jump has no slope.
    """

    nan = jnp.nan

    def __init__(self, slope):
        self.slope = slope

    def greater(self, v, threshold):
        over = v - threshold
        return over / (1 + self.slope * jnp.abs(over))

    def where(self, condition, chosen, other):
        return jnp.where(condition, chosen, other) if condition.dtype == bool else other


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("seed", [0, 1])
def test_gradients_are_finite_differences_of_the_smooth_surrogate(monkeypatch, seed):
    monkeypatch.setattr(sys.modules[forward.__module__], "SurrogateNamespace", Smooth)
    network = recurrent_network(seed)
    spikes = np.random.default_rng(seed).random((2, 5, 2, 5, 5)) < 0.3
    compiled = compile_network(network, exact=False)
    loss = quickly(jax.value_and_grad(loss_of(compiled, spikes, 2.0)))
    weights = trainable(compiled)
    _, gradients = loss(weights)
    random = np.random.default_rng(seed + 10)
    for number, projection in enumerate(network.projections):
        gradient = np.asarray(gradients[number]["weight"], np.float64)
        # Along the gradient and a random direction at once, so that neither is lost in rounding.
        direction = gradient / np.linalg.norm(gradient)
        direction = direction + 0.3 * random.normal(0, 1, gradient.shape) / gradient.size**0.5
        step = 2e-3

        def moved(by, number=number, direction=direction):
            changed = weights[number]["weight"] + np.float32(by) * direction.astype(np.float32)
            return float(loss((*weights[:number], {"weight": changed}, *weights[number + 1 :]))[0])

        difference = (moved(step) - moved(-step)) / (2 * step)
        expected = (gradient * direction).sum()
        assert difference == pytest.approx(expected, rel=0.02), projection.name


def test_training_sparse_synapses_lowers_a_loss():
    network = recurrent_network(4)
    compiled = compile_network(network, exact=False)
    spikes = np.random.default_rng(2).random((8, 10, 2, 5, 5)) < 0.3
    wanted = np.random.default_rng(3).normal(0, 1, (8, 3)).astype(np.float32)

    @quickly
    def update(weights):
        def loss(weights):
            values = forward(compiled, weights, (spikes,), slope=2.0)["out"]
            return jnp.mean((values.mean(axis=0) - wanted) ** 2)

        value, gradients = jax.value_and_grad(loss)(weights)
        return value, jax.tree.map(lambda w, g: w - 0.05 * g, weights, gradients)

    weights, losses = trainable(compiled), []
    for _ in range(60):
        value, weights = update(weights)
        losses.append(float(value))
    assert losses[-1] < 0.7 * losses[0], losses
    trained = with_synapses(network, weights)
    sparse_ones = [1, 2]
    for number in sparse_ones:
        before, after = (each.projections[number].connection for each in (network, trained))
        assert np.any(before.weights != after.weights)
        np.testing.assert_array_equal(before.targets, after.targets)
