"""Ways of packets through a package, one by one: slow, and plain to see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from chipletsim.noc.flit_network import ALL_CHANNELS
from chipletsim.noc.package_network import PackageNetwork
from chipletsim.package.model import Package


class Way(NamedTuple):
    """One packet of an event.

    Attributes:
        root: Its first stop.
        targets: Tiles to which it is delivered, in the order of its deliveries.
        routers: Routers on the way to each.
    """

    root: int
    targets: tuple[int, ...]
    routers: tuple[int, ...]


class Ways:
    """Finds the packets that an event takes to reach several tiles, and how they go.

    A router that can copy gets one packet of an event for all that is behind it, any other one for
    each tile, as in `chipletsim.package.multicast.multicast_copies`.

    Args:
        package: The package.
        network: It as routers and ports.
    """

    def __init__(self, package: Package, network: PackageNetwork) -> None:
        self._package = package
        self._port = network.network.router[:, 0]
        self._link_port, self._tile_port = network.link_port, network.tile_port
        self._channels = network.class_channels
        climbs = [link.between_dies or link.wraps for link in package.links]
        self._climbs = np.array(climbs, bool)
        self._stops: list[list[tuple[int, int, int]]] = []
        self._known: dict[tuple[int, tuple[int, ...]], tuple[Way, ...]] = {}

    @property
    def entry_channels(self) -> int:
        """Virtual channels that a tile may take, as bits."""
        return int(self._channels[0])

    def of(self, source: int, tiles: Sequence[int]) -> tuple[Way, ...]:
        """Return the packets of an event.

        Args:
            source: The tile that sends it, which is none of those that it is for.
            tiles: Tiles that it is for, each once.
        """
        router = self._package.tiles[source].router
        key = router, tuple(tiles)
        if key not in self._known:
            pending = [(tile, self._package.route(router, self._router(tile))) for tile in tiles]
            self._known[key] = tuple(self._copies(router, pending, 0, 0))
        return self._known[key]

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all stops so far: first branch of each, int64 [stops + 1], and the branches."""
        counts = [len(stop) for stop in self._stops]
        stop = np.concatenate([[0], np.cumsum(np.array(counts, np.int64))])
        branches = [branch for stop in self._stops for branch in stop]
        return stop, np.array(branches, np.int64).reshape(-1, 3)

    def _router(self, tile: int) -> int:
        return self._package.tiles[tile].router

    def _copies(
        self, router: int, pending: list[tuple[int, list[int]]], hops: int, level: int
    ) -> list[Way]:
        """Return the packets that enter a router for tiles at it and behind it.

        Args:
            router: The router.
            pending: Tiles, and the links on the route to each.
            hops: Links passed.
            level: Class of virtual channels.
        """
        here = [tile for tile, route in pending if len(route) == hops]
        behind: dict[int, list[tuple[int, list[int]]]] = {}
        for tile, route in pending:
            if len(route) > hops:
                behind.setdefault(route[hops], []).append((tile, route))
        outputs = [(int(self._tile_port[tile]), Way(-1, (tile,), (hops + 1,))) for tile in here]
        channels = [ALL_CHANNELS] * len(here)
        for link, those in behind.items():
            above = min(level + int(self._climbs[link]), len(self._channels) - 1)
            target = self._package.links[link].target
            for way in self._copies(target, those, hops + 1, above):
                outputs.append((int(self._link_port[link]), way))
                channels.append(int(self._channels[above]))
        first = int(self._port[router])
        rows = [
            (port - first, way, mask) for (port, way), mask in zip(outputs, channels, strict=True)
        ]
        if self._package.routers[router].spec.multicast:
            return [self._stop(rows)]
        return [self._stop([row]) for row in rows]

    def _stop(self, rows: list[tuple[int, Way, int]]) -> Way:
        """Add a stop with branches to nodes and to further stops."""
        rows = sorted(rows, key=lambda row: row[0])
        deliveries = 0
        branches = []
        renumbered: list[Way] = []
        for port, way, mask in rows:
            if way.root < 0:
                branches.append((port, -1 - deliveries, mask))
            else:
                branches.append((port, self._shifted(way.root, deliveries), mask))
            deliveries += len(way.targets)
            renumbered.append(way)
        self._stops.append(branches)
        targets = tuple(tile for way in renumbered for tile in way.targets)
        routers = tuple(count for way in renumbered for count in way.routers)
        return Way(len(self._stops) - 1, targets, routers)

    def _shifted(self, stop: int, by: int) -> int:
        """Raise the numbers of the deliveries behind a stop, which is on no other way yet."""
        if by:
            for number, (port, following, mask) in enumerate(self._stops[stop]):
                changed = following - by if following < 0 else self._shifted(following, by)
                self._stops[stop][number] = (port, changed, mask)
        return stop
