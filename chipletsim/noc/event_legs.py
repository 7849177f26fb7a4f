"""Ways of events over links that encode: legs from tile to link, from link to link, and to tiles.

What comes to a link that encodes ends there, at the end that writes its messages; behind the link
the end that reads them sends it on. Between these events are packets, on the ways that they take
without an encoding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.noc.event_trees import Events, EventTrees, Outputs, Visits, by_value, event_trees
from chipletsim.noc.listed import listed
from chipletsim.noc.package_flows import PackageWays, sizes_of, ways_of
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
    trees = event_trees(package, network, events)
    visits = trees.visits
    cut = (visits.link >= 0) & _encodes(package)[form[visits.event], visits.link]
    place = np.searchsorted(network.encoded, visits.link)  # of the links that encode
    begins = cut | (visits.before < 0)
    leg_of_root = np.cumsum(begins) - 1
    leg, hops = leg_of_root.copy(), visits.hops.copy()
    for level in visits.levels[1:]:
        inner = level[~cut[level]]
        leg[inner] = leg[visits.before[inner]]
    roots = np.flatnonzero(begins)
    hops -= visits.hops[roots][leg]
    ends = _ends(trees, events, network, _Cut(cut, place, leg))
    order = np.lexsort((ends.target < 0, leg[ends.visit]))
    now = np.empty_like(order)
    now[order] = np.arange(order.size)
    start = np.searchsorted(leg[ends.visit][order], np.arange(roots.size + 1))
    cut_visits = Visits(
        leg,
        visits.router,
        np.where(begins, -1, visits.before),
        visits.link,
        hops,
        np.where(begins, -1, visits.port),
        visits.channels,
        by_value(hops),
    )
    outputs = _outputs(trees, ends, now, cut)
    legs = Events(visits.router[roots], start, ends.node[order])
    ways = ways_of(EventTrees(cut_visits, trees.copying, outputs), legs, 0)
    at = order[start[:-1].repeat(np.diff(start)) + ways.place]  # end of each delivery
    behind = ends.behind[at]
    onward = np.where(behind >= 0, ways.first[leg[behind]] + ends.copy[at], -1)
    link = np.where(cut[roots], place[roots], -1)
    known = np.searchsorted(visits.event[roots], np.arange(events.router.size + 1))
    sources = np.flatnonzero(~cut[roots])
    root = np.full(events.router.size, roots.size)
    root[visits.event[roots[sources]]] = sources
    inner = roots[cut[roots]]
    before = leg[visits.before[inner]]
    level = _levels(link[before], place[inner], package, network)
    return EventLegs(
        ways._replace(first=np.append(ways.first, ways.first[-1])),
        np.append(start, start[-1]),
        known,
        root,
        np.append(link, -1),
        ends.node[at],
        ends.target[at],
        onward,
        level,
    )


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


def _levels(
    before: np.ndarray, link: np.ndarray, package: Package, network: PackageNetwork
) -> np.ndarray:
    """Return int64 [links that encode]: how many of them precede each on the way of some event.

    Args:
        before: int64 [pairs], a link, -1 for none.
        link: int64 [pairs], the next one.
        package: The package.
        network: It as routers and ports.

    Raises:
        ConfigError: Links precede one another in a ring.
    """
    level = np.zeros(network.encoded.size, np.int64)
    pairs = np.unique(np.stack([before, link], axis=1)[before >= 0], axis=0)
    for _ in range(level.size + 1):
        higher = level.copy()
        np.maximum.at(higher, pairs[:, 1], level[pairs[:, 0]] + 1)
        if np.array_equal(higher, level):
            return level
        level = higher
    name = package.links[network.encoded[int(level.argmax())]].name
    message = (
        f"link {name} has an `encoding` and sends what a step has once all of it has come, which"
        " waits in a ring of such links for its own message; timing `queue` and `cycle` do not"
        " follow that; use `bound`, or leave out the `encoding` of a link of the ring"
    )
    raise ConfigError([Problem(message, "timing")])
