"""XLA agrees with the reference on the networks that native kernels are compared on.

Most of them are slow tests, for XLA compiles long.
"""

import numpy as np
import pytest
from chipletsim.kernels import CHOICE
from native_networks import RATES, convolved, graded, pooling, sized, spikes, values

from chipletsim.engine.compile import compile_network
from chipletsim.engine.reference import simulate_reference
from chipletsim.engine.simulate import simulate
from chipletsim.network.model import Network


@pytest.fixture(autouse=True)
def _xla(monkeypatch):
    monkeypatch.setenv(CHOICE, "xla")


def seeds(count: int, *, fast: tuple[int, ...]) -> list:
    """Seeds, the others than those of the fast ones marked slow."""
    return [
        pytest.param(each, marks=() if each in fast else pytest.mark.slow) for each in range(count)
    ]


def check_xla(network: Network, several: list[np.ndarray]) -> None:
    assert not compile_network(network).program.native
    for inputs in several:
        expected = simulate_reference(network, inputs)
        assert simulate(network, inputs).fingerprint == expected.fingerprint


@pytest.mark.parametrize("seed", seeds(8, fast=(2,)))
def test_sizes_formats_and_rates(seed: int) -> None:
    network, rng = sized(seed), np.random.default_rng(seed)
    check_xla(network, [spikes(rng, network, 1 + seed % 3, rate) for rate in RATES])


@pytest.mark.parametrize("seed", seeds(8, fast=(7,)))
def test_convolutions(seed: int) -> None:
    network, rng = convolved(seed), np.random.default_rng(seed)
    check_xla(network, [spikes(rng, network, 1 + seed % 2, rate) for rate in (0.1, 1.0)])


@pytest.mark.parametrize("seed", seeds(4, fast=()))
def test_pooling(seed: int) -> None:
    network, rng = pooling(seed, graded=seed % 2 == 1), np.random.default_rng(seed)
    draw = values if seed % 2 else spikes
    check_xla(network, [draw(rng, network, 2, 0.6)])


@pytest.mark.parametrize("seed", seeds(3, fast=(1,)))
def test_graded_inputs_and_sources(seed: int) -> None:
    network, rng = graded(seed), np.random.default_rng(seed)
    check_xla(network, [values(rng, network, 2, rate) for rate in RATES])
