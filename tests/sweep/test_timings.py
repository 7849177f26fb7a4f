"""Sweeps and comparisons with timing models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from golden import experiment

import chipletsim as cs
from chipletsim.cli.main import execute
from chipletsim.errors import ConfigError

ENERGY = "package.network.link.energy_per_bit"
BARRIER = "package.barrier"
MODELS = ["bound", "queue", "auto"]


@pytest.fixture
def contents(tmp_path):
    return experiment(tmp_path)


def test_timing_is_an_axis_like_any_other(contents, tmp_path) -> None:
    grid = {"timing": MODELS, BARRIER: ["0 s", "100 ns"]}
    said: list[str] = []
    result = cs.sweep(experiment=contents, grid=grid, out=tmp_path, progress=said.append)
    assert result.failed == 0
    assert any("hardware steps on 2 packages" in line for line in said)
    latencies = {
        tuple(point.settings.values()): point.metrics["latency_per_inference_s"]
        for point in result.points
    }
    for barrier in grid[BARRIER]:
        assert latencies["bound", barrier] <= latencies["queue", barrier]
        assert latencies["bound", barrier] <= latencies["auto", barrier]
    # A barrier is worse under each model, but no model is worse than another.
    front = {tuple(point.settings.values()) for point in result.front}
    assert front == {(timing, "0 s") for timing in MODELS}
    assert "points of different `timing` are not compared" in str(result)


def test_timing_from_the_shell(contents, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sweep.yaml").write_text(
        yaml.safe_dump(
            {"name": "s", "experiment": contents, "grid": {ENERGY: ["1 pJ/bit", "2 pJ/bit"]}}
        )
    )
    Path("experiment.yaml").write_text(yaml.safe_dump(contents))
    assert execute(["sweep", "sweep.yaml", "--timing", "auto", "--json"]) == 0
    points = json.loads(capsys.readouterr().out)["points"]
    assert all(point["metrics"]["steps_timed_by_cycle"] > 0 for point in points)
    runs = []
    for timing in ("bound", "auto"):
        words = ["--set", f"{ENERGY}=2 pJ/bit", "--timing", timing, "-o", timing, "--json"]
        assert execute(["run", "experiment.yaml", *words]) == 0
        summary = json.loads(capsys.readouterr().out)
        (folder,) = Path(timing).iterdir()
        runs.append(str(folder))
    assert summary["timing"] == "cycle"
    assert points[1]["metrics"]["latency_per_inference_s"] == summary["latency"]["per_inference_s"]
    assert points[1]["metrics"]["energy_j"] == summary["energy"]["total_j"]
    assert any(note.startswith("timing `cycle`, as packets may meet") for note in summary["notes"])

    assert execute(["compare", *runs, "--json"]) == 0
    shown = capsys.readouterr()
    assert "several timing models" in shown.err
    rows = json.loads(shown.out)
    assert [row["timing"] for row in rows] == ["bound", "cycle"]
    assert execute(["compare", *runs, "--timing", "auto", "--json"]) == 0
    shown = capsys.readouterr()
    assert "several" not in shown.err
    first, second = json.loads(shown.out)
    assert first == second == rows[1]
    assert execute(["compare", *runs, "--timing", "auto"]) == 0
    assert "timing" in capsys.readouterr().out
    assert execute(["compare", *runs, "--timing", "guess"]) == 3
    assert "timing" in capsys.readouterr().err


def test_a_point_that_is_of_another_model_says_so(contents, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("chipletsim.cost.auto_timer.native_functions", lambda: False)
    result = cs.sweep(experiment=contents, grid={"timing": ["auto"]}, out=tmp_path)
    assert result.points[0].note.startswith(
        "timing `bound`, as packets are followed fast by native"
    )
    assert result.points[0].metrics["steps_timed_by_bound"] > 0


def test_models_are_known_by_name(contents, tmp_path) -> None:
    with pytest.raises(ConfigError, match="timing"):
        cs.run(contents, overrides=["timing=guess"], out=tmp_path)
