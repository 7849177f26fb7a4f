"""Counts of spikes in an activity: counted, kept in files, put together, and simulated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.engine.activity import Activity
from chipletsim.engine.decode import predict
from chipletsim.engine.simulate import simulate, simulate_windows
from chipletsim.errors import ConfigError, UsageError
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network

SHAPES = {"a": (2, 3), "many": (5,), "b": (8,)}


def random_counts(seed: int, samples: int = 3, steps: int = 4) -> Activity:
    rng = np.random.default_rng(seed)
    events = {name: rng.random((samples, steps, *shape)) < 0.3 for name, shape in SHAPES.items()}
    events["many"] = rng.integers(0, 4, (samples, steps, 5))
    return Activity.from_spikes(SHAPES, events, counted=["many"], network="n")


def test_a_count_is_as_many_events() -> None:
    # Neuron 0 spikes 3 + 0 times, neuron 1 once, neuron 2 never: 4 events in 2 steps.
    counts = np.array([[[3, 1, 0], [0, 0, 0]]])
    activity = Activity.from_spikes({"p": (3,)}, {"p": counts}, counted=["p"])
    assert activity.totals["p"].tolist() == [3, 1, 0]
    assert activity.total_events == 4
    assert activity.rates()["p"].tolist() == [1.5, 0.5, 0]
    assert activity.counts("p").tolist() == counts.tolist()
    assert activity.spikes("p").tolist() == (counts > 0).tolist()
    assert activity.class_counts(np.array([0, 1, 1], np.int32), 2).tolist() == [[[3, 1], [0, 0]]]


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 7), st.data())
def test_class_counts_equal_a_loop(seed: int, n_classes: int, data) -> None:
    activity = random_counts(seed)
    drawn = data.draw(st.lists(st.integers(-1, n_classes - 1), min_size=19, max_size=19))
    counts = np.concatenate([activity.counts(name) for name in SHAPES], axis=2)
    expected = np.zeros((3, 4, n_classes), np.int64)
    for sample, step, neuron in np.ndindex(counts.shape):
        if drawn[neuron] >= 0:
            expected[sample, step, drawn[neuron]] += counts[sample, step, neuron]
    found = activity.class_counts(np.array(drawn, np.int32), n_classes)
    assert np.array_equal(found, expected)
    assert activity.total_events == counts.sum()


def test_files_and_parts_keep_what_is_counted(tmp_path) -> None:
    activity = random_counts(1)
    activity.save(tmp_path / "a.npz")
    loaded = Activity.load(tmp_path / "a.npz")
    assert loaded.counted == ("many",)
    assert loaded.fingerprint == activity.fingerprint
    part = activity.of_samples(1, 2)
    assert part.total_events == sum(activity.counts(name)[1:].sum() for name in SHAPES)
    whole = Activity.concatenate([activity.of_samples(0, 1), part], axis="samples")
    assert whole.fingerprint == activity.fingerprint


def test_values_are_other_activity_than_counts() -> None:
    counted = random_counts(1)
    events = {name: counted.counts(name).astype(np.float32) for name in SHAPES}
    graded = Activity.from_spikes(SHAPES, events, network="n")
    assert graded.fingerprint != counted.fingerprint
    assert graded.totals["many"].sum() < counted.totals["many"].sum()
    with pytest.raises(UsageError, match="do not fit together"):
        Activity.concatenate([graded, counted])


@pytest.mark.parametrize("wrong", [-1.0, 0.5, 2.0**24 + 2, np.nan])
def test_counts_are_whole_numbers(wrong: float) -> None:
    counts = np.full((1, 1, 2), wrong, np.float32)
    with pytest.raises(ConfigError, match="counts of population 'p' must be whole numbers"):
        Activity.from_spikes({"p": (2,)}, {"p": counts}, counted=["p"])


def test_integers_above_one_need_to_be_counted() -> None:
    with pytest.raises(ConfigError, match="counted"):
        Activity.from_spikes({"p": (2,)}, {"p": np.full((1, 1, 2), 2)})


def counting(value_bits: int = 0) -> Network:
    """A neuron of Sinabs that gets 2.75, then 0.5, behind it a readout of weight 0.5."""
    return (
        NetworkBuilder("counting", dt=1.0)
        .input("in", (1,), value_bits=8)
        .population("many", (1,), "sinabs_subtract_multi", value_bits=value_bits)
        .population("out", (1,), "sinabs_li", output=True)
        .project("in", "many", Dense(np.ones((1, 1), np.float32)))
        .project("many", "out", Dense(np.full((1, 1), 0.5, np.float32)))
        .build()
    )


def test_counts_are_currents_and_events() -> None:
    # v = 2.75 is two spikes and 0.75 left, 0.75 + 0.5 is one more: the readout adds 2/2, then 1/2.
    network, inputs = counting(), np.array([2.75, 0.5], np.float32).reshape(1, 2, 1)
    activity = simulate(network, inputs)
    assert activity.counted == ("many",)
    assert activity.counts("many").ravel().tolist() == [2, 1]
    assert activity.values["out"].ravel().tolist() == [1.0, 1.5]
    assert activity.totals["many"].tolist() == [3]
    windows = list(simulate_windows(network, inputs, 1))
    assert Activity.concatenate(windows).fingerprint == activity.fingerprint
    assert predict(activity, "many").scores.tolist() == [[3.0]]


def test_with_value_bits_a_count_is_one_event() -> None:
    inputs = np.array([2.75, 0.5], np.float32).reshape(1, 2, 1)
    activity = simulate(counting(value_bits=2), inputs)
    assert activity.counted == ()
    assert activity.values["many"].ravel().tolist() == [2, 1]
    assert activity.totals["many"].tolist() == [2]
    with pytest.raises(ConfigError, match=r"up to 4 times in a step, which its value_bits of 2"):
        simulate(counting(value_bits=2), inputs + np.float32(2))


def test_counts_that_float32_cannot_tell_apart_are_refused() -> None:
    inputs = np.full((1, 1, 1), 2.0**25, np.float32)
    with pytest.raises(ConfigError, match="more than float32 counts exactly"):
        simulate(counting(), inputs)
