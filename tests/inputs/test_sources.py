"""Experiments fed by recordings, constants, replays and frames, and their faults."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.cli.main import execute
from chipletsim.engine.encode import encode
from chipletsim.errors import ConfigError, UsageError
from chipletsim.inputs.make import make_inputs
from chipletsim.inputs.stream import held
from chipletsim.stages import load_experiment, make_network

sys.path.append(str(Path(__file__).parents[1] / "exchange"))
from event_files import EVENTS, HEIGHT, WIDTH, heidelberg, nmnist, write

EXPERIMENT = {
    "name": "fed",
    "package": {"use": "packages/two_dies"},
    "network": {
        "name": "net", "dt": "1 ms",
        "populations": {
            "pixels": {"shape": [2, HEIGHT, WIDTH], "model": "input"},
            "out": {"shape": [3], "model": "if", "output": True},
        },
        "projections": [
            {"source": "pixels", "target": "out", "connection": {"kind": "dense", "weight": 0.5}}
        ],
    },
}  # fmt: skip


def inputs_of(folder, inputs, shape=(2, HEIGHT, WIDTH), more=None):
    """Return the inputs that an experiment asks for, and its network."""
    contents = {**EXPERIMENT, "inputs": inputs, "network": {**EXPERIMENT["network"]}}
    populations = {**contents["network"]["populations"]}
    populations["pixels"] = {"shape": list(shape), "model": "input", **(more or {})}
    contents["network"]["populations"] = populations
    loaded = load_experiment(contents)
    network = make_network(loaded)
    return make_inputs(loaded, network), network


# --- recordings -----------------------------------------------------------------------


def test_a_recording_feeds_the_population_as_binning_says(tmp_path) -> None:
    path = write(tmp_path, "nmnist")
    given = {"events": {"file": str(path)}, "steps": 132}
    inputs, network = inputs_of(tmp_path, given)
    expected, _ = cs.bin_samples(
        cs.open_events(path), (2, HEIGHT, WIDTH), cs.Binning(dt_s=1e-3, steps=132)
    )
    assert np.array_equal(inputs.whole()["pixels"], expected.reshape(1, 132, -1))
    assert network.population("pixels").value_bits == 0
    assert (inputs.labels, inputs.notes) == (None, [])


def test_folders_bring_labels_and_every_key_of_binning_counts(tmp_path) -> None:
    for label, name in ((1, "b"), (2, "a")):
        (tmp_path / str(label)).mkdir()
        (tmp_path / str(label) / f"{name}.bin").write_bytes(nmnist(EVENTS))
    keys = {"step": "2 ms", "offset": "1 ms", "outside": "count", "several": "count"}
    keys |= {"value_bits": 3, "polarity": "merge", "pool": 2}
    given = {"events": {"folder": str(tmp_path), "format": "nmnist"}, "steps": 10, "binning": keys}
    inputs, network = inputs_of(tmp_path, given, (3, 4))
    # Steps of 2 ms from 1 ms: 1.000 and 2.999 lie in step 0, 3.000 twice in step 1, others after.
    pixels = np.zeros((10, 3, 4), np.float32)
    pixels[0, 2, 0] = pixels[0, 2, 3] = 1
    pixels[1, 1, 1] = 2
    assert np.array_equal(inputs.whole()["pixels"], [pixels.reshape(10, 12)] * 2)
    assert inputs.labels.tolist() == [2, 1]
    assert network.population("pixels").value_bits == 3
    assert inputs.notes == ["of 14 events 8 were fed; 6 lay after the last step"]


def test_heidelberg_digits_are_pooled_to_fewer_channels(tmp_path) -> None:
    path = heidelberg(tmp_path / "shd.h5", [[0.0, 0.5], [0.25]], [[0, 699], [349]], [1, 2])
    keys = {"step": "250 ms", "pool": 5}
    given = {"events": {"file": str(path), "format": "shd", "size": [700]}, "steps": 3}
    inputs, _ = inputs_of(tmp_path, {**given, "binning": keys, "samples": 1}, (140,))
    assert np.argwhere(inputs.whole()["pixels"]).tolist() == [[0, 0, 0], [0, 2, 139]]
    assert inputs.labels.tolist() == [1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": 2}, "holds 1 samples, but 2 are asked for"),
        ({"steps": 3}, "after its 3 steps of 0.001 s from zero of its clock"),
        ({"binning": {"several": "count", "value_bits": 1, "polarity": "merge", "pool": 8}},
         r"has 2 events of a channel in a step, more than `value_bits` can hold: 1"),
        ({"events": {"file": "FILE", "size": [3, 3]}},
         r"holds events at .* \[2, 3, 3\], but the input population is \[2, 6, 8\]"),
        ({"events": {"file": "FILE", "folder": "FOLDER"}}, "give one of `file` and `folder`"),
        ({"events": {}}, "give one of `file` and `folder`"),
        ({"events": {"file": "FOLDER/none.bin"}}, "there is no file"),
        ({"events": {"folder": "FOLDER/none"}}, "there is no folder"),
        ({"events": {"folder": "FILE"}}, "is a file"),
        ({"events": {"file": "FOLDER"}}, "is a folder"),
        ({"events": {"file": "FILE", "format": "aer"}}, "events.format: "),
        ({"binning": {"offset": 1}}, "1 has no unit"),
        ({"binning": {"stat": "zero"}}, "did you mean `start`"),
    ],
)  # fmt: skip
def test_faults_of_recordings_are_told_once(tmp_path, change, message) -> None:
    path = write(tmp_path, "nmnist")
    text = {"FILE": str(path), "FOLDER": str(tmp_path)}
    if "events" in change:
        events = {
            key: re.sub("FILE|FOLDER", lambda found: text[found[0]], value)
            if key != "size"
            else value
            for key, value in change["events"].items()
        }
        change = {"events": events}
    given = {"events": {"file": str(path)}, "steps": 132} | change
    shape = (1, 1) if "value_bits" in given.get("binning", {}) else (2, HEIGHT, WIDTH)
    with pytest.raises(ConfigError, match=message) as caught:
        inputs_of(tmp_path, given, shape)
    assert len(caught.value.problems) == 1


def test_a_changed_recording_is_another_experiment(tmp_path) -> None:
    def hashed():
        inputs = {"events": {"folder": str(tmp_path)}, "steps": 132}
        return load_experiment({**EXPERIMENT, "inputs": inputs}).hash

    path = write(tmp_path, "nmnist")
    first = hashed()
    path.touch()
    assert hashed() == first
    path.write_bytes(nmnist(EVENTS[:-1]))
    assert hashed() != first
    path.write_bytes(nmnist(EVENTS))
    path.rename(tmp_path / "other.bin")
    assert hashed() != first, "another name may be another label"


# --- constants ------------------------------------------------------------------------


def test_a_constant_is_fed_in_every_step() -> None:
    inputs, network = inputs_of(None, {"constant": 1, "steps": 3, "samples": 2})
    assert inputs.whole()["pixels"].shape == (2, 3, 2 * HEIGHT * WIDTH)
    assert inputs.whole()["pixels"].dtype == np.bool_
    assert inputs.whole()["pixels"].all()
    inputs, network = inputs_of(None, {"constant": {"p*": -1.5}, "steps": 2, "value_bits": 9})
    assert np.array_equal(np.unique(inputs.whole()["pixels"]), [-1.5])
    assert network.population("pixels").value_bits == 9
    activity = cs.simulate(network, inputs.whole())
    assert np.all(activity.values["pixels"] == np.float32(-1.5))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"constant": 0.5}, "spikes are 0 or 1, not 0.5; `value_bits` feeds values"),
        ({"constant": {"pixel": 1, "pixels": 1}}, "fits no input population; there are pixels"),
        ({"constant": {}}, "there is no value of pixels"),
        ({"constant": 1e39, "value_bits": 8}, "no number of float32"),
        ({"constant": ".nan", "value_bits": 8}, "number"),
    ],
)
def test_faulty_constants_are_located(inputs, message) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        inputs_of(None, {"steps": 2, **inputs})
    assert all(problem.path.startswith("inputs.constant") for problem in caught.value.problems)


# --- replay ---------------------------------------------------------------------------


def kept(path: Path, form: str) -> cs.Activity:
    """Keep spikes of `pixels` and `b`, and values of `graded`; of 3 samples of 4 steps."""
    random = np.random.default_rng(1)
    size = 2 * HEIGHT * WIDTH
    spikes = {name: random.random((3, 4, size)) < 0.2 for name in ("pixels", "b")}
    spikes["graded"] = np.where(spikes["b"], 0.5, 0).astype(np.float32)
    shapes = {"pixels": (2, HEIGHT, WIDTH), "b": (size,), "graded": (size,)}
    activity = cs.Activity.from_spikes(shapes, spikes)
    if form == "lists":
        cs.save_spikes(activity, path, dt_s=1e-3)
    else:
        activity.save(path)
    return activity


@pytest.mark.parametrize("form", ["lists", "packed"])
def test_kept_spikes_are_fed_again(tmp_path, form: str) -> None:
    activity = kept(tmp_path / "a.npz", form)
    replay = {"file": str(tmp_path / "a.npz")}
    inputs, network = inputs_of(tmp_path, {"replay": replay, "steps": 4})
    assert np.array_equal(inputs.whole()["pixels"], activity.spikes("pixels"))
    assert np.array_equal(
        cs.simulate(network, inputs.whole()).spikes("pixels"), activity.spikes("pixels")
    )
    replay["populations"] = {"pixels": "b"}
    inputs, _ = inputs_of(tmp_path, {"replay": replay, "steps": 3, "samples": 2})
    assert np.array_equal(inputs.whole()["pixels"], activity.spikes("b")[:2, :3])
    replay["populations"] = {"pixels": "graded"}
    inputs, network = inputs_of(tmp_path, {"replay": replay, "steps": 4, "value_bits": 8})
    assert np.array_equal(inputs.whole()["pixels"], activity.values["graded"])
    assert network.population("pixels").value_bits == 8


@pytest.mark.parametrize(
    ("replay", "more", "message"),
    [
        ({}, {"steps": 5}, "holds 4 steps, but 5 are asked for"),
        ({}, {"samples": 4}, "holds 3 samples, but 4 are asked for"),
        (
            {"populations": {"pixels": "pixel"}},
            {},
            "no population 'pixel' .* did you mean 'pixels'",
        ),
        ({"populations": {"pixels": "graded"}}, {}, "holds values; give `value_bits`"),
        ({"populations": {"pixel": "b", "pixels": "b"}}, {}, "no input population 'pixel'"),
    ],
)
def test_faulty_replays_are_told(tmp_path, replay, more, message) -> None:
    kept(tmp_path / "a.npz", "lists")
    given = {"replay": {"file": str(tmp_path / "a.npz"), **replay}, "steps": 4, **more}
    with pytest.raises(ConfigError, match=message) as caught:
        inputs_of(tmp_path, given)
    assert len(caught.value.problems) == 1
    with pytest.raises(
        ConfigError, match=r"is \[2, 6, 8\], but input population 'pixels' is \[5\]"
    ):
        inputs_of(tmp_path, {"replay": {"file": str(tmp_path / "a.npz")}, "steps": 4}, (5,))


# --- frames ---------------------------------------------------------------------------


def test_delta_follows_its_closed_form() -> None:
    """Threshold 0.1: on where x_t - x_0 >= 0.1 (n + 1), off where <= 0.1 (n - 1), n = on - off."""
    frames = np.array([0.5, 0.59, 0.6, 0.85, 0.85, 0.85, 0.7, 0.55, 0.4, 0.4, 0.4, 0.4])
    signs = [0, 0, 1, 1, 1, 0, -1, -1, -1, -1, 0, 0]
    spikes = cs.encode(frames.reshape(1, 12, 1), {"kind": "delta", "threshold": 0.1}, 12)
    assert spikes.shape == (1, 12, 2, 1)
    assert (spikes[0, :, 1, 0].astype(int) - spikes[0, :, 0, 0]).tolist() == signs


def test_delta_events_add_up_to_slow_changes() -> None:
    """Where frames move by less than the threshold, events times it stay within it."""
    random = np.random.default_rng(2)
    moves = random.uniform(-0.09, 0.09, (4, 200, 3, 3))
    frames = moves.cumsum(axis=1)
    spikes = encode(frames, {"kind": "delta", "threshold": 0.1}, 200)
    followed = frames[:, :1] + 0.1 * (
        spikes[:, :, 1].cumsum(axis=1) - spikes[:, :, 0].cumsum(axis=1)
    )
    assert np.abs(frames - followed).max() < 0.1 + 1e-9
    assert spikes.any(axis=1).all()


def test_frames_feed_off_and_on_channels(tmp_path) -> None:
    frames = np.zeros((2, 5, HEIGHT, WIDTH), np.uint8)
    frames[1, 3:, 2, 1] = 255
    np.savez(tmp_path / "a.npz", inputs=frames)
    encoding = {"kind": "delta", "threshold": 0.6}
    given = {"dataset": str(tmp_path / "a.npz"), "steps": 4, "encoding": encoding}
    inputs, _ = inputs_of(tmp_path, given)
    spikes = inputs.whole()["pixels"].reshape(2, 4, 2, HEIGHT, WIDTH)
    assert np.argwhere(spikes).tolist() == [[1, 3, 1, 2, 1]]
    with pytest.raises(ConfigError, match=r"takes \[samples, steps, 6, 8\], 2 channels for each"):
        inputs_of(tmp_path, given, (HEIGHT, WIDTH))
    with pytest.raises(ConfigError, match=r"expected \[samples, 9 steps"):
        inputs_of(tmp_path, {**given, "steps": 9})


def test_encodings_by_name_and_by_keys() -> None:
    values = np.array([[0.5, 1.0]])
    assert cs.encode(values, "regular", 4).sum(axis=1).tolist() == [[2, 4]]
    assert cs.encode(values, {"kind": "latency", "threshold": 0.5}, 4).sum() == 1
    with pytest.raises(UsageError, match="encoding"):
        cs.encode(values, "rate", 4)
    with pytest.raises(UsageError, match=r"encoding delta.threshold: "):
        cs.encode(values, "delta", 4)


# --- from the shell; `tests/report/test_trace.py` runs one to its end ------------------


@pytest.mark.parametrize(
    ("inputs", "option", "code", "message"),
    [
        ("  rates: 0.1\n  steps: 2\n", ["--spikes", "s.npz"], 2, "states rates; events are drawn"),
        ("  constant: 1\n  steps: 2\n", ["--spikes", "none/s.npz"], 2, "there is no folder none"),
        ("  constant: 1\n  steps: 2\n", ["--trace", "."], 2, "it is a folder"),
        ("  constant: 1\n  steps: 2\n", ["--spikes", "a.bin"], 2, "a.bin is there already"),
        (
            "  constant: 1\n  steps: 2\n",
            ["--spikes", "x.npz", "--trace", "./x.npz"],
            2,
            "spikes and trace cannot both be written to x.npz",
        ),
        ("  events: {file: a.bin}\n  steps: 2\n", [], 3, "no whole number of events"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, capsys, monkeypatch, inputs, option, code, message):
    monkeypatch.chdir(tmp_path)
    Path("a.bin").write_bytes(b"1234")
    Path("fed.yaml").write_text(
        "name: fed\npackage: {use: packages/two_dies}\nnetwork:\n  name: net\n  dt: 1 ms\n"
        "  populations:\n    pixels: {shape: [2, 6, 8], model: input}\n"
        "    out: {shape: [3], model: if, output: true}\n  projections:\n"
        "    - {source: pixels, target: out, connection: {kind: dense, weight: 0.5}}\n"
        f"inputs:\n{inputs}"
    )
    assert execute(["run", "fed.yaml", *option]) == code
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.glob(".*part")), "nothing is left behind"


def test_held_streams_are_whole(tmp_path) -> None:
    kept(tmp_path / "a.npz", "lists")
    from chipletsim.inputs.replay import ReplaySamples
    from chipletsim.spec.events import ReplayInputsSpec

    spec = ReplayInputsSpec(replay={"file": str(tmp_path / "a.npz")}, steps=4)
    network = inputs_of(None, {"constant": 1, "steps": 1})[1]
    stream = ReplaySamples(spec, tmp_path, network)
    parts = [batch["pixels"] for batch in stream.batches(2)]
    assert [len(part) for part in parts] == [2, 1]
    assert np.array_equal(np.concatenate(parts), held(stream)["pixels"])
