"""Sweeps: reuse, resumption, failed points, and the same figures as single runs."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml
from golden import experiment

import chipletsim as cs
from chipletsim.network.nir.file import write_graph
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.stages import load_experiment
from chipletsim.sweep.evaluate import Evaluator, Task
from chipletsim.sweep.grid import grid_points
from chipletsim.sweep.result import short_names
from chipletsim.sweep.store import SweepStore

ENERGY = "package.network.link.energy_per_bit"
BARRIER = "package.barrier"


@pytest.fixture
def contents(tmp_path):
    return experiment(tmp_path)


def test_points_follow_the_closed_form(contents, tmp_path):
    """Die-to-die links carry 128 bits, 557 - 256 pJ is spent elsewhere; 1 mW for the time.

    The time is 143 ns and four barriers.
    """
    grid = {ENERGY: ["1 pJ/bit", "8 pJ/bit"], BARRIER: ["0 s", "100 ns"]}
    result = cs.sweep(experiment=contents, grid=grid, out=tmp_path)
    assert [point.position for point in result.points] == list(range(4))
    for point in result.points:
        per_bit = float(point.settings[ENERGY].split()[0])
        barrier = {"0 s": 0.0, "100 ns": 100.0}[point.settings[BARRIER]]
        nanoseconds = 143 + 4 * barrier
        picojoules = 301 + 128 * per_bit + nanoseconds
        assert point.metrics["latency_per_inference_s"] * 1e9 == pytest.approx(nanoseconds)
        assert point.metrics["energy_per_inference_j"] * 1e12 == pytest.approx(
            picojoules, rel=1e-9, abs=0
        )
        assert point.metrics["error_rate"] == 0.0
    assert [point.settings for point in result.front] == [{ENERGY: "1 pJ/bit", BARRIER: "0 s"}]
    assert result.failed == 0


def test_a_point_equals_the_run_of_its_settings(contents, tmp_path):
    grid = {ENERGY: ["3 pJ/bit"], "package.packet.header": ["2 bit", "30 bit"]}
    result = cs.sweep(experiment=contents, grid=grid, out=tmp_path)
    file = tmp_path / "experiment.yaml"
    file.write_text(yaml.safe_dump(contents))
    for point in result.points:
        overrides = [f"{path}={value}" for path, value in point.settings.items()]
        run = cs.run(file, overrides=overrides, out=tmp_path / "runs")
        assert point.metrics["energy_j"] == run.summary["energy"]["total_j"]
        assert point.metrics["latency_per_inference_s"] == run.summary["latency"]["per_inference_s"]
        assert (
            point.metrics["wire_bits_across_dies"]
            == (run.summary["events"]["wire_bits_across_dies"])
        )


def tasks(contents, grid):
    base = load_experiment(contents)
    return [
        Task(f"h{position}", position, settings, base.with_overrides(settings))
        for position, settings in enumerate(grid_points(grid))
    ]


def test_one_simulation_serves_all_points_of_one_network(contents):
    evaluator = Evaluator()
    grid = {ENERGY: ["1 pJ/bit", "2 pJ/bit"], BARRIER: ["0 s", "1 us"], "inputs.steps": [1, 2]}
    points = [p for found in evaluator.evaluate(tasks(contents, grid)) for p in found]
    assert [p.status for p in points] == ["ok"] * 8
    assert evaluator.simulated == 2


def test_a_lower_weight_precision_is_another_network(contents):
    """Weights 0 and 1 fit two bits, so 8 and 2 bits are one network; with noise they are two."""
    path = "package.chiplet_types.west.tiles.1.tile.weight_bits"
    evaluator = Evaluator()
    list(evaluator.evaluate(tasks(contents, {path: [2, 8]})))
    assert evaluator.simulated == 1
    projection = contents["network"]["projections"][0]
    projection["connection"]["weight"] = {"normal": {"mean": 1.0, "std": 0.3}}
    evaluator = Evaluator()
    list(evaluator.evaluate(tasks(contents, {path: [2, 8]})))
    assert evaluator.simulated == 2


def test_placements_are_kept_where_nothing_they_depend_on_changes(contents):
    evaluator = Evaluator()
    list(evaluator.evaluate(tasks(contents, {BARRIER: ["0 s", "1 ns", "2 ns", "3 ns"]})))
    assert evaluator.mapped == 1
    list(evaluator.evaluate(tasks(contents, {ENERGY: ["90 pJ/bit"], "mapping.seed": [1, 2, 3]})))
    assert evaluator.mapped == 4


def test_failed_points_are_kept_with_their_error(contents, tmp_path):
    neurons = "package.chiplet_types.east.tiles.0.tile.neurons"
    grid = {neurons: [0, 4], BARRIER: ["1 ns", "1 W"], "timing": ["bound", "no such model"]}
    result = cs.sweep(experiment=contents, grid=grid, out=tmp_path)
    status = {
        (p.settings[neurons], p.settings[BARRIER], p.settings["timing"]): p.status
        for p in result.points
    }
    assert len(status) == 8
    assert status[0, "1 ns", "bound"] == "infeasible"
    assert status[4, "1 ns", "bound"] == "ok"
    assert status[4, "1 W", "bound"] == "invalid"
    assert status[4, "1 ns", "no such model"] == "invalid"
    assert result.failed == 7
    assert all(bool(point.error) == (point.status != "ok") for point in result.points)
    text = str(result)
    assert "points are infeasible" in text
    assert "points are invalid" in text
    wrong_unit = [p for p in result.points if p.settings[BARRIER] == "1 W"]
    assert all("wrong dimension" in point.error for point in wrong_unit)
    with result.csv_path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == [point.status for point in result.points]


def test_a_package_that_cannot_be_priced_spoils_no_other(contents, tmp_path):
    """Points of one simulation are priced together, one of them with a codec too narrow."""
    widths = {"kind": "address_events", "address": "8 bit"}
    codecs = [{"kind": "bitmap"}, widths | {"count": "1 bit"}, widths | {"count": "8 bit"}]
    grid = {"package.network.link.encoding.spikes": codecs}
    result = cs.sweep(experiment=contents, grid=grid, out=tmp_path)
    assert [point.status for point in result.points] == ["ok", "invalid", "ok"]
    assert "count of 1 bit cannot tell" in result.points[1].error


def test_points_say_why_they_are_suspect(contents, tmp_path):
    """A neuron as Norse writes it, r = 1 of 4 ms, which would be 40 of snnTorch's steps."""
    one = np.ones(4, np.float32)
    fields = {"tau": 4e-3 * one, "r": one, "v_leak": 0 * one, "v_threshold": one}
    node = NirNode("LIF", fields)
    weight = NirNode("Linear", {"weight": np.eye(4, dtype=np.float32)})
    ends = (NirNode(kind, {"shape": np.array([4])}) for kind in ("Input", "Output"))
    names = ["in", "fc", "n", "out"]
    first, last = ends
    nodes = dict(zip(names, (first, weight, node, last), strict=True))
    write_graph(NirGraph(nodes, tuple(pairwise(names))), tmp_path / "x.nir")
    contents["network"] = {"nir": str(tmp_path / "x.nir"), "dt": "1 ms"}
    contents["inputs"] = {"rates": {"in": 0.5, "n": 0.5}, "steps": 4}
    contents["mapping"] = {}
    grid = {"network.preset": ["norse", "snntorch"], "inputs.rates": [0.5, {"in": 0.5, "n": 0.0}]}
    result = cs.sweep(experiment=contents, grid=grid, out=tmp_path)
    assert result.failed == 0
    right, silent, wrong, both = (point.note for point in result.points)
    doubt = "r is 1, where snntorch writes tau / dt = 40; norse could have written this file"
    assert right == ""
    assert silent == "population n never spiked"
    assert wrong.endswith(doubt)
    assert both == f"{wrong}; {silent}"
    assert "3 points are suspect; point 1: population n never spiked" in str(result)
    with result.csv_path.open(newline="") as file:
        assert [row["note"] for row in csv.DictReader(file)] == [right, silent, wrong, both]
    run = cs.run(write(tmp_path, contents), overrides=["network.preset=snntorch"], out=tmp_path)
    assert wrong in run.summary["notes"]


