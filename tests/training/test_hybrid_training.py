"""The training pass of dense and spiking layers: the engine's events, and gradients that help."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import chipletsim as cs
from chipletsim.engine.compile import compile_network
from chipletsim.engine.simulate import simulate
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.training import SurrogateNamespace, forward, trainable
from chipletsim.training.parameters import start_parameters, with_parameters
from chipletsim.training_runs.network_file import write_network
from tests.engine.test_hybrid import CASES, images
from tests.quick import quickly


@pytest.mark.parametrize("name", CASES)
def test_forward_gives_the_events_of_the_engine(name):
    network, inputs = CASES[name], images(4, 9)
    activity = simulate(network, inputs)
    compiled = compile_network(network, exact=False)
    events = jax.jit(lambda synapses: forward(compiled, synapses, (inputs,), slope=2.0))(
        trainable(compiled)
    )
    for population in network.populations:
        ours = np.moveaxis(np.asarray(events[population.name]), 1, 0).reshape(4, 9, -1)
        if population.name in activity.values:
            np.testing.assert_array_equal(ours, activity.values[population.name])
        else:
            np.testing.assert_array_equal(ours, activity.spikes(population.name))


@pytest.mark.parametrize("name", ["loop"])
def test_weights_in_front_of_a_boundary_get_a_gradient_from_behind_it(name):
    network, inputs = CASES[name], images(6, 9)
    compiled = compile_network(network, exact=False)

    def answer(synapses):
        out = forward(compiled, synapses, (inputs,), slope=2.0)["out"]
        return (out.sum(axis=0) * jnp.array([1.0, -2.0, 0.5])).sum()

    gradient = quickly(jax.grad(answer))(trainable(compiled))
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


def test_ceilings_of_encoders_are_thresholds_and_their_wires_are_not_trained():
    network = CASES["rate"]
    compiled = compile_network(network, exact=False)
    parameters = start_parameters(compiled, thresholds="population")
    assert set(parameters.threshold_logs) == {"enc"}
    trained = [bool(arrays) for arrays in parameters.synapses]
    assert trained == [True, False, False, True]  # in>conv, conv>enc, enc>dec, dec>out
    moved = replace(parameters, threshold_logs={"enc": np.float32(np.log(2))})
    changed = with_parameters(network, compiled, moved)
    before = simulate(network, images(5, 4)).totals["enc"].sum()
    assert simulate(changed, images(5, 4)).totals["enc"].sum() < before
    assert float(changed.population("enc").parameters["ceiling"]) == pytest.approx(4)


def test_what_nir_cannot_say_is_written_as_yaml(tmp_path):
    name, reason = write_network(CASES["rate"], tmp_path)
    assert (name, reason) == ("best.yaml", "populations.conv: NIR has no node for relu")
    again = cs.load_network(tmp_path / name)
    assert fingerprint(again) == fingerprint(CASES["rate"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.npz", "best.yaml"]
