"""Energy by component and by place, whose parts add up to the total exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import frexp, fsum, ldexp
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # the report needs `label`, and neither JAX nor the program
    from chipletsim.cost.link_uses import LinkUses
    from chipletsim.cost.program import Energies
    from chipletsim.package.model import Package

STATIC = "static"
DIE_TO_DIE = "die-to-die "
PADDING = ", frame padding"
"""Ends the component of a die-to-die link that frames have which left before they were full."""


def label(component: str) -> str:
    """Return a component as it is printed; names of links keep their underscores."""
    return component if component.startswith(DIE_TO_DIE) else component.replace("_", " ")


def on_common_grid(values: np.ndarray) -> np.ndarray:
    """Return the values rounded to multiples of one power of two, so that sums are exact.

    The grid is ``2^(e - 52)`` for a total just below ``2^e``, so every sum of parts is a
    whole multiple of it that float64 holds without rounding, whatever the order and
    grouping. No value moves by more than 2^-52 of the total.

    Args:
        values: float64 array, none negative.

    Example:
        >>> parts = np.array([0.1, 0.2, 0.3])
        >>> float(parts[0] + parts[1] + parts[2]) == float(parts[2] + parts[1] + parts[0])
        False
        >>> parts = on_common_grid(parts)
        >>> float(parts[0] + parts[1] + parts[2]) == float(parts[2] + parts[1] + parts[0])
        True
    """
    total = fsum(values.ravel().tolist())
    if total == 0.0:
        return values
    grid = ldexp(1.0, max(frexp(total)[1] - 52, -1022))
    return np.rint(values / grid) * grid


@dataclass(frozen=True, eq=False)
class EnergyTable:
    """Energy of a run in cells, one for each component at each place.

    Attributes:
        components: Names of components: those of tiles, ``routers``, ``on-chip links``,
            one per die-to-die link, one for the frame padding of each that has any, and
            ``static``.
        places: Names of places: tiles, routers, links, chiplets, the package.
        chiplet_of_place: Chiplet that each place is part of; itself for a die-to-die
            link and the package.
        component: int [cells], index into ``components``.
        place: int [cells], index into ``places``.
        energy_j: float64 [cells], over all samples; sums of any of them are exact.
        samples: Number of samples.
    """

    components: tuple[str, ...]
    places: tuple[str, ...]
    chiplet_of_place: tuple[str, ...]
    component: np.ndarray
    place: np.ndarray
    energy_j: np.ndarray
    samples: int

    @cached_property
    def total_j(self) -> float:
        """Energy of all samples."""
        return float(self.energy_j.sum())

    @property
    def static_j(self) -> float:
        """Static power times time."""
        return self.by_component()[STATIC]

    @property
    def dynamic_j(self) -> float:
        """Energy of events."""
        return self.total_j - self.static_j

    @property
    def per_inference_j(self) -> float:
        """Mean energy of a sample."""
        return self.total_j / max(self.samples, 1)

    def by_component(self) -> dict[str, float]:
        """Return the energy of each component, each die-to-die link by name."""
        return self._sums(self.component, self.components)

    def by_place(self) -> dict[str, float]:
        """Return the energy of each chiplet, each die-to-die link, and the package."""
        names = tuple(dict.fromkeys(self.chiplet_of_place))
        index = {name: number for number, name in enumerate(names)}
        group = np.array([index[name] for name in self.chiplet_of_place], np.int64)
        return self._sums(group[self.place], names)

    def of_places(self, *, static: bool) -> np.ndarray:
        """Return float64 [places]: static or dynamic energy of each place."""
        chosen = (self.component == self.components.index(STATIC)) == static
        return np.bincount(
            self.place[chosen], weights=self.energy_j[chosen], minlength=len(self.places)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return totals and both groupings for JSON, in joules."""
        return {
            "total_j": self.total_j,
            "dynamic_j": self.dynamic_j,
            "static_j": self.static_j,
            "per_inference_j": self.per_inference_j,
            "by_component_j": self.by_component(),
            "by_place_j": self.by_place(),
        }

    def __str__(self) -> str:
        from chipletsim.tables import render, table

        components = {label(name): value for name, value in self.by_component().items()}
        parts = [
            render(table(f"energy by {what}", [what, "per inference", "share"], self._lines(sums)))
            for what, sums in (("component", components), ("place", self.by_place()))
        ]
        return "\n".join(parts)

    def _sums(self, group: np.ndarray, names: Sequence[str]) -> dict[str, float]:
        sums = np.bincount(group, weights=self.energy_j, minlength=len(names))
        return dict(zip(names, sums.tolist(), strict=True))

    def _lines(self, sums: dict[str, float], limit: int = 24) -> list[list[str]]:
        """Return printable lines, the largest first, without zeros, small ones together."""
        ordered = sorted((item for item in sums.items() if item[1]), key=lambda item: -item[1])
        lines = ordered[:limit]
        if len(ordered) > limit:
            rest = sum(value for _, value in ordered[limit:])
            lines.append((f"{len(ordered) - limit} others", rest))
        return [self._line(name, value) for name, value in [*lines, ("total", self.total_j)]]

    def _line(self, name: str, value: float) -> list[str]:
        from chipletsim.tables import si

        share = 100 * value / self.total_j if self.total_j else 0.0
        return [name, si(value / max(self.samples, 1), "J"), f"{share:.1f} %"]


