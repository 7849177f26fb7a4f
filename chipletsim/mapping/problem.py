"""The placement problem: what must go where, and what is known of its traffic."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cached_property

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.mapping.cuts import Cuts
from chipletsim.mapping.traffic import tile_cost
from chipletsim.mapping.units import nearest, unit_fault, unit_names
from chipletsim.network.model import Network, Population
from chipletsim.package.model import Package, Tile
from chipletsim.spec.experiment import PlaceSpec
from chipletsim.tiles import TileParameters


@dataclass(frozen=True, eq=False)
class PlacementProblem:
    """What a strategy is given.

    Attributes:
        network: The network.
        package: The package.
        allowed: For each population, indices of the tiles on which it may live.
        axes: For each population, the order of its axes in which it is cut.
        rates: float64 [neurons], events per step.
        rates_from: Where the rates come from, in words.
        pairs: int64 [neurons], fan-out entries that a neuron is taken to need.
    """

    network: Network
    package: Package
    allowed: tuple[np.ndarray, ...]
    axes: tuple[tuple[int, ...], ...]
    rates: np.ndarray
    rates_from: str
    pairs: np.ndarray

    @cached_property
    def cuts(self) -> tuple[Cuts, ...]:
        """Demands of the pieces of each population."""
        offsets = self.network.offsets
        return tuple(
            Cuts(self.network, index, axes, self.pairs[offsets[index] : offsets[index + 1]])
            for index, axes in enumerate(self.axes)
        )

    @cached_property
    def types(self) -> tuple[TileParameters, ...]:
        """Distinct tile parameters in the package."""
        return tuple(dict.fromkeys(tile.parameters for tile in self.package.tiles))

    @cached_property
    def tile_type(self) -> np.ndarray:
        """int64 [tiles]: index of each tile's parameters in ``types``."""
        number = {parameters: index for index, parameters in enumerate(self.types)}
        return np.array([number[tile.parameters] for tile in self.package.tiles], np.int64)

    @cached_property
    def memories(self) -> np.ndarray:
        """int64 indices of the memory tiles."""
        tiles = self.package.tiles
        return np.array([i for i, tile in enumerate(tiles) if tile.kind == "memory"], np.int64)

    @cached_property
    def tile_costs(self) -> np.ndarray:
        """float64 [tiles, tiles], as `tile_cost` gives it."""
        return tile_cost(self.package)

    def types_of(self, population: int) -> list[int]:
        """Return the indices in ``types`` of the tiles that a population may live on."""
        return sorted(set(self.tile_type[self.allowed[population]].tolist()))

    def order(self) -> list[int]:
        """Return the populations in the order of filling: those with the least choice first."""
        return sorted(range(len(self.allowed)), key=lambda index: self.allowed[index].size)

    def cut_along(self, axes: tuple[tuple[int, ...], ...]) -> PlacementProblem:
        """Return the problem with other orders of axes."""
        return replace(self, axes=axes)

    def needing(self, pairs: np.ndarray) -> PlacementProblem:
        """Return the problem with other fan-out entries per neuron."""
        return replace(self, pairs=pairs)


Place = PlaceSpec | Table[str, str]


def allowed_tiles(
    network: Network, package: Package, place: Table[str, Place] | None
) -> tuple[np.ndarray, ...]:
    """Return for each population the tiles on which it may live.

    Inputs live on tiles of kind ``io``, or where rules leave none on others that can hold
    them; other populations on tiles that compute.

    Args:
        network: The network.
        package: The package.
        place: Restrictions by population; ``*``, ``?`` and ``[...]`` match as in file
            names, in the population's name as well as in kind, chiplet and tile.

    Raises:
        ConfigError: A name matches no population, or a restriction matches no tile.
    """
    rules = {name: _place_spec(name, rule) for name, rule in (place or {}).items()}
    problems = unknown_names(network, list(rules), "place")
    allowed = []
    for population in network.populations:
        suitable = [i for i, tile in enumerate(package.tiles) if _suits(population, tile)]
        chosen = suitable
        for name, rule in rules.items():
            if not fnmatchcase(population.name, name):
                continue
            kept = [i for i in chosen if _matches(rule, package, package.tiles[i])]
            if chosen and not kept:
                problems.append(_no_tile(population, name, rule, package, suitable))
            chosen = kept
        allowed.append(np.array(_preferred(population, package, chosen), np.int64))
    if problems:
        raise ConfigError(problems)
    return tuple(allowed)


