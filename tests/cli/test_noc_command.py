"""``chipletsim noc`` as its users meet it."""

import copy
import json
from pathlib import Path

import pytest
from chipletsim.kernels import CHOICE, describe, native_kernels

from chipletsim.cli.main import execute
from chipletsim.exchange.bursts.burst_file import read_burst
from chipletsim.noc import auto_timing
from chipletsim.noc.cycle import cycle

CASE = Path(__file__).parents[1] / "data" / "booksim" / "mesh4_uni_k8_p4_v1.json"
CONTENTS = json.loads(CASE.read_text())
KEY = "packets_headinject_arrive_hops"


@pytest.fixture(autouse=True)
def _native(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if not native_kernels():
        pytest.skip(f"no native kernels: {describe()}")


def ran(capsys, *words, code=0):
    assert execute(["noc", *map(str, words)]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return (out, err) if code else out


def written(contents):
    Path("case.json").write_text(json.dumps(contents))
    return "case.json"


def lone_wait(packets):
    """Flit cycles that packets of four flits wait at zero load: each in a router for two cycles.

    The head for its route and channel, the others behind it.
    """
    return 4 * 2 * sum(packets[:, 2].tolist())


def test_what_people_read(capsys):
    out = ran(capsys, CASE, "--links", 3)
    recorded = CONTENTS["booksim"]
    assert f"{CONTENTS['case']}: 128 packets on 16 routers, timing cycle" in out
    lines = [[word.strip() for word in line.split("│")[1:-1]] for line in out.splitlines()]
    rows = {row[0]: row[1] for row in lines if len(row) == 2}
    assert rows["makespan"] == str(recorded["makespan"])
    assert rows["packet latency, mean"] == str(recorded["mean_packet_latency"])
    assert rows["packet latency, median"] == str(recorded["p50"])
    assert rows["packet latency, p95"] == str(recorded["p95"])
    assert rows["packet latency, longest"] == str(recorded["max_latency"])
    assert rows["network latency, mean"] == str(recorded["mean_network_latency"])
    assert rows["flit hops"] == f"{recorded['flit_hops']:,}"
    parts = [float(rows[name]) for name in ("zero load", "waiting at the source",
                                            "waiting in the network")]  # fmt: skip
    file = read_burst(CASE)
    waited = int(cycle([file.job]).counts[0].waited.sum()) - lone_wait(file.recorded.packets)
    assert rows["in queues beyond zero load, flit cycles"] == f"{waited:,}"
    assert sum(parts) == pytest.approx(recorded["mean_packet_latency"], abs=1e-3)
    assert "every one of 128 packets at its recorded cycle" in out
    assert "Busiest 3 of" in out
    assert len([row for row in lines if len(row) == 6]) == 3


def test_what_programs_read(capsys):
    found = json.loads(ran(capsys, CASE, "--json"))
    recorded = CONTENTS["booksim"]
    assert found["name"] == CONTENTS["case"]
    assert (found["timing"], found["exact"]) == ("cycle", True)
    for key in ("makespan", "mean_packet_latency", "p50", "p95", "max_latency", "flits",
                "mean_network_latency", "flit_hops", KEY):  # fmt: skip
        assert found[key] == recorded[key], key
    assert found["recorded"]["different"] == 0
    packets = CONTENTS["traffic"]["packets_src_dst_flits_t"]
    into = {}
    for _, target, flits, _ in packets:
        name = f"router {target} > node {target}"
        into[name] = into.get(name, 0) + flits
    links = {each["link"]: each for each in found["links"]}
    assert {name: links[name]["flits"] for name in into} == into
    assert sum(each["flits"] for each in links.values()) == recorded["flit_hops"]
    # Little: flits that wait for a link at a time are the cycles that they wait over all cycles.
    waited = sum(each["mean_queue"] for each in links.values()) * found["makespan"]
    assert waited == pytest.approx(found["waited_flit_cycles"], rel=1e-4, abs=0)
    assert all(0 < each["utilisation"] <= 1 for each in links.values())
    busiest = found["links"][0]
    assert busiest["flits"] == max(each["flits"] for each in found["links"])
    assert busiest["utilisation"] == pytest.approx(busiest["flits"] / recorded["makespan"], 1e-5)


@pytest.mark.parametrize("timing", ["bound", "queue", "cycle"])
def test_means_are_those_of_the_packets_whatever_their_digits(capsys, tmp_path, timing):
    """Beside sums of whole numbers; in cycles that have more digits than people are shown."""
    contents = json.loads(CASE.read_text())
    del contents["booksim"]
    for link in contents["topology"]["links"]:
        link["latency"] = 1_000_003
    (tmp_path / "slow.json").write_text(json.dumps(contents))
    found = json.loads(ran(capsys, tmp_path / "slow.json", "--timing", timing, "--json"))
    rows = zip(found[KEY], contents["traffic"]["packets_src_dst_flits_t"], strict=True)
    latency = [arrived - ready for (_, arrived, _), (*_, ready) in rows]
    mean = sum(latency) / len(latency)
    assert found["mean_packet_latency"] == round(mean)
    parts = ("mean_zero_load_latency", "mean_wait_at_source", "mean_wait_in_network")
    assert sum(found[each] for each in parts) == pytest.approx(mean, 1e-12)


def test_bound_and_queue(capsys):
    exact = CONTENTS["booksim"]
    least = json.loads(ran(capsys, CASE, "--timing", "bound", "--json"))
    assert not least["exact"]
    assert least["makespan"] == least["bound"] <= exact["makespan"]
    assert least["mean_packet_latency"] <= exact["mean_packet_latency"]
    assert least["starved_channel_cycles"] is None
    near = json.loads(ran(capsys, CASE, "--timing", "queue", "--json"))
    assert near["makespan"] == pytest.approx(exact["makespan"], rel=0.2)
    assert near["recorded"]["different"] > 0
    said = ran(capsys, CASE, "--timing", "queue", "--links", 0)
    assert "packets differ; the first to arrive of these is packet" in said
    assert "Busiest" not in said
    assert "they can be" in ran(capsys, CASE, "--timing", "bound")


def test_a_wrong_record_is_told(capsys):
    """The wrong packet that was recorded to arrive first is named, with what is wrong of it."""
    made = copy.deepcopy(CONTENTS)
    rows = made["booksim"][KEY]
    ordered = sorted(range(len(rows)), key=lambda n: rows[n][1])
    late = ordered[60]
    early = next(n for n in ordered if n > late)
    assert rows[early][1] < rows[late][1]
    rows[early][0] += 7
    rows[late][1] += 3
    made["booksim"]["p95"] += 1
    out = ran(capsys, written(made), "--json")
    found = json.loads(out)["recorded"]
    assert (found["different"], found["first"], found["max_difference"]) == (2, early, 3)
    assert found["recorded"] == rows[early]
    assert found["found"] == CONTENTS["booksim"][KEY][early]
    assert found["figures"] == {"p95": [made["booksim"]["p95"], CONTENTS["booksim"]["p95"]]}
    said = ran(capsys, written(made))
    assert f"is packet {early} of the file: head left" in said.replace("\n", " ")
    assert "2 of 128 packets differ" in said


def test_auto_takes_the_bound_where_no_packets_meet(capsys):
    made = copy.deepcopy(CONTENTS)
    del made["booksim"]
    made["traffic"]["packets_src_dst_flits_t"] = [[0, 5, 4, 3], [10, 15, 4, 0], [0, 5, 4, 60]]
    found = json.loads(ran(capsys, written(made), "--json"))
    assert (found["timing"], found["exact"]) == ("bound", True)
    # Three routers from (0, 0) to (1, 1) and from (2, 2) to (3, 3): 2 + 5 * 3 + 4 - 1 cycles.
    assert found[KEY] == [[3, 23, 3], [0, 20, 3], [60, 80, 3]]
    assert "no two packets meet" in ran(capsys, written(made))
    followed = json.loads(ran(capsys, written(made), "--timing", "cycle", "--json"))
    assert followed[KEY] == found[KEY]


def test_auto_takes_queue_for_much_traffic(capsys, monkeypatch):
    hops = CONTENTS["booksim"]["flit_hops"]
    monkeypatch.setattr(auto_timing, "AUTO_FLIT_HOPS", hops - 1)
    found = json.loads(ran(capsys, CASE, "--json"))
    assert (found["timing"], found["exact"]) == ("queue", False)
    assert f"{hops:,} flit hops" in found["why"]
    monkeypatch.setattr(auto_timing, "AUTO_FLIT_HOPS", hops)
    assert json.loads(ran(capsys, CASE, "--json"))["timing"] == "cycle"


def test_copies_have_an_arrival_at_each_node(capsys):
    made = copy.deepcopy(CONTENTS)
    del made["booksim"]
    made["traffic"]["packets_src_dst_flits_t"] = [[0, [5, 1], 1, 0], [3, 2, 1, 0]]
    (left, arrived, hops), other = json.loads(ran(capsys, written(made), "--json"))[KEY]
    assert (left, hops, other) == (0, [3, 2], [0, 12, 2])
    # Alone 2 + 5 * 3 and 2 + 5 * 2; at node 1's router both go through one input, one after the
    # other, so one of them is a cycle late.
    assert sum(arrived) == 17 + 12 + 1
    assert "packets" in ran(capsys, written(made))


# --- failures ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["none.json"], 3, "none.json: there is no such file"),
        (["."], 3, "is not a file"),
        ([CASE, "--timing", "cycles"], 2, "there is no timing 'cycles' of bursts; there are:"),
        ([CASE, "--links", "-1"], 2, "--links"),
        ([], 2, "CASE"),
    ],
)
def test_wrong_calls(words, code, says, capsys):
    out, err = ran(capsys, *words, code=code)
    assert says in err
    assert out == ""


