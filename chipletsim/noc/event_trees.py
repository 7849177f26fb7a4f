"""Trees of events: which routers an event visits to reach its targets, and by which outputs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.listed import distinct
from chipletsim.noc.package_network import PackageNetwork
from chipletsim.package.model import Package
from chipletsim.package.trees import path_sums


class Events(NamedTuple):
    """Events, and the tiles that each is for.

    Attributes:
        router: int64 [events], router of the tile that sends each.
        start: int64 [events + 1], first target of each.
        tile: int64 [targets], each once for an event, and none the one that sends it.
    """

    router: np.ndarray
    start: np.ndarray
    tile: np.ndarray

    @property
    def owner(self) -> np.ndarray:
        """int64 [targets]: the event of each."""
        return np.repeat(np.arange(self.router.size), np.diff(self.start))

    @property
    def rank(self) -> np.ndarray:
        """int64 [targets]: place of each among those of its event."""
        return np.arange(self.tile.size) - self.start[self.owner]

    def part(self, first: int, stop: int) -> Events:
        """Return some of the events."""
        begin, end = self.start[first], self.start[stop]
        return Events(
            self.router[first:stop], self.start[first : stop + 1] - begin, self.tile[begin:end]
        )


class Visits(NamedTuple):
    """Routers that the trees of events visit, event by event; each int64 [visits].

    Attributes:
        event: The event.
        router: The router.
        before: The visit before it; -1 at the source.
        link: The link up to it; -1 at the source.
        hops: Links up to it.
        port: Output of the router before it, by its number there; -1 at the source.
        channels: Virtual channels that may be taken on the link up to it, as bits.
        levels: Visits by their hops: those of none first.
    """

    event: np.ndarray
    router: np.ndarray
    before: np.ndarray
    link: np.ndarray
    hops: np.ndarray
    port: np.ndarray
    channels: np.ndarray
    levels: list[np.ndarray]


class Outputs(NamedTuple):
    """Outputs by which the tree of an event goes on, visit by visit; each int64 [outputs].

    Attributes:
        visit: The visit.
        port: The output, by its number at the router.
        onward: The visit behind it; -1 at a tile.
        target: The target behind it; -1 at a router.
    """

    visit: np.ndarray
    port: np.ndarray
    onward: np.ndarray
    target: np.ndarray


class EventTrees(NamedTuple):
    """Trees of events.

    Attributes:
        visits: Routers that they visit.
        copying: bool [visits], whether the router copies packets.
        outputs: How they go on from each: at a router that copies, in the order of its ports; at
            any other to its tiles first and then over its links, by the first target behind each.
    """

    visits: Visits
    copying: np.ndarray
    outputs: Outputs


def event_trees(package: Package, network: PackageNetwork, events: Events) -> EventTrees:
    """Return the trees of events.

    Args:
        package: The package.
        network: It as routers and ports.
        events: The events.
    """
    routes = _Routes(package, events)
    at = package.tile_router[events.tile]
    keys = _visited(routes, routes.key(events.owner, at))
    event, router = routes.split(keys)
    link, hops = routes.link(event, router), routes.hops(event, router)
    inner = np.flatnonzero(link >= 0)
    before, port = np.full((2, keys.size), -1, np.int64)
    before[inner] = np.searchsorted(keys, routes.before(keys[inner]))
    first_port = network.network.router[:, 0]
    port[inner] = (network.link_port - first_port[package.link_source])[link[inner]]
    level = np.minimum(routes.climbs(event, router), len(network.class_channels) - 1)
    visits = Visits(
        event, router, before, link, hops, port, network.class_channels[level], by_value(hops)
    )
    visit = np.searchsorted(keys, routes.key(events.owner, at))
    own_port = (network.tile_port - first_port[package.tile_router])[events.tile]
    copying = np.array([each.spec.multicast for each in package.routers], bool)[router]
    return EventTrees(visits, copying, _outputs(visits, copying, visit, own_port, events.rank))


class _Routes:
    """Routes from the sources of events.

    Args:
        package: The package.
        events: The events.
    """

    def __init__(self, package: Package, events: Events) -> None:
        source, self._row = np.unique(events.router, return_inverse=True)
        self._routers, self._link_source = len(package.routers), package.link_source
        self._incoming = package.incoming_link[source]
        self._hops = path_sums(package, source, np.ones(len(package.links), np.int64))
        climbs = [link.between_dies or link.wraps for link in package.links]
        self._climbs = path_sums(package, source, np.array(climbs, np.int64))

    def key(self, event: np.ndarray, router: np.ndarray) -> np.ndarray:
        """Return a number of each pair, by which they are sorted."""
        return event * self._routers + router

    def split(self, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return event and router of keys."""
        event, router = np.divmod(key, self._routers)
        return event, router

    def link(self, event: np.ndarray, router: np.ndarray) -> np.ndarray:
        """Return the link by which events come to routers; -1 at their sources."""
        return self._incoming[self._row[event], router].astype(np.int64)

    def hops(self, event: np.ndarray, router: np.ndarray) -> np.ndarray:
        """Return the links up to routers."""
        return self._hops[self._row[event], router]

    def climbs(self, event: np.ndarray, router: np.ndarray) -> np.ndarray:
        """Return the links up to routers after which packets are in the next class of channels."""
        return self._climbs[self._row[event], router]

    def before(self, key: np.ndarray) -> np.ndarray:
        """Return the keys of the routers before some, none of them a source."""
        event, router = self.split(key)
        return self.key(event, self._link_source[self.link(event, router)])


