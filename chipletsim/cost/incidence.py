"""The incidence: constant integers that turn events of classes into everything counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from chipletsim.cost.classes import TrafficClasses, traffic_classes
from chipletsim.cost.constants import tiles_by_kind
from chipletsim.cost.entries import Entries, PacketLedger, concatenate
from chipletsim.cost.memory_traffic import Fetches, add_memory_packets, weight_fetches
from chipletsim.cost.spike_packets import (
    add_spike_packets,
    messages_per_tile,
    synapses_per_tile,
)
from chipletsim.cost.tile_events import (
    TILE_QUANTITIES,
    CrossbarBlocks,
    TileEntries,
    add_clock_events,
    add_memory_events,
    add_spike_events,
    crossbar_blocks,
)
from chipletsim.mapping.model import Mapping
from chipletsim.noc.routes import RouteTables, route_tables
from chipletsim.package.model import Package

CHUNK = 8192
"""Entries handled at once by the sparse product; bounds its intermediate arrays."""


class LinkFormats(NamedTuple):
    """Whole numbers of the links, each int64 [links].

    Attributes:
        flit_bits: Bits of a flit.
        frame_payload_bits: Bits of packets in a frame; 0 where there are no frames.
        frame_total_bits: Bits of a frame on the wire.
    """

    flit_bits: Any
    frame_payload_bits: Any
    frame_total_bits: Any


class Incidence(NamedTuple):
    """Everything whole-numbered that a price depends on, as one pytree.

    The quantities counted are, in order: packets on (channel, size) cells, tile
    quantities (name by name, tile by tile), and drives of crossbar blocks.

    Attributes:
        entries: Sparse matrix of quantities by classes, padded with zero weights to
            whole chunks.
        cell_channel: int32 [cells], a link, or number of links + router for a port.
        cell_bits: int64 [cells], bits of each packet of the cell.
        links: Flits and frames.
        channel_router: int32 [links + routers], router that packets of a channel enter.
        crossbars: Blocks on crossbars.
        kinds: Tile kind to int32 indices of its tiles.
        routes: Routes for latencies.
    """

    entries: Entries
    cell_channel: Any
    cell_bits: Any
    links: LinkFormats
    channel_router: Any
    crossbars: CrossbarBlocks
    kinds: dict[str, Any]
    routes: RouteTables


@dataclass(frozen=True, eq=False)
class TrafficModel:
    """Classes of a mapping and their incidence, on the host.

    Attributes:
        mapping: The mapping.
        classes: Its traffic classes.
        incidence: What each event adds.
        messages_per_event: int64 [spike classes], destination tiles of an event.
    """

    mapping: Mapping
    classes: TrafficClasses
    incidence: Incidence
    messages_per_event: np.ndarray


def traffic_model(mapping: Mapping) -> TrafficModel:
    """Return the classes and incidence of a mapping.

    Raises:
        InfeasibleError: Answers leave the network but the package has no io tile.
    """
    package = mapping.package
    classes = traffic_classes(mapping)
    synapses = synapses_per_tile(mapping, classes)
    messages = messages_per_tile(mapping, classes, synapses)
    fetches = weight_fetches(mapping, classes)
    ledger = PacketLedger(package)
    add_spike_packets(ledger, mapping, classes, messages)
    delivered = add_memory_packets(ledger, fetches)
    packet_entries, cell_channel, cell_bits = ledger.close()
    tiles = TileEntries(len(package.tiles))
    add_spike_events(tiles, classes, synapses, messages)
    add_clock_events(tiles, mapping, classes)
    add_memory_events(tiles, fetches, delivered)
    crossbars, drives = crossbar_blocks(mapping, classes)
    groups = [[packet_entries], tiles.parts, drives]
    sizes = [cell_channel.size, len(TILE_QUANTITIES) * len(package.tiles)]
    incidence = Incidence(
        entries=_padded(_numbered(groups, sizes)),
        cell_channel=cell_channel.astype(np.int32),
        cell_bits=cell_bits,
        links=_link_formats(package),
        channel_router=np.concatenate(
            [package.link_target, np.arange(len(package.routers))]
        ).astype(np.int32),
        crossbars=crossbars,
        kinds=dict(tiles_by_kind(package)),
        routes=_routes(package, classes, messages, fetches),
    )
    return TrafficModel(mapping, classes, incidence, np.diff(messages.indptr).astype(np.int64))


def _numbered(groups: list[list[Entries]], sizes: list[int]) -> Entries:
    """Return all entries with quantities numbered group after group."""
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return concatenate(
        [
            part._replace(quantity=part.quantity + int(start))
            for start, group in zip(starts, groups, strict=True)
            for part in group
        ]
    )


def _padded(entries: Entries) -> Entries:
    """Return the entries with zero weights added up to whole chunks."""
    missing = -entries.weight.size % CHUNK
    return Entries(*(np.pad(column, (0, missing)).reshape(-1, CHUNK) for column in entries))


def _link_formats(package: Package) -> LinkFormats:
    frames = [link.spec.frame for link in package.links]
    return LinkFormats(
        np.array([link.spec.flit_bits for link in package.links], np.int64),
        np.array([frame.payload_bits if frame else 0 for frame in frames], np.int64),
        np.array([frame.total_bits if frame else 0 for frame in frames], np.int64),
    )


def _routes(
    package: Package, classes: TrafficClasses, messages: Any, fetches: Fetches
) -> RouteTables:
    """Return the routes that events take: to their tiles, to memories and back.

    A message to its own tile takes no route.
    """
    routers = package.tile_router
    found = sparse.coo_array(messages)
    of_class, tile = found.coords
    leaves = tile != classes.tile[of_class]
    asked = fetches.requested
    pieces = [
        (of_class[leaves], classes.tile[of_class[leaves]], tile[leaves]),
        (fetches.traffic_class[asked], fetches.tile[asked], fetches.memory[asked]),
        (fetches.traffic_class, fetches.memory, fetches.tile),
    ]
    route_class, source, target = (np.concatenate(piece) for piece in zip(*pieces, strict=True))
    return route_tables(package, route_class, routers[source], routers[target])
