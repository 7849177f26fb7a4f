"""Networks of neuroscience: kernels and windows agree with the reference in every bit."""

import numpy as np
import pytest

from chipletsim.engine.activity import Activity
from chipletsim.engine.compile import compile_network
from chipletsim.engine.reference import simulate_reference
from chipletsim.engine.simulate import simulate, simulate_windows
from chipletsim.network.check import validated
from chipletsim.network.connections import Dense, OneToOne, Sparse
from chipletsim.network.model import Network, Population, Projection

pytestmark = pytest.mark.usefixtures("kernels")

DT, STEPS, SIZE = 1e-4, 40, 70
HELD = {"v_threshold": -0.05, "v_reset": -0.06, "refractory": 5e-4}
PARAMETERS = {
    "lif_refractory": {"tau": 20e-3, "v_leak": -0.06, **HELD},
    "cuba_exp": {
        "tau": 20e-3, "v_leak": -0.049, "tau_excitatory": 5e-3, "tau_inhibitory": 20e-3, **HELD,
    },
    "coba_exp": {
        "capacitance": 2e-10, "g_leak": 1e-8, "v_leak": -0.06, "v_excitatory": 0.0,
        "v_inhibitory": -0.08, "tau_excitatory": 5e-3, "tau_inhibitory": 10e-3, **HELD,
        "current": 2e-11, "e_init": 4e-8,
    },
    "alif": {"tau": 20e-3, "tau_adaptation": 2e-3, "beta": 1.5, "r": 60.0},
    "izhikevich": {"d": 2.0},
}  # fmt: skip
WEIGHTS = {
    "lif_refractory": 3e-3, "cuba_exp": 40e-3, "coba_exp": 6e-8, "alif": 1.0, "izhikevich": 300.0,
}  # fmt: skip
"""Size of a weight, in SI units, at which a model spikes now and then."""


def cells(rng: np.random.Generator, name: str, model: str) -> Population:
    """Neurons with constants of their own, and a bias."""
    parameters = {
        key: np.float32(value) * rng.uniform(0.98, 1.02, (SIZE,)).astype(np.float32)
        for key, value in PARAMETERS[model].items()
    }
    if "refractory" in parameters:
        parameters["refractory"] = np.where(rng.random(SIZE) < 0.5, 5e-4, 0).astype(np.float32)
        parameters["v_init"] = rng.uniform(-0.06, -0.05, SIZE).astype(np.float32)
    bias = (rng.random(SIZE) * WEIGHTS[model] / 10).astype(np.float32)
    return Population(name, (SIZE,), model, parameters, bias)


def listed(rng: np.random.Generator, scale: float) -> Sparse:
    indptr = np.arange(SIZE + 1) * 8
    weights = (rng.random(indptr[-1]) * scale).astype(np.float32)
    return Sparse(indptr, rng.integers(0, SIZE, indptr[-1]).astype(np.int32), weights, SIZE)


@pytest.fixture(scope="module")
def network() -> Network:
    """A population of each model, driven by spikes and by counts, in a cycle of each other."""
    rng = np.random.default_rng(3)
    names = list(PARAMETERS)
    populations = [
        Population("in", (SIZE,), "input"),
        Population("n", (SIZE,), "input", value_bits=4),
    ]
    projections = []
    for number, model in enumerate(names):
        populations.append(cells(rng, model, model))
        ports = {"cuba_exp": "inhibitory", "coba_exp": "inhibitory"}
        last, sign = names[number - 1], -1 if model != "coba_exp" else 1
        size = WEIGHTS[model]
        counted = OneToOne(np.full(SIZE, size / 16, np.float32))
        dense = Dense((rng.random((SIZE, SIZE)) * size / 30).astype(np.float32))
        back = listed(rng, size)
        projections += [
            Projection(f"in>{model}", "in", model, listed(rng, size)),
            Projection(f"n>{model}", "n", model, counted, delay=number),
            Projection(f"dense>{model}", last, model, dense, delay=3),
            Projection(
                f"back>{model}", last, model, back.with_weights(sign * back.weight), None, 1,
                ports.get(model, ""),
            ),
        ]  # fmt: skip
    return validated(Network("all", tuple(populations), tuple(projections), DT))


@pytest.fixture(scope="module")
def inputs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    return {
        "in": rng.random((2, STEPS, SIZE)) < 0.1,
        "n": rng.poisson(1.0, (2, STEPS, SIZE)).astype(np.float32),
    }


@pytest.fixture(scope="module")
def expected(network, inputs) -> Activity:
    activity = simulate_reference(network, inputs)
    for name in PARAMETERS:
        assert 20 < activity.totals[name].sum() < SIZE * STEPS, f"{name}: too few or many spikes"
    return activity


def test_every_model_and_port(network, inputs, expected, kernels) -> None:
    assert compile_network(network).program.native == (kernels == "native")
    assert simulate(network, inputs).fingerprint == expected.fingerprint
    parts = list(simulate_windows(network, inputs, 16))
    assert Activity.concatenate(parts).fingerprint == expected.fingerprint
