"""Dense layers that are multiplied give the spikes of those that add up rows."""

import jax
import numpy as np
import pytest
from chipletsim.kernels import native_kernels
from engine_networks import dyadic

from chipletsim.engine.compile import compile_network
from chipletsim.engine.native import product
from chipletsim.engine.reference import simulate_reference
from chipletsim.engine.simulate import simulate
from chipletsim.network.connections import Conv2d, Dense
from chipletsim.network.model import Network, Population, Projection

pytestmark = pytest.mark.skipif(not native_kernels(), reason="there are no native kernels")


def network(weights, source=(70,), **population) -> Network:
    leaky = {"tau": np.float32(3e-3), "v_threshold": np.float32(0.7)}
    return Network(
        "dense",
        (
            Population("in", source, "input"),
            Population("out", (weights.shape[0],), "lif", leaky),
        ),
        (Projection("w", "in", "out", Dense(weights)),),
        1e-3,
    )


@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("above", [0.0, 0.5])
def test_multiplied_layers_spike_as_the_reference(real, above, monkeypatch) -> None:
    monkeypatch.setattr(product, "_LEAST_WEIGHTS", 1)
    monkeypatch.setattr(product, "product_limit", lambda *arguments: above)
    rng = np.random.default_rng(0)
    weights = rng.normal(0.02, 0.2, (67, 70)).astype(np.float32) if real else dyadic(rng, 67, 70)
    spiking = network(weights)
    compiled = compile_network(spiking)
    assert compiled.synapses[0]["product_above"] == above
    assert ("step" in compiled.synapses[0]) == real
    for rate in (0.0, 0.3, 0.8, 1.0):
        inputs = rng.random((3, 9, 70)) < rate
        ours, theirs = simulate(spiking, inputs), simulate_reference(spiking, inputs)
        np.testing.assert_array_equal(ours.rasters["out"], theirs.rasters["out"])
    assert ours.rates()["out"].mean() > 0.05


def test_the_choice_is_measured_and_small_layers_have_none() -> None:
    rng = np.random.default_rng(0)
    assert "product_above" not in compile_network(network(dyadic(rng, 67, 70))).synapses[0]
    large = network(rng.normal(size=(512, 512)).astype(np.float32), (512,))
    limit = compile_network(large).synapses[0].get("product_above")
    assert limit is None or 0 < limit < 1


def test_layers_behind_a_convolution_keep_to_events(monkeypatch) -> None:
    # Their inputs stand in another order inside the kernels than the columns of the weights.
    monkeypatch.setattr(product, "_LEAST_WEIGHTS", 1)
    monkeypatch.setattr(product, "product_limit", lambda *arguments: 0.0)
    rng = np.random.default_rng(0)
    leaky = {"tau": np.float32(3e-3)}
    conv = Conv2d(dyadic(rng, 3, 2, 2, 2))
    spiking = Network(
        "conv",
        (
            Population("in", (2, 5, 5), "input"),
            Population("mid", (3, 4, 4), "lif", leaky),
            Population("out", (9,), "lif", leaky),
        ),
        (
            Projection("c", "in", "mid", conv),
            Projection("w", "mid", "out", Dense(dyadic(rng, 9, 48))),
        ),
        1e-3,
    )
    inputs = rng.random((2, 6, 2, 5, 5)) < 0.5
    ours, theirs = simulate(spiking, inputs), simulate_reference(spiking, inputs)
    np.testing.assert_array_equal(ours.rasters["out"], theirs.rasters["out"])
    assert jax.device_get(compile_network(spiking).synapses[1]).keys().isdisjoint({"product_above"})
