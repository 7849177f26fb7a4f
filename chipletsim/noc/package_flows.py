"""Ways of packets through a package: paths, and trees where routers copy them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from chipletsim.noc.event_trees import Events, EventTrees, event_trees
from chipletsim.noc.flit_network import ALL_CHANNELS
from chipletsim.noc.listed import listed
from chipletsim.noc.package_network import PackageNetwork
from chipletsim.package.model import Package

_TARGETS = 1 << 17
"""Targets of the events whose ways are found at once; some dozens of arrays have this size."""


class PackageWays(NamedTuple):
    """Packets of events, and how they go.

    Attributes:
        stop: int64 [stops + 1], see `chipletsim.noc.flit_network.Flows`.
        branch: int64 [branches, 3], likewise.
        first: int64 [events + 1], first packet of each event.
        root: int64 [packets], first stop of each.
        deliveries: int64 [packets], tiles that each reaches.
        place: int64 [targets], which target of its event each delivery is; packet by packet.
        routers: int64 [targets], routers on the way of each delivery.
    """

    stop: np.ndarray
    branch: np.ndarray
    first: np.ndarray
    root: np.ndarray
    deliveries: np.ndarray
    place: np.ndarray
    routers: np.ndarray


def package_ways(package: Package, network: PackageNetwork, events: Events) -> PackageWays:
    """Return the packets that events take to reach their targets, and how they go.

    A router that can copy gets one packet of an event for all that is behind it, any other one for
    each tile, as in `chipletsim.package.multicast.multicast_copies`. Packets and deliveries stand
    in the order of the outputs that lead to them, see `EventTrees`.

    Args:
        package: The package.
        network: It as routers and ports.
        events: The events.
    """
    parts: list[PackageWays] = []
    stops = 0
    for span in some_at_once(events):
        part = events.part(*span)
        parts.append(ways_of(event_trees(package, network, part), part, stops))
        stops += parts[-1].stop.size - 1
    return joined_ways(parts)


def some_at_once(events: Events) -> Iterable[tuple[int, int]]:
    """Return first and end of stretches of events whose ways are found at once."""
    cuts = np.searchsorted(events.start, np.arange(0, max(events.tile.size, 1), _TARGETS))
    return pairwise([*np.unique(cuts).tolist(), events.router.size])


def joined_ways(parts: Sequence[PackageWays]) -> PackageWays:
    """Return the ways of all events, part by part; their stops are numbered in this order."""
    return PackageWays(
        joined_starts([each.stop for each in parts]),
        np.concatenate([each.branch for each in parts]),
        joined_starts([each.first for each in parts]),
        np.concatenate([each.root for each in parts]),
        np.concatenate([each.deliveries for each in parts]),
        np.concatenate([each.place for each in parts]),
        np.concatenate([each.routers for each in parts]),
    )


def ways_of(trees: EventTrees, events: Events, stops: int) -> PackageWays:
    """Return the packets of events by their trees.

    Args:
        trees: The trees.
        events: The events.
        stops: Number of the first stop.
    """
    visits, outputs = trees.visits, trees.outputs
    sizes = sizes_of(trees)
    order = _order(trees, sizes, events)
    ends = outputs.target >= 0
    count = np.where(ends, 1, sizes.packets[outputs.onward])
    first_stop = stops + np.cumsum(sizes.packets) - sizes.packets
    first_branch = np.cumsum(sizes.branches) - sizes.branches
    following = listed(np.where(ends, 0, first_stop[outputs.onward]), count)
    which = np.repeat(np.arange(count.size), count)
    following[ends[which]] = -1 - order.number
    mask = np.where(ends, ALL_CHANNELS, visits.channels[outputs.onward])
    roots = visits.levels[0]
    packets = np.zeros(events.router.size + 1, np.int64)
    packets[1 + visits.event[roots]] = sizes.packets[roots]
    place, routers = np.empty((2, events.tile.size), np.int64)
    target = outputs.target[ends]
    place[order.at] = events.rank[target]
    routers[order.at] = visits.hops[outputs.visit[ends]] + 1
    return PackageWays(
        np.append(listed(first_branch, sizes.packets), which.size),
        np.stack([outputs.port[which], following, mask[which]], axis=1),
        np.cumsum(packets),
        listed(first_stop[roots], sizes.packets[roots]),
        order.deliveries,
        place,
        routers,
    )


class Sizes(NamedTuple):
    """What is at visits and behind them, each int64 [visits].

    Attributes:
        branches: Packets that leave the router, for tiles there and for further routers.
        packets: Packets that enter it, a stop each: one where it copies.
        deliveries: Tiles.
    """

    branches: np.ndarray
    packets: np.ndarray
    deliveries: np.ndarray


def sizes_of(trees: EventTrees) -> Sizes:
    """Return what is at the visits of trees, and behind them."""
    visits, outputs = trees.visits, trees.outputs
    branches = np.bincount(outputs.visit[outputs.target >= 0], minlength=visits.router.size)
    deliveries = branches.copy()
    for level in visits.levels[:0:-1]:
        packets = np.where(trees.copying[level], 1, branches[level])
        np.add.at(branches, visits.before[level], packets)
        np.add.at(deliveries, visits.before[level], deliveries[level])
    return Sizes(branches, np.where(trees.copying, 1, branches), deliveries)


class _Order(NamedTuple):
    """Order of deliveries.

    Attributes:
        at: int64 [targets], place of each among all; output by output.
        number: int64 [targets], place of each in its packet; likewise.
        deliveries: int64 [packets].
    """

    at: np.ndarray
    number: np.ndarray
    deliveries: np.ndarray


def _order(trees: EventTrees, sizes: Sizes, events: Events) -> _Order:
    """Return the order of deliveries, which is that of a walk down the trees."""
    visits, outputs = trees.visits, trees.outputs
    ends = outputs.target >= 0
    tiles = np.where(ends, 1, sizes.deliveries[outputs.onward])
    ahead = np.cumsum(tiles) - tiles
    taken = np.bincount(outputs.visit, minlength=visits.router.size)
    ahead -= np.repeat(ahead[np.cumsum(taken) - taken], taken)
    at = np.zeros(visits.router.size, np.int64)
    at[visits.levels[0]] = events.start[visits.event[visits.levels[0]]]
    alone = ~trees.copying  # up to the router, packets are for one tile each
    behind = np.zeros(visits.router.size, np.int64)
    behind[outputs.onward[~ends]] = ahead[~ends]
    for level in visits.levels[1:]:
        before = visits.before[level]
        at[level] = at[before] + behind[level]
        alone[level] &= alone[before]
    place = at[outputs.visit] + ahead
    # A packet is made where routers begin to copy, or for a tile.
    begins = np.zeros(events.tile.size, bool)
    roots = visits.levels[0]
    begins[at[roots[trees.copying[roots]]]] = True
    copied = ends | trees.copying[outputs.onward]
    begins[place[copied & alone[outputs.visit]]] = True
    first = np.flatnonzero(begins)
    place = place[ends]
    number = place - first[np.cumsum(begins) - 1][place]
    return _Order(place, number, np.diff(np.append(first, events.tile.size)))


def joined_starts(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return starts part by part; the last of each part is the first of the next."""
    by = np.cumsum([0, *(each[-1] for each in parts)])
    return np.append(
        np.concatenate([each[:-1] + a for each, a in zip(parts, by, strict=False)]), by[-1]
    )
