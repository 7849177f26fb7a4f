"""What events do on pipeline cores: accesses, updates and spikes by unit, messages, hops."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from chipletsim.cost.classes import TrafficClasses
from chipletsim.cost.entries import Entries
from chipletsim.cost.spike_packets import synapses_per_tile
from chipletsim.cost.tile_entries import TileEntries
from chipletsim.errors import ConfigError, Problem
from chipletsim.mapping.conversion import converted_slices
from chipletsim.mapping.model import Mapping
from chipletsim.mapping.units import synapse_unit
from chipletsim.noc.routes import links_on_routes
from chipletsim.package.model import Package
from chipletsim.tiles import PipelineCore, of_unit

_DIRECTIONS = (("east", "west"), ("north", "south"))
"""Names of hops along x and y: upwards, then downwards."""


def on_pipeline_cores(mapping: Mapping) -> np.ndarray:
    """Return bool [slices]: whether each slice is on a pipeline core, and not in a converter."""
    converted = converted_slices(mapping)
    return np.array(
        [
            isinstance(mapping.package.tiles[part.tile].parameters, PipelineCore) and role is None
            for part, role in zip(mapping.slices, converted, strict=True)
        ],
        bool,
    )


def add_pipeline_events(
    entries: TileEntries, mapping: Mapping, classes: TrafficClasses, messages: Any
) -> None:
    """Add what happens on pipeline cores beyond synaptic operations and messages received.

    Args:
        entries: Where to add.
        mapping: The mapping.
        classes: Its traffic classes.
        messages: csr_array [spike classes, tiles], 1 where an event is bound for the tile.
    """
    if not on_pipeline_cores(mapping).any():
        return
    _add_accesses(entries, mapping, classes)
    _add_spikes(entries, mapping, classes)
    _add_messages(entries, mapping, classes, messages)
    _add_operations(entries, mapping, classes)


def _add_accesses(entries: TileEntries, mapping: Mapping, classes: TrafficClasses) -> None:
    """Add accesses and updates of neurons; those of input channels follow from spikes."""
    slices = np.flatnonzero(on_pipeline_cores(mapping))
    parts = [mapping.slices[number] for number in slices]
    population = np.array([part.population for part in parts], np.int64)
    clock = classes.clock(0) + population
    tile = np.array([part.tile for part in parts], np.int64)
    size = np.array([part.size for part in parts], np.int64)
    unit = mapping.soma_units[slices]
    _add_by_unit(entries, "neuron_accesses", unit, Entries(clock, tile, size))
    number = {part: update for update, part in enumerate(classes.updated_slices)}
    update = np.array([number.get(part, -1) for part in slices.tolist()], np.int64)
    told = update >= 0
    one = np.ones(int(told.sum()), np.int64)
    by_class = Entries(classes.update(0) + update[told], tile[told], one)
    _add_by_unit(entries, "neuron_updates", unit[told], by_class)
    rest = ~told & ~_are_inputs(mapping)[population]
    every = Entries(clock[rest], tile[rest], size[rest])
    _add_by_unit(entries, "neuron_updates", unit[rest], every)


def _add_spikes(entries: TileEntries, mapping: Mapping, classes: TrafficClasses) -> None:
    """Add spikes by soma unit; an input channel is updated where it spikes."""
    owner = mapping.neuron_slice()[classes.member]
    mine = on_pipeline_cores(mapping)[owner]
    inputs = _are_inputs(mapping)[classes.population[: classes.spike_classes]]
    for name, chosen in (("neuron_spikes", mine), ("neuron_updates", mine & inputs)):
        of_class = np.flatnonzero(chosen)
        one = np.ones(of_class.size, np.int64)
        unit = mapping.soma_units[owner[of_class]]
        _add_by_unit(entries, name, unit, Entries(of_class, classes.tile[of_class], one))


def _add_messages(
    entries: TileEntries, mapping: Mapping, classes: TrafficClasses, messages: Any
) -> None:
    """Add messages sent by pipeline cores, and hops of those that end on one."""
    package = mapping.package
    cores = np.array([isinstance(t.parameters, PipelineCore) for t in package.tiles], bool)
    of_class, tile = sparse.coo_array(messages).coords
    sent = cores[classes.tile[of_class]]
    entries.add("output_messages", of_class[sent], classes.tile[of_class[sent]], np.int32(1))
    ending = np.flatnonzero(cores[tile])
    of_class, tile = of_class[ending], tile[ending]
    routers = package.tile_router[classes.tile[of_class]] * len(package.routers)
    pairs, inverse = np.unique(routers + package.tile_router[tile], return_inverse=True)
    route, link = links_on_routes(package, *np.divmod(pairs, len(package.routers)))
    directions = link_directions(package)[link]
    _refuse_undirected(package, link[directions < 0], tile)
    for number, name in enumerate(_hop_names()):
        hops = np.bincount(route[directions == number], minlength=pairs.size)[inverse]
        some = np.flatnonzero(hops)
        entries.add(name, of_class[some], tile[some], hops[some].astype(np.int32))


def _add_operations(entries: TileEntries, mapping: Mapping, classes: TrafficClasses) -> None:
    """Add synaptic operations on units other than a tile's first."""
    fan_out, cores = mapping.fan_out, on_pipeline_cores(mapping)
    names = [projection.name for projection in mapping.network.projections]
    unit = np.zeros(fan_out.block_slice.size, np.int64)
    for block, (projection, part) in enumerate(
        zip(fan_out.block_projection, fan_out.block_slice, strict=True)
    ):
        chosen = mapping.synapse_units.get(names[projection], "")
        if chosen and cores[part]:
            tile = mapping.package.tiles[mapping.slices[part].tile]
            unit[block] = synapse_unit(tile.parameters, chosen)
    for number in np.unique(unit[unit > 0]):
        work = sparse.coo_array(synapses_per_tile(mapping, classes, blocks=unit == number))
        of_class, tile = work.coords
        entries.add(of_unit("synaptic_operations", int(number)), of_class, tile, work.data)


