"""The order of dies and tiles in which neighbours are near: a snake over their places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chipletsim.errors import InfeasibleError, Shortfall
from chipletsim.package.model import Package


def snake(places: Sequence[tuple[int, ...]]) -> list[int]:
    """Return the indices of places row by row, every other row backwards.

    Places without coordinates, or of different dimensions, keep their order.

    Example:
        >>> snake([(0, 0), (1, 0), (0, 1), (1, 1)])
        [0, 1, 3, 2]
    """
    if any(len(at) != 2 for at in places):
        return list(range(len(places)))
    rows = {y: number for number, y in enumerate(sorted({at[1] for at in places}))}

    def place(index: int) -> tuple[int, int]:
        x, y = places[index]
        return rows[y], -x if rows[y] % 2 else x

    return sorted(range(len(places)), key=place)


def compute_dies(package: Package) -> list[np.ndarray]:
    """Return int64 indices of the compute tiles of each die that has some, snake by snake.

    Raises:
        InfeasibleError: No tile of the package computes.
    """
    members: dict[int, list[int]] = {}
    for number, tile in enumerate(package.tiles):
        if tile.parameters.computes:
            members.setdefault(tile.chiplet, []).append(number)
    if not members:
        remedy = "add a tile of kind npu, neurocore or crossbar"
        raise InfeasibleError([Shortfall("tiles that compute", 1, 0, "tiles", remedy)])
    dies = list(members)
    return [
        _along(package, members[dies[number]])
        for number in snake([package.chiplets[die].at for die in dies])
    ]


def _along(package: Package, tiles: list[int]) -> np.ndarray:
    order = snake([package.routers[package.tiles[tile].router].at for tile in tiles])
    return np.array([tiles[number] for number in order], np.int64)
