"""Traces of timing `auto`: each step as the model shows it that a run takes for it."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from golden import experiment
from trace_reading import Trace

import chipletsim as cs
from chipletsim.cost import tracer
from chipletsim.noc import auto_timing
from chipletsim.report import files
from chipletsim.report.trace import TraceWriter

sys.path += [str(Path(__file__).parents[1] / room) for room in ("cost", "noc")]
from cost_cases import random_activity
from test_auto_timing import one_slow_tile, placed, plain_package
from test_free_running import freely
from test_package_timing import case, dies, mixed_network, random_mapping

pytestmark = pytest.mark.usefixtures("quick_programs")


def trace_of(activity, mapping, timing: str, folder: Path) -> Trace:
    cs.save_trace(activity, mapping, folder / "trace.json", timing=timing)
    return Trace(folder / "trace.json")


def in_step(trace: Trace, step) -> list[tuple]:
    """What tiles and messages do in a step, from its start on."""
    key = step.facts["sample"], step.step
    return [
        (each.name, each.tile, round(each.start - step.start, 3), round(each.end - each.start, 3))
        for each in (*trace.spans, *trace.messages)
        if (each.facts["sample"], each.step) == key
    ]


@pytest.mark.parametrize("most", [auto_timing.AUTO_FLIT_HOPS, 10])
def test_each_step_is_shown_by_the_model_that_timed_it(most, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(auto_timing, "AUTO_FLIT_HOPS", most)
    followed = "queue" if most == 10 else "cycle"
    mapping = one_slow_tile(1, "20 ns/op")
    activity = random_activity(mapping.network, 2, 8, 0.1, 1)
    trace = trace_of(activity, mapping, "auto", tmp_path)
    result = cs.price(activity, mapping, timing="auto")
    assert set(result.timed.steps) == {"bound", followed}
    assert trace.facts["steps_timed_by"] == result.timed.steps
    steps_s = np.array([each.facts["latency_s"] for each in trace.steps])
    assert np.array_equal(steps_s.reshape(result.latency_s.shape), result.latency_s)
    own = {name: trace_of(activity, mapping, name, tmp_path) for name in ("bound", followed)}
    for number, step in enumerate(trace.steps):
        other = own[step.facts["timing"]]
        assert in_step(trace, step) == in_step(other, other.steps[number])
        assert step.facts["bound_by"] == other.steps[number].facts["bound_by"]
        if step.facts["timing"] == followed:
            assert step.facts["latency_s"] == other.steps[number].facts["latency_s"]
    about = trace.facts["of_spans"]
    assert about.startswith("each step is shown by the model that timed it")
    assert "of steps by `bound`: the length" in about
    assert f"of steps by `{followed}`: spans stand" in about


def test_windows_and_samples_choose_as_the_run_does(tmp_path, monkeypatch) -> None:
    """Models are chosen by the first window, and by how much is to come."""
    mapping = placed(plain_package(), 1)
    activity = random_activity(mapping.network, 2, 3, 0.2, 1)
    result = cs.price(activity, mapping, timing="auto")
    hops = int(result.timed.why.split("some ")[1].split()[0].replace(",", ""))
    monkeypatch.setattr(auto_timing, "AUTO_FLIT_HOPS", hops)
    for sample_steps, model in ((None, "cycle"), (6, "cycle"), (7, "queue")):
        writer = TraceWriter(tmp_path / "trace.json", mapping, "auto", sample_steps)
        writer.add(activity)
        writer.close()
        assert model in Trace(tmp_path / "trace.json").facts["steps_timed_by"]


def test_what_is_not_followed_is_shown_by_bound(tmp_path, monkeypatch) -> None:
    counts = {"encoding": {"spikes": {"kind": "spike_counts"}}}
    mapping = random_mapping(mixed_network(), dies((True, True), d2d=counts), 1)
    activity = random_activity(mapping.network, 1, 2, 0.2, 1)
    assert_as_bound(mapping, activity, tmp_path)
    mapping, activity = case("copies", 1)
    monkeypatch.setattr(tracer, "native_functions", lambda: False)
    trace = trace_of(activity, mapping, "auto", tmp_path)
    assert set(trace.facts["steps_timed_by"]) == {"bound"}


def assert_as_bound(mapping, activity, folder: Path) -> None:
    auto, bound = (trace_of(activity, mapping, name, folder) for name in ("auto", "bound"))
    assert (auto.steps, auto.spans) == (bound.steps, bound.spans)


def test_steps_that_run_freely_are_all_followed(tmp_path) -> None:
    mapping, activity = case("copies", 3)
    mapping = freely(mapping)
    auto, cycle = (trace_of(activity, mapping, name, tmp_path) for name in ("auto", "cycle"))
    assert (auto.steps, auto.spans) == (cycle.steps, cycle.spans)
    assert (auto.messages, auto.percent) == (cycle.messages, cycle.percent)
    result = cs.price(activity, mapping, timing="auto")
    assert auto.facts["steps_timed_by"] == result.timed.steps


@pytest.mark.parametrize("synchronisation", ["barrier", "free"])
@pytest.mark.parametrize("timing", ["auto", "bound", "queue", "cycle"])
def test_a_run_writes_what_it_reports(timing, synchronisation, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(files, "figures_available", lambda: False)
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(experiment(tmp_path)))
    run = cs.run(
        tmp_path / "run.yaml",
        out=tmp_path,
        trace=tmp_path / "t.json",
        overrides=[f"timing={timing}", f"package.synchronisation={synchronisation}"],
    )
    trace, summary = Trace(tmp_path / "t.json"), run.summary
    assert not trace.facts["cut"]
    steps_s = [each.facts["latency_s"] for each in trace.steps]
    assert len(steps_s) == summary["samples"] * summary["latency"]["hardware_steps"]
    latency_s = summary["latency"]["per_inference_s"] * summary["samples"]
    assert sum(steps_s) == pytest.approx(latency_s, rel=1e-12, abs=0)
    assert trace.facts["steps_timed_by"] == summary["timed"]["hardware_steps"]
    assert f"trace written to {tmp_path / 't.json'}: {len(steps_s)} hardware" in run.exports[0]
    told = summary["interconnect"]
    assert (told is None) == (set(trace.facts["steps_timed_by"]) == {"bound"})
    if told and synchronisation == "free":
        with (run.folder / "interconnect_over_time.csv").open() as file:
            sent = sum(int(row["flits"]) for row in csv.DictReader(file))
        assert sent == sum(each["flits"] for each in told["busiest_links"]) > 0
