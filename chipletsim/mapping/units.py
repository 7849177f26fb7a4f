"""Units of tiles: which soma unit computes a slice, which synapse unit reads a projection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Table
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.connections import Sparse
from chipletsim.tiles import PipelineCore, TileParameters

if TYPE_CHECKING:
    from chipletsim.mapping.model import Mapping
    from chipletsim.network.model import Network, Projection


def soma_unit(parameters: TileParameters, name: str) -> int:
    """Return the number of a soma unit of a tile; 0, the first, for no name.

    Raises:
        ConfigError: The tile has no such unit.
    """
    return _number(parameters, name, "soma")


def synapse_unit(parameters: TileParameters, name: str) -> int:
    """Return the number of a synapse unit of a tile; 0, the first, for no name.

    Raises:
        ConfigError: The tile has no such unit.
    """
    return _number(parameters, name, "synapse")


def unit_names(parameters: TileParameters, section: str) -> list[str]:
    """Return the units of a section (``soma`` or ``synapse``) of a tile; none if it has none."""
    if not isinstance(parameters, PipelineCore):
        return []
    return list(getattr(parameters, section))


def units_by_projection(network: Network, given: Table[str, str]) -> dict[str, str]:
    """Return projection name to synapse unit; where several patterns fit, the last counts.

    Args:
        network: The network.
        given: Projection name, or a pattern as in file names, to unit.

    Raises:
        ConfigError: A name fits no projection.
    """
    known = [projection.name for projection in network.projections]
    problems, found = [], {}
    for pattern, unit in given.items():
        fitting = [name for name in known if name == pattern or fnmatchcase(name, pattern)]
        found.update(dict.fromkeys(fitting, unit))
        if not fitting:
            message = f"there is no projection {pattern!r}; {nearest(pattern, known)}"
            problems.append(Problem(message, f"synapse_units.{pattern}"))
    if problems:
        raise ConfigError(problems)
    return found


def check_units(mapping: Mapping) -> None:
    """Check that tiles have the units that a mapping names, and its ranks of synapses.

    Raises:
        ConfigError: With every unit that some tile lacks, and the nearest one it has.
    """
    found = (*_soma_problems(mapping), *_synapse_problems(mapping), *_rank_problems(mapping))
    problems = list(dict.fromkeys(found))
    if problems:
        raise ConfigError(problems)


def _soma_problems(mapping: Mapping) -> Iterator[Problem]:
    tiles = mapping.package.tiles
    for number, part in enumerate(mapping.slices):
        message = unit_fault(tiles[part.tile].parameters, part.unit, "soma")
        if message:
            name = mapping.network.populations[part.population].name
            where = f"{name!r} on tile {tiles[part.tile].name!r}"
            yield Problem(f"{where}: {message}", f"slices.{number}.unit")


def _synapse_problems(mapping: Mapping) -> Iterator[Problem]:
    known = {projection.name: projection for projection in mapping.network.projections}
    for name, unit in mapping.synapse_units.items():
        path = f"synapse_units.{name}"
        if name not in known:
            message = f"there is no projection {name!r}; {nearest(name, list(known))}"
            yield Problem(message, path)
            continue
        target = mapping.network.index[known[name].target]
        for part in mapping.slices:
            tile = mapping.package.tiles[part.tile]
            message = unit_fault(tile.parameters, unit, "synapse")
            if part.population == target and message:
                yield Problem(f"{name!r} on tile {tile.name!r}: {message}", path)


def _rank_problems(mapping: Mapping) -> Iterator[Problem]:
    ranks, projections = mapping.synapse_ranks, mapping.network.projections
    if ranks and set(ranks) != {projection.name for projection in projections}:
        yield Problem("expected ranks of all projections, or of none", "synapse_ranks")
        return
    for projection in projections if ranks else ():
        path = f"synapse_ranks.{projection.name}"
        if not isinstance(projection.connection, Sparse) or projection.pool is not None:
            yield Problem("only synapses that are listed (sparse) have ranks", path)
        elif ranks[projection.name].shape != projection.connection.targets.shape:
            synapses = projection.connection.targets.size
            yield Problem(f"expected a whole number for each of {synapses:,} synapses", path)


def listed_synapses(projection: Projection) -> Sparse:
    """Return the synapses of a projection one by one.

    Raises:
        TypeError: It does not list them, which `check_units` tells.
    """
    if not isinstance(projection.connection, Sparse):
        raise TypeError(f"{projection.name} does not list its synapses")
    return projection.connection


def unit_fault(parameters: TileParameters, name: str, section: str) -> str:
    """Return in words why a tile has no such unit; nothing if it has, or none is named.

    Args:
        parameters: The tile.
        name: Name of a unit.
        section: ``soma`` or ``synapse``.
    """
    have = unit_names(parameters, section)
    if not name or name in have:
        return ""
    if not have:
        return f"a tile of kind {parameters.kind} has no {section} units"
    return f"there is no {section} unit {name!r}; {nearest(name, have)}"


def _number(parameters: TileParameters, name: str, section: str) -> int:
    message = unit_fault(parameters, name, section)
    if message:
        raise ConfigError([Problem(message, section)])
    return unit_names(parameters, section).index(name) if name else 0


def nearest(name: str, known: Sequence[str]) -> str:
    """Return in words the nearest of some names, or all of them."""
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known) or 'none'}"
