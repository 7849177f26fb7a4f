"""The incidence: constant integers that turn events of classes into everything counted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy import sparse

from chipletsim.cost.classes import TrafficClasses, traffic_classes
from chipletsim.cost.constants import tiles_by_kind
from chipletsim.cost.encoded_links import add_messages
from chipletsim.cost.entries import Cells, Entries, Form, PacketLedger, packed
from chipletsim.cost.memory_traffic import Fetches, add_memory_packets, weight_fetches
from chipletsim.cost.pipeline_events import add_pipeline_events
from chipletsim.cost.spike_packets import (
    add_spike_packets,
    messages_per_tile,
    synapses_per_tile,
)
from chipletsim.cost.tile_entries import TileEntries
from chipletsim.cost.tile_events import (
    CROSSBAR_QUANTITIES,
    CrossbarBlocks,
    add_clock_events,
    add_memory_events,
    add_spike_events,
    crossbar_blocks,
    crossbar_entries,
    require_single_events,
)
from chipletsim.mapping.model import Mapping
from chipletsim.mapping.units import check_units
from chipletsim.noc.padding import rounded_up
from chipletsim.noc.routes import RouteTables, route_tables
from chipletsim.package.model import Package

NETWORK_QUANTITIES = ("link_packets", "link_bits", "injected", "router_packets", "router_bits")
"""Quantities that follow from packets on cells, in the order of their numbers."""


class Frames(NamedTuple):
    """Frames of the links, each int64 [links].

    Attributes:
        payload_bits: Bits of packets and messages in a frame; 0 where there are no frames.
        total_bits: Bits of a frame on the wire.
    """

    payload_bits: Any
    total_bits: Any


@dataclass(frozen=True)
class Sizes:
    """How many quantities there are; fixed when the program is compiled.

    Attributes:
        tiles: Tiles.
        direct: Cells (packets of one size on one channel, rounded up), quantities of
            tiles, and crossbar blocks: what is counted directly from events.
        derived: Each of `NETWORK_QUANTITIES`, and quantities of crossbars by tile: what
            is counted from those.
        names: Quantities of tiles that there are, first the direct ones.
    """

    tiles: int
    direct: tuple[int, ...]
    derived: tuple[int, ...]
    names: tuple[str, ...]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["direct", "derived", "flit_bits", "frames", "crossbars", "kinds", "routes"],
    meta_fields=["sizes"],
)
@dataclass(frozen=True, eq=False)
class Incidence:
    """Everything whole-numbered that a price depends on, as one pytree.

    Attributes:
        sizes: Numbers of quantities.
        direct: Quantities by classes, [chunks, CHUNK] filled up with zero weights; None where
            they are counted already.
        derived: Quantities by cells and by drives, reads and position reads of crossbar
            blocks, in the same form.
        flit_bits: int64 [links].
        frames: Frames of the links.
        crossbars: Blocks on crossbars.
        kinds: Tile kind to int32 indices of its tiles.
        routes: Routes for latencies.
    """

    sizes: Sizes
    direct: Any
    derived: Entries
    flit_bits: Any
    frames: Frames
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
        synapses_per_event: int64 [spike classes], synapses that an event reaches.
    """

    mapping: Mapping
    classes: TrafficClasses
    incidence: Incidence
    messages_per_event: np.ndarray
    synapses_per_event: np.ndarray