def write(folder, contents):
    (folder / "experiment.yaml").write_text(yaml.safe_dump(contents))
    return folder / "experiment.yaml"


def test_a_grown_grid_computes_only_what_is_new(contents, tmp_path):
    grid = {BARRIER: ["1 ns", "2 ns"]}
    cs.sweep(experiment=contents, grid=grid, out=tmp_path)
    lines = []
    cs.sweep(experiment=contents, grid=grid, out=tmp_path, progress=lines.append)
    assert lines == []
    grid = {BARRIER: ["0 s", "1 ns", "2 ns"]}
    grown = cs.sweep(experiment=contents, grid=grid, out=tmp_path, progress=lines.append)
    assert lines == ["golden: 1 of 3 points to compute", "golden: 3 of 3 points done"]
    assert [point.settings[BARRIER] for point in grown.points] == ["0 s", "1 ns", "2 ns"]
    with pytest.raises(cs.UsageError, match="3 of 3 points"):
        cs.sweep(experiment=contents, grid=grid, out=tmp_path, resume=False)
    forced = cs.sweep(experiment=contents, grid=grid, out=tmp_path, force=True)
    assert forced.points == grown.points


def test_sweep_files_and_python_give_the_same(contents, tmp_path):
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(contents))
    grid = {BARRIER: ["1 ns", "2 ns"]}
    sweep = {"name": "filed", "experiment": {"use": "base.yaml"}, "grid": grid}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(sweep))
    filed = cs.sweep(tmp_path / "sweep.yaml", out=tmp_path)
    scripted = cs.sweep(experiment=contents, grid=grid, out=tmp_path, name="scripted")
    assert [p.metrics for p in filed.points] == [p.metrics for p in scripted.points]
    assert filed.path == tmp_path / "filed.sqlite"
    assert json.loads(json.dumps(filed.to_dict()))["front"] == [0]


