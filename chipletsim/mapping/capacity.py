"""Whether a finished mapping keeps within every capacity, counted from the mapping alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.errors import InfeasibleError, Shortfall
from chipletsim.mapping.demand import slice_bits
from chipletsim.mapping.infeasible import shortfall
from chipletsim.mapping.model import Mapping
from chipletsim.mapping.traffic import first_io_tile


@dataclass(frozen=True)
class Load:
    """What a mapping asks of the tiles.

    Attributes:
        neurons: int64 [tiles].
        memory_bits: int64 [tiles], weights kept on each tile, those of other tiles included.
        fan_in: int64 [tiles], distinct neurons with a synapse on the tile.
        fan_out: int64 [tiles], pairs of a neuron of the tile and a tile it sends to, its
            own tile included, and the io tile for neurons whose events are answers.
        slice_bits: int64 [slices], bits of weights of each slice.
    """

    neurons: np.ndarray
    memory_bits: np.ndarray
    fan_in: np.ndarray
    fan_out: np.ndarray
    slice_bits: np.ndarray


def load(mapping: Mapping) -> Load:
    """Return what a mapping asks of each tile."""
    count = len(mapping.package.tiles)
    tiles = np.array([part.tile for part in mapping.slices], np.int64)
    holders = np.array([part.weight_tile for part in mapping.slices], np.int64)
    sizes = np.array([part.size for part in mapping.slices], np.int64)
    bits = slice_bits(mapping)
    neurons, memory, fan_out = (np.zeros(count, np.int64) for _ in range(3))
    np.add.at(neurons, tiles, sizes)
    np.add.at(memory, holders, bits)
    np.add.at(fan_out, tiles[mapping.neuron_slice()], destinations(mapping, tiles))
    table = mapping.fan_out
    reached = table.reaches(tiles[table.block_slice], count)
    fan_in = np.bincount(reached.indices, minlength=count).astype(np.int64)
    return Load(neurons, memory, fan_in, fan_out, bits)


def destinations(mapping: Mapping, place: np.ndarray) -> np.ndarray:
    """Return int64 [neurons]: places to which each neuron sends, and one for an answer.

    Args:
        mapping: The mapping.
        place: int64 [slices], the place of each slice, such as its tile.
    """
    table = mapping.fan_out
    reached = table.reaches(place[table.block_slice], int(place.max(initial=0)) + 1)
    counts = np.diff(reached.indptr).astype(np.int64)
    offsets = mapping.network.offsets
    for index, population in enumerate(mapping.network.populations):
        counts[offsets[index] : offsets[index + 1]] += population.output
    return counts


def check(mapping: Mapping) -> None:
    """Check every capacity of a mapping.

    Raises:
        InfeasibleError: Some capacity is exceeded; with every shortfall.
    """
    asked = load(mapping)
    shortfalls: list[Shortfall] = []
    for index, tile in enumerate(mapping.package.tiles):
        bounds = (
            ("neurons", asked.neurons[index], tile.parameters.neurons),
            ("synaptic memory", asked.memory_bits[index], tile.parameters.synaptic_memory_bits),
            ("fan-in", asked.fan_in[index], tile.parameters.fan_in),
            ("fan-out", asked.fan_out[index], tile.parameters.fan_out),
        )
        shortfalls += [
            shortfall(resource, f"of tile {tile.name!r}", int(need), bound)
            for resource, need, bound in bounds
            if bound is not None and need > bound
        ]
    shortfalls += _misplaced(mapping)
    if shortfalls:
        raise InfeasibleError(shortfalls)


def _misplaced(mapping: Mapping) -> list[Shortfall]:
    """Return slices on tiles of a kind that cannot hold them, or cannot fetch their weights."""
    found = []
    for part in mapping.slices:
        tile, population = (
            mapping.package.tiles[part.tile],
            mapping.network.populations[part.population],
        )
        holder = mapping.package.tiles[part.weight_tile]
        wanted = "io" if population.model == "input" else "computing"
        holds = tile.parameters.holds_inputs if wanted == "io" else tile.parameters.computes
        where = f"slice of {population.name!r} on tile {tile.name!r}"
        if not holds:
            remedy = f"a tile of kind {tile.kind} cannot hold it"
            found.append(Shortfall(f"{wanted} tile for the {where}", 1, 0, "tiles", remedy))
        fetches = part.weight_tile != part.tile
        if fetches and not (tile.parameters.streams_weights and holder.kind == "memory"):
            remedy = f"a {tile.kind} cannot fetch weights from tile {holder.name!r}"
            found.append(Shortfall(f"local memory for the {where}", 1, 0, "tiles", remedy))
    if first_io_tile(mapping.package) is None and any(
        p.output for p in mapping.network.populations
    ):
        remedy = "add a tile of kind io, or mark no population as `output`"
        found.append(Shortfall("io tiles for answers", 1, 0, "tiles", remedy))
    return found
