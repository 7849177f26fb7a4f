"""The interconnect of a run: in the terminal, in files, in figures."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from golden import experiment

import chipletsim as cs
from chipletsim.report import files
from chipletsim.report.interconnect import interconnect_report, link_history
from chipletsim.report.interconnect_figures import (
    latency_edges,
    write_latency_figure,
    write_utilisation_figure,
)
from chipletsim.tables import render

sys.path.append(str(Path(__file__).parents[1] / "cost"))
from cost_cases import random_activity
from interconnect_cases import all_at_once, pair
from test_auto_timing import one_slow_tile
from test_link_uses import WAIT, spikes_over, two_dies

pytestmark = pytest.mark.usefixtures("quick_programs")


@pytest.fixture(scope="module")
def told():
    """Three packets on one link by `cycle`, see `tests/cost/test_interconnect.py`."""
    mapping = pair(3)
    result = cs.price(all_at_once(mapping), mapping, timing="cycle", interconnect=True)
    return result.interconnect


def test_a_run_writes_and_shows_its_interconnect(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(files, "figures_available", lambda: False)
    contents = experiment(tmp_path) | {"timing": "queue"}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(contents))
    run = cs.run(tmp_path / "run.yaml", out=tmp_path)
    found = run.summary["interconnect"]
    # The tiny run of `test_golden.py`, of which no tile sends to itself.
    every, across = found["packet_latency"]["all"], found["packet_latency"]["across_dies"]
    events = run.summary["events"]
    assert every["packets"] == events["packets_injected"]
    assert 0 < across["packets"] < every["packets"]
    assert every["p50_s"] <= every["p95_s"] <= every["p99_s"] <= every["max_s"]
    tables = {}
    for name in ("links", "steps", "latency", "over_time"):
        with (run.folder / f"interconnect_{name}.csv").open() as file:
            tables[name] = list(csv.DictReader(file))
    assert sum(int(each["packets"]) for each in tables["steps"]) == every["packets"]
    assert sum(int(each["packets_all"]) for each in tables["latency"]) == every["packets"]
    assert len(tables["steps"]) == run.summary["latency"]["hardware_steps"]
    busiest = max(tables["links"], key=lambda each: float(each["utilisation"]))
    assert found["busiest_links"][0]["link"] == busiest["link"]
    text = str(run)
    assert "Interconnect, all inferences" in text
    assert "back-pressure, per inference" in text
    assert busiest["link"] in text
    # A folder of an earlier version tells nothing of it.
    summary = json.loads((run.folder / "result.json").read_text())
    del summary["interconnect"]
    (run.folder / "result.json").write_text(json.dumps(summary))
    assert "back-pressure" not in str(cs.run(tmp_path / "run.yaml", out=tmp_path))


def test_by_bound_there_is_nothing_to_tell(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(files, "figures_available", lambda: False)
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(experiment(tmp_path)))
    run = cs.run(tmp_path / "run.yaml", out=tmp_path)
    assert run.summary["interconnect"] is None
    assert not list(run.folder.glob("interconnect*"))
    assert "back-pressure" not in str(run)


def shown(told, samples: int = 1) -> list[str]:
    return [render(each, width=200) for each in interconnect_report(told.to_dict(), samples)]


def test_the_terminal_has_the_figures_with_units(told) -> None:
    """Latencies of 16.75, 19.75 and 22.75 ns, of which 16 ns are zero load."""
    parts = shown(told)
    row = next(line for line in parts[0].splitlines() if line.startswith("│ all  "))
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    middle = 16 + 3 + 1 + 1 - 0.5
    late = 16 + 6 + 2 + 1 - 0.75
    first = 16 + 1 - 0.25
    mean = f"{(first + middle + late) / 3:.4g} ns"
    longest = f"{late:.4g} ns"
    assert cells == ["all", "3", mean, f"{middle:.4g} ns", *[longest] * 3]
    text = "\n".join(parts)
    assert "of the mean 16 ns are zero load, 1.5 ns waiting at the source and 3 ns waiting" in text
    assert "Busiest 1 of 1 links in use" in text
    assert "d(0,0)>d(1,0)" in text
    assert "up to" not in text, "percentiles are exact"
    assert "asleep" not in text
    assert "frames" not in text


@pytest.mark.parametrize("timing", ["queue", "cycle"])
def test_packets_that_others_help_are_counted_where_there_are_any(timing, told) -> None:
    """12 packets of 40 bit, one in each nanosecond, leave no room for more in a frame of 512.

    So that goes at once, while the last packet waits the 100 ns that each would wait alone.
    """
    activity, mapping = spikes_over(two_dies(**WAIT), 13)
    found = cs.price(activity, mapping, timing=timing, interconnect=True).interconnect
    assert found.faster_than_alone == found.to_dict()["packets_faster_than_alone"] == 12
    words = "are zero load (12 packets were faster, in frames that others filled), "
    assert words in "\n".join(shown(found))
    activity, mapping = spikes_over(two_dies(**WAIT), 1)
    alone = cs.price(activity, mapping, timing=timing, interconnect=True).interconnect
    for each in (alone, told):
        assert each.faster_than_alone == 0
        assert "faster" not in "\n".join(shown(each))


def test_links_over_time_are_those_in_use(told) -> None:
    rows = list(link_history(told).rows())
    assert [row[:3] for row in rows] == [(0, 1, "d(0,0)>d(1,0)")]
    assert rows[0][3] == pytest.approx(12 / (1 + 16 + 8 + 2))


def test_figures_show_all_packets_and_links(told, tmp_path, monkeypatch) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    drawn = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (drawn.append(self), save(self, *a, **k))
    )
    write_latency_figure(tmp_path / "l.png", "run", told)
    write_utilisation_figure(tmp_path / "u.png", "run", told)
    assert sum(bar.get_height() for bar in drawn[0].axes[0].patches) == 3
    image = drawn[1].axes[0].images[0].get_array()
    assert image.shape == (1, len(told.history.time_s))
    assert np.asarray(image[0]) == pytest.approx(100 * told.history.utilisation[:, 0])
    mapping = pair(2)
    silent = all_at_once(mapping)
    silent = cs.Activity.from_spikes(
        silent.populations, {n: np.zeros_like(silent.spikes(n)) for n in silent.populations}
    )
    nothing = cs.price(silent, mapping, timing="cycle", interconnect=True).interconnect
    write_latency_figure(tmp_path / "n.png", "run", nothing)
    write_utilisation_figure(tmp_path / "m.png", "run", nothing)
    assert len(list(tmp_path.glob("*.png"))) == 4
    assert "no room" not in "\n".join(shown(nothing))


def test_steps_left_to_bound_are_blank(tmp_path, monkeypatch) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    mapping = one_slow_tile(1, "20 ns/op")
    activity = random_activity(mapping.network, 1, 8, 0.1, 1)
    found = cs.price(activity, mapping, timing="auto", interconnect=True).interconnect
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: drawn.append(self))
    write_utilisation_figure(tmp_path / "u.png", "run", found)
    axes = drawn[0].axes[0]
    blank = np.ma.getmaskarray(axes.images[0].get_array()).all(axis=0)
    followed = np.isin(np.arange(found.steps_in_all), found.steps["hardware_step"])
    assert np.array_equal(blank, ~followed)
    assert "blank: left to `bound`" in axes.get_xlabel()
    assert set(link_history(found)["steps_followed"]) == {1}


@pytest.mark.parametrize("values", [[], [0.0], [3e-9], [0.0, 1e-9, 5e-6], [2e-9, 2.1e-9]])
def test_every_latency_has_a_bar(values) -> None:
    counts, _ = np.histogram(values, latency_edges(np.array(values)))
    assert counts.sum() == len(values)
