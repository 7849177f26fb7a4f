"""Spikes out: readable with NumPy alone, by NIR's own classes, and again by us."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chipletsim as cs
from chipletsim.errors import ConfigError, UsageError
from chipletsim.exchange.spikes.lists import SpikeWriter
from chipletsim.exchange.spikes.record import open_spikes

SHAPES = {"in": (2, 3), "group/values": (5,)}


def activity(samples: int = 3, steps: int = 4, seed: int = 0) -> cs.Activity:
    random = np.random.default_rng(seed)
    spikes = random.random((samples, steps, 6)) < 0.3
    values = np.where(random.random((samples, steps, 5)) < 0.4, random.normal(size=5), 0)
    arrays = {"in": spikes, "group/values": values.astype(np.float32)}
    return cs.Activity.from_spikes(SHAPES, arrays, network="abc", inputs="def")


def same(one: cs.Activity, other: cs.Activity) -> bool:
    return one.fingerprint == other.fingerprint


def test_lists_are_ordered_and_hold_every_event(tmp_path) -> None:
    spikes = np.zeros((2, 3, 6), bool)
    spikes[1, 2, 0] = spikes[0, 1, [4, 2]] = spikes[1, 0, 5] = True
    given_spikes = cs.Activity.from_spikes({"in": (2, 3)}, {"in": spikes})
    cs.save_spikes(given_spikes, tmp_path / "a.npz", dt_s=1e-3)
    with np.load(tmp_path / "a.npz") as file:
        assert file["populations"].tolist() == ["in"]
        assert [file[f"in/{name}"].tolist() for name in ("sample", "step", "neuron", "shape")] == [
            [0, 0, 1, 1], [1, 1, 0, 2], [2, 4, 5, 0], [2, 3],
        ]  # fmt: skip
        assert (int(file["samples"]), int(file["steps"]), float(file["dt_s"])) == (2, 3, 1e-3)
        assert file["in/step"].dtype == np.int32
    assert [each.name for each in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("kept", ["lists", "packed"])
def test_what_is_saved_is_loaded(tmp_path, kept: str) -> None:
    whole, path = activity(), tmp_path / "a.npz"
    if kept == "lists":
        cs.save_spikes(whole, path, dt_s=1e-3)
    else:
        whole.save(path)
    assert same(cs.load_spikes(path), whole)
    record = open_spikes(path)
    assert (record.samples, record.steps, record.graded) == (3, 4, {"group/values"})
    assert record.populations == SHAPES
    for first, count in ((0, 3), (2, 1), (0, 2)):
        part = whole.of_samples(first, count)
        assert np.array_equal(record.read("in", first, count), part.spikes("in"))
        values = record.read("group/values", first, count)
        assert np.array_equal(values, part.values["group/values"])


def test_batches_of_samples_and_windows_of_one_give_the_same_file(tmp_path) -> None:
    whole = activity(samples=5)
    cs.save_spikes(whole, tmp_path / "whole.npz", dt_s=1.0)
    with SpikeWriter(tmp_path / "parts.npz", 1.0) as writer:
        for first, count in ((0, 2), (2, 2)):
            writer.add(whole.of_samples(first, count))
            writer.next_samples()
        last = whole.of_samples(4, 1)
        for steps in (slice(0, 1), slice(1, 4)):
            arrays = {"in": last.spikes("in")[:, steps]}
            arrays["group/values"] = last.values["group/values"][:, steps]
            window = cs.Activity.from_spikes(SHAPES, arrays, network="abc", inputs="def")
            writer.add(window)
    assert same(cs.load_spikes(tmp_path / "parts.npz"), whole)
    assert writer.events == whole.total_events


def test_a_writer_refuses_what_it_could_not_order(tmp_path) -> None:
    path = tmp_path / "a.npz"
    with pytest.raises(UsageError, match="no spikes to write"):
        SpikeWriter(path, 1.0).close()
    writer = SpikeWriter(path, 1.0)
    writer.add(activity())
    with pytest.raises(UsageError, match="whole, not in windows"):
        writer.add(activity())
    writer.next_samples()
    writer.add(activity(steps=3))
    with pytest.raises(UsageError, match="samples of 3 steps follow ones of 4"):
        writer.close()
    other = cs.Activity.from_spikes({"in": (1,)}, {"in": np.zeros((1, 1, 1), bool)})
    with pytest.raises(UsageError, match="of different networks"):
        writer.add(other)
    writer.discard()
    assert not path.exists()
    with pytest.raises(UsageError, match="cannot write"):
        cs.save_spikes(activity(), tmp_path / "none" / "a.npz", dt_s=1.0)


def test_an_interrupted_writer_leaves_no_file(tmp_path) -> None:
    def interrupted() -> None:
        with SpikeWriter(tmp_path / "a.npz", 1.0) as writer:
            writer.add(activity())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format", "chipletsim spikes 9", "no spikes of this version"),
        ("in/step", np.full(5, 4, np.int32), "goes up to 4, but there are 4"),
        ("in/neuron", np.array([0, 1, 2, 3, 6], np.int32), "goes up to 6, but there are 6"),
        ("in/neuron", np.array([0, 1, 2], np.int32), "not one row for each event"),
        ("in/sample", np.array([0, 0, 0, 0, 3], np.int32), "recording number 3"),
        ("in/neuron", np.zeros(5, np.int32), "an event twice"),
        ("samples", 0, "samples is 0"),
        ("steps", 2**40, "steps is 1099511627776"),
        ("in/shape", np.array([0]), r"'in' has shape \[0\]"),
        ("populations", np.array(["in", "in"]), "a population twice"),
        ("network", np.zeros(3, "U1"), "expected one value"),
    ],
)
def test_faulty_files_are_refused(tmp_path, name, value, message: str) -> None:
    spikes = np.zeros((2, 4, 6), bool)
    spikes[0, 0, :5] = True
    path = tmp_path / "a.npz"
    cs.save_spikes(cs.Activity.from_spikes({"in": (2, 3)}, {"in": spikes}), path, dt_s=1.0)
    with np.load(path) as file:
        arrays = dict(file) | {name: value}
    np.savez(path, **arrays)
    with pytest.raises(ConfigError, match=message):
        cs.load_spikes(path)


def test_another_npz_file_holds_no_spikes(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", t=[1])
    with pytest.raises(ConfigError, match="holds no spikes; expected a file of `run --spikes`"):
        cs.load_spikes(tmp_path / "a.npz")


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 120),
    st.sampled_from([1e-3, 0.1, 1 / 3, 7e-7, 2.0**-10, 0.3, 1.1]),
    st.integers(0, 2**31),
)
def test_nir_grids_what_was_simulated(steps: int, dt_s: float, seed: int) -> None:
    """NIR itself turns the events into a raster, by ``floor(time / dt)`` of floats."""
    whole = activity(samples=2, steps=steps, seed=seed)
    data = cs.to_nir_data(whole, dt_s=dt_s)
    grid = data.nodes["in"].observables["spikes"].to_time_gridded(dt_s)
    assert np.array_equal(grid.data, whole.spikes("in"))
    grid = data.nodes["group/values"].observables["values"].to_time_gridded(dt_s)
    assert np.array_equal(grid.data.astype(np.float32), whole.values["group/values"])
    again = cs.from_nir_data(data, dt_s=dt_s, shapes={"in": (2, 3)})
    assert again.populations == SHAPES
    assert all(np.array_equal(again.rasters[name], whole.rasters[name]) for name in SHAPES)
    assert np.array_equal(again.values["group/values"], whole.values["group/values"])


def test_grids_and_events_of_nir_are_read(tmp_path) -> None:
    """What NIR's own ``to_event`` gives of a grid, at the beginning of steps or within them."""
    data_ir = pytest.importorskip("nir.data_ir")
    spikes = np.random.default_rng(3).random((2, 50, 4)) < 0.2
    grid = data_ir.TimeGriddedData(spikes, 0.1)
    for observed in (grid, grid.to_event(40), grid.to_event(40, time_shift=0.05)):
        data = data_ir.NIRGraphData({"a": data_ir.NIRNodeData({"spikes": observed})})
        assert np.array_equal(cs.from_nir_data(data, dt_s=0.1).spikes("a"), spikes)


