"""Mapping, simulating and pricing in one go."""

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense

PACKAGE = "packages/four_dies"


@pytest.fixture(scope="module")
def network() -> cs.Network:
    weights = np.random.default_rng(0).normal(size=(5, 9)).astype(np.float32)
    return (
        NetworkBuilder("small", dt="1 ms")
        .input("in", (9,))
        .population("out", (5,), "leaky_subtract", beta=0.5, output=True)
        .project("in", "out", Dense(weights))
        .build()
    )


class Tensor:
    """A tensor with gradients, on a device: NumPy must not be given it as it is."""

    def __init__(self, array: np.ndarray, *, detached: bool = False) -> None:
        self.array, self.detached = array, detached

    def detach(self) -> "Tensor":
        return Tensor(self.array, detached=True)

    def cpu(self) -> np.ndarray:
        assert self.detached
        return self.array


def test_it_is_the_three_stages(network) -> None:
    inputs = np.random.default_rng(1).random((2, 7, 9)) < 0.5
    mapping = cs.map_network(network, cs.load_package(PACKAGE), strategy="traffic", seed=0)
    expected = cs.price(cs.simulate(network, inputs, mapping=mapping), mapping)
    for given, axis in (
        (inputs, 1),
        (inputs.swapaxes(0, 1), 0),
        ({"in": Tensor(inputs.swapaxes(0, 1))}, 0),
    ):
        found = cs.evaluate(network, PACKAGE, given, time_axis=axis)
        assert found.energy_per_inference_j == expected.energy_per_inference_j
        assert found.samples == expected.samples == 2


@pytest.mark.parametrize(("shape", "axis"), [((9,), 1), ((2, 7, 9), 2)])
def test_axes_that_are_not_there(network, shape, axis) -> None:
    with pytest.raises(cs.UsageError, match="time_axis"):
        cs.evaluate(network, PACKAGE, np.zeros(shape), time_axis=axis)
