"""Ways of events over links that encode: legs from tile to link, from link to link, and to tiles.

What comes to a link that encodes ends there, at the end that writes its messages; behind the link
the end that reads them sends it on. Between these events are packets, on the ways that they take
without an encoding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.event_trees import Events, EventTrees, Outputs, by_value, event_trees
from chipletsim.noc.link_levels import link_levels
from chipletsim.noc.listed import listed
from chipletsim.noc.package_flows import (
    PackageWays,
    joined_starts,
    joined_ways,
    sizes_of,
    some_at_once,
    ways_of,
)
from chipletsim.noc.package_network import PackageNetwork
from chipletsim.package.model import Package


class EventLegs(NamedTuple):
    """Legs of events, event by event, and how their packets go.

    Attributes:
        ways: Packets of legs, as `package_ways` has those of events.
        start: int64 [legs + 1], first delivery of each.
        first: int64 [events + 1], first leg of each event.
        root: int64 [events], the leg from the tile that sends each; one without packets, behind all
            others, of events without targets.
        link: int64 [legs], the link that each comes from, by its place among those that encode; -1
            for those from tiles.
        node: int64 [deliveries], where each ends: a tile, or an end of a link; packet by packet.
        target: int64 [deliveries], which target of its event each is; -1 at a link.
        onward: int64 [deliveries], packet of another leg that takes it on behind a link, or -1.
        level: int64 [links that encode], how many of them precede each on the way of some event.
    """

    ways: PackageWays
    start: np.ndarray
    first: np.ndarray
    root: np.ndarray
    link: np.ndarray
    node: np.ndarray
    target: np.ndarray
    onward: np.ndarray
    level: np.ndarray


def event_legs(
    package: Package, network: PackageNetwork, events: Events, form: np.ndarray
) -> EventLegs:
    """Return the legs of events.

    Args:
        package: The package.
        network: It as routers and ports.
        events: The events.
        form: int64 [events], 0 for spikes, 1 for values, and 2 for what crosses all links in
            packets.

    Raises:
        ConfigError: Links wait for one another's messages in a ring.
    """
    parts: list[_Part] = []
    stops = 0
    for first, stop in some_at_once(events):
        part = events.part(first, stop)
        parts.append(_part_legs(package, network, part, form[first:stop], stops))
        stops += parts[-1].legs.ways.stop.size - 1
    level = link_levels(np.concatenate([each.pairs for each in parts]), package, network)
    return _joined([each.legs for each in parts], level)


class _Part(NamedTuple):
    """Legs of some of the events.

    Attributes:
        legs: Numbered from 0 on, but for their stops, which are behind those of the parts before;
            the root of events without targets is -1, and no level is known yet.
        pairs: int64 [pairs, 2], link from which events come to another one, -1 for a tile; and that
            one, each by its place among those that encode.
    """

    legs: EventLegs
    pairs: np.ndarray


def _part_legs(
    package: Package, network: PackageNetwork, events: Events, form: np.ndarray, stops: int
) -> _Part:
    """Return the legs of some of the events; ``stops`` is the number of their first stop."""
    trees = event_trees(package, network, events)
    visits = trees.visits
    cut = (visits.link >= 0) & _encodes(package)[form[visits.event], visits.link]
    place = np.searchsorted(network.encoded, visits.link)  # of the links that encode
    begins = cut | (visits.before < 0)
    leg = np.cumsum(begins) - 1
    for level in visits.levels[1:]:
        inner = level[~cut[level]]
        leg[inner] = leg[visits.before[inner]]
    roots = np.flatnonzero(begins)
    hops = visits.hops - visits.hops[roots][leg]
    ends = _ends(trees, events, network, _Cut(cut, place, leg))
    order = np.lexsort((ends.target < 0, leg[ends.visit]))
    now = np.empty_like(order)
    now[order] = np.arange(order.size)
    start = np.searchsorted(leg[ends.visit][order], np.arange(roots.size + 1))
    before, port = (np.where(begins, -1, each) for each in (visits.before, visits.port))
    cut_visits = visits._replace(
        event=leg, before=before, hops=hops, port=port, levels=by_value(hops)
    )
    outputs = _outputs(trees, ends, now, cut)
    legs = Events(visits.router[roots], start, ends.node[order])
    ways = ways_of(EventTrees(cut_visits, trees.copying, outputs), legs, stops)
    at = order[start[:-1].repeat(np.diff(start)) + ways.place]  # end of each delivery
    behind = ends.behind[at]
    onward = np.where(behind >= 0, ways.first[leg[behind]] + ends.copy[at], -1)
    link = np.where(cut[roots], place[roots], -1)
    first = np.searchsorted(visits.event[roots], np.arange(events.router.size + 1))
    sources = np.flatnonzero(~cut[roots])
    root = np.full(events.router.size, -1)
    root[visits.event[roots[sources]]] = sources
    inner = roots[cut[roots]]
    pairs = np.stack([link[leg[visits.before[inner]]], place[inner]], axis=1)
    pairs = np.unique(pairs, axis=0)
    ended = ends.node[at], ends.target[at], onward
    return _Part(EventLegs(ways, start, first, root, link, *ended, level=root[:0]), pairs)


def _joined(parts: list[EventLegs], level: np.ndarray) -> EventLegs:
    """Return the legs of all events, and behind them one without packets.

    Args:
        parts: Legs of some of the events each.
        level: int64 [links that encode], see `EventLegs`.
    """
    ways = joined_ways([each.ways for each in parts])
    start = joined_starts([each.start for each in parts])
    legs = start.size - 1
    legs_before = np.cumsum([0, *(each.link.size for each in parts)])
    packets_before = np.cumsum([0, *(each.ways.root.size for each in parts)])
    root = _numbered([each.root for each in parts], legs_before)
    onward = _numbered([each.onward for each in parts], packets_before)
    return EventLegs(
        ways._replace(first=np.append(ways.first, ways.first[-1])),
        np.append(start, start[-1]),
        joined_starts([each.first for each in parts]),
        np.where(root < 0, legs, root),
        np.append(np.concatenate([each.link for each in parts]), -1),
        np.concatenate([each.node for each in parts]),
        np.concatenate([each.target for each in parts]),
        onward,
        level,
    )


def _numbered(parts: list[np.ndarray], before: np.ndarray) -> np.ndarray:
    """Return numbers part by part, each part behind so many; those below 0 stay."""
    both = zip(parts, before.tolist(), strict=False)
    return np.concatenate([np.where(part < 0, part, part + number) for part, number in both])


def whole_legs(ways: PackageWays, events: Events) -> EventLegs:
    """Return the legs of events that cross no link in a message: one each."""
    every, target = np.arange(events.router.size + 1), ways.place
    node = events.tile[np.repeat(events.start[:-1], np.diff(events.start)) + target]
    none = np.full(target.size, -1)
    link = np.full(events.router.size, -1)
    return EventLegs(ways, events.start, every, every[:-1], link, node, target, none, none[:0])


def _encodes(package: Package) -> np.ndarray:
    """Return bool [3, links]: whether what has a form crosses each link in a message."""
    links = [link.spec for link in package.links]
    codecs = [[spec.codec(value_bits) is not None for spec in links] for value_bits in (0, 1)]
    return np.array([*codecs, [False] * len(links)], bool)


class _Cut(NamedTuple):
    """Visits of trees: which are behind a link that encodes, its place, and the leg of each."""

    cut: np.ndarray
    place: np.ndarray
    leg: np.ndarray


class _Ends(NamedTuple):
    """Where packets of legs end: at tiles, then at links; each int64 [ends].

    Attributes:
        output: Output of the trees that leads there.
        visit: Where that is.
        port: Output of the router.
        node: A tile, or an end of a link.
        target: Target of its event, -1 at a link.
        behind: Visit behind the link, -1 at a tile.
        copy: Which of the packets that go on there each is.
    """

    output: np.ndarray
    visit: np.ndarray
    port: np.ndarray
    node: np.ndarray
    target: np.ndarray
    behind: np.ndarray
    copy: np.ndarray


def _ends(trees: EventTrees, events: Events, network: PackageNetwork, found: _Cut) -> _Ends:
    outputs = trees.outputs
    tiles = np.flatnonzero(outputs.target >= 0)
    links = np.flatnonzero((outputs.onward >= 0) & found.cut[outputs.onward])
    packets = sizes_of(trees).packets[outputs.onward[links]]
    crossing = np.repeat(links, packets)
    behind = outputs.onward[crossing]
    place = found.place[behind]
    visit = outputs.visit[crossing]
    first_port = network.network.router[trees.visits.router[visit], 0]
    none = np.full(tiles.size, -1)
    target = outputs.target[tiles]
    return _Ends(
        np.concatenate([tiles, crossing]),
        outputs.visit[np.concatenate([tiles, crossing])],
        np.concatenate([outputs.port[tiles], network.end_port[place, 0] - first_port]),
        np.concatenate([events.tile[target], network.tile_port.size + 2 * place]),
        np.concatenate([events.rank[target], np.full(behind.size, -1)]),
        np.concatenate([none, behind]),
        np.concatenate([none, listed(np.zeros_like(links), packets)]),
    )


def _outputs(trees: EventTrees, ends: _Ends, now: np.ndarray, cut: np.ndarray) -> Outputs:
    """Return the outputs of legs, those of each visit in order.

    Args:
        trees: Trees of the events.
        ends: Where packets of legs end.
        now: int64 [ends], number of each as a target of its leg.
        cut: bool [visits], whether a visit is behind a link that encodes.
    """
    outputs = trees.outputs
    on = np.flatnonzero((outputs.onward >= 0) & ~cut[outputs.onward])
    visit = np.concatenate([ends.visit, outputs.visit[on]])
    port = np.concatenate([ends.port, outputs.port[on]])
    was = np.concatenate([ends.output, on])
    onward = np.concatenate([np.full(now.size, -1), outputs.onward[on]])
    target = np.concatenate([now, np.full(on.size, -1)])
    turn = np.where(trees.copying[visit], port, onward >= 0)
    order = np.lexsort((was, turn, visit))
    return Outputs(visit[order], port[order], onward[order], target[order])