def test_faulty_data_of_nir_are_refused() -> None:
    data_ir = pytest.importorskip("nir.data_ir")

    def refused(observables, message: str, dt_s: float = 0.1) -> None:
        node = data_ir.NIRNodeData(observables)
        with pytest.raises(ConfigError, match=message):
            cs.from_nir_data(data_ir.NIRGraphData({"a": node}), dt_s=dt_s)

    def events(idx, time, t_max=1.0):
        return {"spikes": data_ir.EventData(np.array([idx]), np.array([time]), 3, t_max)}

    refused({"v": None}, "observables v, expected `spikes`")
    refused(events([0], [np.inf]), "padding of node 'a'")
    refused(events([3], [0.1]), "1 events outside")
    refused(events([0], [1.0]), "1 events outside")
    refused(events([0, 0], [0.1, 0.15]), "several events in a step")
    grid = data_ir.TimeGriddedData(np.zeros((1, 2, 3), bool), 0.2)
    refused({"spikes": grid}, "steps of 0.2 s, not 0.1 s")
    nested = data_ir.NIRGraphData({"a": data_ir.NIRGraphData({})})
    with pytest.raises(ConfigError, match="a graph of its own"):
        cs.from_nir_data(nested, dt_s=0.1)
    short = {
        "a": data_ir.NIRNodeData(events([0], [0.1])),
        "b": data_ir.NIRNodeData(events([0], [0.1], 0.5)),
    }
    with pytest.raises(ConfigError, match="differ in samples and steps"):
        cs.from_nir_data(data_ir.NIRGraphData(short), dt_s=0.1)


def test_counts_of_spikes_are_kept_as_counts(tmp_path) -> None:
    counts = np.array([[[0, 3, 1], [2, 0, 0]]])
    whole = cs.Activity.from_spikes({"a": (3,)}, {"a": counts}, counted=("a",))
    cs.save_spikes(whole, tmp_path / "a.npz", dt_s=1.0)
    again = cs.load_spikes(tmp_path / "a.npz")
    assert again.counted == ("a",)
    assert again.fingerprint == whole.fingerprint
    with np.load(tmp_path / "a.npz") as file:
        assert file["a/value"].tolist() == [3, 1, 2]
        assert file["counted"].tolist() == ["a"]
    data = cs.to_nir_data(whole, dt_s=1.0).nodes["a"].observables["values"]
    assert data.to_time_gridded(1.0).data.tolist() == counts.tolist()
    with SpikeWriter(tmp_path / "b.npz", 1.0) as writer:
        writer.add(whole)
    assert writer.events == 6 == whole.total_events
