"""Benchmarks list themselves, and write rows of one form."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("benchmarks", reason="benchmarks are run from the root of the repository")
import chipletsim as cs
from benchmarks import harness, peers, workloads
from benchmarks.__main__ import benchmarks, main

pytestmark = pytest.mark.usefixtures("quick_programs")


def test_every_benchmark_is_listed_with_what_it_measures(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks"])
    main()
    listed = capsys.readouterr().out
    assert {"engine", "scale"} <= set(benchmarks())
    assert all(name in listed and text and text in listed for name, text in benchmarks().items())


def test_rows_have_the_ratio_and_the_file_has_the_machine(tmp_path, capsys) -> None:
    timing = harness.timed(lambda: None, 3)
    rows = [
        harness.Row("case", "speed", "step/s", 30.0, "peer", 20.0, timing),
        harness.Row("case", "time", "s", 2.0),
    ]
    harness.report("name", rows, tmp_path / "rows.json")
    content = json.loads((tmp_path / "rows.json").read_text())
    assert "step/s" in capsys.readouterr().out
    assert content["rows"][1] == {
        "case": "case", "quantity": "time", "unit": "s", "ours": 2.0,
        "peer": None, "theirs": None, "ratio": None,
    }  # fmt: skip
    assert content["rows"][0]["ratio"] == 1.5
    assert content["rows"][0]["timing"]["repeats"] == 3
    assert set(content["machine"]["versions"]) >= {"chipletsim", "jax", "numpy"}


def test_timing_is_the_median_after_a_first_call(monkeypatch) -> None:
    clock = iter([0.0, 1.0, 10.0, 15.0, 20.0, 22.0])
    monkeypatch.setattr(harness.time, "perf_counter", lambda: next(clock))
    calls = []
    timing = harness.timed(lambda: calls.append(1), 3)
    assert len(calls) == 4
    assert (timing.median_s, timing.fastest_s, timing.slowest_s) == (2.0, 1.0, 5.0)
    assert timing.spread == 2.0


def test_networks_of_the_speed_benchmark_run_and_have_a_price() -> None:
    network = workloads.recurrent(200, 10)
    mapping = cs.map_network(network, workloads.four_dies(200, 8), strategy="sequential")
    assert len({part.tile for part in mapping.slices}) > 12  # of 16 cores, and the idle input
    activity = cs.simulate(network, np.zeros((1, 40, 1), bool), mapping=mapping)
    result = cs.price(activity, mapping)
    assert 0.001 < activity.rates()["n"].mean() < 0.1
    assert result.events.bits_across_dies > 0
    for made in (workloads.layered, workloads.convolutional):
        layers, inputs = made(1, 5, 0.05)
        assert cs.simulate(layers, inputs).total_events > inputs.sum()


def test_a_peer_that_is_not_there_says_how_to_get_it(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(peers, "ENVIRONMENTS", {"peers": tmp_path})
    with pytest.raises(RuntimeError, match="make peers"):
        peers.call("brian2_recurrent.py", turn=print)
    with pytest.raises(RuntimeError, match="make peers"):
        peers.data_file("sanafe", "examples/dvs_challenge.npz")


def test_a_peer_waits_for_our_turn_before_each_of_its_runs(monkeypatch, tmp_path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    turns = Path(peers.__file__).parent
    (tmp_path / "peer.py").write_text(
        f"import json, sys\nsys.path.append({str(turns)!r})\n"
        "from turns import wait_for_turn\n"
        "for number in range(int(sys.argv[1])):\n    wait_for_turn()\n"
        "if number == 3: sys.exit('a fault')\n"
        "print(json.dumps({'runs': number + 1}))\n"
    )
    monkeypatch.setattr(peers, "ENVIRONMENTS", {"peers": tmp_path})
    monkeypatch.setattr(peers, "__file__", str(tmp_path / "__init__.py"))
    calls = []
    assert peers.call("peer.py", "3", turn=lambda: calls.append(1)) == {"runs": 3}
    assert len(calls) == 3
    with pytest.raises(RuntimeError, match="a fault"):
        peers.call("peer.py", "4", turn=lambda: calls.append(1))
