"""Sums along routes, for all pairs of routers at once."""

from __future__ import annotations

import numpy as np

from chipletsim.package.model import Package


def parents(package: Package, sources: np.ndarray) -> np.ndarray:
    """Return the router before each router on its route; a source is before itself.

    Args:
        package: The package.
        sources: int [sources], routers where routes start.

    Returns:
        int64 [sources, routers].
    """
    incoming = package.incoming_link[sources]
    before = np.append(package.link_source, 0)[incoming]
    return np.where(incoming < 0, np.asarray(sources)[:, None], before)


def path_sums(package: Package, sources: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sum of a value over the links of each route.

    Pointer doubling: after k rounds each entry holds the sum of its last 2^k links.

    Args:
        package: The package.
        sources: int [sources], routers where routes start.
        values: [links], such as ones (hops) or latencies in seconds.

    Returns:
        Array of ``values``' type [sources, routers]; 0 from a router to itself.
    """
    incoming = package.incoming_link[sources]
    total = np.append(values, values.dtype.type(0))[incoming]  # -1 finds the 0
    ancestor = parents(package, sources)
    root = np.asarray(sources)[:, None]
    while not np.array_equal(ancestor, np.broadcast_to(root, ancestor.shape)):
        total = total + np.take_along_axis(total, ancestor, axis=1)
        ancestor = np.take_along_axis(ancestor, ancestor, axis=1)
    return total


def carries(package: Package, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return which routers lie on a route from each source to any of the targets.

    Args:
        package: The package.
        sources: int [sources], routers where routes start.
        targets: int [targets], routers where routes end.

    Returns:
        bool [sources, routers], the ends of routes included.
    """
    before = parents(package, sources)
    if len(np.unique(targets)) == before.shape[1]:
        return np.ones(before.shape, bool)
    on_route = np.zeros(before.shape, bool)
    rows = np.arange(len(sources))[:, None]
    place = np.broadcast_to(targets, (len(sources), len(targets)))
    while not on_route[rows, place].all():
        on_route[rows, place] = True
        place = before[rows, place]
    return on_route
