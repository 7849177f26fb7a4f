"""The public verb of mapping: populations onto tiles, within every capacity."""

from __future__ import annotations

from collections.abc import Mapping as Table
from difflib import get_close_matches
from fnmatch import fnmatchcase

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.mapping.capacity import check, destinations, load
from chipletsim.mapping.model import Mapping
from chipletsim.mapping.partition import cutting_axes
from chipletsim.mapping.problem import (
    Place,
    PlacementProblem,
    allowed_tiles,
    units_by_population,
    unknown_names,
)
from chipletsim.mapping.strategies import PARTITIONERS
from chipletsim.mapping.traffic import Measured, event_rates
from chipletsim.mapping.units import units_by_projection
from chipletsim.network.model import Network
from chipletsim.package.model import Package

FAN_OUT_ROUNDS = 8
"""Times a population is cut anew because its fan-out was found to be too much."""
SPLITS = ("auto", "channels", "rows")


def map_network(
    network: Network,
    package: Package,
    *,
    strategy: str = "traffic",
    seed: int = 0,
    place: Table[str, Place] | None = None,
    synapse_units: Table[str, str] | None = None,
    split: Table[str, str] | None = None,
    activity: Measured | None = None,
) -> Mapping:
    """Cut populations into slices and put each on a tile.

    Args:
        network: The network.
        package: The package.
        strategy: Key of ``PARTITIONERS``.
        seed: Seed of strategies that draw random numbers.
        place: Restrictions by population, ``{"readout": {"kind": "crossbar"}}`` with keys
            kind, chiplet, tile and (soma) unit; names may be patterns as in file names.
        synapse_units: Synapse unit by projection (or pattern), on tiles that have units.
        split: Axis along which a [C, H, W] population is cut, ``channels``, ``rows`` or
            ``auto``, which takes the one that sends fewer bits.
        activity: Measured activity whose totals weigh the traffic; without it every
            neuron is taken to fire at one rate, which ``Mapping.rates`` states.

    Raises:
        ConfigError: A name or value in ``strategy``, ``place``, ``synapse_units`` or ``split``
            is unknown, or the activity is of another network.
        InfeasibleError: The network does not fit, with every shortfall found.
    """
    if strategy not in PARTITIONERS:
        raise ConfigError([_unknown_strategy(strategy)])
    problem = _problem(network, package, place or {}, split or {}, activity)
    units = units_by_population(network, place or {})
    of_projections = units_by_projection(network, synapse_units or {})
    mapping = _within_fan_out(problem, strategy, seed)
    return mapping.with_units(units, of_projections)


def _within_fan_out(problem: PlacementProblem, strategy: str, seed: int) -> Mapping:
    """Place, and place again with the fan-out entries found while some tile lacks them."""
    for _ in range(FAN_OUT_ROUNDS):
        mapping = PARTITIONERS[strategy](problem, seed)
        if not _fan_out_exceeded(mapping):
            break
        # Slices on one tile share an entry, so counting slices is safe wherever they go.
        found = destinations(mapping, np.arange(len(mapping.slices)))
        problem = problem.needing(np.maximum(problem.pairs, found))
    check(mapping)
    return mapping


def _fan_out_exceeded(mapping: Mapping) -> bool:
    bounds = [tile.parameters.fan_out for tile in mapping.package.tiles]
    if all(bound is None for bound in bounds):
        return False
    asked = load(mapping).fan_out
    return any(
        bound is not None and need > bound for need, bound in zip(asked, bounds, strict=True)
    )


def _problem(
    network: Network,
    package: Package,
    place: Table[str, Place],
    split: Table[str, str],
    activity: Measured | None,
) -> PlacementProblem:
    problems = _split_problems(network, split)
    if problems:
        raise ConfigError(problems)
    rates, rates_from = event_rates(network, activity)
    ranks = [len(population.shape) for population in network.populations]
    problem = PlacementProblem(
        network,
        package,
        allowed_tiles(network, package, place),
        tuple(tuple(range(rank)) for rank in ranks),
        rates,
        rates_from,
        np.zeros(network.neurons, np.int64),
    )
    return problem.cut_along(
        tuple(
            cutting_axes(problem, index, _split_of(population.name, split))
            for index, population in enumerate(network.populations)
        )
    )


def _split_of(name: str, split: Table[str, str]) -> str:
    return next((axis for pattern, axis in split.items() if fnmatchcase(name, pattern)), "auto")


def _split_problems(network: Network, split: Table[str, str]) -> list[Problem]:
    problems = unknown_names(network, list(split), "split")
    for name, axis in split.items():
        if axis not in SPLITS:
            message = f"expected one of {', '.join(SPLITS)}, got {axis!r}"
            problems.append(Problem(message, f"split.{name}"))
        elif name in network.index and axis != "auto" and len(network.population(name).shape) != 3:
            shape = list(network.population(name).shape)
            message = f"{axis} needs a population of shape [C, H, W], but it has {shape}"
            problems.append(Problem(message, f"split.{name}"))
    return problems


def _unknown_strategy(strategy: str) -> Problem:
    close = get_close_matches(strategy, PARTITIONERS, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(PARTITIONERS)}"
    return Problem(f"there is no strategy {strategy!r}; {hint}", "mapping.strategy")
