"""Activity: who did work, and states that were kept, beside the spikes."""

from dataclasses import replace

import numpy as np
import pytest

from chipletsim.engine.activity import Activity
from chipletsim.errors import ConfigError, UsageError

SHAPES = {"in": (3,), "a": (2, 5), "b": (9,)}


def with_states(seed: int, samples: int = 2, steps: int = 3) -> Activity:
    rng = np.random.default_rng(seed)
    rows = (samples, steps)
    return Activity.from_spikes(
        SHAPES,
        {name: rng.random((*rows, *shape)) < 0.4 for name, shape in SHAPES.items()},
        updates={name: rng.random((*rows, *SHAPES[name])) < 0.5 for name in ("a", "b")},
        recorded={
            "a": {"v": rng.normal(size=(*rows, 2, 5)), "u": rng.normal(size=(*rows, 10))},
            "b": {"v": rng.normal(size=(*rows, 9)).astype(np.float32)},
        },
        network="n",
        inputs="i",
    )


def test_updates_are_bits_in_the_order_of_rasters() -> None:
    updated = np.zeros((1, 1, 11), bool)
    updated[0, 0, [1, 10]] = True
    activity = Activity.from_spikes(
        {"p": (11,)}, {"p": np.zeros((1, 1, 11), bool)}, updates={"p": updated}
    )
    assert activity.updates["p"].tolist() == [[[0b10, 0b100]]]
    assert np.array_equal(activity.updated("p"), updated)
    assert activity.nbytes == 4


def test_updates_that_are_not_told_are_a_clear_error() -> None:
    with pytest.raises(UsageError, match="'in' does not tell updates"):
        with_states(0).updated("in")


def test_a_file_gives_back_updates_and_states(tmp_path) -> None:
    activity = with_states(1)
    activity.save(tmp_path / "a.npz")
    loaded = Activity.load(tmp_path / "a.npz")
    assert loaded.fingerprint == activity.fingerprint
    assert set(loaded.updates) == {"a", "b"}
    assert np.array_equal(loaded.updated("a"), activity.updated("a"))
    assert {name: set(states) for name, states in loaded.recorded.items()} == {
        "a": {"v", "u"},
        "b": {"v"},
    }
    for name, state in (("a", "v"), ("a", "u"), ("b", "v")):
        assert loaded.recorded[name][state].dtype == activity.recorded[name][state].dtype
        assert np.array_equal(loaded.recorded[name][state], activity.recorded[name][state])


def test_windows_and_samples_are_cut_and_joined() -> None:
    first, second = with_states(1), with_states(2)
    for axis, number in (("samples", 0), ("steps", 1)):
        whole = Activity.concatenate([first, second], axis)
        assert np.array_equal(
            whole.updates["b"], np.concatenate([first.updates["b"], second.updates["b"]], number)
        )
        assert np.array_equal(
            whole.recorded["a"]["u"],
            np.concatenate([first.recorded["a"]["u"], second.recorded["a"]["u"]], number),
        )
    whole = Activity.concatenate([first, second], "samples")
    back = whole.of_samples(2, 2)
    assert replace(back, inputs="i").fingerprint == second.fingerprint


def test_activities_with_other_states_are_not_joined() -> None:
    first = with_states(1)
    for other in (replace(first, updates={}), replace(first, recorded={})):
        with pytest.raises(UsageError, match="do not fit together"):
            Activity.concatenate([first, other])


def test_the_fingerprint_knows_updates_and_states() -> None:
    activity = with_states(3)
    rasters = replace(activity, updates={}, recorded={})
    updates = replace(activity, recorded={})
    swapped = replace(activity, recorded={"b": activity.recorded["b"]})
    assert len({each.fingerprint for each in (activity, rasters, updates, swapped)}) == 4


@pytest.mark.parametrize(
    "kept",
    [
        {"updates": {"x": np.zeros((2, 3, 1), np.uint8)}},
        {"updates": {"b": np.zeros((2, 3, 1), np.uint8)}},
        {"updates": {"b": np.full((2, 3, 2), 255, np.uint8)}},
        {"recorded": {"x": {"v": np.zeros((2, 3, 1))}}},
        {"recorded": {"b": {"v": np.zeros((2, 2, 9))}}},
        {"recorded": {"b": {"v": np.zeros((2, 3, 9), np.int64)}}},
    ],
)
def test_arrays_that_do_not_fit_are_refused(kept: dict) -> None:
    with pytest.raises(ConfigError):
        Activity.from_rasters(SHAPES, with_states(1).rasters, **kept)