def mutated(change):
    made = copy.deepcopy(CONTENTS)
    change(made)
    return made


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.pop("router"), "case.json:1:1: `router` is missing"),
        (lambda c: c["topology"]["links"].pop(), "needs a link from router 15 to router 11"),
        (lambda c: c["topology"].update(k=5), "there is no such link"),
        (lambda c: c["router"].update(num_vcs="4"), 'router.num_vcs: expected a whole number'),
        (lambda c: c["router"].update(sw_allocator="wavefront"), 'only "islip" is supported'),
        (lambda c: c["traffic"]["packets_src_dst_flits_t"][9].__setitem__(1, 16), "9.1: expected"),
        (lambda c: c["booksim"][KEY].pop(), "expected a list of 128 packets, got 127"),
        (lambda c: c.update(routes="xy"), 'expected "XY", "up-down" or a table, got "xy"'),
    ],
)  # fmt: skip
def test_each_fault_of_a_file_is_one_line(change, says, capsys):
    out, err = ran(capsys, written(mutated(change)), code=3)
    assert out == ""
    assert says in err
    assert len(err.strip().splitlines()) <= 2  # a link that lacks is missed at both ends


def test_a_deadlock_names_the_channels(capsys):
    """Rings in a mesh of 2 x 2: every packet goes two links clockwise, round all four routers."""
    made = copy.deepcopy(CONTENTS)
    clockwise = [1, 2, 3, 0]
    made["topology"] |= {
        "n_routers": 4,
        "n_nodes": 4,
        "node_router": [0, 1, 2, 3],
        "ports": [
            [["node", r], ["router", (r + 1) % 4], ["router", (r - 1) % 4]] for r in range(4)
        ],
        "links": [
            {"src": r, "dst": (r + step) % 4, "latency": 1, "interval": 1}
            for r in range(4)
            for step in (1, -1)
        ],
    }
    made["routes"] = [[r if r == d else clockwise[r] for d in range(4)] for r in range(4)]
    made["traffic"]["packets_src_dst_flits_t"] = [[r, (r + 3) % 4, 40, 0] for r in range(4)]
    del made["booksim"]
    _, err = ran(capsys, written(made), code=4)
    assert "error: packets wait for one another for ever" in err
    assert all(f"router {r} > router {clockwise[r]} (channel 0)" in err for r in range(4))


def test_without_native_kernels(capsys, monkeypatch):
    timings = ("bound", "queue", "cycle")
    native = [ran(capsys, CASE, "--timing", timing, "--json") for timing in timings]
    monkeypatch.setenv(CHOICE, "xla")
    for timing, found in zip(timings, native, strict=True):
        assert ran(capsys, CASE, "--timing", timing, "--json") == found
