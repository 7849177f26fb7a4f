"""Die-to-die links: which routers of which dies are joined."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import NamedTuple

from chipletsim.errors import Problem
from chipletsim.package.die import MAX_LINKS, MAX_ROUTERS, Die, find_router
from chipletsim.package.topology import (
    TOPOLOGIES,
    Coordinate,
    Join,
    coordinates,
    joins_of,
    shape_fault,
)
from chipletsim.spec.package import DieToDieSpec, LinkSpec, PackageNetworkSpec, PackageSpec


class Crossing(NamedTuple):
    """One bidirectional die-to-die link.

    Attributes:
        a: (chiplet name, router on its die) of one end.
        b: The same of the other end.
        axis: 0 along x, 1 along y, -1 otherwise.
        wraps: Whether it closes a ring of dies.
        link: Costs of either direction.
    """

    a: tuple[str, int]
    b: tuple[str, int]
    axis: int
    wraps: bool
    link: LinkSpec


def crossings(
    spec: PackageSpec, dies: Mapping[str, Die], problems: list[Problem]
) -> list[Crossing]:
    """Return all die-to-die links of a package.

    Args:
        spec: The package.
        dies: Chiplet name to its die; chiplets with faults are left out.
        problems: Takes every fault found.
    """
    places = _places(spec, problems)
    if spec.network is None:
        if len(spec.chiplets) > 1 and not spec.links:
            message = "several chiplets need die-to-die links: add `network` or `links`"
            problems.append(Problem(message, "network"))
        found: list[Crossing] = []
    else:
        found = _by_topology(spec.network, places, dies, problems)
    for number, entry in enumerate(spec.links):
        found += _explicit(spec, entry, f"links.{number}", dies, problems)
    return found


def spread(routers: list[int], links: int) -> list[int]:
    """Return the router of each of ``links`` links, evenly over ``routers`` in their order.

    Example:
        >>> spread([0, 1, 2, 3], 2), spread([0, 1], 4)
        ([1, 3], [0, 0, 1, 1])
    """
    return [routers[(2 * link + 1) * len(routers) // (2 * links)] for link in range(links)]


def _places(spec: PackageSpec, problems: list[Problem]) -> dict[Coordinate, str]:
    """Return the chiplet at each place of the package's network."""
    taken: dict[Coordinate, str] = {}
    if spec.network is None:
        return taken
    fault = shape_fault(spec.network.topology, spec.network.shape)
    if fault is None and prod(spec.network.shape) > MAX_ROUTERS:
        fault = f"more than the {MAX_ROUTERS:,} places supported"
    if fault is not None:
        problems.append(Problem(fault, "network.shape"))
        return taken
    free = set(coordinates(spec.network.shape))
    for name, chiplet in spec.chiplets.items():
        path = f"chiplets.{name}.at"
        if chiplet.at is None:
            problems.append(Problem("a place in the package's network is needed", path))
        elif chiplet.at not in free:
            message = f"{list(chiplet.at)} is outside the shape {list(spec.network.shape)}"
            problems.append(Problem(message, path))
        elif chiplet.at in taken:
            message = f"place {list(chiplet.at)} is taken by chiplet {taken[chiplet.at]}"
            problems.append(Problem(message, path))
        else:
            taken[chiplet.at] = name
    return taken


def _by_topology(
    network: PackageNetworkSpec,
    taken: Mapping[Coordinate, str],
    dies: Mapping[str, Die],
    problems: list[Problem],
) -> list[Crossing]:
    if network.topology == "edges":
        message = "topology edges is for chiplets; list die-to-die links under `links`"
        problems.append(Problem(message, "network.topology"))
        return []
    if 2 * joins_of(network.topology, network.shape) * network.parallel_links > MAX_LINKS:
        problems.append(Problem("too many die-to-die links", "network.shape"))
        return []
    places = coordinates(network.shape) if taken else []
    joins = TOPOLOGIES[network.topology](network.shape, []) if taken else []
    if network.link_vertical is not None and taken and not any(j.axis == 1 for j in joins):
        message = f"topology {network.topology} has no links along y"
        problems.append(Problem(message, "network.link_vertical"))
    found = []
    for join in joins:
        ends = [(name, dies[name]) for name in _names(join, places, taken) if name in dies]
        if len(ends) == 2:
            link = (network.link_vertical or network.link) if join.axis == 1 else network.link
            found += _facing(ends, join, link, network.parallel_links)
    return found


def _names(join: Join, places: list[Coordinate], taken: Mapping[Coordinate, str]) -> list[str]:
    return [taken[at] for at in (places[join.a], places[join.b]) if at in taken]


def _facing(ends: list[tuple[str, Die]], join: Join, link: LinkSpec, count: int) -> list[Crossing]:
    """Return parallel links from the upper edge of the first die to the lower of the second."""
    (a, die_a), (b, die_b) = ends
    routers_a = spread(die_a.edge(join.axis, upper=True), count)
    routers_b = spread(die_b.edge(join.axis, upper=False), count)
    return [
        Crossing((a, router_a), (b, router_b), join.axis, join.wraps, link)
        for router_a, router_b in zip(routers_a, routers_b, strict=True)
    ]


def _explicit(
    spec: PackageSpec,
    entry: DieToDieSpec,
    path: str,
    dies: Mapping[str, Die],
    problems: list[Problem],
) -> list[Crossing]:
    for end, name in enumerate(entry.between):
        if name not in spec.chiplets:
            known = ", ".join(spec.chiplets)
            message = f"no chiplet is called {name!r}; there are {known}"
            problems.append(Problem(message, f"{path}.between.{end}"))
    a, b = entry.between
    if a == b:
        message = "a die-to-die link must join two different chiplets"
        problems.append(Problem(message, f"{path}.between"))
    if entry.parallel_links > MAX_LINKS:
        problems.append(Problem("too many parallel links", f"{path}.parallel_links"))
    elif a != b and a in dies and b in dies:
        if entry.at is None:
            return _spread_between(spec, entry, dies)
        ends = [
            find_router(_index(dies[name]), at, f"{path}.at.{end}", problems)
            for end, (name, at) in enumerate(zip(entry.between, entry.at, strict=True))
        ]
        crossing = Crossing((a, ends[0]), (b, ends[1]), -1, wraps=False, link=entry.link)
        return [crossing] * entry.parallel_links
    return []


def _spread_between(
    spec: PackageSpec, entry: DieToDieSpec, dies: Mapping[str, Die]
) -> list[Crossing]:
    """Return links over the facing edges of neighbours, over all routers otherwise."""
    a, b = entry.between
    at_a, at_b = spec.chiplets[a].at or (), spec.chiplets[b].at or ()
    steps = [y - x for x, y in zip(at_a, at_b, strict=False)]
    axis = -1
    if sum(map(abs, steps)) == 1:
        axis = 0 if steps[0] else 1
        if steps[axis] < 0:
            a, b = b, a
    join = Join(0, 0, axis, wraps=False)
    return _facing([(a, dies[a]), (b, dies[b])], join, entry.link, entry.parallel_links)


def _index(die: Die) -> dict[Coordinate, int]:
    return {at: router for router, at in enumerate(die.places)}
