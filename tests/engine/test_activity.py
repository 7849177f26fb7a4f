"""Activity: packing, counting by class, files, and windows put together."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.engine.activity import Activity
from chipletsim.errors import ConfigError, UsageError

pytestmark = pytest.mark.usefixtures("kernels")


def random_activity(seed: int, samples: int = 3, steps: int = 4, rate: float = 0.3) -> Activity:
    rng = np.random.default_rng(seed)
    shapes = {"a": (2, 3), "b": (8,), "out": (5,)}
    spikes = {name: rng.random((samples, steps, *shape)) < rate for name, shape in shapes.items()}
    spikes["out"] = np.where(spikes["out"], rng.normal(size=(samples, steps, 5)), 0)
    spikes["out"] = spikes["out"].astype(np.float32)
    return Activity.from_spikes(shapes, spikes, network="n", inputs="i")


def test_bits_lie_in_little_order_and_come_back() -> None:
    spikes = np.zeros((1, 2, 11), bool)
    spikes[0, 0, [0, 3]] = spikes[0, 1, 10] = True
    activity = Activity.from_spikes({"p": (11,)}, {"p": spikes})
    assert activity.rasters["p"].tolist() == [[[0b1001, 0], [0, 0b100]]]
    assert np.array_equal(activity.spikes("p"), spikes)
    assert activity.totals["p"].tolist() == [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    assert activity.total_events == 3
    assert activity.rates()["p"].tolist() == [0.5, 0, 0, 0.5, 0, 0, 0, 0, 0, 0, 0.5]


def test_events_of_graded_populations_are_values_other_than_zero() -> None:
    activity = random_activity(0)
    assert np.array_equal(activity.spikes("out"), activity.values["out"] != 0)
    assert set(activity.values) == {"out"}


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.02, 0.5, 1.0]), st.integers(1, 7), st.data())
def test_class_counts_equal_a_loop(seed: int, rate: float, n_classes: int, data) -> None:
    activity = random_activity(seed, rate=rate)
    classes = np.array(
        data.draw(st.lists(st.integers(-1, n_classes - 1), min_size=19, max_size=19)), np.int32
    )
    spikes = np.concatenate([activity.spikes(name) for name in ("a", "b", "out")], axis=2)
    expected = np.zeros((3, 4, n_classes), np.int64)
    for sample, step, neuron in zip(*np.nonzero(spikes), strict=True):
        if classes[neuron] >= 0:
            expected[sample, step, classes[neuron]] += 1
    counts = activity.class_counts(classes, n_classes)
    assert counts.dtype == np.int64
    assert np.array_equal(counts, expected)


def test_class_counts_are_the_same_in_small_chunks(monkeypatch) -> None:
    activity, classes = random_activity(1), np.arange(19, dtype=np.int32) % 6
    whole = activity.class_counts(classes, 6)
    monkeypatch.setattr("chipletsim.engine.raster._CHUNK", 10)
    assert np.array_equal(activity.class_counts(classes, 6), whole)
    assert np.array_equal(random_activity(1).totals["a"], activity.totals["a"])


def test_class_counts_refuse_classes_that_do_not_fit() -> None:
    activity = random_activity(1)
    with pytest.raises(UsageError, match=r"expected \[19\]"):
        activity.class_counts(np.zeros(3, np.int32), 1)
    with pytest.raises(UsageError, match=r"-1\.\.2"):
        activity.class_counts(np.full(19, 3), 3)


def test_a_file_gives_back_the_same_activity(tmp_path) -> None:
    activity = random_activity(2)
    activity.save(tmp_path / "a.npz")
    loaded = Activity.load(tmp_path / "a.npz")
    assert loaded.fingerprint == activity.fingerprint
    assert loaded.populations == activity.populations
    assert np.array_equal(loaded.totals["out"], activity.totals["out"])


def test_the_fingerprint_sees_every_bit() -> None:
    activity, other = random_activity(2), random_activity(2)
    other.rasters["a"][0, 0, 0] ^= 1
    longer = replace(activity, network="other")
    assert activity.fingerprint == random_activity(2).fingerprint
    assert len({each.fingerprint for each in (activity, other, longer)}) == 3


@pytest.mark.parametrize("axis", ["samples", "steps"])
def test_parts_concatenate(axis: str) -> None:
    one, two = random_activity(3), random_activity(4)
    both = Activity.concatenate([one, two], axis)
    number = ("samples", "steps").index(axis)
    assert np.array_equal(
        both.spikes("b"), np.concatenate([one.spikes("b"), two.spikes("b")], number)
    )
    assert np.array_equal(both.totals["a"], one.totals["a"] + two.totals["a"])
    assert (both.samples, both.steps) == ((6, 4) if number == 0 else (3, 8))


def test_parts_of_different_networks_do_not_concatenate() -> None:
    one = random_activity(3)
    with pytest.raises(UsageError, match="do not fit together"):
        Activity.concatenate([one, replace(one, network="other")])
    with pytest.raises(UsageError, match="no activities"):
        Activity.concatenate([])


def test_it_prints_its_events() -> None:
    activity = random_activity(5)
    assert f"{activity.total_events:,} events" in repr(activity)
    assert "events per neuron and step" in str(activity)
    with pytest.raises(UsageError, match="there are: a, b, out"):
        activity.spikes("c")


def test_spikes_are_none_or_one_and_of_all_populations() -> None:
    with pytest.raises(ConfigError, match="must be 0 or 1"):
        Activity.from_spikes({"a": (2,)}, {"a": np.array([[[0, 2]]])})
    with pytest.raises(ConfigError, match="no spikes of populations"):
        Activity.from_spikes({"a": (2,), "b": (1,)}, {"a": np.zeros((1, 1, 2), bool)})


def broken_files(folder):
    """Return path and expected message of files that hold no activity."""
    good = random_activity(6)
    good.save(folder / "good.npz")
    with zipfile.ZipFile(folder / "good.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def written(name: str, **changed: bytes | None):
        with zipfile.ZipFile(folder / name, "w") as archive:
            for member, content in {**members, **changed}.items():
                if content is not None:
                    archive.writestr(member, content)
        return folder / name

    def npy(array) -> bytes:
        np.save(folder / "array.npy", array, allow_pickle=True)
        return (folder / "array.npy").read_bytes()

    header = json.dumps({"chipletsim_activity": 99}).encode()
    array = npy(np.zeros(2, np.uint8))
    huge, torn = array.replace(b"(2,), }    ", b"(99999,), }"), array.replace(b"(2,)", b"(2, ")
    stray = good.rasters["a"].copy()
    stray[0, 0, 0] |= 0x80
    (folder / "text.npz").write_text("no archive")
    yield folder / "absent.npz", "no such file"
    yield folder / "text.npz", "cannot be read"
    yield written("pickle.npz", **{"raster_0.npy": npy(np.array([{}]))}), "Python objects"
    yield written("header.npz", **{"header.npy": npy(np.frombuffer(header, np.uint8))}), "holds no"
    deep = npy(np.frombuffer(b"[" * 100_000, np.uint8))
    yield written("deep.npz", **{"header.npy": deep}), "holds no"
    yield written("missing.npz", **{"raster_1.npy": None}), "no array 'raster_1'"
    yield written("type.npz", **{"raster_0.npy": npy(good.rasters["a"].astype(int))}), "expected"
    yield written("short.npz", **{"raster_0.npy": members["raster_0.npy"][:-1]}), "bytes"
    yield written("size.npz", **{"raster_0.npy": huge}), "cannot be read"
    yield written("torn.npz", **{"raster_0.npy": torn}), "cannot be read"
    yield written("stray.npz", **{"raster_0.npy": npy(stray)}), "beyond its 6 neurons"


def test_broken_files_are_refused_by_name(tmp_path) -> None:
    for path, message in broken_files(tmp_path):
        with pytest.raises(ConfigError, match=message) as caught:
            Activity.load(path)
        assert path.name in str(caught.value)
