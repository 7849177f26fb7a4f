"""Encodings against their closed form, answers against sums by hand, datasets from strangers."""

from fractions import Fraction

import numpy as np
import pytest

from chipletsim.engine.activity import Activity
from chipletsim.engine.decode import predict
from chipletsim.engine.encode import encode, poisson
from chipletsim.engine.inputs import load_dataset
from chipletsim.errors import ConfigError, UsageError
from chipletsim.spec.experiment import (
    BernoulliEncoding,
    DirectEncoding,
    LatencyEncoding,
    RegularEncoding,
    SpikesEncoding,
)


@pytest.mark.parametrize("gain", ["1", "0.5", "0.3"])
def test_regular_spikes_follow_the_floor_of_exact_fractions(gain: str) -> None:
    numerators = np.arange(101)
    spikes = encode(numerators[None] / 100, RegularEncoding(kind="regular", gain=float(gain)), 60)
    counts = spikes[0].cumsum(axis=0)
    for number in numerators.tolist():
        rate = Fraction(number, 100) * Fraction(gain)
        expected = [rate * (step + 1) // 1 for step in range(60)]
        assert counts[:, number].tolist() == expected, number


def test_pixels_are_fractions_of_255() -> None:
    spikes = encode(np.array([[0, 51, 255]], np.uint8), RegularEncoding(kind="regular"), 10)
    assert spikes.sum(axis=1).tolist() == [[0, 2, 10]]
    assert np.flatnonzero(spikes[0, :, 1]).tolist() == [4, 9]


def test_bernoulli_spikes_have_their_rate_and_their_seed() -> None:
    values, encoding = np.full((2, 500), 0.25), BernoulliEncoding(kind="bernoulli", gain=0.8)
    spikes = encode(values, encoding, 100)
    # 100,000 draws at p = 0.2: five standard deviations are 0.0063.
    assert abs(spikes.mean() - 0.2) < 0.0063
    assert np.array_equal(spikes, encode(values, encoding, 100))
    other = BernoulliEncoding(kind="bernoulli", gain=0.8, seed=1)
    assert not np.array_equal(spikes, encode(values, other, 100))
    assert np.array_equal(spikes[:1], encode(values[:1], encoding, 100)), "samples in order"


def test_latency_sends_larger_values_earlier() -> None:
    encoding = LatencyEncoding(kind="latency", threshold=0.2)
    spikes = encode(np.array([[0.2, 0.21, 0.6, 1.0]]), encoding, 9)[0]
    assert spikes.sum(axis=0).tolist() == [0, 1, 1, 1]
    assert spikes.argmax(axis=0)[1:].tolist() == [8, 4, 0]


def test_direct_values_are_rounded_to_their_bits() -> None:
    values = encode(np.array([[0, 0.3, 1.0]]), DirectEncoding(kind="direct", value_bits=2), 3)
    assert values.dtype == np.float32
    assert values.tolist() == [[[0, 0.25, 0.75]] * 3]


def test_given_spikes_are_cut_to_the_steps() -> None:
    spikes = np.arange(24).reshape(2, 4, 3) % 2
    assert np.array_equal(encode(spikes, SpikesEncoding(kind="spikes"), 3), spikes[:, :3])
    with pytest.raises(ConfigError, match="5 steps"):
        encode(spikes, SpikesEncoding(kind="spikes"), 5)


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"0 to 1\.5"):
        encode(np.array([[0, 1.5]]), RegularEncoding(kind="regular"), 3)


def test_poisson_spikes_have_their_rate() -> None:
    spikes = poisson((50, 4), 0.1, samples=5, steps=100, seed=3)
    assert spikes.shape == (5, 100, 50, 4)
    assert abs(spikes.mean() - 0.1) < 0.005
    assert np.array_equal(spikes, poisson((50, 4), 0.1, samples=5, steps=100, seed=3))
    assert poisson((3,), 1.0, samples=1, steps=2, seed=0).all()
    assert not poisson((3,), 0.0, samples=1, steps=2, seed=0).any()


def test_most_spikes_win_and_ties_go_to_the_lowest() -> None:
    spikes = np.zeros((3, 4, 3), bool)
    spikes[0, :2, 2] = spikes[0, 0, 1] = spikes[1, 1, [1, 2]] = True
    activity = Activity.from_spikes({"out": (3,)}, {"out": spikes})
    answers = predict(activity, "out")
    assert answers.scores.tolist() == [[0, 1, 2], [0, 1, 1], [0, 0, 0]]
    assert answers.classes.tolist() == [2, 1, 0]
    assert answers.ties == 2
    assert answers.accuracy(np.array([2, 2, 0])) == pytest.approx(2 / 3)
    with pytest.raises(ConfigError, match=r"expected \[3\]"):
        answers.accuracy(np.array([1]))
    with pytest.raises(UsageError, match="there are: out"):
        predict(activity, "in")


def test_graded_outputs_are_summed() -> None:
    values = np.array([[[0.5, -1.0], [0.25, 2.0]]], np.float32)
    answers = predict(Activity.from_spikes({"out": (2,)}, {"out": values}), "out")
    assert answers.scores.tolist() == [[0.75, 1.0]]
    assert answers.classes.tolist() == [1]


def test_datasets_load_their_first_samples(tmp_path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, inputs=np.arange(12.0).reshape(4, 3), labels=np.array([3, 1, 2, 0], np.uint8))
    data = load_dataset(path, 2)
    assert data.inputs.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert data.labels.tolist() == [3, 1]
    assert len(load_dataset(path).inputs) == 4
    with pytest.raises(ConfigError, match="holds 4 samples, but 5"):
        load_dataset(path, 5)
    with pytest.raises(ConfigError, match="more than the limit of 99"):
        load_dataset(path, max_bytes=99)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": np.zeros(3)}, "no array 'inputs'"),
        ({"inputs": np.zeros(3)}, r"not \[samples, \.\.\.\]"),
        ({"inputs": np.full((2, 2), np.inf)}, "infinite"),
        ({"inputs": np.zeros((2, 2)), "labels": np.zeros(3, int)}, "one integer for each input"),
        ({"inputs": np.array([[None]])}, "Python objects"),
    ],
)
def test_faulty_datasets_are_refused(tmp_path, arrays, message: str) -> None:
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(ConfigError, match=message):
        load_dataset(tmp_path / "data.npz")
