"""How a run finds itself again, is set from outside, streams, and fails."""

import json
import re

import pytest
import yaml
from golden import experiment

import chipletsim as cs
from chipletsim.engine import memory, simulate
from chipletsim.report import figures, files
from chipletsim.run import read_run
from chipletsim.stages import load_experiment, make_network


@pytest.fixture
def contents(tmp_path):
    return experiment(tmp_path)


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Return a function that runs an experiment without drawing figures."""
    monkeypatch.setattr(files, "figures_available", lambda: False)

    def run(contents, **options):
        file = tmp_path / "experiment.yaml"
        file.write_text(yaml.safe_dump(contents))
        return cs.run(file, out=tmp_path / "runs", **options)

    return run


def test_a_repeat_finds_the_run_without_computing(start, contents):
    first = start(contents)
    stages = []
    again = start(contents, progress=stages.append)
    assert (first.reused, again.reused) == (False, True)
    assert again.summary == first.summary
    assert stages == ["reading the experiment"]
    assert "found from an earlier run" in str(again)
    forced = start(contents, force=True)
    assert not forced.reused
    assert forced.summary == first.summary


def test_a_changed_data_file_is_another_run(start, contents, tmp_path):
    first = start(contents)
    contents_again = experiment(tmp_path)
    (tmp_path / "data.npz").touch()
    assert start(contents_again).folder == first.folder
    import numpy as np

    np.savez(tmp_path / "data.npz", inputs=np.ones((1, 2, 2), np.uint8), labels=np.zeros(1, int))
    assert start(contents).folder != first.folder


def test_settings_from_outside(start, contents):
    contents["inputs"] = {"rate_per_step": 0.5, "samples": 3, "steps": 6, "seed": 1}
    run = start(contents, overrides=["package.barrier=1 us"], seed=7, steps=4)
    assert run.summary["steps"] == 4
    assert run.summary["samples"] == 3
    assert run.summary["accuracy"] is None
    assert run.summary["provenance"]["mapping_seed"] == 7
    assert run.summary["provenance"]["input_seed"] == 7
    # Four steps take six rows, each with a barrier of 1 us.
    assert run.summary["latency"]["terms_s"]["barriers"] == pytest.approx(6e-6)
    config = (run.folder / "config.resolved.yaml").read_text()
    assert "barrier: 1 us  # --set package.barrier=1 us" in config


def test_a_run_that_does_not_fit_memory_is_streamed_to_the_same_figures(
    start, contents, monkeypatch
):
    whole = start(contents)
    monkeypatch.setattr(memory, "keeps_raster", lambda *_: False)
    monkeypatch.setattr(memory, "streaming_window", lambda *_: 1)
    streamed = start(contents, force=True)
    for key in ("events", "energy", "latency", "accuracy", "comparison"):
        assert streamed.summary[key] == whole.summary[key], key
    assert streamed.summary["provenance"]["activity_fingerprint"] is None
    assert "no raster kept" in streamed.summary["notes"][0]


def test_without_matplotlib_the_run_says_how_to_get_it(start, contents):
    run = start(contents)
    assert f"no figures, since matplotlib is not installed: {figures.PIP_LINE}" in str(run)
    assert not list(run.folder.glob("*.png"))


def test_an_interruption_leaves_no_folder(start, contents, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "write_result", interrupt)
    with pytest.raises(KeyboardInterrupt):
        start(contents)
    assert list((tmp_path / "runs").iterdir()) == []


def test_links_that_encode_are_told(start, contents):
    contents["inputs"] = {"rate_per_step": 0.5, "samples": 1, "steps": 4, "seed": 1}
    plain = start(contents)
    run = start(contents, overrides=["package.network.link.encoding.spikes.kind=bitmap"])
    (note,) = set(run.summary["notes"]) - set(plain.summary["notes"])
    assert re.fullmatch(
        r"events cross in messages on (\d+) of \1 die-to-die links: .* bitmap", note
    )
    assert "note: events cross in messages" in str(run)
    bits = [each.summary["events"]["bits_across_dies"] for each in (plain, run)]
    assert bits[0] != bits[1]


def test_silence_is_suspect(start, contents):
    contents["inputs"] = {"rate_per_step": 0.0, "steps": 3}
    run = start(contents)
    assert run.suspect
    assert run.summary["suspect"] == ["input population input never spiked"]


def test_a_run_that_takes_no_time_has_no_throughput(start, contents):
    contents["inputs"] = {"rate_per_step": 0.0, "steps": 3}
    contents["package"]["barrier"] = "0 s"
    for kind in ("west", "east"):
        for tile in contents["package"]["chiplet_types"][kind]["tiles"]:
            tile["tile"] = {
                key: "0 s/op" if key == "time_per_neuron_update" else value
                for key, value in tile["tile"].items()
            }
    run = start(contents)
    assert run.summary["latency"]["per_inference_s"] == 0.0
    assert run.summary["latency"]["throughput_per_s"] is None
    assert "0 s" in str(run)


def test_what_does_not_fit_is_told(start, contents, tmp_path):
    contents["mapping"]["place"]["hidden"] = {"tile": "east(0,0).neurocore"}
    contents["package"]["chiplet_types"]["east"]["tiles"][0]["tile"] = {
        **contents["package"]["chiplet_types"]["east"]["tiles"][0]["tile"], "neurons": 2,
    }  # fmt: skip
    with pytest.raises(cs.InfeasibleError):
        start(contents)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"mapping": {"place": {"hiden": {"chiplet": "west"}}}}, "mapping.place.hiden"),
        ({"mapping": {"strategy": "trafic"}}, "mapping.strategy"),
        ({"inputs": {"dataset": "none.npz", "steps": 2, "encoding": {"kind": "spikes"}}},
         "inputs.dataset"),
    ],
)  # fmt: skip
def test_faults_name_file_line_and_path(start, contents, change, path):
    contents.update(change)
    with pytest.raises(cs.ConfigError) as caught:
        start(contents)
    fault = caught.value.problems[0]
    assert fault.path == path
    assert fault.file is not None
    assert fault.line


def test_a_dataset_of_the_wrong_size_is_refused(start, contents, tmp_path):
    import numpy as np

    np.savez(tmp_path / "data.npz", inputs=np.ones((1, 2, 3), np.uint8))
    with pytest.raises(cs.ConfigError, match=r"inputs are \[1, 2, 3\], but .* takes"):
        start(contents)


def test_graded_inputs_take_the_bits_of_their_encoding(contents, tmp_path):
    contents["inputs"]["encoding"] = {"kind": "direct", "value_bits": 6}
    network = make_network(load_experiment(contents))
    assert network.population("input").value_bits == 6


def test_a_folder_that_is_no_run_is_not_read(tmp_path):
    assert read_run(tmp_path) is None
    (tmp_path / "result.json").write_text("[1, 2")
    assert read_run(tmp_path) is None
    for contents in ({"schema_version": 99}, {"schema_version": 2, "name": "cut short"}):
        (tmp_path / "result.json").write_text(json.dumps(contents))
        assert read_run(tmp_path) is None


def test_what_cannot_be_priced_is_refused_before_it_is_simulated(start, contents, monkeypatch):
    monkeypatch.setattr(simulate, "simulate", lambda *_, **__: pytest.fail("simulated"))
    with pytest.raises(cs.ConfigError, match="has no times for single messages"):
        start(contents, overrides=["timing=simple"])