def energy_table(
    package: Package, energies: Energies, samples: int, uses: LinkUses | None = None
) -> EnergyTable:
    """Return the energy of a run on a package in cells.

    Args:
        package: The package.
        energies: Energies as the program returns them, as NumPy arrays.
        samples: Number of samples.
        uses: What links did beside, where that is known.
    """
    if uses is not None:
        asleep = np.maximum(energies.static_links - uses.saved_j, 0.0)
        energies = energies._replace(static_links=asleep)
    tiles, routers, links = len(package.tiles), len(package.routers), len(package.links)
    places = _places(package)
    cells: list[tuple[str, np.ndarray, np.ndarray]] = []
    kinds = np.array([tile.kind for tile in package.tiles])
    for kind, components in energies.tiles.items():
        members = np.flatnonzero(kinds == kind)
        cells += [(name, members, energy) for name, energy in components.items()]
        cells.append((STATIC, members, energies.static_tiles[kind]))
    router_places = tiles + np.arange(routers)
    link_places = tiles + routers + np.arange(links)
    between = np.array([link.between_dies for link in package.links], bool)
    cells.append(("routers", router_places, energies.routers))
    cells.append(("on-chip links", link_places[~between], energies.links[~between]))
    for link in np.flatnonzero(between):
        name = f"{DIE_TO_DIE}{package.links[link].name}"
        cells.append((name, link_places[[link]], energies.links[[link]]))
    if uses is not None:
        cells += _padding(package, link_places, uses.padding_j)
    static = (energies.static_routers, energies.static_links, energies.static_chiplets)
    rest = np.concatenate([*static, [energies.static_package]])
    cells.append((STATIC, np.arange(tiles, len(places)), rest))
    number = {name: at for at, name in enumerate(dict.fromkeys(name for name, _, _ in cells))}
    return EnergyTable(
        components=tuple(number),
        places=tuple(name for name, _ in places),
        chiplet_of_place=tuple(chiplet for _, chiplet in places),
        component=np.concatenate([np.full(p.size, number[name]) for name, p, _ in cells]),
        place=np.concatenate([place for _, place, _ in cells]),
        energy_j=on_common_grid(np.concatenate([energy for _, _, energy in cells])),
        samples=samples,
    )


def _padding(
    package: Package, places: np.ndarray, padding_j: np.ndarray
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return components of links that sent frames before they were full."""
    cells = []
    for link in np.flatnonzero(padding_j).tolist():
        each = package.links[link]
        name = f"{DIE_TO_DIE}{each.name}" if each.between_dies else "on-chip links"
        cells.append((f"{name}{PADDING}", places[[link]], padding_j[[link]]))
    return cells


def _places(package: Package) -> list[tuple[str, str]]:
    """Return the name of each place, and the chiplet it is part of."""
    dies = [chiplet.name for chiplet in package.chiplets]
    link_die = [
        f"link {link.name}" if link.between_dies else dies[package.routers[link.source].chiplet]
        for link in package.links
    ]
    return [
        *((tile.name, dies[tile.chiplet]) for tile in package.tiles),
        *((router.name, dies[router.chiplet]) for router in package.routers),
        *((link.name, die) for link, die in zip(package.links, link_die, strict=True)),
        *((die, die) for die in dies),
        ("package", "package"),
    ]
