"""Legs of events: where each ends, beside the links on the routes of the package."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.noc import package_flows
from chipletsim.noc.event_legs import EventLegs, event_legs
from chipletsim.noc.event_trees import Events
from chipletsim.noc.package_network import package_network
from chipletsim.package.model import Package

sys.path.insert(0, str(Path(__file__).parents[1] / "cost"))
from encoded_cases import LINEAR, VALUES, two_dies

FORMS = 3


def drawn_events(package: Package, draw: np.random.Generator) -> Events:
    """Return some events, of which a few have no targets."""
    tiles = len(package.tiles)
    source = draw.integers(0, tiles, 12)
    targets = []
    for own in source.tolist():
        count = draw.integers(0, tiles)
        targets.append([t for t in draw.permutation(tiles)[:count].tolist() if t != own])
    start = np.cumsum([0, *map(len, targets)])
    tile = np.array([target for own in targets for target in own], np.int64)
    return Events(package.tile_router[source].astype(np.int64), start, tile)


def chains(legs: EventLegs, event: int, tiles: int) -> dict[int, list[int]]:
    """Return target of an event to the links that it crosses in messages, by place, in order."""
    first, found = np.cumsum([0, *legs.ways.deliveries]), {}

    def follow(packet: int, crossed: list[int]) -> None:
        for at in range(first[packet], first[packet + 1]):
            if legs.onward[at] < 0:
                assert legs.target[at] not in found
                found[int(legs.target[at])] = crossed
                continue
            assert legs.target[at] == -1
            place, end = divmod(int(legs.node[at]) - tiles, 2)
            onward = int(legs.onward[at])
            behind = int(np.searchsorted(legs.ways.first, onward, side="right")) - 1
            assert (end, legs.link[behind]) == (0, place)
            assert legs.first[event] <= behind < legs.first[event + 1]
            follow(onward, [*crossed, place])

    root = legs.root[event]
    for packet in range(*legs.ways.first[root : root + 2].tolist()):
        follow(packet, [])
    return found


def encoded_on_route(package: Package, source: int, target: int, *, values: bool) -> list[int]:
    """Return the links between routers that encode spikes or values, in order."""
    links = []
    while target != source:
        links.append(int(package.incoming_link[source, target]))
        target = int(package.link_source[links[-1]])
    codecs = [(link, package.links[link].spec.codec(int(values))) for link in reversed(links)]
    return [link for link, codec in codecs if codec is not None]


@settings(max_examples=30)
@given(st.integers(0, 1 << 20), st.tuples(st.booleans(), st.booleans()))
def test_legs_end_at_the_links_of_routes_that_encode(seed: int, multicast) -> None:
    between = {"spikes": LINEAR["bitmap"], "values": VALUES["dense"]}
    package = two_dies(between, {"values": VALUES["dense"]}, multicast=multicast)
    network, draw = package_network(package, (28,)), np.random.default_rng(seed)
    events, tiles = drawn_events(package, draw), len(package.tiles)
    form = draw.integers(0, FORMS, events.router.size)
    legs = event_legs(package, network, events, form)
    for event, router in enumerate(events.router.tolist()):
        found = chains(legs, event, tiles)
        own = events.tile[events.start[event] : events.start[event + 1]]
        assert found.keys() == set(range(own.size))
        for target, crossed in found.items():
            at = int(package.tile_router[own[target]])
            route = encoded_on_route(package, router, at, values=bool(form[event] == 1))
            assert network.encoded[crossed].tolist() == (route if form[event] < 2 else [])


def test_part_by_part_is_the_same(monkeypatch) -> None:
    package = two_dies({"spikes": LINEAR["bitmap"]}, {"values": VALUES["dense"]})
    network, draw = package_network(package, (28,)), np.random.default_rng(1)
    events = drawn_events(package, draw)
    form = draw.integers(0, FORMS, events.router.size)
    whole = event_legs(package, network, events, form)
    monkeypatch.setattr(package_flows, "_TARGETS", 5)
    parts = event_legs(package, network, events, form)
    for name, expected in whole._asdict().items():
        own = (
            zip(getattr(parts, name), expected, strict=True)
            if name == "ways"
            else [(getattr(parts, name), expected)]
        )
        for found, each in own:
            np.testing.assert_array_equal(found, each, err_msg=name)
