"""Every float of a package that a price depends on, as one pytree of float64 arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from chipletsim.package.model import Package
from chipletsim.spec.package import LinkSpec


class LinkConstants(NamedTuple):
    """Numbers of the links, each float64 [links].

    Where a link sends broken frames again, its bandwidth, latency and energy per bit are those
    expected with retransmissions.
    """

    bandwidth_bit_per_s: Any
    latency_s: Any
    energy_j_per_bit: Any
    energy_j_per_packet: Any
    static_power_w: Any


class RouterConstants(NamedTuple):
    """Numbers of the routers, each float64 [routers]."""

    latency_s: Any
    energy_j_per_packet: Any
    energy_j_per_bit: Any
    static_power_w: Any


class Constants(NamedTuple):
    """Numbers of a package. Those of packages of one structure have the same shapes.

    Attributes:
        links: Numbers of the links.
        routers: Numbers of the routers.
        tiles: Tile kind to name of a number to float64 [tiles of that kind], in the
            order of the package; whole numbers and flags of a tile included.
        chiplet_static_power_w: float64 [chiplets], beyond tiles, routers and links.
        package_static_power_w: float64, of the package itself.
        barrier_s: float64, synchronisation of each row.
    """

    links: LinkConstants
    routers: RouterConstants
    tiles: dict[str, dict[str, Any]]
    chiplet_static_power_w: Any
    package_static_power_w: Any
    barrier_s: Any


def constants_of(package: Package, barrier_s: float) -> Constants:
    """Return the numbers of a package as NumPy arrays.

    Args:
        package: The package.
        barrier_s: Time of a barrier, which may depend on the routers in use.
    """
    return Constants(
        links=_link_columns([link.spec for link in package.links]),
        routers=RouterConstants(
            *_columns([router.spec for router in package.routers], RouterConstants)
        ),
        tiles={kind: _tile_columns(package, tiles) for kind, tiles in tiles_by_kind(package)},
        chiplet_static_power_w=np.array([c.static_power_w for c in package.chiplets], float),
        package_static_power_w=np.float64(package.spec.static_power_w),
        barrier_s=np.float64(barrier_s),
    )


def tiles_by_kind(package: Package) -> list[tuple[str, np.ndarray]]:
    """Return each tile kind of the package, by name, with int32 indices of its tiles."""
    kinds = np.array([tile.kind for tile in package.tiles])
    return [
        (str(kind), np.flatnonzero(kinds == kind).astype(np.int32)) for kind in np.unique(kinds)
    ]


def _link_columns(specs: Sequence[LinkSpec]) -> LinkConstants:
    return LinkConstants(
        np.array([spec.expected_bandwidth_bit_per_s for spec in specs], float),
        np.array([spec.expected_latency_s for spec in specs], float),
        np.array([spec.expected_energy_j_per_bit for spec in specs], float),
        np.array([spec.energy_j_per_packet for spec in specs], float),
        np.array([spec.static_power_w for spec in specs], float),
    )


def _columns(specs: Sequence[Any], names: type[Any]) -> list[np.ndarray]:
    return [np.array([getattr(spec, name) for spec in specs], float) for name in names._fields]


def _tile_columns(package: Package, tiles: np.ndarray) -> dict[str, np.ndarray]:
    numbers = [package.tiles[tile].parameters.constants() for tile in tiles]
    # Tiles may have fewer units than others of their kind; what they lack counts no events.
    names = dict.fromkeys(name for number in numbers for name in number)
    return {name: np.array([number.get(name, 0.0) for number in numbers], float) for name in names}
