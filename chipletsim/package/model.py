"""The package as a graph: chiplets, routers, tiles, directed links, and routes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chipletsim.spec.package import LinkSpec, PackageSpec, RouterSpec
from chipletsim.tiles import TileParameters


@dataclass(frozen=True)
class Chiplet:
    """One die.

    Attributes:
        name: Name in the package file.
        type: Name of its chiplet type.
        at: Place in the package's network, or an empty tuple.
        static_power_w: Power of the die beyond its tiles, routers and links.
    """

    name: str
    type: str
    at: tuple[int, ...]
    static_power_w: float


@dataclass(frozen=True)
class Router:
    """A router: ``chiplet`` is an index, ``at`` its coordinates on the die."""

    name: str
    chiplet: int
    at: tuple[int, ...]
    spec: RouterSpec


@dataclass(frozen=True)
class Tile:
    """A tile: ``router`` is the index of the router it hangs on."""

    name: str
    kind: str
    chiplet: int
    router: int
    parameters: TileParameters


@dataclass(frozen=True)
class Link:
    """A directed link between two routers.

    Attributes:
        name: Such as ``west(3,0)>east(0,0)#1``.
        source: Index of the sending router.
        target: Index of the receiving router.
        between_dies: Whether it crosses a die boundary.
        wraps: Whether it closes a ring (torus and ring topologies).
        axis: 0 along x, 1 along y, -1 otherwise; orders the dimensions of a route.
        spec: Its costs.
    """

    name: str
    source: int
    target: int
    between_dies: bool
    wraps: bool
    axis: int
    spec: LinkSpec


@dataclass(frozen=True)
class Package:
    """A built package.

    Attributes:
        spec: The validated file it was built from, every die of a grid an entry of its own.
        chiplets: Dies, in file order.
        routers: Routers, die by die.
        tiles: Tiles, die by die.
        links: Directed links; both directions of an edge are adjacent.
        incoming_link: int32 [routers, routers]; ``[s, v]`` is the link by which a
            packet from router s arrives at v, -1 for v = s. For each s these links
            form a tree, so unicast routes and multicast trees follow from it.
    """

    spec: PackageSpec
    chiplets: tuple[Chiplet, ...]
    routers: tuple[Router, ...]
    tiles: tuple[Tile, ...]
    links: tuple[Link, ...]
    incoming_link: np.ndarray

    def __repr__(self) -> str:
        between = sum(link.between_dies for link in self.links)
        return (
            f"Package({self.name!r}: {len(self.chiplets):,} dies, {len(self.tiles):,} tiles, "
            f"{len(self.routers):,} routers, {len(self.links):,} links, {between:,} between dies)"
        )

    @property
    def name(self) -> str:
        """Name of the package."""
        return self.spec.name

    @cached_property
    def link_source(self) -> np.ndarray:
        """int64 [links]: sending router of each link."""
        return np.array([link.source for link in self.links], np.int64)

    @cached_property
    def link_target(self) -> np.ndarray:
        """int64 [links]: receiving router of each link."""
        return np.array([link.target for link in self.links], np.int64)

    @cached_property
    def tile_router(self) -> np.ndarray:
        """int64 [tiles]: router of each tile."""
        return np.array([tile.router for tile in self.tiles], np.int64)

    def route(self, source: int, target: int) -> list[int]:
        """Return the links from router ``source`` to router ``target``, in order."""
        links: list[int] = []
        while target != source:
            link = int(self.incoming_link[source, target])
            links.append(link)
            target = self.links[link].source
        return links[::-1]
