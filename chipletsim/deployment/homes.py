"""Which memory tiles hold what does not fit on the tiles that compute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.errors import InfeasibleError, Shortfall
from chipletsim.package.model import Package
from chipletsim.package.trees import path_sums


@dataclass(frozen=True, eq=False)
class Homes:
    """Which memory tiles hold what does not fit; a tile may have several.

    Attributes:
        tile: int64 [homes], sorted.
        memory: int64 [homes], tile of kind memory.
        share: float64 [homes], of what does not fit on the tile.
    """

    tile: np.ndarray
    memory: np.ndarray
    share: np.ndarray


def find_homes(package: Package, beyond: np.ndarray) -> Homes:
    """Deal what does not fit to memory tiles, the nearest that have room.

    In a first round a memory takes at most its even part of all bits, by its size, so that
    memories are about equally busy; what is left over then goes wherever there is room.

    Args:
        package: The package.
        beyond: int64 [tiles], bits that do not fit on each tile.

    Raises:
        InfeasibleError: All memory tiles together are too small, or there are none.
    """
    memories = np.array([i for i, t in enumerate(package.tiles) if t.kind == "memory"], np.int64)
    sizes = [package.tiles[memory].parameters.synaptic_memory_bits for memory in memories]
    demand, bound = int(beyond.sum()), sum(sizes)
    if demand > bound:
        what = "memory tiles for what does not fit on the tiles that compute"
        remedy = "add memory tiles or larger ones, take more dies, or fewer weight_bits"
        raise InfeasibleError([Shortfall(what, demand, bound, "bit", remedy)])
    if not demand:
        empty = np.zeros(0, np.int64)
        return Homes(empty, empty, np.zeros(0))
    routers, ones = package.tile_router, np.ones(len(package.links), np.int64)
    hops = path_sums(package, routers[memories], ones)[:, routers]
    needs = {tile: int(beyond[tile]) for tile in np.flatnonzero(beyond).tolist()}
    even = [-(-demand * size // bound) for size in sizes]
    rest = [size - part for size, part in zip(sizes, even, strict=True)]
    found = _pour(needs, even, hops)
    found += _pour(needs, [a + b for a, b in zip(rest, even, strict=True)], hops)
    tile, number, taken = np.array(sorted(found), np.int64).T
    return Homes(tile, memories[number], taken / beyond[tile])


def _pour(needs: dict[int, int], room: list[int], hops: np.ndarray) -> list[tuple[int, int, int]]:
    """Fill memories tile by tile, the nearest first; take what was placed off both.

    Args:
        needs: Tile to bits that are still to be placed.
        room: Bits left in each memory.
        hops: int [memories, tiles].

    Returns:
        Tile, number of a memory, and bits placed there.
    """
    found = []
    for tile, bits in needs.items():
        left = bits
        for number in np.argsort(hops[:, tile], kind="stable").tolist():
            taken = min(left, room[number])
            if taken:
                found.append((tile, number, taken))
                room[number] -= taken
                left -= taken
        needs[tile] = left
    return found
