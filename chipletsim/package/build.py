"""From a package file to a package: all faults at once, then routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from chipletsim.errors import ConfigError, Problem
from chipletsim.package.deadlock import check_deadlock
from chipletsim.package.die import MAX_LINKS, MAX_ROUTERS, Die, lay_out
from chipletsim.package.die_to_die import Crossing, crossings
from chipletsim.package.grids import with_dies_named
from chipletsim.package.model import Chiplet, Link, Package, Router, Tile
from chipletsim.package.routing import route_all
from chipletsim.spec.package import PackageSpec


def build_package(spec: PackageSpec) -> Package:
    """Return the package that a specification describes, with its routes.

    Args:
        spec: The package file.

    Raises:
        ConfigError: All faults of the file at once, each with its dotted path; or
            routes that are missing or could deadlock.
    """
    problems: list[Problem] = []
    spec = with_dies_named(spec, problems)
    dies = _dies(spec, problems)
    joined = crossings(spec, dies, problems)
    _check_size(dies, joined, problems)
    if problems:
        raise ConfigError(problems)
    routers = _routers(dies)
    first = _first_routers(dies)
    links = _links(dies, first, joined, routers)
    tiles = _tiles(dies, first, routers)
    chiplets = tuple(
        Chiplet(name, chiplet.type, chiplet.at or (), dies[name].spec.static_power_w)
        for name, chiplet in spec.chiplets.items()
    )
    incoming_link = route_all(chiplets, routers, links, tiles)
    package = Package(spec, chiplets, routers, tiles, links, incoming_link)
    check_deadlock(package)
    return package


def _dies(spec: PackageSpec, problems: list[Problem]) -> dict[str, Die]:
    """Return the die of each chiplet, in file order; those with faults are left out."""
    types = {name: lay_out(name, kind, problems) for name, kind in spec.chiplet_types.items()}
    dies = {}
    for name, chiplet in spec.chiplets.items():
        die = types.get(chiplet.type)
        if chiplet.type not in types:
            near = get_close_matches(chiplet.type, types, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(types)}"
            message = f"no chiplet type is called {chiplet.type!r}; {hint}"
            problems.append(Problem(message, f"chiplets.{name}.type"))
        elif die is not None:
            dies[name] = die
    if not problems and not any(die.tiles for die in dies.values()):
        problems.append(Problem("the package has no tiles", "chiplets"))
    return dies


def _check_size(dies: Mapping[str, Die], joined: list[Crossing], problems: list[Problem]) -> None:
    routers = sum(len(die.places) for die in dies.values())
    links = 2 * (len(joined) + sum(len(die.joins) for die in dies.values()))
    for what, count, most in (("routers", routers, MAX_ROUTERS), ("links", links, MAX_LINKS)):
        if count > most:
            message = f"{count:,} {what} in all are more than the {most:,} supported"
            problems.append(Problem(message, "chiplets"))


def _first_routers(dies: Mapping[str, Die]) -> dict[str, int]:
    first, total = {}, 0
    for name, die in dies.items():
        first[name] = total
        total += len(die.places)
    return first


def _routers(dies: Mapping[str, Die]) -> tuple[Router, ...]:
    return tuple(
        Router(f"{name}({','.join(map(str, at))})", number, at, die.spec.network.router)
        for number, (name, die) in enumerate(dies.items())
        for at in die.places
    )


def _tiles(
    dies: Mapping[str, Die], first: Mapping[str, int], routers: tuple[Router, ...]
) -> tuple[Tile, ...]:
    return tuple(
        Tile(
            name=f"{routers[first[name] + router].name}.{label}",
            kind=parameters.kind,
            chiplet=number,
            router=first[name] + router,
            parameters=parameters,
        )
        for number, (name, die) in enumerate(dies.items())
        for router, label, parameters in die.tiles
    )


def _links(
    dies: Mapping[str, Die],
    first: Mapping[str, int],
    joined: list[Crossing],
    routers: tuple[Router, ...],
) -> tuple[Link, ...]:
    """Return all directed links: those of the dies, die by die, then those between dies."""
    edges = [
        Crossing((name, join.a), (name, join.b), join.axis, join.wraps, link)
        for name, die in dies.items()
        for join, link in zip(die.joins, die.join_links, strict=True)
    ]
    links = []
    for edge in edges + joined:
        ends = [first[name] + router for name, router in (edge.a, edge.b)]
        links += [
            Link(
                name=f"{routers[source].name}>{routers[target].name}",
                source=source,
                target=target,
                between_dies=edge.a[0] != edge.b[0],
                wraps=edge.wraps,
                axis=edge.axis,
                spec=edge.link,
            )
            for source, target in (ends, ends[::-1])
        ]
    return _unique(links)


def _unique(links: list[Link]) -> tuple[Link, ...]:
    """Return the links, parallel ones numbered in their names."""
    times = Counter(link.name for link in links)
    seen: Counter[str] = Counter()
    named = []
    for link in links:
        number = seen[link.name]
        seen[link.name] += 1
        several = times[link.name] > 1
        named.append(replace(link, name=f"{link.name}#{number}") if several else link)
    return tuple(named)
