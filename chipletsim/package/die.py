"""One chiplet type laid out: its routers, their links, and where its tiles hang."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod

from chipletsim.errors import Problem
from chipletsim.package.topology import (
    GRIDS,
    TOPOLOGIES,
    Coordinate,
    Join,
    coordinates,
    joins_of,
    shape_fault,
)
from chipletsim.spec.package import ChipletTypeSpec, LinkSpec, OnChipNetworkSpec
from chipletsim.tiles import PipelineCore, TileParameters

MAX_ROUTERS = 8192
MAX_LINKS = 1 << 18


@dataclass(frozen=True)
class Die:
    """A chiplet type as a graph, its routers numbered from 0.

    Attributes:
        spec: What it was made from.
        places: Coordinates of each router.
        joins: Pairs of joined routers.
        join_links: Costs of each join, of either direction.
        tiles: (router, name, parameters) of each tile, router by router.
    """

    spec: ChipletTypeSpec
    places: list[Coordinate]
    joins: list[Join]
    join_links: list[LinkSpec]
    tiles: list[tuple[int, str, TileParameters]]

    @property
    def is_grid(self) -> bool:
        """Whether its routers have places in a plane, and so edges that face others."""
        return self.spec.network.topology in GRIDS

    def edge(self, axis: int, upper: bool) -> list[int]:
        """Return the routers on one side: the last (upper) or first along ``axis``.

        All routers where the die is no grid or ``axis`` is -1.
        """
        if axis < 0 or not self.is_grid:
            return list(range(len(self.places)))
        along = [at[axis] if axis < len(at) else 0 for at in self.places]
        side = max(along) if upper else 0
        return [router for router, value in enumerate(along) if value == side]


def lay_out(name: str, spec: ChipletTypeSpec, problems: list[Problem]) -> Die | None:
    """Return the die of a chiplet type, or None where its faults leave nothing to build.

    Args:
        name: Name of the chiplet type.
        spec: The chiplet type.
        problems: Takes every fault found.
    """
    path = f"chiplet_types.{name}"
    if not _shape_is_right(spec.network, f"{path}.network", problems):
        return None
    places = coordinates(spec.network.shape)
    if spec.network.router.multicast and any(
        isinstance(placement.tile, PipelineCore) for placement in spec.tiles
    ):
        message = "pipeline cores send a message to each destination; give `multicast: false`"
        problems.append(Problem(message, f"{path}.network.router.multicast"))
    joins, links = _joins(spec.network, places, f"{path}.network", problems)
    tiles = _tiles(spec, places, f"{path}.tiles", problems)
    return Die(spec, places, joins, links, tiles)


def _shape_is_right(network: OnChipNetworkSpec, path: str, problems: list[Problem]) -> bool:
    fault = shape_fault(network.topology, network.shape)
    routers = prod(network.shape)
    if fault is None and routers > MAX_ROUTERS:
        fault = f"{routers:,} routers are more than the {MAX_ROUTERS:,} supported"
    if fault is None and 2 * joins_of(network.topology, network.shape) > MAX_LINKS:
        fault = f"topology {network.topology} of {routers:,} routers has too many links"
    if fault is not None:
        problems.append(Problem(fault, f"{path}.shape"))
    return fault is None


def _joins(
    network: OnChipNetworkSpec, places: list[Coordinate], path: str, problems: list[Problem]
) -> tuple[list[Join], list[LinkSpec]]:
    pairs = _edges(network, places, path, problems)
    joins = TOPOLOGIES[network.topology](network.shape, pairs)
    if network.link_vertical is not None and not any(join.axis == 1 for join in joins):
        problems.append(
            Problem(f"topology {network.topology} has no links along y", f"{path}.link_vertical")
        )
    if network.topology == "edges":
        return joins, [edge.link or network.link for edge in network.edges[: len(joins)]]
    vertical = network.link_vertical or network.link
    return joins, [vertical if join.axis == 1 else network.link for join in joins]


def _edges(
    network: OnChipNetworkSpec, places: list[Coordinate], path: str, problems: list[Problem]
) -> list[tuple[int, int]]:
    if network.topology != "edges" and network.edges:
        message = f"edges are for topology edges, not {network.topology}"
        problems.append(Problem(message, f"{path}.edges"))
        return []
    index = {at: router for router, at in enumerate(places)}
    pairs = []
    for number, edge in enumerate(network.edges):
        here = f"{path}.edges.{number}.between"
        a, b = (
            find_router(index, at, f"{here}.{end}", problems) for end, at in enumerate(edge.between)
        )
        if edge.between[0] == edge.between[1]:
            problems.append(Problem("an edge must join two different routers", here))
        pairs.append((a, b))
    return pairs


def find_router(
    index: dict[Coordinate, int], at: Coordinate, path: str, problems: list[Problem]
) -> int:
    """Return the router at some coordinates; 0, and a problem, where there is none."""
    if at not in index:
        last = max(index)
        message = f"no router at {list(at)}; coordinates go up to {list(last)}"
        problems.append(Problem(message, path))
    return index.get(at, 0)


def _tiles(
    spec: ChipletTypeSpec, places: list[Coordinate], path: str, problems: list[Problem]
) -> list[tuple[int, str, TileParameters]]:
    index = {at: router for router, at in enumerate(places)}
    named = _named_routers(spec, index, path, problems)
    rest = sorted(set(range(len(places))).difference(*named))
    found: list[tuple[int, str, TileParameters]] = []
    for number, placement in enumerate(spec.tiles):
        routers = named[number]
        if placement.at == "rest":
            routers = rest
            if not rest:
                message = "no router is left: the other entries name all of them"
                problems.append(Problem(message, f"{path}.{number}.at"))
        label = placement.name or placement.tile.kind
        found += [(r, label, placement.tile) for r in routers for _ in range(placement.per_router)]
    return _numbered(sorted(found, key=lambda tile: tile[0]))


def _named_routers(
    spec: ChipletTypeSpec, index: dict[Coordinate, int], path: str, problems: list[Problem]
) -> list[list[int]]:
    """Return the routers that each entry names; none for `rest`."""
    named: list[list[int]] = []
    rests = [number for number, placement in enumerate(spec.tiles) if placement.at == "rest"]
    if rests and len(spec.tiles) == 1:
        message = "`rest` needs another entry that names routers; write `all`"
        problems.append(Problem(message, f"{path}.{rests[0]}.at"))
    for number in rests[1:]:
        problems.append(Problem("only one entry can take the rest", f"{path}.{number}.at"))
    for number, placement in enumerate(spec.tiles):
        here = f"{path}.{number}.at"
        if placement.at == "rest":
            named.append([])
        elif placement.at == "all":
            named.append(list(index.values()))
        else:
            routers = [
                find_router(index, at, f"{here}.{i}", problems) for i, at in enumerate(placement.at)
            ]
            repeated = [list(at) for at, times in Counter(placement.at).items() if times > 1]
            if repeated:
                message = f"{repeated} stands here twice; `per_router` puts several tiles there"
                problems.append(Problem(message, here))
            named.append(routers)
    return named


def _numbered(
    tiles: list[tuple[int, str, TileParameters]],
) -> list[tuple[int, str, TileParameters]]:
    """Return the tiles with numbers in the names that a router has twice."""
    times = Counter((router, label) for router, label, _ in tiles)
    seen: Counter[tuple[int, str]] = Counter()
    numbered = []
    for router, label, parameters in tiles:
        key = (router, label)
        name = f"{label}{seen[key]}" if times[key] > 1 else label
        seen[key] += 1
        numbered.append((router, name, parameters))
    return numbered
