"""Weights that stand on a memory tile: the packets that fetch them, and the reads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from chipletsim.cost.classes import TrafficClasses
from chipletsim.cost.entries import PacketLedger
from chipletsim.mapping.conversion import converted_slices
from chipletsim.mapping.demand import index_bits
from chipletsim.mapping.model import Mapping
from chipletsim.network.connections import Sparse
from chipletsim.network.matrices import block_matrix
from chipletsim.network.model import Projection
from chipletsim.network.synapses import projection_stored_weights
from chipletsim.noc.fetches import cut
from chipletsim.noc.routes import links_on_routes
from chipletsim.tiles import Npu, TileParameters


class Fetches(NamedTuple):
    """Weights fetched for each event of a class, one entry per class and block.

    Attributes:
        traffic_class: int64 [fetches]; a clock class where the block is dense.
        tile: int64 [fetches], the tile that needs the weights.
        memory: int64 [fetches], the tile that holds them.
        weights: int64 [fetches], how many synapses of the tile's own work they serve: none in
            conversion hardware.
        bits: int64 [fetches], weight bits read.
        cycles: int64 [fetches], clock cycles in which a dense tile computes with them: none in
            conversion hardware, and on other tiles.
        requested: bool [fetches], whether the tile sends a request packet.
    """

    traffic_class: np.ndarray
    tile: np.ndarray
    memory: np.ndarray
    weights: np.ndarray
    bits: np.ndarray
    cycles: np.ndarray
    requested: np.ndarray


def weight_fetches(mapping: Mapping, classes: TrafficClasses) -> Fetches:
    """Return every fetch of weights from memory tiles.

    Event-driven tiles ask for the synapses of each event that arrives: fan-out times
    bits of a weight (and of a target index where the projection is sparse). Dense tiles
    are sent all weights of the block in each row in which its population advances; that
    is known beforehand, so nothing is asked for.
    """
    fan_out = mapping.fan_out
    columns = sparse.csc_array(classes.synapses)
    converted = converted_slices(mapping)
    parts = [
        _block_fetches(mapping, classes, columns, int(block), works=converted[part] is None)
        for block, part in enumerate(fan_out.block_slice)
        if mapping.slices[part].weight_tile != mapping.slices[part].tile
    ]
    if not parts:
        empty = np.zeros(0, np.int64)
        return Fetches(empty, empty, empty, empty, empty, empty, empty.astype(bool))
    return Fetches(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _block_fetches(
    mapping: Mapping, classes: TrafficClasses, columns: sparse.csc_array, block: int, *, works: bool
) -> Fetches:
    part = mapping.slices[mapping.fan_out.block_slice[block]]
    projection = mapping.network.projections[mapping.fan_out.block_projection[block]]
    parameters = mapping.package.tiles[part.tile].parameters
    cycles = 0
    if isinstance(parameters, Npu):
        cycles = parameters.dense_cycles(*block_matrix(mapping.network, projection, part.box))
        traffic_class = np.array([classes.clock(part.population)], np.int64)
        weights = projection_stored_weights(
            projection, mapping.network, [part.box], shared=parameters.shares_weights
        )
    else:
        entries = slice(columns.indptr[block], columns.indptr[block + 1])
        traffic_class = columns.indices[entries].astype(np.int64)
        weights = columns.data[entries]
    size = traffic_class.size
    return Fetches(
        traffic_class,
        np.full(size, part.tile),
        np.full(size, part.weight_tile),
        weights.astype(np.int64) * works,
        weights * _entry_bits(projection, parameters),
        np.full(size, cycles * works),
        np.full(size, not isinstance(parameters, Npu)),
    )


def _entry_bits(projection: Projection, parameters: TileParameters) -> int:
    listed = isinstance(projection.connection, Sparse)
    return parameters.weight_bits + (index_bits(parameters) if listed else 0)


def add_memory_packets(ledger: PacketLedger, fetches: Fetches) -> np.ndarray:
    """Add requests and responses to the ledger, and count the packets delivered.

    A request is a packet of header and address. A response is cut into packets of at
    most the largest payload, each with a header.

    Returns:
        int64 [2, fetches]: packets that reach the memory, and the tile, per event.
    """
    packet = ledger.package.spec.packet
    requests = fetches.requested.astype(np.int64)
    request_bits = np.full(requests.size, packet.header_bits + packet.address_bits)
    there = _Transfer(fetches.tile, fetches.memory, requests, request_bits)
    _add_unicast(ledger, fetches.traffic_class, there)
    delivered = np.zeros((2, requests.size), np.int64)
    delivered[0] = requests
    full, rest_bits = found = cut(fetches.bits, packet)
    full_bits = np.full(full.size, packet.header_bits + packet.max_payload_bits)
    last = (rest_bits > 0).astype(np.int64)
    for packets, packet_bits in ((full, full_bits), (last, packet.header_bits + rest_bits)):
        back = _Transfer(fetches.memory, fetches.tile, packets, packet_bits)
        _add_unicast(ledger, fetches.traffic_class, back)
    delivered[1] = found.packets
    return delivered


class _Transfer(NamedTuple):
    """Packets from tile to tile, one entry per fetch; each int [fetches]."""

    source: np.ndarray
    target: np.ndarray
    packets: np.ndarray
    packet_bits: np.ndarray


def _add_unicast(ledger: PacketLedger, traffic_class: np.ndarray, transfer: _Transfer) -> None:
    sent = np.flatnonzero(transfer.packets)
    of_class = traffic_class[sent]
    source, target, packets, packet_bits = (column[sent] for column in transfer)
    routers = ledger.package.tile_router
    ledger.add(of_class, ledger.port(routers[source]), packets, packet_bits)
    hop, link = links_on_routes(ledger.package, routers[source], routers[target])
    ledger.add(of_class[hop], link, packets[hop], packet_bits[hop])
