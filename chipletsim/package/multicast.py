"""Copies of packets on their way down the tree of a source router."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse, vstack

from chipletsim.package.model import Package
from chipletsim.package.trees import parents

_CHUNK_ENTRIES = 1 << 22


class Levels(NamedTuple):
    """The tree of a source router, sorted by distance in hops.

    Attributes:
        routers: int64 [routers], by level and within a level by parent; the source first.
        parents: int64 [routers], router before each of ``routers``.
        bounds: int64 [levels + 1], where each level starts in ``routers``.
    """

    routers: np.ndarray
    parents: np.ndarray
    bounds: np.ndarray


def tree_levels(package: Package, source: int) -> Levels:
    """Return the tree of a source router, level by level."""
    before = parents(package, np.array([source]))[0]
    depth = np.zeros(len(before), np.int64)
    place = np.arange(len(before))
    while (away := place != source).any():
        depth += away
        place = before[place]
    order = np.lexsort((before, depth))
    bounds = np.searchsorted(depth[order], np.arange(depth.max() + 2))
    return Levels(order, before[order], bounds)


def multicast_copies(
    package: Package, source_router: int, deliveries: Any
) -> tuple[csr_array, csr_array]:
    """Return the copies of a packet that pass each link and enter each router.

    A router that can multicast gets one copy of a packet needed at it or below it; any
    other gets as many as are needed there: its local deliveries plus the copies that
    its children in the tree get. The same rule at the source router gives the copies
    that the sending tile injects.

    Args:
        package: The package.
        source_router: Router of the sending tile.
        deliveries: int [classes, routers], dense or sparse: tiles at each router that a
            class sends to, the sending tile itself left out.

    Returns:
        Copies on links, int64 [classes, links], and copies that enter routers, from
        links or from the sending tile, int64 [classes, routers].
    """
    tree = tree_levels(package, source_router)
    multicast = np.array([router.spec.multicast for router in package.routers])
    rows = max(1, _CHUNK_ENTRIES // len(package.routers))
    parts = []
    for start in range(0, deliveries.shape[0], rows):
        part = deliveries[start : start + rows]
        dense = part.toarray() if issparse(part) else np.asarray(part)
        copies = _copies(tree, multicast, np.array(dense.T, np.int64, order="C"))
        parts.append(csr_array(copies.T))
    empty = csr_array((0, len(package.routers)), dtype=np.int64)
    entering = csr_array(vstack(parts, format="csr")) if parts else empty
    return _on_links(package, source_router, entering), entering


def _copies(tree: Levels, multicast: np.ndarray, need: np.ndarray) -> np.ndarray:
    """Turn deliveries, int64 [routers, classes], into copies that enter, from leaves to root."""
    for level in range(len(tree.bounds) - 2, -1, -1):
        span = slice(tree.bounds[level], tree.bounds[level + 1])
        routers, before = tree.routers[span], tree.parents[span]
        below = need[routers]
        copies = np.where(multicast[routers, None], np.minimum(below, 1), below)
        need[routers] = copies
        if level:
            first = np.flatnonzero(np.r_[True, before[1:] != before[:-1]])
            need[before[first]] += np.add.reduceat(copies, first, axis=0)
    return need


def _on_links(package: Package, source: int, entering: csr_array) -> csr_array:
    """Return copies by link: a link carries what enters the router it leads to."""
    link = package.incoming_link[source][entering.indices]
    keep = link >= 0
    kept = np.concatenate([[0], np.cumsum(keep)])
    return csr_array(
        (entering.data[keep], link[keep], kept[entering.indptr]),
        shape=(entering.shape[0], len(package.links)),
    )
