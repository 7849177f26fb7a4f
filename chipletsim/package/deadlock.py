"""Deadlock: no cycle may exist among the channels that routes hold and wait for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from chipletsim.errors import ConfigError, Problem
from chipletsim.package.model import Package
from chipletsim.package.trees import carries, parents, path_sums

_CHUNK_ENTRIES = 1 << 22
_CYCLES_TRIED = 64


def check_deadlock(package: Package) -> None:
    """Check that the routes between routers with tiles cannot deadlock.

    A packet that holds a channel (a link and a virtual channel of it) and waits for
    the next one makes the second depend on the first. Routing is free of deadlock if
    these dependencies have no cycle (W. J. Dally and C. L. Seitz, "Deadlock-free
    message routing in multiprocessor interconnection networks", IEEE Trans. Computers
    36(5), 1987). A packet starts in virtual channel 0 and moves up one, to the last at
    most, on entering a die-to-die or wrap-around link. Copies of a multicast packet
    are taken to be buffered whole where they part, so a tree adds no dependency to those
    of its routes. Tiles are taken to accept whatever arrives, whether or not what they
    send gets away, so a request for weights never waits for an answer.

    Raises:
        ConfigError: There is a cycle; it names the links and how many virtual
            channels would do.
    """
    hops = _hops(package)
    cycle = hops.cycle(package.spec.virtual_channels)
    if cycle:
        raise ConfigError([Problem(_explanation(hops, cycle), "virtual_channels")])


def _hops(package: Package) -> _Hops:
    """Return the hops of a package, collected once: building it checks them, timing needs them."""
    kept = package.__dict__
    if "_hop_pairs" not in kept:
        kept["_hop_pairs"] = _unique_rows(np.concatenate(list(_collect(package))))
    return _Hops(package, kept["_hop_pairs"])


class _Hops:
    """Every pair of links that follow one another on a route, and their die crossings.

    Args:
        package: The package.
        pairs: int64 [pairs, 4]: two links, and the crossings made on entering each.
    """

    def __init__(self, package: Package, pairs: np.ndarray) -> None:
        self.package, self.pairs = package, pairs

    @property
    def most_crossings(self) -> int:
        """Most die-to-die and wrap-around links on a route."""
        return int(self.pairs[:, 2:].max(initial=0))

    def dependencies(self, channels: int) -> np.ndarray:
        """Return int64 [dependencies, 2]: channels held and waited for."""
        first, second, before, after = self.pairs.T
        top = channels - 1
        held = first * channels + np.minimum(before, top)
        wanted = second * channels + np.minimum(after, top)
        return np.stack([held, wanted], axis=1)

    def cycle(self, channels: int) -> list[str]:
        """Return the names of links that wait for one another in a cycle, or none."""
        links = self.package.links
        found = find_cycle(self.dependencies(channels), len(links) * channels)
        return [links[channel // channels].name for channel in found]


def _collect(package: Package) -> Iterator[np.ndarray]:
    """Yield int64 [pairs, 4]: two links, and the crossings made on entering each."""
    links = package.links
    climbs = np.array([link.between_dies or link.wraps for link in links], np.int64)
    with_tiles = np.unique(package.tile_router)
    yield np.zeros((0, 4), np.int64)
    size = max(1, _CHUNK_ENTRIES // len(package.routers))
    for start in range(0, len(with_tiles) if links else 0, size):
        sources = with_tiles[start : start + size]
        crossed = path_sums(package, sources, climbs)
        before = parents(package, sources)
        used = carries(package, sources, with_tiles) & (before != sources[:, None])
        row, router = np.nonzero(used)
        previous = before[row, router]
        incoming = package.incoming_link[sources].astype(np.int64)
        pairs = np.stack(
            [
                incoming[row, previous],
                incoming[row, router],
                crossed[row, previous],
                crossed[row, router],
            ],
            axis=1,
        )
        yield _unique_rows(pairs)


def _unique_rows(pairs: np.ndarray) -> np.ndarray:
    """Return the distinct rows; as one integer each, which sorts far faster."""
    base = int(pairs.max(initial=0)) + 1
    if base**4 >= 2**63:
        return np.unique(pairs, axis=0)
    keys = np.unique(pairs @ np.array([base**3, base**2, base, 1], np.int64))
    return np.stack([keys // base**power % base for power in (3, 2, 1, 0)], axis=1)


def find_cycle(dependencies: np.ndarray, channels: int) -> list[int]:
    """Return the channels of a short cycle in order, or an empty list.

    Args:
        dependencies: int [dependencies, 2], channel held and channel waited for.
        channels: Number of channels.
    """
    held, wanted = dependencies.T
    ones = np.ones(len(held), np.int8)
    graph = csr_array((ones, (held, wanted)), shape=(channels, channels))
    _, part = connected_components(graph, directed=True, connection="strong")
    inside = part[held] == part[wanted]
    if not inside.any():
        return []
    closing = dependencies[inside][:_CYCLES_TRIED]
    return min((_way(graph, int(goal), int(start)) for goal, start in closing), key=len)


def _way(graph: csr_array, goal: int, start: int) -> list[int]:
    """Return the shortest way from ``start`` to ``goal``, both included."""
    _, before = breadth_first_order(graph, start)
    way = [goal]
    while way[-1] != start:
        way.append(int(before[way[-1]]))
    return way[::-1]


def _explanation(hops: _Hops, cycle: list[str]) -> str:
    """Return what can deadlock, and how many virtual channels would do, if any.

    Some cycles may go away with more channels and others not; one that stays is named.
    """
    first, given = cycle, hops.package.spec.virtual_channels
    for channels in range(given + 1, hops.most_crossings + 2):
        left = hops.cycle(channels)
        if not left:
            remedy = f"{channels} virtual channels would do, there are {given}"
            return f"routes can deadlock on {' > '.join(first)}; {remedy}"
        cycle = left
    return (
        f"routes can deadlock on {' > '.join(cycle)}; no number of virtual channels helps, as "
        "the cycle crosses no die boundary and no wrap-around link; use a mesh, a tree or fewer "
        "edges"
    )


def channel_classes(package: Package) -> int:
    """Return how many classes of virtual channels the routes of a built package need.

    Packets start in the first, and move up one, to the last at most, on entering a die-to-die or
    wrap-around link; so many classes are free of deadlock.
    """
    hops = _hops(package)
    most = package.spec.virtual_channels
    return next((count for count in range(1, most) if not hops.cycle(count)), most)
