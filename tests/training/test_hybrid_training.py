"""The training pass of dense and spiking layers: the engine's events, and gradients that help."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from chipletsim.engine.compile import compile_network
from chipletsim.engine.simulate import simulate
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.training import SurrogateNamespace, forward, trainable
from tests.engine.test_hybrid import CASES, images


@pytest.mark.parametrize("name", CASES)
def test_forward_gives_the_events_of_the_engine(name):
    network, inputs = CASES[name], images(4, 9)
    activity = simulate(network, inputs)
    compiled = compile_network(network, exact=False)
    events = forward(compiled, trainable(compiled), (inputs,), slope=2.0)
    for population in network.populations:
        ours = np.moveaxis(np.asarray(events[population.name]), 1, 0).reshape(4, 9, -1)
        if population.name in activity.values:
            np.testing.assert_array_equal(ours, activity.values[population.name])
        else:
            np.testing.assert_array_equal(ours, activity.spikes(population.name))


@pytest.mark.parametrize("name", CASES)
def test_weights_in_front_of_a_boundary_get_a_gradient_from_behind_it(name):
    network, inputs = CASES[name], images(6, 9)
    compiled = compile_network(network, exact=False)

    def answer(synapses):
        out = forward(compiled, synapses, (inputs,), slope=2.0)["out"]
        return (out.sum(axis=0) * jnp.array([1.0, -2.0, 0.5])).sum()

    gradient = jax.grad(answer)(trainable(compiled))
    front = np.asarray(gradient[0]["weight"])
    assert np.all(np.isfinite(front))
    assert np.count_nonzero(front) > front.size // 2


def test_rounding_passes_gradients_inside_the_range_alone():
    model = NEURON_MODELS["relu"]
    constants = model.prepare({"step": np.float32(0.25)}, 1.0, value_bits=2)  # 0..0.75

    def value(current):
        return model.step(SurrogateNamespace(2.0), constants, {}, current)[1]

    currents = jnp.array([-1.0, 0.3, 0.6, 2.0], jnp.float32)
    gradient = jax.vmap(jax.grad(value))(currents)
    assert np.asarray(gradient).tolist() == [0, 1, 1, 0]
    assert np.asarray(jax.vmap(value)(currents)).tolist() == [0, 0.25, 0.5, 0.75]
