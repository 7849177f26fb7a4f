"""What events do on tiles: synaptic operations, messages, updates, reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from chipletsim.cost.classes import TrafficClasses
from chipletsim.cost.entries import Entries
from chipletsim.cost.memory_traffic import Fetches
from chipletsim.cost.spike_packets import synapses_per_tile
from chipletsim.cost.tile_entries import TileEntries
from chipletsim.engine.compile import is_counted
from chipletsim.errors import ConfigError, Problem
from chipletsim.mapping.conversion import converted_slices
from chipletsim.mapping.model import Mapping
from chipletsim.network.matrices import block_matrix
from chipletsim.network.neurons import Role
from chipletsim.network.synapses import (
    projection_positions,
    projection_stored_weights,
    projection_synapses,
)
from chipletsim.noc.padding import padded, rounded_up
from chipletsim.tiles import Crossbar, Npu

_WORK = {
    "synaptic_operations": None,
    "decoder_additions": Role.DECODER,
    "encoder_loads": Role.ENCODER,
}
"""What an event does at a synapse, by the role of the slice in conversion hardware."""


CROSSBAR_QUANTITIES = ("row_activations", "array_reads", "column_reads", "position_reads")
"""Fields of `TileEvents` that follow from how often blocks on crossbars are driven and read."""


class CrossbarBlocks(NamedTuple):
    """Blocks on crossbars, whose read-outs are not linear in events.

    Attributes:
        tile: int32 [crossbar blocks].
        column_blocks: int64 [crossbar blocks], arrays along the outputs of a matrix.
        columns: int64 [crossbar blocks], outputs of a matrix.
        positions: int64 [crossbar blocks], output positions of a step.
        reads: int64 [crossbar blocks], read-outs of arrays down the rows, were all driven.
    """

    tile: Any
    column_blocks: Any
    columns: Any
    positions: Any
    reads: Any


def add_spike_events(
    entries: TileEntries, mapping: Mapping, classes: TrafficClasses, messages: Any
) -> None:
    """Add synaptic operations, messages and spikes sent, per event of each spike class."""
    roles = converted_slices(mapping)
    for name, role in _WORK.items():
        slices = np.array([each is role for each in roles], bool)
        work = sparse.coo_array(synapses_per_tile(mapping, classes, slices))
        of_class, tile = work.coords
        entries.add(name, of_class, tile, work.data)
    arriving = sparse.coo_array(messages)
    of_class, tile = arriving.coords
    one = np.int32(1)
    entries.add("input_messages", of_class, tile, one)
    own = np.flatnonzero(tile == classes.tile[of_class])
    entries.add("own_messages", of_class[own], tile[own], one)
    sending = np.flatnonzero(np.diff(messages.indptr))
    entries.add("output_spikes", sending, classes.tile[sending], one)


def add_clock_events(entries: TileEntries, mapping: Mapping, classes: TrafficClasses) -> None:
    """Add what happens whenever a population advances: updates and dense schedules.

    Updates on pipeline cores are with `add_pipeline_events`.
    """
    converted = converted_slices(mapping)
    for part, role in zip(mapping.slices, converted, strict=True):
        if mapping.network.populations[part.population].model == "input" or role is Role.DECODER:
            continue
        if role is None and mapping.package.tiles[part.tile].kind == "pipeline_core":
            continue
        name = "encoder_updates" if role is Role.ENCODER else "neuron_updates"
        entries.add(name, classes.clock(part.population), part.tile, part.size)
    for projection, slices in _blocks_by_projection(mapping):
        own = slices[[converted[part] is None for part in slices]]
        _add_dense(entries, mapping, classes, projection, own)


def _blocks_by_projection(mapping: Mapping) -> Iterator[tuple[int, np.ndarray]]:
    fan_out = mapping.fan_out
    for projection in range(len(mapping.network.projections)):
        yield projection, fan_out.block_slice[fan_out.block_projection == projection]


def _add_dense(
    entries: TileEntries,
    mapping: Mapping,
    classes: TrafficClasses,
    projection: int,
    slices: np.ndarray,
) -> None:
    """Add the dense schedule of the blocks of a projection that lie on dense tiles."""
    network, edge = mapping.network, mapping.network.projections[projection]
    parts = [mapping.slices[number] for number in slices]
    parts = [p for p in parts if isinstance(mapping.package.tiles[p.tile].parameters, Npu)]
    if not parts:
        return
    operations = projection_synapses(edge, network, [part.box for part in parts])
    for part, block_operations in zip(parts, operations, strict=True):
        parameters = mapping.package.tiles[part.tile].parameters
        shared = parameters.shares_weights
        stored = projection_stored_weights(edge, network, [part.box], shared=shared)
        matrix = block_matrix(network, edge, part.box)
        clock = classes.clock(part.population)
        entries.add("dense_operations", clock, part.tile, block_operations)
        entries.add("weight_reads", clock, part.tile, stored)
        entries.add("dense_cycles", clock, part.tile, parameters.dense_cycles(*matrix))


def add_memory_events(entries: TileEntries, fetches: Fetches, delivered: np.ndarray) -> None:
    """Add reads, requests and delivered packets of memory traffic.

    Args:
        entries: Where to add.
        fetches: All fetches of weights.
        delivered: int64 [2, fetches], packets that reach the memory, and the tile.
    """
    of_class, memory = fetches.traffic_class, fetches.memory
    entries.add("memory_read_bits", of_class, memory, fetches.bits)
    entries.add("memory_requests", of_class, memory, np.int64(1))
    entries.add("memory_packets", of_class, memory, delivered[0])
    entries.add("memory_packets", of_class, fetches.tile, delivered[1])


def require_single_events(mapping: Mapping) -> None:
    """Refuse counts of spikes that reach tiles which take one event of a neuron in a step.

    A word line that is driven z times takes z reads, while an array multiplies by z at once: how
    often matrices are used does not follow from the number of spikes.

    Raises:
        ConfigError: With every such projection and kind of tile.
    """
    fan_out, network = mapping.fan_out, mapping.network
    found: dict[tuple[str, str], None] = {}
    for block, number in enumerate(fan_out.block_slice):
        edge = network.projections[fan_out.block_projection[block]]
        tile = mapping.package.tiles[mapping.slices[number].tile]
        single = isinstance(tile.parameters, Crossbar | Npu)
        if single and is_counted(network.population(edge.source)):
            found[edge.source, tile.kind] = None
    if found:
        raise ConfigError(
            [
                Problem(
                    f"its neurons may spike several times in a step, but tiles of kind {kind} take "
                    "one event of each; give it value_bits, so that a count is one value",
                    f"populations.{source}",
                )
                for source, kind in found
            ]
        )


def crossbar_blocks(
    mapping: Mapping, classes: TrafficClasses
) -> tuple[CrossbarBlocks, list[Entries]]:
    """Return the blocks on crossbars, and how often an event drives each of them.

    A word line is driven once for each output position that the source reaches. The
    matrices of a grouped convolution are distinct arrays that work side by side.
    """
    fan_out, network = mapping.fan_out, mapping.network
    converted = converted_slices(mapping)
    rows: list[tuple[int, int, int, int, int]] = []
    parts: list[Entries] = []
    for block, number in enumerate(fan_out.block_slice):
        part = mapping.slices[number]
        parameters = mapping.package.tiles[part.tile].parameters
        if not isinstance(parameters, Crossbar) or converted[number] is not None:
            continue
        edge = network.projections[fan_out.block_projection[block]]
        matrix = block_matrix(network, edge, part.box)
        row_blocks, column_blocks = parameters.blocks(matrix.rows, matrix.columns)
        reads = matrix.positions * row_blocks * matrix.groups
        driven = projection_positions(edge, network, [part.box])
        source = network.index[edge.source]
        own = np.flatnonzero(classes.population[: classes.spike_classes] == source)
        drives = driven[classes.member[own] - network.offsets[source]].toarray()[:, 0]
        active = np.flatnonzero(drives)
        parts.append(Entries(own[active], np.full(active.size, len(rows)), drives[active]))
        rows.append((part.tile, column_blocks, matrix.columns, matrix.positions, reads))
    # Blocks beyond the last drive nothing.
    size = rounded_up(len(rows)) if rows else 0
    table = padded(np.array(rows, np.int64).reshape(-1, 5).T, size, 0).T
    return CrossbarBlocks(table[:, 0].astype(np.int32), *table[:, 1:].T), parts


def crossbar_entries(blocks: CrossbarBlocks, tiles: int) -> Entries:
    """Return the entries of `CROSSBAR_QUANTITIES` by drives, reads and position reads.

    A quantity is numbered ``name x tiles + tile``. The columns follow those of packets:
    drives of all blocks, then their reads, then their position reads.

    Args:
        blocks: Blocks on crossbars.
        tiles: Number of tiles.
    """
    count = blocks.tile.size
    drives, reads, position_reads = np.arange(3 * count).reshape(3, count)
    one = np.ones(count, np.int64)
    return Entries(
        np.concatenate([drives, reads, reads, position_reads]),
        np.concatenate([number * tiles + blocks.tile for number in range(4)]),
        np.concatenate([blocks.column_blocks, blocks.column_blocks, blocks.columns, one]),
    )
