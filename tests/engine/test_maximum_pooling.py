"""Maxima over windows as a connection: the largest value of each, 0 where there is no event."""

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense, Pool2d


def maxima(pool: Pool2d, value_bits: int = 32) -> cs.Network:
    shape = pool.target_shape((2, 5, 6))
    return (
        NetworkBuilder("maxima", dt="1 ms")
        .input("in", (2, 5, 6), value_bits=value_bits)
        .population("out", shape, "sinabs_li", alpha=0.0, output=True)
        .project("in", "out", pool)
        .build()
    )


def slow_maxima(planes: np.ndarray, pool: Pool2d) -> np.ndarray:
    """The largest of the values of each window that are there, one window at a time."""
    channels, rows, columns = pool.target_shape(planes.shape)
    found = np.zeros((channels, rows, columns), np.float32)
    for c, y, x in np.ndindex(channels, rows, columns):
        top, left = y * pool.stride[0] - pool.padding[0], x * pool.stride[1] - pool.padding[1]
        found[c, y, x] = planes[
            c, max(top, 0) : top + pool.kernel[0], max(left, 0) : left + pool.kernel[1]
        ].max()
    return found


@pytest.mark.parametrize(
    "pool",
    [
        Pool2d((2, 2), (2, 2), mode="max"),
        Pool2d((3, 2), (2, 1), (1, 1), mode="max"),
    ],
)
def test_maxima_of_values_and_of_spikes(pool: Pool2d) -> None:
    drawn = np.random.default_rng(0).normal(size=(2, 3, 2, 5, 6)).astype(np.float32)
    drawn -= 1.5  # so that padding, were it a zero, would be the largest
    for given, bits in ((drawn, 32), ((drawn > -1).astype(np.float32), 0)):
        found = cs.simulate(maxima(pool, bits), given).values["out"]
        expected = np.array([[slow_maxima(step, pool) for step in sample] for sample in given])
        np.testing.assert_array_equal(found.reshape(expected.shape), expected)


def test_where_a_maximum_cannot_stand() -> None:
    with pytest.raises(cs.ConfigError, match="more than half of the window"):
        maxima(Pool2d((2, 2), (2, 2), (2, 0), mode="max"))
    front = NetworkBuilder("front", dt="1 ms").input("in", (1, 4, 4))
    front.population("out", (3,), "sinabs_li", alpha=0.0)
    front.project(
        "in", "out", Dense(np.ones((3, 4), np.float32)), pool=Pool2d((2, 2), (2, 2), mode="max")
    )
    with pytest.raises(cs.ConfigError, match="a connection of its own"):
        front.build()


def test_files_hold_maxima(tmp_path) -> None:
    network = maxima(Pool2d((2, 2), (2, 2), mode="max"))
    cs.save_network(network, tmp_path / "network.yaml")
    again = cs.load_network(tmp_path / "network.yaml")
    assert again.projections[0].connection == network.projections[0].connection
    with pytest.raises(cs.ConfigError, match=r"maximum|sinabs_li"):
        cs.save_network(network, tmp_path / "network.nir")
