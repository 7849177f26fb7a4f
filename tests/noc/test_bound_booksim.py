"""The bound beside the flit-level simulator BookSim, whose arrivals were recorded."""

import json
from pathlib import Path

import pytest
from test_bound import bound_of, package_of

pytestmark = pytest.mark.usefixtures("quick_programs")

BURSTS = sorted((Path(__file__).parents[1] / "data" / "booksim").glob("*.json"))
CYCLE_S = 1e-9
FLIT_BITS = 64


@pytest.fixture(scope="module")
def mesh():
    """Return a mesh on which a hop takes the five cycles of BookSim's, and its nodes' routers."""
    package = package_of([4, 4], latency="1 ns", bandwidth="64 Gb/s", router="3 ns")
    return package, {router.at[0] + 4 * router.at[1]: n for n, router in enumerate(package.routers)}


@pytest.mark.parametrize("path", BURSTS, ids=lambda path: path.stem)
def test_no_burst_is_faster_than_the_bound(path, mesh):
    package, router = mesh
    burst = json.loads(path.read_text())
    packets = burst["traffic"]["packets_src_dst_flits_t"]
    assert burst["routes"] == "XY"
    assert {first for *_, first in packets} == {0}
    messages = [(router[s], router[d], flits * FLIT_BITS) for s, d, flits, _ in packets if s != d]
    cycles = float(bound_of(package, messages).latency_s[0]) / CYCLE_S
    assert 0.3 * burst["booksim"]["makespan"] < cycles <= burst["booksim"]["makespan"]


def test_a_lone_packet_takes_what_it_took_in_booksim(mesh):
    """The first packet of each node met nobody: injection and ejection, 4 cycles, come on top."""
    package, router = mesh
    burst = json.loads(next(p for p in BURSTS if "bcast" in p.stem).read_text())
    source, target, flits, _ = burst["traffic"]["packets_src_dst_flits_t"][0]
    left, arrived, hops = burst["booksim"]["packets_headinject_arrive_hops"][0]
    assert (flits, hops) == (1, 2)
    messages = [(router[source], router[target], FLIT_BITS)]
    cycles = float(bound_of(package, messages).latency_s[0]) / CYCLE_S
    assert cycles + 4 == pytest.approx(arrived - left)
