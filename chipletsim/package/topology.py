"""Topologies: which places there are, and which of them are joined.

To add a topology, write a function from ``(shape, edges)`` to a list of `Join`,
put it into ``TOPOLOGIES``, and add its name to ``chipletsim.spec.package.TopologyName``.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import prod
from typing import NamedTuple

Coordinate = tuple[int, ...]
Shape = tuple[int, ...]


class Join(NamedTuple):
    """Two joined places.

    Attributes:
        a: Index of a place.
        b: Index of the other; along an axis, the next one upwards, and the first
            one after the last where the join wraps around.
        axis: 0 along x, 1 along y, -1 otherwise.
        wraps: Whether it closes a ring.
    """

    a: int
    b: int
    axis: int
    wraps: bool


Edges = list[tuple[int, int]]
Topology = Callable[[Shape, Edges], list[Join]]


def coordinates(shape: Shape) -> list[Coordinate]:
    """Return the coordinates of all places in order of index, x fastest.

    Example:
        >>> coordinates((2, 2))
        [(0, 0), (1, 0), (0, 1), (1, 1)]
        >>> coordinates((3,))
        [(0,), (1,), (2,)]
    """
    if len(shape) == 1:
        return [(x,) for x in range(shape[0])]
    return [(x, y) for y in range(shape[1]) for x in range(shape[0])]


def mesh(shape: Shape, edges: Edges) -> list[Join]:
    """Return the joins of a line or a grid: neighbours along x and y.

    Example:
        >>> [(j.a, j.b, j.axis) for j in mesh((2, 2), [])]
        [(0, 1, 0), (0, 2, 1), (1, 3, 1), (2, 3, 0)]
    """
    return [join for join in torus(shape, edges) if not join.wraps]


def torus(shape: Shape, edges: Edges) -> list[Join]:
    """Return the joins of a grid whose rows and columns of three or more are rings."""
    del edges
    joins = []
    for index, at in enumerate(coordinates(shape)):
        for axis, length in enumerate(shape):
            stride = prod(shape[:axis])
            if at[axis] + 1 < length:
                joins.append(Join(index, index + stride, axis, wraps=False))
            elif length > 2:
                joins.append(Join(index, index - at[axis] * stride, axis, wraps=True))
    return joins


def ring(shape: Shape, edges: Edges) -> list[Join]:
    """Return the joins of a ring; the one from the last place to the first wraps."""
    del edges
    count = shape[0]
    joins = [Join(i, i + 1, -1, wraps=False) for i in range(count - 1)]
    return joins + [Join(count - 1, 0, -1, wraps=True)] * (count > 2)


def star(shape: Shape, edges: Edges) -> list[Join]:
    """Return the joins of a star around place 0."""
    del edges
    return [Join(0, i, -1, wraps=False) for i in range(1, shape[0])]


def crossbar(shape: Shape, edges: Edges) -> list[Join]:
    """Return the joins of every place with every other one."""
    del edges
    return [Join(a, b, -1, wraps=False) for a, b in combinations(range(shape[0]), 2)]


def explicit(shape: Shape, edges: Edges) -> list[Join]:
    """Return the joins listed by the user."""
    del shape
    return [Join(a, b, -1, wraps=False) for a, b in edges]


TOPOLOGIES: dict[str, Topology] = {
    "mesh": mesh,
    "torus": torus,
    "ring": ring,
    "star": star,
    "crossbar": crossbar,
    "edges": explicit,
}
GRIDS = ("mesh", "torus")


def joins_of(topology: str, shape: Shape) -> int:
    """Return how many joins a topology has at most, without making them."""
    places = prod(shape)
    return places * (places - 1) // 2 if topology == "crossbar" else 2 * places


def shape_fault(topology: str, shape: Shape) -> str | None:
    """Return what is wrong with a shape for a topology, or None."""
    if not shape or min(shape) < 1:
        return "every length must be at least 1"
    planar = topology in (*GRIDS, "edges")
    if len(shape) > (2 if planar else 1):
        expected = "one or two lengths, along x and y" if planar else "one length"
        return f"topology {topology} takes {expected}, got {list(shape)}"
    return None
