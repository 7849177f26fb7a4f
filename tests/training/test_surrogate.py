"""The surrogate gradient against its formula, and a spike train's gradient by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from chipletsim.engine.compile import compile_network
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.training import SurrogateNamespace, forward, spike

POTENTIALS = np.array([-3.0, 0.0, 0.5, 0.999, 1.0, 1.001, 2.0, 40.0], np.float32)


def test_spikes_are_strictly_above_threshold():
    spikes = spike(POTENTIALS, jnp.float32(1), 5.0)
    assert spikes.dtype == jnp.float32
    assert spikes.tolist() == [0, 0, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("slope", [0.0, 1.0, 5.0, 100.0])
def test_gradient_is_that_of_a_fast_sigmoid(slope):
    by_v, by_threshold = jax.vmap(jax.grad(spike, argnums=(0, 1)), (0, None, None))(
        POTENTIALS, jnp.float32(1), slope
    )
    # SuperSpike: the derivative of x / (1 + |x|) at x = slope (v - threshold), less a factor.
    expected = (1 + slope * np.abs(POTENTIALS.astype(np.float64) - 1)) ** -2
    np.testing.assert_allclose(by_v, expected, rtol=1e-5)
    np.testing.assert_allclose(by_threshold, -expected, rtol=1e-5)


def test_gradient_of_a_spike_count_by_hand():
    # Two steps of an integrator with weight 0.4: v is 0.4 and 0.8, w times 1 and w times 2.
    network = (
        NetworkBuilder("one", dt=1.0)
        .input("in", (1,))
        .population("out", (1,), "if", output=True)
        .project("in", "out", Dense(np.full((1, 1), 0.4, np.float32)))
        .build()
    )
    compiled = compile_network(network, exact=False)
    inputs = (jnp.ones((1, 2, 1)),)

    def count(synapses):
        return forward(compiled, synapses, inputs, slope=3.0)["out"].sum()

    assert count(compiled.synapses) == 0
    (gradient,) = jax.grad(count)(compiled.synapses)
    expected = 1 / (1 + 3 * 0.6) ** 2 + 2 / (1 + 3 * 0.2) ** 2
    assert float(gradient["weight"][0, 0]) == pytest.approx(expected, rel=1e-5)


def test_reset_stops_the_gradient():
    # After a spike the potential is v_reset whatever it was, so nothing flows back.
    constants = NEURON_MODELS["lif"].prepare({"tau": np.float32(2)}, 1.0)

    def next_v(v):
        return NEURON_MODELS["lif"].step(SurrogateNamespace(5.0), constants, {"v": v}, 0.0)[0]["v"]

    assert float(jax.grad(next_v)(jnp.float32(3.0))) == 0.0
    assert float(jax.grad(next_v)(jnp.float32(0.5))) == 0.5


@pytest.mark.parametrize(
    "name", [name for name, m in NEURON_MODELS.items() if m.spiking and m.states]
)
def test_every_spiking_model_has_a_gradient_and_the_same_spikes(name):
    model = NEURON_MODELS[name]
    given = {key: np.float32(2) for key, p in model.parameters.items() if p.default is None}
    constants = model.prepare(given, 1.0)
    currents = np.linspace(-2, 4, 25, dtype=np.float32)
    state = model.initial_state(constants, currents.shape)
    _, expected = model.step(np, constants, state, currents)
    namespace = SurrogateNamespace(5.0)
    _, events = model.step(namespace, constants, state, jnp.asarray(currents))
    np.testing.assert_array_equal(events, expected)
    gradient = jax.grad(lambda i: model.step(namespace, constants, state, i)[1].sum())(currents)
    assert np.all(np.asarray(gradient) > 0), "more current never makes a spike less likely"
