"""Networks in double precision against recorded runs of SANA-FE, bit for bit."""

import numpy as np
import pytest
from wide_cases import CASES, network_of, neuron_order, read

from chipletsim.engine.simulate import Simulator, simulate

pytestmark = pytest.mark.usefixtures("kernels")


def all_of(activity, network, what):
    """Return [steps, neurons] of all populations side by side."""
    return np.concatenate([what(activity, each.name)[0] for each in network.populations], axis=1)


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_run_is_reproduced(name: str) -> None:
    given, expected = read(name)
    network, order = network_of(given), neuron_order(given)
    steps = len(expected["spikes"])
    inputs = {"inputs": given["input_spikes"][None]} if given["is_input"].any() else {}
    activity = simulate(network, inputs, steps=None if inputs else steps, record=("v",))

    spikes = all_of(activity, network, lambda run, name: run.spikes(name))
    assert np.array_equal(spikes, expected["spikes"][:, order])
    potentials = expected["potentials"][:, order][:, given["is_input"].sum() :]
    assert activity.recorded["neurons"]["v"].dtype == np.float64
    assert np.array_equal(activity.recorded["neurons"]["v"][0], potentials)
    assert np.array_equal(spikes.sum(axis=1), expected["step_fired"])
    updated = all_of(activity, network, lambda run, name: run.updated(name))
    assert np.array_equal(updated.sum(axis=1), expected["step_updated"])


def test_windows_and_batches_change_no_bit() -> None:
    given, _ = read("b_recurrent_loihi")
    simulator = Simulator(network_of(given))
    inputs = np.stack([given["input_spikes"], given["input_spikes"][::-1]])
    whole = simulator.run(inputs, record=("v", "u"))
    cut = simulator.run(inputs, 17, record=("v", "u"))
    assert cut.fingerprint == whole.fingerprint
    alone = simulator.run(inputs[1:], record=("v", "u"))
    assert np.array_equal(alone.recorded["neurons"]["v"][0], whole.recorded["neurons"]["v"][1])
    assert np.array_equal(alone.rasters["neurons"][0], whole.rasters["neurons"][1])