def traffic_model(mapping: Mapping) -> TrafficModel:
    """Return the classes and incidence of a mapping.

    Raises:
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it, a tile lacks
            a unit that the mapping names, or counts of spikes reach a tile that takes one event
            of a neuron in a step.
    """
    check_units(mapping)
    package = mapping.package
    require_single_events(mapping)
    classes = traffic_classes(mapping)
    synapses = synapses_per_tile(mapping, classes)
    messages = messages_per_tile(mapping, classes, synapses)
    fetches = weight_fetches(mapping, classes)
    ledger = PacketLedger(package)
    crossings = add_spike_packets(ledger, mapping, classes, messages)
    classes = add_messages(ledger, mapping, classes, crossings)
    delivered = add_memory_packets(ledger, fetches)
    packet_entries, cells = ledger.close()
    tiles = TileEntries(len(package.tiles))
    add_spike_events(tiles, mapping, classes, messages)
    add_clock_events(tiles, mapping, classes)
    add_pipeline_events(tiles, mapping, classes, messages)
    add_memory_events(tiles, fetches, delivered)
    crossbars, drives = crossbar_blocks(mapping, classes)
    sizes = _sizes(package, cells, tiles.names, crossbars)
    of_crossbars = crossbar_entries(crossbars, len(package.tiles))
    after_packets = of_crossbars.traffic_class + sizes.direct[0]
    derived = [
        *network_entries(package, cells),
        of_crossbars._replace(traffic_class=after_packets),
    ]
    incidence = Incidence(
        sizes=sizes,
        direct=packed([[packet_entries], tiles.parts, drives], sizes.direct),
        derived=packed([[part] for part in derived], sizes.derived),
        flit_bits=np.array([link.spec.flit_bits for link in package.links], np.int64),
        frames=_frames(package),
        crossbars=crossbars,
        kinds=dict(tiles_by_kind(package)),
        routes=_routes(package, classes, messages, fetches),
    )
    return TrafficModel(
        mapping,
        classes,
        incidence,
        messages_per_event=np.diff(messages.indptr).astype(np.int64),
        synapses_per_event=classes.synapses.sum(axis=1, dtype=np.int64),
    )


def network_entries(package: Package, cells: Cells) -> list[Entries]:
    """Return the entries of each of `NETWORK_QUANTITIES` by cells.

    Example:
        A packet of 40 bits is 2 flits of 32 bits on a link, 64 bits; the router behind
        is charged for its own 40. If its event crosses the link in a message it adds to the
        packets of the link, and to its bits what the codec says.
    """
    links = len(package.links)
    packet = np.flatnonzero(cells.form != Form.MESSAGE)
    on_link = packet[cells.channel[packet] < links]
    port = packet[cells.channel[packet] >= links]
    with_bits = np.flatnonzero((cells.channel < links) & (cells.form != Form.IN_MESSAGE))
    link = cells.channel[with_bits]
    flit = np.array([item.spec.flit_bits for item in package.links], np.int64)[link]
    bits = cells.packet_bits[with_bits]
    link_bits = np.where(cells.form[with_bits] == Form.MESSAGE, bits, -(-bits // flit) * flit)
    entered = np.concatenate([package.link_target, np.arange(len(package.routers))])
    router = entered[cells.channel[packet]]
    return [
        Entries(on_link, cells.channel[on_link], np.ones_like(on_link)),
        Entries(with_bits, link, link_bits),
        Entries(port, cells.channel[port] - links, np.ones_like(port)),
        Entries(packet, router, np.ones_like(router)),
        Entries(packet, router, cells.packet_bits[packet]),
    ]


def _frames(package: Package) -> Frames:
    """Return the frames of the links; messages of a link without any end in a whole flit."""
    sizes = []
    for spec in (link.spec for link in package.links):
        flit_bits = spec.flit_bits if spec.encoding else 0
        frame = spec.frame
        sizes.append((frame.payload_bits, frame.total_bits) if frame else (flit_bits, flit_bits))
    payload_bits, total_bits = np.array(sizes, np.int64).reshape(-1, 2).T
    return Frames(payload_bits, total_bits)


def _sizes(package: Package, cells: Cells, on_tiles: list[str], crossbars: CrossbarBlocks) -> Sizes:
    links, routers, tiles = len(package.links), len(package.routers), len(package.tiles)
    of_crossbars = CROSSBAR_QUANTITIES if crossbars.tile.size else ()
    return Sizes(
        tiles=tiles,
        direct=(rounded_up(cells.channel.size), len(on_tiles) * tiles, crossbars.tile.size),
        derived=(links, links, routers, routers, routers, len(of_crossbars) * tiles),
        names=(*on_tiles, *of_crossbars),
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
