"""Open loop: BookSim's recorded curves, queues with a closed form, and what is drawn."""

import json

import numpy as np
import pytest
from chipletsim.kernels import describe, native_kernels

from benchmarks.fidelity.booksim_draws import (
    continued,
    fraction_state,
    fraction_sums,
    whole_state,
    whole_sums,
)
from benchmarks.fidelity.interconnect import CURVES, KEPT, PEER, Curve, curve_rows
from chipletsim.cli.main import execute
from chipletsim.errors import UsageError
from chipletsim.noc.mesh import mesh_job, mesh_network, mesh_pattern
from chipletsim.noc.open_loop import (
    LoadPoint,
    Protocol,
    draw_load,
    latency_curve,
    saturation_rate,
)

LOADS = [
    ("mesh4x4_uniform_p1_v4b8", 0.005),
    ("mesh4x4_uniform_p1_v4b8", 0.5),
    ("mesh4x4_uniform_p1_v4b8", 0.7),
    ("mesh4x4_hotspot4_p4_v4b8", 0.1),
    ("mesh4x4_hotspot4_p4_v4b8", 0.2125),
]


@pytest.fixture
def native():
    if not native_kernels():
        pytest.skip(f"no native kernels: {describe()}")


def traffic(name, side, channels, flits):
    pairs = mesh_pattern(name, side)
    return mesh_job(side, channels, np.insert(pairs, 2, 0, axis=1), flits)


@pytest.mark.parametrize(("name", "rate"), LOADS)
def test_packets_that_booksim_drew_take_as_long_as_in_its_record(name, rate, native):
    """To the six digits of the record, from 1 to 1.8 times the latency of an empty network."""
    curve = Curve(KEPT / f"{name}.json")
    (record,) = (each for each in curve.record["points"] if each["rate"] == rate)
    point = curve.redrawn(rate)
    assert point is not None
    assert point.latency_cycles == pytest.approx(record["plat"], rel=4e-6)
    assert point.network_latency_cycles == pytest.approx(record["nlat"], rel=4e-6)
    assert point.routers == pytest.approx(record["hops"], rel=4e-6)
    assert point.accepted == pytest.approx(
        record["acc"], rel=1e-3, abs=0
    )  # parts of packets at the ends


def test_a_measurement_ends_when_booksims_did(native):
    """Whose periods were alike three times in a row, after three, all below 5 %."""
    curve = Curve(KEPT / "mesh4x4_uniform_p1_v4b8.json")
    nothing = np.zeros((len(curve.pattern), 1), np.int64)
    ((point,),) = latency_curve(curve.job(np.hstack([curve.pattern, nothing])), [0.3])
    (record,) = (each for each in curve.record["points"] if each["rate"] == 0.3)
    assert point.cycles == record["cycles"] // 2000 * 2000
    assert point.latency_cycles == pytest.approx(record["plat"], rel=0.02)


def test_where_packets_wait_for_their_router_the_draws_are_not_known(native):
    assert Curve(KEPT / "mesh4x4_uniform_p1_v4b8.json").redrawn(0.75) is None


@pytest.mark.slow
def test_all_curves_that_were_recorded(native):
    paths = sorted(CURVES.glob("*.json"))
    if not paths:
        pytest.skip(f"there is no {CURVES}")
    for path in paths:
        for row in curve_rows(Curve(path)):
            assert row.peer == PEER
            if row.difference is not None and "BookSim's packets" in row.quantity:
                assert row.difference < 1e-3, row


@pytest.mark.parametrize("load", [0.1, 0.25])
def test_one_channel_is_a_queue_with_a_fixed_service_time(load, native):
    """Transposed 2 x 2, one virtual channel, single flits: no packet meets another node's.

    An input forwards a packet every s = 3 cycles (route, channel, switch), and in a cycle one comes
    with probability p: the mean wait is p s (s - 1) / (2 (1 - p s)), of a queue in discrete time.
    Without it a packet takes 2 + 5 cycles for each router, of which there are 1, 1, 3 and 3.
    """
    wait = load * 3 * 2 / (2 * (1 - load * 3))
    protocol = Protocol(period=40_000)
    ((point,),) = latency_curve(traffic("transpose", 2, 1, 1), [load], protocol=protocol)
    assert point.stable
    assert point.routers == pytest.approx(2, rel=0.01)
    assert point.latency_cycles == pytest.approx(2 + 5 * point.routers + wait, rel=0.01)
    assert point.accepted == pytest.approx(load, rel=0.01)


@pytest.mark.parametrize("flits", [1, 4])
def test_too_much_is_accepted_as_fast_as_one_channel_goes(flits, native):
    """F flits every F + 2 cycles: the head is routed and given a channel, then flits go."""
    ((point,),) = latency_curve(traffic("transpose", 2, 1, flits), [0.9])
    assert not point.stable
    assert point.accepted == pytest.approx(flits / (flits + 2), rel=1e-3, abs=0)
    assert point.accepted_least == pytest.approx(flits / (flits + 2), rel=1e-3, abs=0)


