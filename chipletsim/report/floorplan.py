"""Where dies and routers stand in a drawing of the package."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chipletsim.package.model import Package

_GAP = 1.4
_MARGIN = 0.75
_TITLE = 0.5


@dataclass(frozen=True)
class Floorplan:
    """Positions in a drawing, in units of the distance between two routers.

    Attributes:
        routers: float [routers, 2], x and y.
        dies: float [chiplets, 4], left, bottom, width and height.
    """

    routers: np.ndarray
    dies: np.ndarray

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of the whole drawing."""
        corner = self.dies[:, :2] + self.dies[:, 2:]
        low = self.dies[:, :2].min(axis=0)
        width, height = corner.max(axis=0) - low
        return float(width), float(height)


def floorplan(package: Package) -> Floorplan:
    """Return positions that follow the coordinates of dies and routers.

    Routers of a die without coordinates in a plane (ring, star, crossbar) stand on a
    circle, dies without a place in the package in rows.
    """
    members = [
        [i for i, router in enumerate(package.routers) if router.chiplet == number]
        for number in range(len(package.chiplets))
    ]
    local = [_on_die(package, routers) for routers in members]
    sizes = np.array([points.max(axis=0) + 2 * _MARGIN + (0, _TITLE) for points in local])
    pitch = sizes.max(axis=0) + _GAP
    cells = _cells(package)
    # A smaller die stands in the middle of its cell.
    corners = cells * pitch + (pitch - sizes) / 2
    routers = np.zeros((len(package.routers), 2))
    for number, own in enumerate(members):
        routers[own] = corners[number] + _MARGIN + local[number]
    return Floorplan(routers, np.hstack([corners, sizes]))


def _on_die(package: Package, routers: list[int]) -> np.ndarray:
    """Return float [routers, 2], the least coordinate 0 along both axes."""
    places = [package.routers[i].at for i in routers]
    planar = all(len(at) == 2 for at in places)
    points = np.array(places, float) if planar else _circle(len(places))
    return points - points.min(axis=0)


def _circle(count: int) -> np.ndarray:
    """Return points one apart along a circle; a single point where there is one."""
    radius = 0.0 if count == 1 else 0.5 / math.sin(math.pi / max(count, 2))
    angles = math.pi / 2 - 2 * math.pi * np.arange(count) / count
    return radius * np.column_stack([np.cos(angles), np.sin(angles)])


def _cells(package: Package) -> np.ndarray:
    """Return float [chiplets, 2]: the cell of each die in a grid."""
    places = [chiplet.at for chiplet in package.chiplets]
    if all(places) and len(set(places)) == len(places):
        return np.array([(*at, 0)[:2] for at in places], float)
    columns = math.ceil(math.sqrt(len(places)))
    return np.array([(i % columns, i // columns) for i in range(len(places))], float)
