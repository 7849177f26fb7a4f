"""Which core sends messages to which: what a placement decides, whatever the network does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chipletsim.mapping.conversion import converted_slices
from chipletsim.mapping.model import Mapping
from chipletsim.mapping.traffic import first_io_tile
from chipletsim.mapping.units import listed_synapses, synapse_unit
from chipletsim.noc.listed import distinct


@dataclass(frozen=True, eq=False)
class MessagePlan:
    """What the placement alone says about messages; cores are all tiles of the package.

    Cores stand die by die, column by column (x, then y), then in the order of the tiles of a
    router. Neurons stand core by core, in the order of the slices of the mapping, and in their own
    order within a slice. An axon joins a neuron to one core with synapses of it, its own included;
    those of a neuron stand in the order of the cores.

    Attributes:
        tile: int64 [cores], the tile that each core is.
        neuron: int64 [neurons], number of each in the network.
        core: int64 [neurons].
        unit: int64 [neurons], soma unit.
        converted: bool [neurons], whether it is an encoder or decoder in conversion hardware.
        graded: bool [neurons], whether it sends values.
        axon_start: int64 [neurons + 1], first axon of each neuron.
        axon_core: int64 [axons], where its messages end.
        synapses: int64 [groups, 3], axon, synapse unit and number of synapses, those of conversion
            hardware left out; groups of one axon follow one another in the order of the
            projections, or as ``Mapping.synapse_ranks`` says.
    """

    tile: np.ndarray
    neuron: np.ndarray
    core: np.ndarray
    unit: np.ndarray
    converted: np.ndarray
    graded: np.ndarray
    axon_start: np.ndarray
    axon_core: np.ndarray
    synapses: np.ndarray


def message_plan(mapping: Mapping) -> MessagePlan:
    """Return what a mapping says about messages."""
    package = mapping.package
    routers = [package.routers[tile.router] for tile in package.tiles]
    order = sorted(
        range(len(routers)), key=lambda tile: (routers[tile].chiplet, routers[tile].at, tile)
    )
    core_of_tile = np.empty(len(order), np.int64)
    core_of_tile[order] = np.arange(len(order))
    owner = mapping.neuron_slice()
    slice_core = core_of_tile[[part.tile for part in mapping.slices]]
    neuron = np.lexsort((np.arange(owner.size), owner, slice_core[owner]))
    axon_start, axon_core, synapses = _axons(mapping, neuron, core_of_tile)
    return MessagePlan(
        tile=np.array(order, np.int64),
        neuron=neuron,
        core=slice_core[owner][neuron],
        unit=mapping.soma_units[owner][neuron],
        converted=_in_hardware(mapping)[owner][neuron],
        graded=_graded(mapping)[neuron],
        axon_start=axon_start,
        axon_core=axon_core,
        synapses=synapses,
    )


def _in_hardware(mapping: Mapping) -> np.ndarray:
    """Return bool [slices]: whether each is in conversion hardware."""
    return np.array([role is not None for role in converted_slices(mapping)], bool)


def _graded(mapping: Mapping) -> np.ndarray:
    """Return bool [neurons of the network]: whether each sends values."""
    graded = np.array([each.value_bits > 0 for each in mapping.network.populations], bool)
    return np.repeat(graded, np.diff(mapping.network.offsets))


def _axons(
    mapping: Mapping, neuron: np.ndarray, core_of_tile: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return start, core and synapses of axons, see `MessagePlan`."""
    cores = core_of_tile.size
    place = np.empty(neuron.size, np.int64)
    place[neuron] = np.arange(neuron.size)
    listed = _by_rank if mapping.synapse_ranks else _by_projection
    groups = listed(mapping, place, core_of_tile)
    answers = _answers(mapping, place, core_of_tile)  # which reach no synapse
    axons = distinct(np.concatenate([groups.pair, answers]))
    start = np.searchsorted(axons // cores, np.arange(neuron.size + 1))
    axon = np.searchsorted(axons, groups.pair)
    return start, axons % cores, np.stack([axon, groups.unit, groups.synapses], axis=1)


class _Groups(NamedTuple):
    """Synapses of one unit that follow one another in a message, each int64 [groups].

    Attributes:
        pair: Place of the source times number of cores + core; sorted.
        unit: Synapse unit.
        synapses: How many, those of conversion hardware left out.
    """

    pair: np.ndarray
    unit: np.ndarray
    synapses: np.ndarray


def _by_projection(mapping: Mapping, place: np.ndarray, core_of_tile: np.ndarray) -> _Groups:
    """Return groups in the order of the projections; blocks of one on one core are one group."""
    table, cores = mapping.fan_out.synapses.tocoo(), core_of_tile.size
    block_tile = np.array([part.tile for part in mapping.slices], np.int64)
    block_tile = block_tile[mapping.fan_out.block_slice]
    source, block = place[table.coords[0]], table.coords[1]
    projection = mapping.fan_out.block_projection.astype(np.int64)[block]
    pair = source * cores + core_of_tile[block_tile[block]]
    projections = max(len(mapping.network.projections), 1)
    group, member = np.unique(pair * projections + projection, return_inverse=True)
    synapses = np.zeros(group.size, np.int64)
    works = ~_in_hardware(mapping)[mapping.fan_out.block_slice][block]
    np.add.at(synapses, member, table.data * works)
    pair, projection = np.divmod(group, projections)
    unit = _synapse_units(mapping, core_of_tile)[projection, pair % cores]
    return _Groups(pair, unit, synapses)


def _by_rank(mapping: Mapping, place: np.ndarray, core_of_tile: np.ndarray) -> _Groups:
    """Return groups in the order of the ranks of single synapses."""
    network, cores = mapping.network, core_of_tile.size
    slice_core = core_of_tile[[part.tile for part in mapping.slices]]
    owner = mapping.neuron_slice()
    core_of_neuron, works = slice_core[owner], ~_in_hardware(mapping)[owner]
    units = _synapse_units(mapping, core_of_tile)
    parts = []
    for number, projection in enumerate(network.projections):
        connection = listed_synapses(projection)
        first, to = (
            network.offsets[network.index[end]] for end in (projection.source, projection.target)
        )
        source = np.repeat(np.arange(connection.indptr.size - 1), np.diff(connection.indptr))
        core = core_of_neuron[to + connection.targets]
        pair = place[first + source] * cores + core
        rank = mapping.synapse_ranks[projection.name]
        parts.append(np.stack([pair, units[number, core], rank, works[to + connection.targets]]))
    pair, unit, rank, one = np.concatenate(parts, axis=1) if parts else np.zeros((4, 0), np.int64)
    order = np.lexsort((rank, pair))
    pair, unit, before = pair[order], unit[order], np.append(0, np.cumsum(one[order]))
    first_of = np.flatnonzero((np.diff(pair, prepend=-1) != 0) | (np.diff(unit, prepend=-1) != 0))
    synapses = np.diff(before[np.append(first_of, pair.size)])
    return _Groups(pair[first_of], unit[first_of], synapses)


def _answers(mapping: Mapping, place: np.ndarray, core_of_tile: np.ndarray) -> np.ndarray:
    """Return int64 [answers]: pairs of a neuron and the core by which its answers leave."""
    network, exit_tile = mapping.network, first_io_tile(mapping.package)
    leaving = [
        np.arange(network.offsets[index], network.offsets[index + 1])
        for index, population in enumerate(network.populations)
        if population.output
    ]
    if not leaving or exit_tile is None:
        return np.zeros(0, np.int64)
    return place[np.concatenate(leaving)] * core_of_tile.size + core_of_tile[exit_tile]


def _synapse_units(mapping: Mapping, core_of_tile: np.ndarray) -> np.ndarray:
    """Return int64 [projections, cores]: synapse unit of each projection on each core."""
    projections = mapping.network.projections
    units = np.zeros((max(len(projections), 1), core_of_tile.size), np.int64)
    for number, projection in enumerate(projections):
        name = mapping.synapse_units.get(projection.name, "")
        target = mapping.network.index[projection.target]
        for part in mapping.slices:
            if name and part.population == target:
                parameters = mapping.package.tiles[part.tile].parameters
                units[number, core_of_tile[part.tile]] = synapse_unit(parameters, name)
    return units
