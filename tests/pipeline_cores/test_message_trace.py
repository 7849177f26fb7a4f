"""Traces of runs whose messages are followed: two cores by hand, and properties of random ones."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise
from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sanafe_cases import hops, mesh_of_cores, soma
from test_messages import random_case, timed

import chipletsim as cs
from chipletsim.cost.batch import Batch
from chipletsim.cost.step_timers import MessageStepTimer, TimedStep
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.pipeline import stages
from chipletsim.noc import MESSAGE_MODELS
from chipletsim.noc.follow_spans import detailed_spans
from chipletsim.noc.message_timing import CoreMesh
from chipletsim.noc.messages import MessageLists
from chipletsim.noc.spans import Doing, Span
from chipletsim.report.trace import TraceWriter

CORE = {
    "kind": "pipeline_core",
    "neurons": 8,
    "axon_in": {"time_per_message": "5 ns/packet"},
    "synapse": {"syn": {"energy_per_event": "1 pJ/op", "time_per_event": "6 ns/op"}},
    "soma": {"input": soma((0, 0), (1, 1), (1, 2)), "lif": soma((1, 2), (1, 3), (1, 4))},
    "axon_out": {"time_per_message": "4 ns/packet"},
    "hop": hops(north=(0, 1.5), east=(0, 1.5), south=(0, 1.5), west=(0, 1.5)),
}
BARRIER_NS = 100


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    """Two inputs on the west core, each connected to a neuron on the east core."""
    populations = (
        Population("in", (2,), "input"),
        Population("out", (1,), "if", {"r": np.float32(100), "v_threshold": np.float32(9)}),
    )
    weight = Dense(np.ones((1, 2), np.float32))
    network = Network(
        "two", populations, (Projection("w", "in", "out", weight, None, 1),), dt_s=1e-3
    )
    package = mesh_of_cores(
        "pair", (2, 1), [{"tile": CORE, "per_router": 1}], barrier=f"{BARRIER_NS} ns"
    )
    slices = (Slice(0, ((0, 2),), 0, 0, "input"), Slice(1, ((0, 1),), 1, 1, "lif"))
    return Mapping(network, package, slices, "given", 0)


@pytest.fixture(scope="module")
def activity(mapping: Mapping) -> cs.Activity:
    """Both inputs in the first step, the second one alone in the second."""
    inputs = np.array([[[1, 1], [0, 1]]], bool)
    return cs.simulate(mapping.network, inputs, mapping=mapping)


def events_of(path) -> tuple[dict, list[dict]]:
    """Return what holds of a trace, and its events."""
    trace = json.loads(path.read_text())
    times = [event["ts"] for event in trace["traceEvents"] if event["ph"] != "M"]
    assert times == sorted(times)
    return trace["otherData"], trace["traceEvents"]


def spans(events: list[dict], process: str, thread: str) -> list[tuple]:
    """Return name, start and length in ns of the spans on a track of a name."""
    names = [event for event in events if event["ph"] == "M"]
    (pid,) = [
        e["pid"] for e in names if e["name"] == "process_name" and e["args"]["name"] == process
    ]
    (tid,) = [
        e["tid"]
        for e in names
        if e["name"] == "thread_name" and e["args"]["name"] == thread and e["pid"] == pid
    ]
    return [
        (e["name"], pytest.approx(1e3 * e["ts"], abs=1e-9), pytest.approx(1e3 * e["dur"]))
        for e in events
        if e["ph"] == "X" and (e["pid"], e["tid"]) == (pid, tid)
    ]


WEST, EAST = "die(0,0).pipeline_core", "die(1,0).pipeline_core"


def test_two_messages_of_detailed_by_hand(tmp_path, mapping, activity) -> None:
    """An input that fires takes 1 + 2 ns, and 4 ns for its message; one that does not, nothing.

    Step 0: messages are made after 7 and 14 ns, and take a hop of 1.5 ns. The east core works on
    each for 5 + 6 ns: from 8.5 to 19.5 ns, and, as the second is there after 15.5 ns, on to 30.5
    ns. Its own neuron is read, 2 ns, and updated, 3 ns: a core does that side by side with its
    messages. Step 1, after a barrier of 100 ns: one message, made after 7 ns and done by 19.5 ns.
    """
    cs.save_trace(activity, mapping, tmp_path / "t.json", timing="detailed")
    facts, events = events_of(tmp_path / "t.json")
    later = 30.5 + BARRIER_NS
    assert spans(events, "hardware steps", "hardware steps") == [
        ("step 0", 0, later), ("step 1", later, 19.5 + BARRIER_NS),
    ]  # fmt: skip
    assert spans(events, "tiles, making messages", WEST) == [
        ("making", 0, 7), ("making", 7, 7), ("making", later, 7),
    ]  # fmt: skip
    assert spans(events, "tiles, making messages", EAST) == [("making", 0, 5), ("making", later, 5)]
    assert spans(events, "tiles, working on messages", EAST) == [
        ("waiting", 0, 8.5), ("working", 8.5, 11), ("working", 19.5, 11),
        ("waiting", later, 8.5), ("working", later + 8.5, 11),
    ]  # fmt: skip
    flights = [event for event in events if event["ph"] in "be"]
    found = [(e["ph"], pytest.approx(1e3 * e["ts"])) for e in flights]
    assert found == [
        ("b", 7), ("e", 8.5), ("b", 14), ("e", 15.5), ("b", later + 7), ("e", later + 8.5),
    ]  # fmt: skip
    assert len({event["id"] for event in flights}) == 3
    assert {(e["args"]["from"], e["args"]["to"]) for e in flights[::2]} == {(WEST, EAST)}
    bound = [e["args"]["bound_by"] for e in events if e["name"].startswith("step ")]
    assert bound == [f"{EAST} working on messages"] * 2
    assert facts["time_s"] * 1e9 == pytest.approx(30.5 + 19.5 + 2 * BARRIER_NS)
    assert "stand where the model has them" in facts["of_spans"]


def test_two_messages_of_simple_by_hand(tmp_path, mapping, activity) -> None:
    """As above, but all that is known of a step is what cores do in it, summed."""
    cs.save_trace(activity, mapping, tmp_path / "t.json", timing="simple")
    _, events = events_of(tmp_path / "t.json")
    later = 22 + BARRIER_NS
    assert spans(events, "hardware steps", "hardware steps") == [
        ("step 0", 0, later), ("step 1", later, 11 + BARRIER_NS),
    ]  # fmt: skip
    assert spans(events, "tiles, making messages", WEST) == [
        ("making", 0, 14),
        ("making", later, 7),
    ]
    assert spans(events, "tiles, making messages", EAST) == [("making", 0, 5), ("making", later, 5)]
    working = ("working", 0, 22), ("working", later, 11)
    assert spans(events, "tiles, working on messages", EAST) == list(working)
    counts = [e["args"].get("messages", 0) for e in events if e["name"] in ("making", "working")]
    assert sorted(counts) == [0, 0, 1, 1, 2, 2]
    assert not [event for event in events if event["ph"] in "be"]


@pytest.mark.parametrize("timing", MESSAGE_MODELS)
def test_steps_add_up_to_the_latency_of_the_run(tmp_path, mapping, activity, timing) -> None:
    cs.save_trace(activity, mapping, tmp_path / "t.json", timing=timing)
    facts, events = events_of(tmp_path / "t.json")
    result = cs.price(activity, mapping, timing=timing)
    lengths_s = [e["args"]["latency_s"] for e in events if e["name"].startswith("step ")]
    assert lengths_s == result.latency_s[0].tolist()
    assert facts["time_s"] == fsum(lengths_s) == result.latency.longest_s
    bits = {e["name"]: e["args"]["bits"] for e in events if e["ph"] == "C" and "bits" in e["args"]}
    assert set(bits) == {"die(0,0)>die(1,0)"}, "loads of links are those of any timing"


def test_windows_of_a_sample_give_the_same_trace(tmp_path, mapping, activity) -> None:
    cs.save_trace(activity, mapping, tmp_path / "whole.json", timing="detailed")
    writer = TraceWriter(tmp_path / "parts.json", mapping, "detailed")
    for step in range(2):
        arrays = {name: activity.spikes(name)[:, step : step + 1] for name in activity.populations}
        part = cs.Activity.from_spikes(activity.populations, arrays, network=activity.network)
        writer.add(part)
    writer.close()
    assert (tmp_path / "parts.json").read_text() == (tmp_path / "whole.json").read_text()


def test_a_trace_of_rates_shows_the_spikes_that_are_drawn(tmp_path, mapping, monkeypatch) -> None:
    rates = cs.RateActivity.of(mapping.network, {"in": 0.5, "out": 0.2}, steps=3, samples=2)
    cs.save_trace(rates, mapping, tmp_path / "t.json", timing="detailed")
    due = cs.price(rates, mapping, timing="detailed")
    facts = json.loads((tmp_path / "t.json").read_text())["otherData"]
    assert facts["time_s"] == pytest.approx(due.latency_s.sum(), rel=1e-12, abs=0)
    monkeypatch.setattr("chipletsim.engine.rates.MOST_LISTED_BYTES", 0)
    with pytest.raises(UsageError, match="to list for models that follow single messages"):
        cs.save_trace(rates, mapping, tmp_path / "u.json", timing="detailed")
    assert not (tmp_path / "u.json").exists()


def test_a_message_that_is_blocked_by_hand() -> None:
    """Six messages, made every 7 ns, to a core that works on each for 110 ns; a link holds one.

    Each that is under way counts for 1/3 on both links. The first is received at 8.5 ns and
    gone from the network when the second is sent, at 14 ns; none of the others is by 42 ns. So
    the sixth finds 4 x 2/3 there, where there is room for 2: it waits for 2/3 x 110 ns.
    """
    ns = 1e-9
    lists = MessageLists(
        np.array([0, 6, 6]),
        np.ones(6, np.int64),
        np.full(6, 7 * ns),
        np.full(6, 110 * ns),
        np.zeros(6, np.int64),
    )
    place = np.array([[0, 0], [1, 0]])
    shown = detailed_spans(lists, CoreMesh(2, 1, 1, place, np.full((2, 4), 1.5 * ns)))
    (blocked,) = [span for span in shown.spans if span.doing is Doing.BLOCKED]
    assert (blocked.place, blocked.other, blocked.messages) == (0, 1, 1)
    assert blocked.start_s / ns == pytest.approx(42)
    assert blocked.length_s / ns == pytest.approx(220 / 3)
    sent = [span.start_s / ns for span in shown.spans if span.doing is Doing.ON_THE_WAY]
    assert sent == pytest.approx([7, 14, 21, 28, 35, 42 + 220 / 3])
    # The third is slowed to 2/3 x 110 / 2 ns by the second, and so on.
    way = [span.length_s / ns for span in shown.spans if span.doing is Doing.ON_THE_WAY]
    assert way == pytest.approx([1.5, 1.5, 110 / 3, 220 / 3, 110, 440 / 3])
    assert shown.latency_s / ns == pytest.approx(8.5 + 6 * 110)


def shown_steps(mapping: Mapping, activity: cs.Activity, timing: str) -> list[TimedStep]:
    """Return the steps of the first sample."""
    pipeline = stages(mapping.network)
    timer = MessageStepTimer(mapping, pipeline, timing)
    timer.push(activity.of_samples(0, 1))
    timer.end()
    rows = pipeline.rows(activity.steps)
    places = np.stack([np.zeros(rows, np.int64), np.arange(rows)], axis=1)
    step = timer.timed(Batch(places, None, None, None), None)
    return [step(place) for place in range(rows)]


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([1, 2]), st.sampled_from(MESSAGE_MODELS))
def test_random_steps_show_what_was_priced(seed: int, buffer: int, timing: str) -> None:
    """Lengths as priced; no core does two things of a kind at once; none is behind its step."""
    mapping, activity = random_case(seed, buffer)
    steps = shown_steps(mapping, activity, timing)
    assert [step.latency_s for step in steps] == timed(mapping, activity, timing)[0].tolist()
    for step in steps:
        tracks: dict[tuple[bool, int], list[Span]] = defaultdict(list)
        for span in step.spans:
            assert span.length_s > 0
            assert span.start_s + span.length_s <= step.latency_s * (1 + 1e-12)
            if span.doing is not Doing.ON_THE_WAY:
                taking = span.doing in (Doing.WORKING, Doing.WAITING)
                tracks[taking, span.place].append(span)
        for track in tracks.values():
            for one, other in pairwise(track):
                assert other.start_s >= (one.start_s + one.length_s) * (1 - 1e-12)
