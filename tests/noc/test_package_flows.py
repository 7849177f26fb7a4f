"""Packets of events and their ways, beside trees that are made one by one."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recursive_ways import Ways
from test_package_timing import PACKAGES, case

from chipletsim.cost.fetched_weights import fetched_weights
from chipletsim.noc import package_flows
from chipletsim.noc.event_trees import Events
from chipletsim.noc.flit_network import OWN_NODE
from chipletsim.noc.message_plan import message_plan
from chipletsim.noc.package_flows import package_ways
from chipletsim.noc.package_network import PackageNetwork, package_network
from chipletsim.noc.packet_plan import packet_plan
from chipletsim.package.model import Package

sys.path.insert(0, str(Path(__file__).parents[1] / "cost"))
from cost_cases import DIE_TO_DIE, IO, NEUROCORE, ON_DIE, ROUTER, package_of

Tree = list[tuple[int, int, "Tree | int"]]
"""Branches of a stop: output, virtual channels, and what is behind it."""


def tree(stop: np.ndarray, branch: np.ndarray, root: int) -> Tree:
    """Return the tree of a packet."""
    return [
        (port, mask, to if to < 0 else tree(stop, branch, to))
        for port, to, mask in branch[stop[root] : stop[root + 1]].tolist()
    ]


@st.composite
def packages(draw) -> Package:
    """Return a mesh or torus of two types of dies, which may have several tiles at a router."""

    def die() -> dict:
        x, y = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        network = {
            "topology": draw(st.sampled_from(["mesh", "torus"])) if x * y > 1 else "mesh",
            "shape": [x, y],
            "link": ON_DIE,
            "router": ROUTER | {"multicast": draw(st.booleans())},
        }
        tiles = [{"at": "all", "tile": NEUROCORE} for _ in range(draw(st.integers(1, 2)))]
        return {"network": network, "tiles": [*tiles, {"at": [[0, 0]], "tile": IO}]}

    x, y = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    types = st.sampled_from(["one", "other"])
    at = [[i, j] for i in range(x) for j in range(y)]
    return package_of(
        chiplet_types={"one": die(), "other": die()},
        chiplets={f"d{i}{j}": {"type": draw(types), "at": [i, j]} for i, j in at},
        network={
            "topology": draw(st.sampled_from(["mesh", "torus"])) if x * y > 1 else "mesh",
            "shape": [x, y],
            "link": DIE_TO_DIE,
            "parallel_links": draw(st.integers(1, 2)),
        },
        virtual_channels=8,
    )


def events_of(package: Package, sets: list[tuple[int, list[int]]]) -> Events:
    """Return events from source tiles to other tiles."""
    start = np.cumsum([0, *(len(tiles) for _, tiles in sets)])
    tile = np.array([tile for _, tiles in sets for tile in tiles], np.int64)
    source = np.array([source for source, _ in sets], np.int64)
    return Events(package.tile_router[source], start, tile)


def assert_alike(
    package: Package, network: PackageNetwork, sets: list[tuple[int, list[int]]]
) -> None:
    found = package_ways(package, network, events_of(package, sets))
    expected = Ways(package, network)
    packet = delivery = 0
    for number, (source, tiles) in enumerate(sets):
        assert found.first[number] == packet
        begins = delivery
        for way in expected.of(source, tiles) if tiles else ():
            mine = slice(delivery, delivery + found.deliveries[packet])
            assert [tiles[place] for place in found.place[mine]] == list(way.targets)
            assert found.routers[mine].tolist() == list(way.routers)
            theirs = tree(*expected.arrays(), way.root)
            assert tree(found.stop, found.branch, found.root[packet]) == theirs
            packet, delivery = packet + 1, mine.stop
        assert delivery == begins + len(tiles)
    assert (found.first[-1], len(found.root), len(found.place)) == (packet, packet, delivery)


@settings(max_examples=40, deadline=None)
@given(packages(), st.data())
def test_trees_are_those_made_one_by_one(package: Package, data: st.DataObject) -> None:
    tiles = len(package.tiles)
    other = st.lists(st.integers(0, tiles - 1), max_size=20, unique=True)
    drawn = data.draw(st.lists(st.tuples(st.integers(0, tiles - 1), other), max_size=5))
    sets = [(source, [tile for tile in own if tile != source]) for source, own in drawn]
    assert_alike(package, package_network(package, (28,)), sets)


def test_part_by_part_is_the_same(monkeypatch) -> None:
    package = PACKAGES["copies on one die"]()
    draw, tiles = np.random.default_rng(0), len(package.tiles)
    sets = []
    for source in draw.integers(0, tiles, 30).tolist():
        chosen = draw.permutation(tiles)[: draw.integers(0, tiles)].tolist()
        sets.append((source, [tile for tile in chosen if tile != source]))
    network = package_network(package, (28,))
    monkeypatch.setattr(package_flows, "_TARGETS", 7)
    assert_alike(package, network, sets)


@pytest.mark.parametrize("name", PACKAGES)
def test_packets_of_neurons(name: str) -> None:
    mapping, _ = case(name, 3)
    package, plan = mapping.package, message_plan(mapping)
    network, fetched = package_network(package, (28,)), fetched_weights(mapping, plan)
    found, expected = packet_plan(plan, fetched, package, network), Ways(package, network)
    flows, first = found.flows, np.cumsum([0, *found.flows.deliveries])
    packet = 0
    for neuron, core in enumerate(plan.core.tolist()):
        assert found.messages.axon_start[neuron] == packet
        axons = range(*plan.axon_start[neuron : neuron + 2].tolist())
        axon_to = {int(plan.tile[plan.axon_core[axon]]): axon for axon in axons}
        source = int(plan.tile[core])
        away = [tile for tile in axon_to if tile != source]
        for way in expected.of(source, away) if away else ():
            flow = found.flow[packet]
            ends = slice(*first[flow : flow + 2])
            assert flows.flow[flow, [0, 2]].tolist() == [source, expected.entry_channels]
            assert tuple(flows.target[ends]) == way.targets
            assert tuple(flows.routers[ends]) == way.routers
            theirs = tree(*expected.arrays(), way.root)
            assert tree(flows.stop, flows.branch, flows.flow[flow, 1]) == theirs
            assert axons_of(found, packet) == [axon_to[tile] for tile in way.targets]
            packet += 1
        if source in axon_to:
            assert found.flow[packet] == OWN_NODE
            assert axons_of(found, packet) == [axon_to[source]]
            packet += 1
    assert packet == found.messages.axon_start[-1]
    streams = 2 * len(fetched.streams)  # stand behind those of neurons
    assert packet + streams == len(found.flow) == len(found.joined)
    assert (found.joined == np.diff(found.delivery_start) - 1).all()


def axons_of(plan, packet: int) -> list[int]:
    return plan.axon[slice(*plan.delivery_start[packet : packet + 2])].tolist()
