"""The surrogate gradient against its formula, and a spike train's gradient by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from chipletsim.engine.compile import compile_network
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense
from chipletsim.network.neurons import NEURON_MODELS, Event
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
    assert float(gradient["weight"][0, 0]) == pytest.approx(expected, rel=1e-5, abs=0)


def test_reset_stops_the_gradient():
    # After a spike the potential is v_reset whatever it was, so nothing flows back.
    constants = NEURON_MODELS["lif"].prepare({"tau": np.float32(2)}, 1.0)

    def next_v(v):
        return NEURON_MODELS["lif"].step(SurrogateNamespace(5.0), constants, {"v": v}, 0.0)[0]["v"]

    assert float(jax.grad(next_v)(jnp.float32(3.0))) == 0.0
    assert float(jax.grad(next_v)(jnp.float32(0.5))) == 0.5


OWN = {
    "coba_exp": {"v_excitatory": np.float32(4)},
    # As long as both traces decay alike nothing of a current is left.
    **{
        name: {"alpha": np.float32(0.75)} for name in ("alpha_subtract", "alpha_zero", "alpha_none")
    },
}
OWN |= {
    n: {"tau_steps": np.float32(2)} for n, m in NEURON_MODELS.items() if "tau_steps" in m.parameters
}
IN_MS = {"izhikevich"}


def run_two_steps(name, xp, currents):
    """Events of both steps and the state at the end; the second step gets no current."""
    model = NEURON_MODELS[name]
    needed = {key: p for key, p in model.parameters.items() if p.default is None}
    given = {key: np.float32(2 if p.unit == "s" else 0.5) for key, p in needed.items()}
    constants = model.prepare({**given, **OWN.get(name, {})}, 1e-3 if name in IN_MS else 1.0)
    state = model.initial_state(constants, currents.shape)
    silent = np.float32(0) * currents

    def given_to(current):
        """The current of the only port, or of the first of several."""
        several = len(model.ports) > 1
        return (
            dict.fromkeys(model.ports, silent) | {model.ports[0]: current} if several else current
        )

    state, first = model.step(xp, constants, state, given_to(currents))
    state, second = model.step(xp, constants, state, given_to(silent))
    return first, second, state


WITH_STATES = [n for n, m in NEURON_MODELS.items() if m.states and m.precision == "float32"]


@pytest.mark.parametrize(
    "name", [n for n in WITH_STATES if NEURON_MODELS[n].event is not Event.VALUE]
)
def test_every_spiking_model_has_a_gradient_and_the_same_spikes(name):
    currents = np.linspace(-2, 4, 25, dtype=np.float32)
    if NEURON_MODELS[name].current_unit == "S":
        currents = currents + np.float32(2)  # conductances are not negative
    namespace = SurrogateNamespace(5.0)
    expected = run_two_steps(name, np, currents)
    events = run_two_steps(name, namespace, jnp.asarray(currents))
    for one, other in zip(jax.tree.leaves(events), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(one, other)
    # Some models spike one step late, from the membrane that the step before has left.
    gradient = jax.grad(lambda i: sum(run_two_steps(name, namespace, i)[:2]).sum())(currents)
    if NEURON_MODELS[name].event is Event.COUNT:
        # A count follows the membrane where it is above 0, and 0 below.
        assert np.all(gradient[currents > 1] > 0)
        assert np.all(gradient >= 0)
    else:
        assert np.all(gradient > 0), "more current never makes a spike less likely"


def test_gradient_of_a_count_by_hand():
    # v = I, then I - th z: a count grows by 1/th per I, and the reset passes no gradient, so
    # that the second step has v = 2.5 - 2 + 0 with derivative 1, below one threshold: 1/th again.
    model = NEURON_MODELS["sinabs_subtract_multi"]
    constants = model.prepare({"v_threshold": np.float32(2)}, 1.0)

    def counts(current):
        state = {"v": jnp.zeros(())}
        state, first = model.step(SurrogateNamespace(5.0), constants, state, current)
        _, second = model.step(SurrogateNamespace(5.0), constants, state, 0.0)
        return first, second

    first, second = jax.jacobian(counts)(jnp.float32(2.5))
    assert [float(each) for each in counts(jnp.float32(2.5))] == [1, 0]
    assert (float(first), float(second)) == (0.5, 0.5)


def test_gradient_of_a_threshold_that_spikes_itself():
    # v >= th, as Sinabs' SingleSpike: the fast sigmoid around the threshold, as for v > th.
    by_v = jax.vmap(jax.grad(lambda v: SurrogateNamespace(3.0).greater_equal(v, 1.0)))(POTENTIALS)
    expected = (1 + 3 * np.abs(POTENTIALS.astype(np.float64) - 1)) ** -2
    np.testing.assert_allclose(by_v, expected, rtol=1e-5)
    spikes = SurrogateNamespace(3.0).greater_equal(POTENTIALS, 1.0)
    assert spikes.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
