"""Ports of the routers of a package: of tiles, links, and ends of links that encode."""

from __future__ import annotations

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.noc.flit_network import MAX_PORTS
from chipletsim.package.model import Package


class Ports:
    """Numbers of ports.

    Args:
        package: The package.

    Attributes:
        own: int64 [routers], ports of each.
        count: All ports.
        first: int64 [routers], first port of each.
        tile: int64 [tiles].
        link: int64 [links].
        reverse: int64 [links], the link back.
        encoded: int64 [links that encode], these links.
        end: int64 [links that encode, 2], of the end that writes, and of that which reads.
        end_router: int64 [links that encode, 2], where these are.

    Raises:
        ConfigError: A router has too many ports.
    """

    def __init__(self, package: Package) -> None:
        routers = len(package.routers)
        tiles = np.bincount(package.tile_router, minlength=routers)
        leaving = np.bincount(package.link_source, minlength=routers)
        encodes = [bool(link.spec.encoding) for link in package.links]
        self.encoded = np.flatnonzero(np.array(encodes, bool))
        ends = package.link_source[self.encoded], package.link_target[self.encoded]
        self.end_router = np.stack(ends, axis=1).astype(np.int64)
        at = self.end_router.reshape(-1)
        self.own = tiles + leaving + np.bincount(at, minlength=routers)
        if self.own.max(initial=0) > MAX_PORTS:
            router = package.routers[int(self.own.argmax())]
            message = (
                f"router {router.name} has {self.own.max():,} ports, timing `queue` and `cycle` "
                f"take {MAX_PORTS:,} at most; use `bound`"
            )
            raise ConfigError([Problem(message, "timing")])
        self.count = int(self.own.sum())
        self.first = np.cumsum(self.own) - self.own
        self.tile = self.first[package.tile_router] + _rank(package.tile_router)
        self.link = (self.first + tiles)[package.link_source] + _rank(package.link_source)
        self.end = ((self.first + tiles + leaving)[at] + _rank(at)).reshape(-1, 2)
        # Both directions of an edge are adjacent.
        self.reverse = np.arange(len(package.links)) ^ 1


def end_nodes(
    ports: Ports, cycle: np.ndarray, buffers: np.ndarray, port: np.ndarray, intervals: np.ndarray
) -> np.ndarray:
    """Fill in the ports of the ends of links that encode, and return their nodes.

    They are as near to their routers as can be, and hold any number of packets.

    Args:
        ports: Numbers of ports.
        cycle: int64 [routers], ticks of each.
        buffers: int64 [routers], flits of a virtual channel of an input.
        port: int64 [ports, 5], of which those of ends are filled in.
        intervals: int64 [ports, kinds], likewise.

    Returns:
        int64 [ends, 5], see `FlitNetwork.node`.
    """
    at, router = ports.end.reshape(-1), ports.end_router.reshape(-1)
    own = cycle[router]
    port[at, 0] = -1 - ports.tile.size - np.arange(at.size)
    port[at, 1:4] = own[:, None]
    intervals[at] = own[:, None]
    return np.stack([at, buffers[router], np.zeros_like(at), own, own], axis=1)


def node_names(package: Package) -> list[str]:
    """Return the names of the nodes of a package, see `PackageNetwork`."""
    encoded = [link.name for link in package.links if link.spec.encoding]
    ends = [f"link {name}, {end}" for name in encoded for end in ("encoder", "decoder")]
    return [tile.name for tile in package.tiles] + ends


def _rank(group: np.ndarray) -> np.ndarray:
    """Return int64: how many of its own group stand before each."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    first = np.searchsorted(ordered, ordered)
    rank = np.empty(group.size, np.int64)
    rank[order] = np.arange(group.size) - first
    return rank
