"""Traces of timing `queue` and `cycle`: by hand, and beside what pricing tells."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.noc import PACKET_MODELS, packet_spans

sys.path += [str(Path(__file__).parents[1] / room) for room in ("cost", "noc")]
from interconnect_cases import all_at_once, pair
from test_package_timing import case

pytestmark = pytest.mark.usefixtures("quick_programs")


def trace_of(activity, mapping, timing: str, folder: Path) -> tuple[dict, str]:
    said = cs.save_trace(activity, mapping, folder / "trace.json", timing=timing)
    trace = json.loads((folder / "trace.json").read_text())
    events = [each for each in trace["traceEvents"] if each["ph"] != "M"]
    times = [each["ts"] for each in events]
    assert times == sorted(times)
    ends: dict[tuple[int, int], float] = {}
    for each in events:
        if each["ph"] == "X":
            track = each["pid"], each["tid"]
            assert each["ts"] >= ends.get(track, 0.0) - 1e-9, "spans of a track do not overlap"
            ends[track] = each["ts"] + each["dur"]
    return trace, said


def spans(trace: dict, name: str) -> list[tuple[float, float]]:
    """Return begin and end of spans, or of pairs of events, in ns."""
    found, begun = [], {}
    for each in trace["traceEvents"]:
        if each["ph"] == "M" or each["name"] != name:
            continue
        at = 1000 * each["ts"]
        if each["ph"] == "X":
            found.append((at, at + 1000 * each["dur"]))
        elif each["ph"] == "b":
            begun[each["id"]] = at, each["args"]
        elif each["ph"] == "e":
            begin, ends = begun.pop(each["id"])
            assert ends["from"] == "d(0,0).io"
            assert ends["to"] == "d(1,0).neurocore"
            found.append((begin, at))
    assert not begun
    return found


@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_three_packets_over_time(timing, tmp_path) -> None:
    """Times are those of `tests/cost/test_interconnect.py`; the second step updates the core.

    The link is busy for 3 x 4 ns, from 4 ns after the first packet left.
    """
    mapping = pair(3)
    trace, _ = trace_of(all_at_once(mapping), mapping, timing, tmp_path)
    first = 1.0
    making = [(0.25 * number, 0.25 * (number + 1)) for number in range(3)]
    sent = [(first + number, first + 16 + 4 * number) for number in range(3)]
    end = sent[-1][1] + 2
    works = [(at, at + 2) for _, at in sent]
    assert np.array(spans(trace, "message")) == pytest.approx(np.array(sent))
    assert np.array(spans(trace, "working")) == pytest.approx(np.array(works))
    assert np.array(spans(trace, "making")) == pytest.approx(np.array([*making, (end, end + 3)]))
    assert spans(trace, "blocked") == []
    link = mapping.package.links[0].name
    busy = [
        (1000 * each["ts"], each["args"]["percent"])
        for each in trace["traceEvents"]
        if each["ph"] == "C" and each["name"] == link and "percent" in each["args"]
    ]
    assert busy[-1][1] == 0
    bin_ns = end / 32
    assert busy[0][0] == pytest.approx(first + 4, abs=bin_ns)
    times, shares = np.array(busy).T
    assert max(shares) == 100
    # Shares are rounded to percent, in each of 32 parts.
    assert np.dot(np.diff(times), shares[:-1]) / 100 == pytest.approx(12, abs=0.005 * end)
    assert not trace["otherData"]["messages_left_out"]
    assert "a message is on its way" in trace["otherData"]["of_spans"]


@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_of_full_steps_messages_are_left_out(timing, tmp_path, monkeypatch) -> None:
    """What the io tile does is then one span of three packets, and the core's work is three."""
    monkeypatch.setattr(packet_spans, "MOST_MESSAGES", 2)
    mapping = pair(3)
    trace, said = trace_of(all_at_once(mapping), mapping, timing, tmp_path)
    assert spans(trace, "message") == []
    assert np.array(spans(trace, "making")[0]) == pytest.approx(np.array([0, 0.75]))
    makes = [each["args"] for each in trace["traceEvents"] if each["name"] == "making"]
    assert makes[0]["messages"] == 3
    assert len(spans(trace, "working")) == 3
    assert trace["otherData"]["messages_left_out"] == 3
    assert said.endswith("; 3 messages of full steps left out")


def some_at_a_time():
    """A tile that holds one packet, and sends four to ten in each of four steps."""
    mapping = pair(12, queue=1)
    every = all_at_once(mapping, 4)
    spikes = {name: every.spikes(name).copy() for name in every.populations}
    spikes["in"][0] = np.arange(12) < np.array([[10], [4], [7], [8]])
    return mapping, cs.Activity.from_spikes(every.populations, spikes)


@pytest.mark.parametrize(("timing", "mixed"), [("queue", False), ("cycle", False), ("cycle", True)])
def test_steps_are_as_priced(timing, mixed, tmp_path) -> None:
    """Latencies to the last bit; packets, and how long tiles are blocked, step by step."""
    mapping, activity = case("kinds of tiles", 2) if mixed else some_at_a_time()
    activity = activity.of_samples(0, 1)
    trace, _ = trace_of(activity, mapping, timing, tmp_path)
    result = cs.price(activity, mapping, timing=timing, interconnect=True)
    steps = [each for each in trace["traceEvents"] if each["name"].startswith("step ")]
    assert [each["args"]["latency_s"] for each in steps] == result.latency_s.ravel().tolist()
    table = result.interconnect.steps
    begins = np.array([each["ts"] for each in steps])
    blocked_s, sent = np.zeros(len(steps)), np.zeros(len(steps), int)
    tiles = {tile.name for tile in mapping.package.tiles}
    for each in trace["traceEvents"]:
        at = np.searchsorted(begins, each.get("ts", 0.0) + 1e-9) - 1
        if each["name"] == "blocked":
            blocked_s[at] += each["dur"] * 1e-6
        if each["ph"] == "b":
            assert {each["args"]["from"], each["args"]["to"]} <= tiles
            sent[at] += 1
    assert blocked_s == pytest.approx(table["tiles_blocked_s"], abs=1e-15)
    assert (sent >= table["packets"]).all()  # one for each tile that a packet goes to
    names = {link.name for link in mapping.package.links}
    shares = [each for each in trace["traceEvents"] if "percent" in each.get("args", {})]
    assert shares
    assert all(each["name"] in names for each in shares)
    assert all(0 <= each["args"]["percent"] <= 100 for each in shares)
