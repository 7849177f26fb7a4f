"""Timing `queue` and `cycle` of networks on packages: against prices, bounds and arithmetic."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Projection
from chipletsim.noc import PACKET_MODELS
from chipletsim.noc.burst_kernels import BurstResults
from chipletsim.noc.cycle import cycle
from chipletsim.noc.flit_network import OWN_NODE

sys.path.insert(0, str(Path(__file__).parents[1] / "cost"))
from cost_cases import (
    DIE_TO_DIE,
    IO,
    MEMORY,
    NEUROCORE,
    NPU,
    ON_DIE,
    ROUTER,
    mixed_network,
    mixed_package,
    package_of,
    population,
    random_activity,
    random_mapping,
    row_of_tiles,
)
from walker import Walk

KINDS = "neurocore", "io"


def without_fetches(mapping: Mapping) -> Mapping:
    """All weights on the tiles that use them."""
    return replace(
        mapping, slices=tuple(replace(part, weight_tile=part.tile) for part in mapping.slices)
    )


def dies(multicast: tuple[bool, bool], *, topology: str = "mesh", d2d=None, **router):
    """Two dies of tiles with clocks and flits of their own, and a memory on the first."""

    def die(number: int, shape: list[int], flit: str) -> dict:
        network = {
            "topology": topology,
            "shape": shape,
            "link": ON_DIE | {"flit": flit},
            "router": ROUTER | {"multicast": multicast[number]} | router,
        }
        tiles = [{"at": "all", "tile": NEUROCORE}]
        if not number:
            tiles += [{"at": [[0, 0]], "tile": IO}, {"at": [[1, 1]], "tile": MEMORY}]
        return {"network": network, "tiles": tiles}

    return package_of(
        chiplet_types={"west": die(0, [2, 2], "24 bit"), "east": die(1, [3, 2], "32 bit")},
        chiplets={"a": {"type": "west", "at": [0, 0]}, "b": {"type": "east", "at": [1, 0]}},
        network={"topology": "mesh", "shape": [2, 1], "link": DIE_TO_DIE | (d2d or {})},
        barrier="7 ns",
    )


PACKAGES = {
    "kinds of tiles": mixed_package,
    "copies": lambda: dies((True, True)),
    "no copies": lambda: dies((False, False)),
    "copies on one die": lambda: dies((True, False)),
    "copies on the other": lambda: dies((False, True)),
    "torus": lambda: dies((True, False), topology="torus"),
    "clock": lambda: dies((True, True), clock="1 GHz", routing_delay=0, buffer_flits=2),
    "frames that wait": lambda: dies(
        (True, True), d2d={"frame": {"payload": "96 bit", "total": "128 bit", "wait": "40 ns"}}
    ),
    "slow routers": lambda: dies((True, True), latency="30 ns", routing_delay=3),
    "row": lambda: row_of_tiles(5),
}


def case(name: str, seed: int):
    package = PACKAGES[name]()
    network = mixed_network()
    mapping = random_mapping(network, package, seed)
    return mapping, random_activity(network, 2, 3, 0.2, seed)


def assert_bounded(name: str, seed: int) -> None:
    mapping, activity = case(name, seed)
    bound = cs.price(activity, mapping, timing="bound")
    for timing in PACKET_MODELS:
        found = cs.price(activity, mapping, timing=timing)
        assert (found.latency_s >= bound.latency_s * (1 - 1e-12)).all()
        assert found.energy.total_j >= bound.energy.total_j * (1 - 1e-12)  # static power
        assert found.events == bound.events


@pytest.mark.parametrize("name", PACKAGES)
def test_no_step_is_faster_than_the_bound(name: str) -> None:
    assert_bounded(name, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKAGES)
def test_no_step_of_many_mappings_is_faster_than_the_bound(name: str) -> None:
    for seed in range(2, 22):
        assert_bounded(name, seed)


@pytest.mark.parametrize("timing", ["bound", *PACKET_MODELS])
@pytest.mark.parametrize("heard", [False, True])
def test_spikes_without_a_destination_take_no_time(timing: str, *, heard: bool) -> None:
    """Four neurons of a core fire at once: 3 ns for each update, 1 ns for a spike that is sent."""
    network = (
        NetworkBuilder("four", dt="1 ms")
        .input("in", (1,))
        .population("if", (4,), "if", output=heard)
        .project("in", "if", Dense(np.ones((4, 1), np.float32)))
        .build()
    )
    package = row_of_tiles(1)
    core, io = (next(n for n, t in enumerate(package.tiles) if t.kind == k) for k in KINDS)
    slices = (Slice(0, ((0, 1),), io, io), Slice(1, ((0, 4),), core, core))
    mapping = Mapping(network, package, slices, "by hand", 0)
    fired = {"in": np.zeros((1, 1, 1), bool), "if": np.ones((1, 1, 4), bool)}
    activity = cs.Activity.from_spikes({"in": (1,), "if": (4,)}, fired)
    found = cs.price(activity, mapping, timing=timing).latency_s.sum() * 1e9
    assert found >= 16 if heard else found == pytest.approx(12, rel=1e-12)


@pytest.mark.parametrize("name", PACKAGES)
def test_flits_are_those_of_the_packets_that_are_priced(name: str, monkeypatch) -> None:
    counted = []

    def counting(jobs) -> BurstResults:
        results = cycle(jobs)
        counted.append((jobs, results))
        return results

    monkeypatch.setattr("chipletsim.cost.packet_rows.packet_model", lambda name: counting)
    mapping, activity = case(name, 7)
    result = cs.price(activity, mapping, timing="cycle")
    package = mapping.package
    sent = np.zeros(len(package.links), np.int64)
    delivered = 0
    for jobs, results in counted:
        network = jobs[0].network
        links = [port for port, row in enumerate(network.port) if row[0] >= 0]
        assert len(links) == len(package.links)
        for job, times in zip(jobs, results.times, strict=True):
            assert times.undelivered == 0
            own = int((job.burst.packet[:, 1] == OWN_NODE).sum())
            delivered += times.arrived.size - own
        # Ports of a router are its tiles, then its links in order.
        place = {}
        for number, link in enumerate(package.links):
            first = int(network.router[link.source, 0])
            tiles = int((package.tile_router == link.source).sum())
            earlier = sum(other.source == link.source for other in package.links[:number])
            place[number] = first + tiles + earlier
        for number, port in place.items():
            sent[number] += results.counts[0].flits[port]
    flit_bits = max(link.spec.flit_bits for link in package.links if not link.between_dies)
    walk = Walk(mapping, activity)
    expected = np.zeros(len(package.links), np.int64)
    for (link, bits), packets in walk.sizes.items():
        expected[link] += packets * -(-bits // flit_bits)
    assert np.array_equal(sent, expected)
    assert delivered == result.events.packets_delivered


def test_a_spike_on_its_way() -> None:
    """One input spike on tile 0 of a row reaches tile 2: generation, way, work, by hand.

    ON_DIE: a 28-bit packet is two flits of 24 bits of 0.375 ns; the cycle is one of these. A hop is
    2 ns + 1 ns of the next router + 0.375 ns of a flit, the first router takes 1 ns. The pipeline
    of a router with R = 1 and the write of its flit, 3 x 0.375 ns, are in these.
    """
    package = row_of_tiles(3)
    weight = np.ones((1, 1), np.float32)
    network = Network(
        "pair",
        (population("in", (1,), "input"), population("out", (1,))),
        (Projection("a", "in", "out", Dense(weight)),),
        1e-3,
    )
    io = next(number for number, tile in enumerate(package.tiles) if tile.kind == "io")
    far = next(number for number, tile in enumerate(package.tiles) if tile.router == 2)
    slices = (Slice(0, ((0, 1),), io, io), Slice(1, ((0, 1),), far, far))
    mapping = Mapping(network, package, slices, "by hand", 0)
    activity = random_activity(network, 1, 1, 2.0, 0)
    cycle_ns, tick_ns = 0.375, 0.375 / 64
    made = 1.0  # event_rate 1 Gpacket/s

    def ticks(time_ns: float) -> float:
        return np.ceil(time_ns / tick_ns - 1e-9) * tick_ns

    def edge(time_ns: float) -> float:
        return np.ceil(time_ns / cycle_ns - 1e-9) * cycle_ns

    pipeline = 3 * cycle_ns
    time = edge(ticks(made))
    time = edge(time + max(ticks(1.0) - pipeline, cycle_ns)) + cycle_ns  # into the first queue
    for _ in range(2):
        time += 2 * cycle_ns  # route, channel: sent in the cycle after
        time = edge(time + ticks(3.0) + cycle_ns - pipeline) + cycle_ns
    time += 2 * cycle_ns + cycle_ns  # to the tile: the tail is sent a cycle after the head
    time = edge(time + 2 * cycle_ns) + cycle_ns
    busy = 1.0 + 2.0 / 2  # a message and a synapse on two lanes
    expected = ticks(busy) + time
    for timing in PACKET_MODELS:
        found = cs.price(activity, mapping, timing=timing)
        assert found.latency_s[0, 0] * 1e9 == pytest.approx(expected, abs=2 * cycle_ns)
    found = cs.price(activity, mapping, timing="cycle")
    assert found.latency_s[0, 0] * 1e9 == pytest.approx(expected, rel=1e-12, abs=0)


def test_tiles_that_take_steps_as_a_whole_work_first() -> None:
    """A package of NPUs alone is as slow as its busiest tile, and packets come on top."""
    package = row_of_tiles(3, tile=NPU)
    mapping = without_fetches(random_mapping(mixed_network(), package, 1))
    activity = random_activity(mapping.network, 1, 2, 0.2, 1)
    bound = cs.price(activity, mapping, timing="bound")
    found = cs.price(activity, mapping, timing="cycle")
    assert (found.latency_s >= bound.latency_s).all()
    assert (found.latency_s <= bound.latency_s + 1e-5).all()


def test_what_is_left_out_is_said() -> None:
    """Every timing model has its words; a router that is faster than the pipeline is told."""
    mapping, activity = case("row", 1)
    left_out = {
        timing: " | ".join(cs.price(activity, mapping, timing=timing).not_modelled)
        for timing in ("bound", *PACKET_MODELS)
    }
    for timing, words in left_out.items():
        assert f"timing `{timing}`" in words
        # A hop takes 2 + 1 + 0.375 ns: room for the three cycles of 0.375 ns.
        assert "cycles more" not in words
    slow = Mapping(mapping.network, row_of_tiles(5, latency="0 ns"), mapping.slices, "x", 0)
    assert "cycles more" not in " ".join(cs.price(activity, slow, timing="bound").not_modelled)
    package = dies((True, True), clock="500 MHz")
    mapping = without_fetches(random_mapping(mixed_network(), package, 0))
    found = " | ".join(cs.price(activity, mapping, timing="cycle").not_modelled)
    # Of a hop of 3.375 ns, three cycles of 2 ns are the router's and one at least is the link's:
    # 4.625 ns, over two cycles, too long.
    assert "the pipeline takes up to 3 cycles more a hop" in found
    partly = "frames that leave before they are full"
    assert partly not in found
    assert partly in " | ".join(cs.price(activity, mapping, timing="bound").not_modelled)


def test_it_takes_as_long_without_native_kernels(monkeypatch) -> None:
    mapping, activity = case("row", 1)
    native = [cs.price(activity, mapping, timing=timing).latency_s for timing in PACKET_MODELS]
    monkeypatch.setenv("CHIPLETSIM_KERNELS", "xla")
    for timing, latency_s in zip(PACKET_MODELS, native, strict=True):
        np.testing.assert_array_equal(
            cs.price(activity, mapping, timing=timing).latency_s, latency_s
        )