def _add_by_unit(entries: TileEntries, name: str, unit: np.ndarray, found: Entries) -> None:
    """Add a quantity, and what happened on units other than the first again under these."""
    entries.add(name, *found)
    for number in np.unique(unit[unit > 0]).tolist():
        entries.add(of_unit(name, number), *(column[unit == number] for column in found))


def _are_inputs(mapping: Mapping) -> np.ndarray:
    """Return bool [populations]."""
    return np.array([each.model == "input" for each in mapping.network.populations], bool)


def _hop_names() -> list[str]:
    return [f"hops_{name}" for axis in _DIRECTIONS for name in axis]


def link_directions(package: Package) -> np.ndarray:
    """Return int64 [links]: 0 to 3 for east, west, north and south; 4 between dies, -1 for none.

    East is towards larger x and north towards larger y; a link that closes a ring goes on in
    the direction of the ring.
    """
    found = np.full(len(package.links), -1, np.int64)
    for number, link in enumerate(package.links):
        if link.between_dies:
            found[number] = 4
        elif link.axis >= 0:
            ends = (package.routers[end].at[link.axis] for end in (link.source, link.target))
            source, target = ends
            found[number] = 2 * link.axis + int((target < source) != link.wraps)
    return found


def _refuse_undirected(package: Package, links: np.ndarray, tiles: np.ndarray) -> None:
    """Raise ConfigError where hops without a direction would have to be priced by one."""
    if not links.size:
        return
    for tile in np.unique(tiles):
        numbers = package.tiles[tile].parameters.constants()
        if any(numbers[f"energy_j_per_hop_{name}"] for axis in _DIRECTIONS for name in axis):
            message = (
                f"link {package.links[links[0]].name} has no direction, by which hops to "
                f"{package.tiles[tile].name} are priced; expected topology mesh or torus"
            )
            raise ConfigError([Problem(message, "chiplet_types")])