def test_a_load_is_drawn_from_the_packets_of_each_node(native):
    """A node without packets is silent; one with packets of 1 and 3 flits sends half of each."""
    burst = mesh_job(2, 4, np.array([[0, 1, 0], [0, 3, 0], [2, 1, 0]]), 1)
    burst.burst.packet[1, 2] = 3
    job = draw_load(burst, 0.5, 20_000, seed=3)
    source, flow, flits, ready = job.burst.packet[:, :4].T
    assert set(zip(source.tolist(), flow.tolist(), flits.tolist(), strict=True)) == {
        (0, 1, 1), (0, 3, 3), (2, 9, 1),
    }  # fmt: skip
    sent = np.bincount(source, flits, 4) / 20_000
    # Standard deviations are 0.008 and 0.004.
    assert sent == pytest.approx([0.5, 0, 0.5, 0], abs=0.03)
    assert (np.diff(ready)[np.diff(source) == 0] > 0).all()
    assert ready.max() < 20_000
    again, other = (draw_load(burst, 0.5, 20_000, seed).burst.packet for seed in (3, 4))
    np.testing.assert_array_equal(again, job.burst.packet)
    assert len(other) != len(again) or (other != again).any()


@pytest.mark.parametrize("rate", [0, -1, 2.5, float("nan")])
def test_loads_that_no_node_can_make_are_refused(rate):
    with pytest.raises(UsageError, match="at most a packet a node and cycle, which is 2 flits"):
        draw_load(traffic("uniform", 2, 1, 2), rate, 10, 0)


def test_unknown_patterns_are_refused():
    with pytest.raises(UsageError, match="hotspot, neighbor, transpose, uniform"):
        mesh_pattern("tornado", 4)


def test_patterns_are_those_of_booksim():
    """In a mesh of 3 x 3 node 1 is at x = 1, y = 0, node 5 at x = 2, y = 1."""
    assert mesh_pattern("transpose", 3)[[1, 5]].tolist() == [[1, 3], [5, 7]]
    assert mesh_pattern("neighbor", 3)[[1, 5]].tolist() == [[1, 5], [5, 6]]
    assert len(mesh_pattern("uniform", 3)) == 81
    assert mesh_pattern("hotspot", 3, [4, 0])[2:4].tolist() == [[1, 4], [1, 0]]


def test_links_of_a_mesh_lead_back(native):
    network = mesh_network(3, 1)
    peer = network.port[:, 0]
    linked = np.flatnonzero(peer >= 0)
    assert len(linked) == 2 * 2 * 3 * 2  # both ways, both directions, 3 lines of 2 links
    np.testing.assert_array_equal(peer[peer[linked]], linked)


def test_curve_on_the_command_line(capsys, native):
    """Latencies at hardly any load are those of the packets alone; too much is unstable."""
    case = KEPT.parent / "booksim" / "mesh4_neigh_k16_p1_v4.json"
    words = ["noc", str(case), "--rates", "0.01,1", "--json"]
    assert execute(words) == 0
    low, high = json.loads(capsys.readouterr().out)["points"]
    assert low["latency_cycles"] == pytest.approx(2 + 5 * low["routers"], rel=0.01)
    assert low["stable"]
    assert low["accepted"] == pytest.approx(0.01, rel=0.2)
    assert high["accepted"] > 0.9
    assert execute([*words[:3], "0.01"]) == 0
    assert "in open loop" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rates", "fast"], "expected numbers like"),
        (["--rates", "0.1", "--timing", "queue"], "needs --timing cycle"),
        (["--rates", "3"], "at most a packet a node and cycle"),
    ],
)
def test_wrong_loads_on_the_command_line(words, message, capsys, native):
    case = KEPT.parent / "booksim" / "mesh4_neigh_k16_p1_v4.json"
    assert execute(["noc", str(case), *words]) == 2
    assert message in capsys.readouterr().err


def test_saturation_is_the_last_load_with_three_times_the_least_latency():
    def point(rate, latency, stable=True):
        return LoadPoint(rate, rate, rate, latency, latency, 3, 100, 12_000, stable)

    points = [point(0.1, 10), point(0.2, 30), point(0.3, 30.1), point(0.4, 20, stable=False)]
    assert saturation_rate(points) == 0.2
    assert saturation_rate(points, 4) == 0.3


def test_streams_are_those_that_their_author_checks_them_by():
    """Knuth's own test: seed 310952, 2,009 blocks of 1,009 numbers, and the next number."""
    for first, combine, answer in (
        (whole_state(310952), whole_sums, 995235265),
        (fraction_state(310952), fraction_sums, 0.36410514377569680455),
    ):
        state = first
        for _ in range(2010):
            block = continued(state, 1009, combine)
            state = block[-100:]
        assert block[0] == answer