def _visited(routes: _Routes, ends: np.ndarray) -> np.ndarray:
    """Return the keys of all visits, sorted.

    Args:
        routes: From the sources.
        ends: int64 [targets], keys of the routers of targets.
    """
    levels = by_value(routes.hops(*routes.split(ends)))
    found = [np.zeros(0, np.int64)]
    passed = found[0]
    for number in range(len(levels) - 1, -1, -1):
        here = distinct(np.concatenate([passed, ends[levels[number]]]))
        found.append(here)
        passed = routes.before(here) if number else here
    return np.sort(np.concatenate(found))


def by_value(values: np.ndarray) -> list[np.ndarray]:
    """Return the places of the values 0, 1, ... up to the largest."""
    most = values.max(initial=0)
    order = np.argsort(values.astype(np.min_scalar_type(most)), kind="stable")  # of bytes: fast
    bounds = np.searchsorted(values[order], np.arange(1, most + 1))
    return np.split(order, bounds)


def _outputs(
    visits: Visits, copying: np.ndarray, visit: np.ndarray, port: np.ndarray, rank: np.ndarray
) -> Outputs:
    """Return the outputs of visits, those of each in order.

    Args:
        visits: The visits.
        copying: bool [visits], whether their routers copy.
        visit: int64 [targets], where each is reached.
        port: int64 [targets], output there.
        rank: int64 [targets], place among those of its event.
    """
    most = int(rank.max(initial=0)) + 1
    first = np.full(visits.router.size, most)  # target behind each visit
    np.minimum.at(first, visit, rank)
    for level in visits.levels[:0:-1]:
        np.minimum.at(first, visits.before[level], first[level])
    inner = np.flatnonzero(visits.before >= 0)
    at = np.concatenate([visit, visits.before[inner]])
    ports = np.concatenate([port, visits.port[inner]])
    turn = np.where(copying[at], ports, np.concatenate([rank, most + first[inner]]))
    order = np.argsort(at * (turn.max(initial=0) + 1) + turn)
    nothing = np.full(visit.size, -1), np.full(inner.size, -1)
    onward = np.concatenate([nothing[0], inner])
    target = np.concatenate([np.arange(visit.size), nothing[1]])
    return Outputs(at[order], ports[order], onward[order], target[order])
