"""Every model that runs in every step gives the reference's events, on both kernels."""

import numpy as np
import pytest
from chipletsim.kernels import CHOICE
from engine_networks import EVERY_STEP, WITHOUT_KERNEL, of_every_model, random_inputs

from chipletsim.engine.reference import simulate_reference
from chipletsim.engine.simulate import simulate
from chipletsim.network.model import Network


@pytest.mark.parametrize("uniform", [False, True])
def test_every_model(uniform: bool) -> None:
    agree(of_every_model(3, 70, uniform=uniform))


@pytest.mark.slow
def test_every_model_in_xla(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOICE, "xla")
    agree(of_every_model(3, 5, uniform=False, models=EVERY_STEP))


def test_models_without_a_native_kernel() -> None:
    few = [model for model in WITHOUT_KERNEL if model.name in ("cubalif_late", "spyx_rcubalif")]
    assert len(few) == 2
    agree(of_every_model(3, 5, uniform=False, models=few))


def agree(network: Network) -> None:
    """Demand the reference's events, bit for bit."""
    inputs = random_inputs(network, 4, 2, 40)
    result = simulate(network, inputs)
    expected = simulate_reference(network, inputs)
    for population in network.populations:
        name = population.name
        assert expected.totals[name].sum() > 40, f"{name}: a silent population proves nothing"
        assert np.array_equal(result.rasters[name], expected.rasters[name]), name
        if name in expected.values:
            assert np.array_equal(result.values[name], expected.values[name]), name
    assert result.fingerprint == expected.fingerprint
