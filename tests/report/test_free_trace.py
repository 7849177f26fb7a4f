"""Traces of steps that run freely: by hand, beside pricing, and beside steps with barriers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from trace_reading import Trace

import chipletsim as cs
from chipletsim.cost import free_rows
from chipletsim.cost.constants import constants_of
from chipletsim.cost.incidence import traffic_model
from chipletsim.cost.program import busy_times
from chipletsim.errors import UsageError
from chipletsim.noc import PACKET_MODELS, packet_spans
from chipletsim.report.trace import TraceWriter

sys.path += [str(Path(__file__).parents[1] / room) for room in ("cost", "noc")]
from encoded_cases import windows
from interconnect_cases import pair
from test_free_running import freely, in_each_step
from test_package_timing import PACKAGES, case, without_fetches

pytestmark = pytest.mark.usefixtures("quick_programs")
ALL = ("bound", *PACKET_MODELS)
IO, CORE = "d(0,0).io", "d(1,0).neurocore"


def trace_of(activity, mapping, timing: str, folder: Path, **options) -> Trace:
    writer = TraceWriter(folder / "trace.json", mapping, timing, **options)
    writer.add(activity)
    writer.close()
    trace = Trace(folder / "trace.json")
    said = f"{trace.facts['hardware_steps_shown']:,} of" if trace.facts["cut"] else "hardware steps"
    assert said in writer.summary
    assert f" {trace.events:,} events" in writer.summary
    return trace


@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_a_core_that_is_never_idle_by_hand(timing: str, tmp_path: Path) -> None:
    """Times are those of `tests/cost/test_free_running.py`.

    The io tile gets nothing, and so goes through its steps as fast as it makes packets. The core
    works 2 ns on the message of a step, then 3 ns on its neuron in the step behind. It takes what
    is there before it begins a step: the last message, which comes at 17 + 3 x 4 = 29 ns, just as
    the one before is done.
    """
    mapping = freely(pair(1))
    trace = trace_of(in_each_step(mapping, 4), mapping, timing, tmp_path)
    rows = range(4)
    assert trace.of(IO, "making") == near([(n, 0.25 * n, 0.25 * (n + 1)) for n in rows])
    working, making = [17, 22, 27, 29], [19, 24, 31, 34]
    assert trace.of(CORE, "working") == near([(n, working[n], working[n] + 2) for n in rows])
    assert trace.of(CORE, "making") == near([(n + 1, making[n], making[n] + 3) for n in rows])
    sent = [(each.step, each.start, each.end) for each in trace.messages]
    assert sent == near([(n, 1 + n, 17 + 4 * n) for n in rows])
    ends = [19, 24, 29, 34, 37]
    steps = [(each.step, each.start, each.end) for each in trace.steps]
    assert steps == near(list(zip(range(5), [0, *ends[:-1]], ends, strict=True)))
    # The link takes a packet in 4 ns, the first from 5 ns on, without a break until 21 ns.
    (busy,) = trace.percent.values()
    bin_ns = trace.end / 256
    times, shares = np.array(busy).T
    assert times[0] == pytest.approx(5, abs=bin_ns)
    assert times[-1] == pytest.approx(21, abs=2 * bin_ns)
    assert max(np.diff(times)[shares[:-1] == 100]) == pytest.approx(16, abs=2 * bin_ns)
    assert np.dot(np.diff(times), shares[:-1]) == pytest.approx(1600, abs=2 * bin_ns)
    assert [each.facts["spikes"] for each in trace.steps] == [1, 1, 1, 1, 0]
    assert {each.facts["timing"] for each in trace.steps} == {timing}
    assert "steps run freely, and overlap" in trace.facts["of_spans"]
    assert trace.facts["steps_timed_by"] == {timing: 5}
    assert trace.end == pytest.approx(37)


def test_by_bound_work_stands_as_densely_as_can_be_by_hand(tmp_path: Path) -> None:
    """The core has 2 ns of work in the first step, 5 in the next ones and 3 in the last."""
    mapping = freely(pair(1))
    activity = in_each_step(mapping, 4)
    trace = trace_of(activity, mapping, "bound", tmp_path)
    stops = [0, 2, 7, 12, 17, 20]
    expected = [(n, stops[n], stops[n + 1]) for n in range(5)]
    assert trace.of(CORE, "busy") == near(expected)
    assert trace.of(IO, "busy") == near([(n, 0.25 * n, 0.25 * (n + 1)) for n in range(4)])
    assert not trace.messages
    assert "lower limits" in trace.facts["of_spans"]
    assert "when in the sample a tile works is not modelled" in trace.facts["of_spans"]
    assert trace.end == pytest.approx(1e9 * cs.price(activity, mapping).latency_s.sum())


def near(rows: list) -> list:
    return [pytest.approx(tuple(row), abs=1e-9) for row in rows]


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("timing", ALL)
def test_drawn_mappings_are_as_priced_and_work_as_with_barriers(name, timing, tmp_path) -> None:
    """Barriers change when tiles work, not how long, nor what is sent."""
    held, activity = case(name, 2)
    held = without_fetches(held)
    mapping = freely(held)
    trace = trace_of(activity, mapping, timing, tmp_path)
    result = cs.price(activity, mapping, timing=timing, interconnect=True)
    shape = result.latency_s.shape
    steps = np.array([each.facts["latency_s"] for each in trace.steps]).reshape(shape)
    assert np.array_equal(steps, result.latency_s)
    assert trace.facts["time_s"] == pytest.approx(result.latency_s.sum(), rel=1e-12, abs=0)
    assert trace.end == pytest.approx(1e9 * result.latency_s.sum(), rel=1e-12, abs=0)
    assert sum(each.facts["spikes"] for each in trace.steps) == result.events.spikes
    ends = {(each.facts["sample"], each.step): each.end for each in trace.steps}
    for each in (*trace.spans, *trace.messages):
        assert each.end <= ends[each.facts["sample"], each.step] * (1 + 1e-12)
    if timing == "bound":
        assert trace.work() == pytest.approx(busy_of_samples(activity, mapping), rel=1e-9)
        return
    barriers = trace_of(activity, held, timing, tmp_path)
    assert trace.work() == pytest.approx(barriers.work(), rel=1e-9, abs=1e-6)
    assert len(trace.messages) == len(barriers.messages)
    table = result.interconnect.steps
    blocked = np.zeros(shape)
    for each in trace.spans:
        if each.name.startswith("blocked"):
            blocked[each.facts["sample"], each.step] += each.end - each.start
    assert 1e-9 * blocked.ravel() == pytest.approx(table["tiles_blocked_s"], abs=1e-15)
    assert len(trace.messages) == result.events.packets_delivered
    assert_steps_wait(trace)


@pytest.mark.parametrize("name", ["kinds of tiles", "copies", "frames that wait"])
@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_fetched_weights_are_of_the_step_that_asks_for_them(name, timing, tmp_path) -> None:
    held, activity = case(name, 5)
    mapping = freely(held)
    trace, barriers = (trace_of(activity, on, timing, tmp_path) for on in (mapping, held))
    assert any("memory" in each.tile for each in trace.messages)
    assert trace.work() == pytest.approx(barriers.work(), rel=1e-9, abs=1e-6)
    steps = [
        sorted((each.facts["sample"], each.step, each.tile) for each in found.messages)
        for found in (trace, barriers)
    ]
    assert steps[0] == steps[1]
    result = cs.price(activity, mapping, timing=timing)
    assert trace.end == pytest.approx(1e9 * result.latency_s.sum(), rel=1e-12, abs=0)


def busy_of_samples(activity, mapping) -> dict[tuple[str, str], float]:
    """Return how long tiles are busy with all that pricing counts on them, sample by sample."""
    package = mapping.package
    found = np.zeros(len(package.tiles))
    constants, incidence = constants_of(package, 0.0), traffic_model(mapping).incidence
    for sample in range(activity.samples):
        result = cs.price(activity.of_samples(sample, 1), mapping)
        with jax.enable_x64(True):
            busy_s = busy_times(result.totals.counted.tiles, incidence, constants)
        found += 1e9 * np.asarray(busy_s)[:, 0]
    names = [tile.name for tile in package.tiles]
    return {(name, "busy"): busy for name, busy in zip(names, found, strict=True) if busy}


def assert_steps_wait(trace: Trace) -> None:
    """A tile makes what is of a step once it has worked on all that it got in those before."""
    done: dict[tuple, float] = {}
    works = [each for each in trace.spans if each.name.startswith("working")]
    for each in works:
        key = each.facts["sample"], each.tile, each.step
        done[key] = max(done.get(key, 0.0), each.end)
    makes = [each for each in trace.spans if each.name.startswith("making")]
    assert works
    assert makes
    for each in makes:
        for step in range(each.step):
            before = done.get((each.facts["sample"], each.tile, step), 0.0)
            assert each.start >= before - 1e-6


@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_links_are_in_use_as_long_as_told(timing, tmp_path) -> None:
    """Shares are rounded to percent, in each of at most 256 parts."""
    mapping, activity = case("copies", 3)
    mapping, activity = freely(mapping), activity.of_samples(0, 1)
    trace = trace_of(activity, mapping, timing, tmp_path)
    result = cs.price(activity, mapping, timing=timing, interconnect=True)
    links = result.interconnect.links
    told = dict(zip(links["link"], 1e9 * np.asarray(links["busy_s"]), strict=True))
    busiest = sorted((value for value in told.values() if value), reverse=True)
    assert len(trace.percent) == min(len(busiest), packet_spans.BUSY_LINKS)
    for name, changes in trace.percent.items():
        times, shares = np.array(changes).T
        assert shares[-1] == 0
        assert shares.max() <= 100
        used = np.dot(np.diff(times), shares[:-1]) / 100
        # Beyond rounding, the last flit of a packet by `queue` may reach beyond the sample.
        assert used == pytest.approx(told[name], abs=0.006 * trace.end)


@pytest.mark.parametrize("timing", ALL)
@pytest.mark.parametrize("most", [0, 30, 90, 200])
def test_a_long_sample_is_cut_between_steps_and_says_so(timing, most, tmp_path) -> None:
    mapping, activity = case("row", 3)
    mapping = freely(mapping)
    whole = trace_of(activity, mapping, timing, tmp_path)
    assert not whole.facts["cut"]
    trace = trace_of(activity, mapping, timing, tmp_path, most_events=most)
    assert trace.events <= most
    shown = len(trace.steps)
    assert trace.facts["cut"] == (shown < len(whole.steps))
    assert trace.facts["hardware_steps_shown"] == shown
    assert trace.facts["hardware_steps"] == len(whole.steps)
    assert trace.steps == whole.steps[:shown]
    there = {(each.facts["sample"], each.step) for each in trace.steps}
    for cut, all_ in ((trace.spans, whole.spans), (trace.messages, whole.messages)):
        kept = [each for each in all_ if (each.facts["sample"], each.step) in there]
        assert sorted(map(str, cut)) == sorted(map(str, kept))
    assert all(changes[-1][1] == 0 for changes in trace.percent.values()), "all end at 0"
    last = max((each.end for each in trace.steps), default=0.0)
    assert trace.end == pytest.approx(last)


@pytest.mark.parametrize("timing", ALL)
def test_windows_of_a_sample_give_the_same(timing, tmp_path) -> None:
    mapping, activity = case("copies", 3)
    mapping = freely(mapping)
    cs.save_trace(activity, mapping, tmp_path / "whole.json", timing=timing)
    writer = TraceWriter(tmp_path / "parts.json", mapping, timing)
    for sample in range(activity.samples):
        for each in windows(activity.of_samples(sample, 1), 1, 2):
            writer.add(each)
        writer.next_samples()
    writer.close()
    assert (tmp_path / "parts.json").read_text() == (tmp_path / "whole.json").read_text()


@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_of_full_samples_messages_are_left_out(timing, tmp_path, monkeypatch) -> None:
    """Of a step with several packets what the io tile makes is then one span."""
    monkeypatch.setattr(packet_spans, "MOST_MESSAGES", 1)
    mapping = freely(pair(3))
    trace = trace_of(in_each_step(mapping, 2), mapping, timing, tmp_path)
    assert not trace.messages
    assert trace.facts["messages_left_out"] == 6
    made = [(each.step, each.facts["messages"]) for each in trace.spans if each.tile == IO]
    assert made == [(0, 3), (1, 3)]
    assert trace.of(IO, "making") == near([(0, 0, 0.75), (1, 0.75, 1.5)])


@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_a_sample_of_too_many_packets_is_refused_as_in_pricing(timing, tmp_path, monkeypatch):
    monkeypatch.setattr(free_rows, "MOST_PACKETS", 3)
    mapping = freely(pair(1))
    with pytest.raises(UsageError, match="than 3 packets") as refused:
        cs.price(in_each_step(mapping, 9), mapping, timing=timing)
    with pytest.raises(UsageError) as traced:
        cs.save_trace(in_each_step(mapping, 9), mapping, tmp_path / "t.json", timing=timing)
    assert str(traced.value) == str(refused.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("timing", ["bound", "cycle", "auto"])
def test_rates_have_a_trace(timing, tmp_path, monkeypatch) -> None:
    mapping = freely(pair(1))
    rates = cs.RateActivity.of(mapping.network, {"in": 0.5, "out": 0.0}, steps=4, samples=2)
    cs.save_trace(rates, mapping, tmp_path / "t.json", timing=timing)
    facts = json.loads((tmp_path / "t.json").read_text())["otherData"]
    result = cs.price(rates, mapping, timing=timing)
    due = pytest.approx(result.latency_s.sum(), rel=1e-12, abs=0)
    assert facts["time_s"] == due
    assert facts["steps_timed_by"] == result.timed.steps
    if timing == "auto":
        monkeypatch.setattr("chipletsim.engine.rates.MOST_LISTED_BYTES", 0)
        cs.save_trace(rates, mapping, tmp_path / "u.json", timing=timing)
        facts = json.loads((tmp_path / "u.json").read_text())["otherData"]
        assert facts["steps_timed_by"] == {"bound": 10}
