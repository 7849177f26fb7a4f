"""The trace of a run: rows worked out by hand, a valid format, and a bound on its size.

The tiny run is that of `test_golden.py`: its four rows take 120, 173, 145 and 105 ns.
"""

import json
from math import fsum
from pathlib import Path

import numpy as np
import pytest
import yaml
from golden import experiment

import chipletsim as cs
from chipletsim.cli.main import execute
from chipletsim.errors import ConfigError, UsageError
from chipletsim.inputs.make import make_inputs
from chipletsim.report import files
from chipletsim.report.trace import TraceWriter
from chipletsim.stages import load_experiment, make_mapping, make_network, make_package

pytestmark = pytest.mark.usefixtures("quick_programs")

PHASES = {"M": {"args"}, "X": {"ts", "dur", "tid", "args"}, "C": {"ts", "args"}}


@pytest.fixture(scope="module")
def mapping(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden")
    (folder / "golden.yaml").write_text(yaml.safe_dump(experiment(folder)))
    loaded = load_experiment(folder / "golden.yaml")
    network = make_network(loaded)
    return make_mapping(loaded, network, make_package(loaded))


@pytest.fixture(scope="module")
def activity(mapping):
    """Three samples of two steps; the first is the one worked out by hand."""
    inputs = np.array([[[1, 1], [1, 0]], [[0, 0], [1, 1]], [[1, 1], [1, 1]]], bool)
    return cs.simulate(mapping.network, inputs, mapping=mapping)


def checked(path) -> dict:
    """Return a trace whose every event is as the Trace Event Format asks for."""
    trace = json.loads(path.read_text())
    assert set(trace) == {"displayTimeUnit", "traceEvents", "otherData"}
    last = 0.0
    ends: dict = {}
    for event in trace["traceEvents"]:
        assert event["ph"] in PHASES
        assert {"ph", "name", "pid"} | PHASES[event["ph"]] <= event.keys()
        assert isinstance(event["name"], str)
        assert isinstance(event["pid"], int)
        assert isinstance(event.get("tid", 0), int)
        if event["ph"] == "M":
            continue
        assert event["ts"] >= last, "times never fall"
        last = event["ts"]
        if event["ph"] == "X":
            track = (event["pid"], event["tid"])
            assert event["dur"] >= 0
            assert event["ts"] >= ends.get(track, 0.0) - 1e-9, "spans of a track do not overlap"
            ends[track] = event["ts"] + event["dur"]
        if event["ph"] == "C":
            assert all(isinstance(value, int) and value >= 0 for value in event["args"].values())
    return trace


def named(trace: dict) -> tuple[dict, dict]:
    """Return process number to name, and (process, thread) to name."""
    events = [event for event in trace["traceEvents"] if event["ph"] == "M"]
    processes = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
    threads = {
        (e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"
    }
    return processes, threads


def spans(trace: dict, name: str) -> list[tuple[float, float]]:
    """Return start and length in ns of the spans on the track of a name."""
    track = {name: key for key, name in named(trace)[1].items()}[name]
    return [
        (pytest.approx(1000 * event["ts"]), pytest.approx(1000 * event["dur"]))
        for event in trace["traceEvents"]
        if event["ph"] == "X" and (event["pid"], event["tid"]) == track
    ]


def counters(trace: dict, name: str) -> list[tuple[float, int]]:
    """Return time in ns and value of each change of a counter."""
    return [
        (pytest.approx(1000 * event["ts"]), *event["args"].values())
        for event in trace["traceEvents"]
        if event["ph"] == "C" and event["name"] == name
    ]


def test_the_rows_of_the_tiny_run(tmp_path, mapping, activity) -> None:
    """Cores take 4 ns an operation, 5 an update, 2 a message in and 1 a spike sent.

    West core: row 0 has 4 operations and 2 messages, 20 ns (its neurons are counted in row 1, in
    which they run); row 1 has 2 operations, 1 message, 2 updates: 8 + 2 + 10, and 2 spikes; row 2
    has 2 updates and 1 spike. East core: 2 messages and operations in row 1, one of each and one
    update and spike in row 2, an update in row 3. The io tile sends 2 and 1 events and takes 1.
    Links carry 20 bits an event on chip, 32 between dies.
    """
    said = cs.save_trace(activity.of_samples(0, 1), mapping, tmp_path / "trace.json")
    trace = checked(tmp_path / "trace.json")
    starts = [0, 120, 293, 438]
    assert spans(trace, "hardware steps") == list(zip(starts, [120, 173, 145, 105], strict=True))
    assert spans(trace, "west(0,0).io") == [(0, 2), (120, 1), (293, 1)]
    assert spans(trace, "west(1,0).neurocore") == [(0, 20), (120, 22), (293, 11)]
    assert spans(trace, "east(0,0).neurocore") == [(120, 12), (293, 12), (438, 5)]
    assert counters(trace, "west(0,0)>west(1,0)") == [(0, 40), (120, 20), (293, 0)]
    assert counters(trace, "west(1,0)>east(0,0)") == [(120, 64), (293, 32), (438, 0)]
    assert counters(trace, "east(0,0)>west(1,0)") == [(293, 32), (438, 0)]
    assert counters(trace, "west(1,0)>west(0,0)") == [(293, 20), (438, 0)]
    # Inputs run in row 0, hidden in 1, the answer in 2, each a row later in the second step.
    assert counters(trace, "input") == [(0, 2), (120, 1), (293, 0)]
    assert counters(trace, "hidden") == [(120, 2), (293, 1), (438, 0)]
    assert counters(trace, "answer") == [(293, 1), (438, 0)]
    steps = [event for event in trace["traceEvents"] if event["name"].startswith("step ")]
    assert [event["args"]["bound_by"] for event in steps] == [
        "west(1,0).neurocore", "west(1,0)>east(0,0)", "east(0,0)>west(1,0)", "east(0,0).neurocore",
    ]  # fmt: skip
    processes = [name for _, name in sorted(named(trace)[0].items())]
    assert processes[:2] == ["hardware steps", "tiles, busy"]
    assert trace["otherData"]["time_s"] == pytest.approx(543e-9)
    assert not trace["otherData"]["cut"]
    number = sum(event["ph"] != "M" for event in trace["traceEvents"])
    assert said == f"4 hardware steps, {number} events"


def test_samples_follow_one_another_and_agree_with_the_result(tmp_path, mapping, activity) -> None:
    cs.save_trace(activity, mapping, tmp_path / "trace.json")
    trace, result = checked(tmp_path / "trace.json"), cs.price(activity, mapping)
    steps = [event for event in trace["traceEvents"] if event["name"].startswith("step ")]
    places = [(event["args"]["sample"], event["args"]["hardware_step"]) for event in steps]
    assert places == [(sample, row) for sample in range(3) for row in range(4)]
    lengths = np.array([event["dur"] for event in steps]).reshape(3, 4)
    assert lengths == pytest.approx(1e6 * result.latency_s)
    exact = np.array([event["args"]["latency_s"] for event in steps]).reshape(3, 4)
    np.testing.assert_array_equal(exact, result.latency_s)
    assert trace["otherData"]["time_s"] == fsum(result.latency_s.ravel())
    for number, link in enumerate(mapping.package.links):
        # A counter holds until it changes: the bits of a row are those at its start.
        changes = [e for e in trace["traceEvents"] if e["ph"] == "C" and e["name"] == link.name]
        total = 0
        for step in steps:
            before = [e["args"]["bits"] for e in changes if e["ts"] <= step["ts"]]
            total += before[-1] if before else 0
        assert total == result.link_wire_bits[number], link.name


def test_windows_of_a_sample_give_the_same_trace(tmp_path, mapping, activity) -> None:
    one = activity.of_samples(2, 1)
    cs.save_trace(one, mapping, tmp_path / "whole.json")
    writer = TraceWriter(tmp_path / "parts.json", mapping, "bound")
    for step in range(2):
        arrays = {name: one.spikes(name)[:, step : step + 1] for name in one.populations}
        writer.add(cs.Activity.from_spikes(one.populations, arrays, network=one.network))
    writer.close()
    assert (tmp_path / "parts.json").read_text() == (tmp_path / "whole.json").read_text()


@pytest.mark.parametrize("most", [0, 9, 40, 60])
def test_a_long_trace_is_cut_between_rows_and_says_so(tmp_path, mapping, activity, most) -> None:
    writer = TraceWriter(tmp_path / "trace.json", mapping, "bound", most_events=most)
    for sample in range(3):
        writer.add(activity.of_samples(sample, 1))
        writer.next_samples()
    writer.close()
    trace = checked(tmp_path / "trace.json")
    shown = sum(event["name"].startswith("step ") for event in trace["traceEvents"])
    assert sum(event["ph"] != "M" for event in trace["traceEvents"]) <= most
    assert 0 <= shown < 12
    facts = trace["otherData"]
    assert (facts["cut"], facts["samples"]) == (True, 3)
    assert (facts["hardware_steps_shown"], facts["hardware_steps"]) == (shown, 12)
    assert writer.summary.startswith(f"the first {shown} of 12 hardware steps")
    last = {e["name"]: e["args"] for e in trace["traceEvents"] if e["ph"] == "C"}
    assert all(value == 0 for each in last.values() for value in each.values()), "all end at 0"


def test_rates_have_a_trace_too(tmp_path, mapping) -> None:
    rates = cs.RateActivity.of(
        mapping.network, {"input": 1.0, "hidden": 0.5, "answer": 0.0}, steps=2
    )
    cs.save_trace(rates, mapping, tmp_path / "trace.json")
    assert counters(checked(tmp_path / "trace.json"), "input")[0] == (0, 2)


def test_faults_leave_no_file(tmp_path, mapping, activity) -> None:
    writer = TraceWriter(tmp_path / "trace.json", mapping, "bound")
    writer.add(activity)
    with pytest.raises(UsageError, match="whole, not in windows"):
        writer.add(activity)
    writer.discard()
    other = cs.Activity.from_spikes({"in": (1,)}, {"in": np.zeros((1, 1, 1), bool)})
    with pytest.raises(UsageError, match="of another network"):
        cs.save_trace(other, mapping, tmp_path / "trace.json")
    with pytest.raises(ConfigError, match="no times for single messages"):
        cs.save_trace(activity, mapping, tmp_path / "trace.json", timing="simple")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="cannot write"):
        cs.save_trace(activity, mapping, tmp_path / "none" / "trace.json")


def test_a_run_fed_by_events_writes_spikes_and_trace(tmp_path, capsys, monkeypatch) -> None:
    """Events of the tiny run in steps of 1 s: twice in step 0 of channel 0, one of them merged."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "figures_available", lambda: False)
    np.savez("events.npz", times=[0.0, 0.5, 0.999, 1.0, 2.0], units=[0, 0, 1, 0, 1], labels=[0])
    contents = experiment(tmp_path)
    contents["inputs"] = {
        "events": {"file": "events.npz"}, "steps": 2, "binning": {"outside": "count"},
    }  # fmt: skip
    Path("fed.yaml").write_text(yaml.safe_dump(contents))
    arguments = ["run", "fed.yaml", "--spikes", "s.npz", "--trace", "t.json", "--json"]
    assert execute(arguments) == 0
    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert summary["events"]["spikes"] == 7
    assert summary["accuracy"]["correct"] == 1
    assert summary["notes"][0] == (
        "of 5 events 3 were fed; 1 fell into a step in which their channel had spiked already;"
        " 1 lay after the last step"
    )
    assert "spikes written to s.npz: 7 events" in err
    assert "trace written to t.json: 4 hardware steps, " in err
    assert checked(Path("t.json"))["otherData"]["time_s"] == pytest.approx(543e-9)
    spikes = cs.load_spikes("s.npz")
    assert np.argwhere(spikes.spikes("input")[0]).tolist() == [[0, 0], [0, 1], [1, 0]]
    # The folder is there now, but the files are asked for again.
    assert execute(arguments) == 2
    assert "s.npz is there already" in capsys.readouterr().err
    assert execute([*arguments, "--force"]) == 0
    assert cs.load_spikes("s.npz").fingerprint == spikes.fingerprint
    contents["inputs"] = {"replay": {"file": "s.npz"}, "steps": 2}
    loaded = load_experiment(contents)
    network = make_network(loaded)
    again = cs.simulate(network, make_inputs(loaded, network).whole())
    assert all(np.array_equal(again.rasters[name], spikes.rasters[name]) for name in again.rasters)