def test_wrong_objectives_are_refused_with_the_nearest(contents, tmp_path):
    with pytest.raises(cs.ConfigError, match="did you mean energy_per_inference_j"):
        cs.sweep(
            experiment=contents, grid={BARRIER: ["0 s"]}, out=tmp_path,
            objectives=["energy_per_inference"],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("objectives", "values", "says"),
    [
        ("[enrgy_j]", "[0 s]", "bad.yaml:3:14 objectives.0: there is no metric 'enrgy_j'"),
        ("[energy_j]", "[0 s, 0 s]", "bad.yaml:5:26 .*'0 s' stands here twice"),
    ],
)
def test_faults_of_a_sweep_file_name_its_lines(contents, tmp_path, objectives, values, says):
    (tmp_path / "tiny.yaml").write_text(json.dumps(contents))
    text = f"name: bad\nexperiment: {{use: tiny}}\nobjectives: {objectives}\ngrid:\n"
    (tmp_path / "bad.yaml").write_text(f"{text}  {BARRIER}: {values}\n")
    with pytest.raises(cs.ConfigError, match=says):
        cs.sweep(tmp_path / "bad.yaml", out=tmp_path)


@pytest.mark.parametrize("arguments", [{}, {"experiment": {}}, {"path": "a", "grid": {"b": [1]}}])
def test_contradictory_calls_are_refused(arguments):
    with pytest.raises(cs.UsageError, match="give a sweep file, or an experiment and a grid"):
        cs.sweep(**arguments)


def test_an_interruption_keeps_what_is_done(contents, tmp_path, monkeypatch):
    from chipletsim.sweep import evaluate

    price = evaluate.Evaluator._priced

    def interrupt_second(self, members):
        if self.simulated:
            raise KeyboardInterrupt
        return price(self, members)

    monkeypatch.setattr(evaluate.Evaluator, "_priced", interrupt_second)
    grid = {"inputs.steps": [1, 2]}
    with pytest.raises(KeyboardInterrupt):
        cs.sweep(experiment=contents, grid=grid, out=tmp_path)
    with SweepStore(tmp_path / "golden.sqlite") as store:
        assert [point.status for point in store.points()] == ["ok"]
    assert (tmp_path / "golden.csv").exists()
    monkeypatch.undo()
    assert len(cs.sweep(experiment=contents, grid=grid, out=tmp_path).points) == 2


def test_headings_are_as_short_as_tells_them_apart():
    assert short_names(("a.link.energy", "b.link.energy")) == ["a.link.energy", "b.link.energy"]
    assert short_names(("p.a.link.energy", "p.b.link.energy", "x")) == [
        "a.link.energy",
        "b.link.energy",
        "x",
    ]
    assert short_names(("timing",)) == ["timing"]


KILLED = """
import json, sys, time
import chipletsim as cs
from chipletsim.sweep import evaluate
price = evaluate.Evaluator._priced
def slow(self, members):
    if self.simulated:
        time.sleep(60)
    return price(self, members)
evaluate.Evaluator._priced = slow
contents = json.load(open(sys.argv[1]))
cs.sweep(experiment=contents, grid={"inputs.steps": [1, 2]}, out=sys.argv[2])
"""


def test_a_killed_sweep_goes_on_where_it_stopped(contents, tmp_path):
    (tmp_path / "experiment.json").write_text(json.dumps(contents))
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "experiment.json"), str(tmp_path)],
        stderr=subprocess.PIPE,
    )
    wait_for_points(tmp_path / "golden.sqlite", process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    lines = []
    result = cs.sweep(
        experiment=contents, grid={"inputs.steps": [1, 2]}, out=tmp_path, progress=lines.append
    )
    assert lines[0] == "golden: 1 of 2 points to compute"
    assert [point.status for point in result.points] == ["ok", "ok"]
    fresh = cs.sweep(experiment=contents, grid={"inputs.steps": [1, 2]}, out=tmp_path / "fresh")
    assert result.points == fresh.points


def wait_for_points(file: Path, process: subprocess.Popen) -> None:
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(f"the sweep ended by itself: {process.communicate()[1].decode()}")
        if file.exists():
            with SweepStore(file) as store:
                if store.hashes():
                    return
        time.sleep(0.1)
    pytest.fail("no point was stored within a minute")


@pytest.mark.slow
def test_several_processes_give_the_same_points(contents, tmp_path):
    grid = {ENERGY: ["1 pJ/bit", "2 pJ/bit"], BARRIER: ["0 s", "1 us", "1 W"]}
    alone = cs.sweep(experiment=contents, grid=grid, out=tmp_path / "one")
    together = cs.sweep(experiment=contents, grid=grid, out=tmp_path / "two", jobs=2)
    assert together.points == alone.points
