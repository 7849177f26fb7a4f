"""Packets that carry events from the tile of a neuron to the tiles of its synapses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from chipletsim.cost.classes import TrafficClasses
from chipletsim.cost.entries import Form, PacketLedger
from chipletsim.errors import InfeasibleError, Shortfall
from chipletsim.mapping.model import Mapping
from chipletsim.mapping.traffic import first_io_tile
from chipletsim.package.model import Package
from chipletsim.package.multicast import multicast_copies


def synapses_per_tile(
    mapping: Mapping,
    classes: TrafficClasses,
    slices: np.ndarray | None = None,
    blocks: np.ndarray | None = None,
) -> Any:
    """Return csr_array int64 [spike classes, tiles]: synapses of a member on each tile.

    Args:
        mapping: Where the network lives.
        classes: Its traffic classes.
        slices: bool [slices], those whose synapses count; all if None.
        blocks: bool [blocks], blocks of the fan-out table whose synapses count; all if None.
    """
    tile_of_slice = np.array([part.tile for part in mapping.slices], np.int64)
    target = mapping.fan_out.block_slice
    counted = np.ones(target.size, bool) if slices is None else slices[target]
    if blocks is not None:
        counted = counted & blocks
    members = sparse.csr_array(
        (counted.astype(np.int64), tile_of_slice[target], np.arange(target.size + 1)),
        shape=(target.size, len(mapping.package.tiles)),
    )
    table = sparse.csr_array(classes.synapses @ members)
    table.eliminate_zeros()
    return table


def messages_per_tile(mapping: Mapping, classes: TrafficClasses, synapses: Any) -> Any:
    """Return csr_array int64 [spike classes, tiles]: 1 where an event is bound for the tile.

    An event goes once to each tile with a synapse of its neuron, its own included, and
    if its population is an output, to the first io tile of the package.

    Raises:
        InfeasibleError: Answers have no io tile to leave by.
    """
    answers = np.flatnonzero(classes.sends_out)
    if not answers.size:
        return _ones(synapses)
    exit_tile = first_io_tile(mapping.package)
    if exit_tile is None:
        remedy = "add a tile of kind io, or mark no population as output"
        raise InfeasibleError([Shortfall("tiles by which answers leave", 1, 0, "tiles", remedy)])
    leaving = sparse.coo_array(
        (np.ones(answers.size, np.int64), (answers, np.full(answers.size, exit_tile))),
        shape=synapses.shape,
    )
    return _ones(sparse.csr_array(synapses + leaving))


def _ones(table: Any) -> Any:
    return sparse.csr_array((np.ones_like(table.data), table.indices, table.indptr), table.shape)


class Crossings(NamedTuple):
    """Events that cross links in messages, one entry for each class and link.

    Attributes:
        traffic_class: int64 [crossings], a spike class.
        link: int64 [crossings].
    """

    traffic_class: np.ndarray
    link: np.ndarray


def add_spike_packets(
    ledger: PacketLedger, mapping: Mapping, classes: TrafficClasses, messages: Any
) -> Crossings:
    """Add the packets of one event of each spike class to the ledger.

    Returns:
        Where their events cross in messages; the bits of those are not in the ledger yet.

    Example:
        A neuron on tile 0 of a row of four routers with one tile each has synapses on
        tiles 1, 2 and 3. Routers that multicast need 1 packet per link, 3 in all, and 1
        is injected; with unicast 3 are, and the links carry 3, 2 and 1.
    """
    package = mapping.package
    deliveries = _deliveries(package, classes, messages)
    routers = package.tile_router[classes.tile]
    bits = event_bits(mapping)[classes.population[: classes.spike_classes]]
    sending = np.diff(deliveries.indptr) > 0
    graded = np.array([each.value_bits > 0 for each in mapping.network.populations], np.int64)
    graded, codecs = graded[classes.population[: classes.spike_classes]], _codecs(mapping)
    crossings = [Crossings(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for source in np.unique(routers[sending]):
        members = np.flatnonzero(sending & (routers == source))
        links, entering = multicast_copies(package, int(source), deliveries[members])
        of_class, _, copies = _entries(entering[:, [source]], members)
        port = np.full(of_class.size, ledger.port(source))
        ledger.add(of_class, port, copies, bits[of_class])
        of_class, link, copies = _entries(links, members)
        in_message = codecs[graded[of_class], link] if codecs.any() else np.zeros(link.size, bool)
        for form, chosen in _forms(in_message):
            sent = of_class[chosen]
            ledger.add(sent, link[chosen], copies[chosen], bits[sent], form)
        crossings.append(Crossings(of_class[in_message], link[in_message]))
    return Crossings(*map(np.concatenate, zip(*crossings, strict=True)))


def _entries(table: Any, members: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return class, column and value of each entry of a sparse table [members, columns]."""
    found = sparse.coo_array(table)
    return members[found.coords[0]], found.coords[1].astype(np.int64), found.data


def _forms(in_message: np.ndarray) -> list[tuple[Form, Any]]:
    """Return each form of packets on links, with which entries have it."""
    if not in_message.any():
        return [(Form.PACKET, slice(None))]  # the common case, spared the copies
    return [(Form.PACKET, ~in_message), (Form.IN_MESSAGE, in_message)]


def _codecs(mapping: Mapping) -> np.ndarray:
    """Return bool [2, links]: whether spikes, and graded events, cross in messages."""
    links = [link.spec for link in mapping.package.links]
    return np.array([[spec.codec(bits) is not None for spec in links] for bits in (0, 1)], bool)


def event_bits(mapping: Mapping) -> np.ndarray:
    """Return int64 [populations]: bits of the packet of one event, header included."""
    packet = mapping.package.spec.packet
    own = [population.value_bits for population in mapping.network.populations]
    return np.array(own, np.int64) + packet.header_bits + packet.address_bits


def _deliveries(package: Package, classes: TrafficClasses, messages: Any) -> Any:
    """Return csr_array int64 [spike classes, routers]: tiles to reach at each router.

    Messages to the sender's own tile stay in it and reach no router.
    """
    found = sparse.coo_array(messages)
    of_class, tile = found.coords
    leaves = tile != classes.tile[of_class]
    router = package.tile_router[tile[leaves]]
    ones = np.ones(router.size, np.int64)
    shape = (classes.spike_classes, len(package.routers))
    return sparse.csr_array(sparse.coo_array((ones, (of_class[leaves], router)), shape=shape))
