"""The convolutional network of the NIR paper against what Sinabs itself answered.

Its neurons spike several times in a step, and its weights are trained float32, whose sums depend
on their order: rasters of the first layer, which reads spikes, are equal; behind it the last bit of
a membrane may differ.
"""

from pathlib import Path

import h5py
import numpy as np
import pytest

from chipletsim.engine.simulate import simulate
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense, Pool2d
from chipletsim.network.model import Network

FOLDER = Path(__file__).parents[3] / "shared" / "references" / "nir" / "paper" / "02_cnn"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"needs the files of others in {FOLDER}"
)

HALF = Pool2d((2, 2), (2, 2))
LAYERS = (
    ("1", "0", (16, 16, 16), None),
    ("3", "2", (16, 16, 16), None),
    ("6", "5", (8, 8, 8), HALF),
    ("10", "9", (256,), HALF),
    ("12", "11", (10,), None),
)
"""Neurons, the node of their weights, their shape, and the pooling in front."""


def network() -> Network:
    with h5py.File(FOLDER / "cnn_sinabs.nir") as file:
        nodes = {
            name: {key: value[()] for key, value in node.items()}
            for name, node in file["node/nodes"].items()
        }
    builder, source = NetworkBuilder("cnn", dt=1.0).input("in", (2, 34, 34)), "in"
    for neurons, weights, shape, pool in LAYERS:
        given = nodes[weights]
        bias = np.broadcast_to(given["bias"].reshape(-1, *[1] * (len(shape) - 1)), shape)
        threshold = nodes[neurons]["v_threshold"]
        builder.population(
            neurons, shape, "sinabs_subtract_multi", bias=bias, v_threshold=threshold, v_min=-1.0
        )
        connection = Dense(given["weight"])
        if "stride" in given:
            padding = tuple((int(each), int(each)) for each in given["padding"])
            stride = tuple(int(each) for each in given["stride"])
            connection = Conv2d(given["weight"], stride=stride, padding=padding)
        builder.project(source, neurons, connection, pool=pool)
        source = neurons
    return builder.build()


@pytest.mark.parametrize("samples", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_counts_are_those_of_sinabs(samples: int) -> None:
    with np.load(FOLDER / "cnn_io_sinabs.npz") as arrays:
        recorded = {key: arrays[key] for key in arrays}
    inputs = np.moveaxis(recorded["input"], 1, 0)[:samples].astype(bool)
    activity = simulate(network(), inputs)
    answers = activity.counts("12").sum(axis=1).argmax(axis=1)
    assert np.array_equal(answers, recorded["pred"][:samples])
    first = activity.counts("1")[:2].reshape(2, 150, 16, 16, 16)
    assert np.array_equal(first, np.moveaxis(recorded["spk2__1"], 1, 0))
    assert first.max() > 1
    for neurons, *_ in LAYERS:
        expected = recorded[f"counts__{neurons}"][:samples].sum()
        assert activity.totals[neurons].sum() == pytest.approx(expected, rel=0.002)