def unknown_names(network: Network, names: list[str], where: str) -> list[Problem]:
    """Return a problem for each name (or pattern) that matches no population."""
    known = list(network.index)
    problems = []
    for name in names:
        if any(fnmatchcase(population, name) for population in known):
            continue
        close = get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        problems.append(Problem(f"there is no population {name!r}; {hint}", f"{where}.{name}"))
    return problems


def _place_spec(name: str, rule: Place) -> PlaceSpec:
    if isinstance(rule, PlaceSpec):
        return rule
    unknown = set(rule) - set(PlaceSpec.model_fields)
    if unknown:
        keys = ", ".join(sorted(unknown))
        message = f"unknown key {keys}; expected kind, chiplet, tile or unit"
        raise ConfigError([Problem(message, f"place.{name}")])
    return PlaceSpec(**rule)


def units_by_population(network: Network, place: Table[str, Place]) -> dict[int, str]:
    """Return the index of a population to the soma unit that a rule gives it."""
    found = {}
    for name, rule in place.items():
        unit = _place_spec(name, rule).unit
        for index, population in enumerate(network.populations):
            if unit is not None and fnmatchcase(population.name, name):
                found[index] = unit
    return found


def _suits(population: Population, tile: Tile) -> bool:
    parameters = tile.parameters
    return parameters.holds_inputs if population.model == "input" else parameters.computes


def _preferred(population: Population, package: Package, suitable: list[int]) -> list[int]:
    """Return the io tiles among those where inputs may live, if there are any."""
    ports = [i for i in suitable if package.tiles[i].kind == "io"]
    return ports if population.model == "input" and ports else suitable


def _matches(rule: PlaceSpec, package: Package, tile: Tile) -> bool:
    have = {
        "kind": tile.kind,
        "chiplet": package.chiplets[tile.chiplet].name,
        "tile": tile.name,
    }
    wanted = {key: getattr(rule, key) for key in have if getattr(rule, key) is not None}
    has_unit = not unit_fault(tile.parameters, rule.unit or "", "soma")
    return has_unit and all(fits(have[key], pattern) for key, pattern in wanted.items())


def fits(name: str, pattern: str) -> bool:
    """Return whether a name is the pattern itself or matches it.

    Tile names may hold brackets, which in a pattern would be a set of characters.
    """
    return name == pattern or fnmatchcase(name, pattern)


def _no_tile(
    population: Population, name: str, rule: PlaceSpec, package: Package, suitable: list[int]
) -> Problem:
    tiles = [package.tiles[i] for i in suitable]
    kinds = ", ".join(sorted({tile.kind for tile in tiles}))
    dies = ", ".join(sorted({package.chiplets[tile.chiplet].name for tile in tiles}))
    wanted = ", ".join(
        f"{key} {value}" for key, value in rule.model_dump(exclude_none=True).items()
    )
    message = (
        f"no tile that can hold population {population.name!r} has {wanted}; "
        f"its tiles are of kind {kinds}, on chiplets {dies}"
    )
    units = dict.fromkeys(unit for tile in tiles for unit in unit_names(tile.parameters, "soma"))
    if rule.unit is not None and rule.unit not in units:
        message += f"; there is no soma unit {rule.unit!r}; {nearest(rule.unit, list(units))}"
    return Problem(message, f"place.{name}")
