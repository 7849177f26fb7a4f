"""How many bits slices send each other, and what a bit costs between two tiles."""

from __future__ import annotations

from collections.abc import Mapping as Table
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy import sparse

from chipletsim.errors import ConfigError, Problem
from chipletsim.mapping.demand import slice_bits
from chipletsim.network.model import Network, Population
from chipletsim.package.model import Link, Package

if TYPE_CHECKING:
    from chipletsim.mapping.model import Mapping

UNIFORM_RATE = 0.1
"""Events per neuron and step where no activity is given."""


class Measured(Protocol):
    """What a placement needs of an activity: how often each neuron spiked."""

    @property
    def populations(self) -> Table[str, tuple[int, ...]]:
        """Population name to shape."""

    @property
    def samples(self) -> int:
        """Number of samples."""

    @property
    def steps(self) -> int:
        """Number of steps of each."""

    @property
    def totals(self) -> Table[str, np.ndarray]:
        """Population name to int64 [neurons], events over all samples and steps."""


class MeasuredEvents:
    """Events of each neuron, added up over windows of steps and batches of samples.

    Attributes:
        populations: Population name to shape.
        samples: Number of samples.
        steps: Steps of each.
        totals: Population name to int64 [neurons].
    """

    def __init__(self, populations: Table[str, tuple[int, ...]], samples: int, steps: int) -> None:
        self.populations = dict(populations)
        self.samples = samples
        self.steps = steps
        self.totals = {name: np.zeros(prod(s), np.int64) for name, s in populations.items()}

    def add(self, window: Measured) -> None:
        """Add the events of some steps of some samples, each of which is added once."""
        for name in self.totals:
            self.totals[name] += window.totals[name].ravel()


def event_rates(network: Network, activity: Measured | None) -> tuple[np.ndarray, str]:
    """Return events per neuron and step, float64 [neurons], and where they come from.

    Args:
        network: The network.
        activity: Measured activity of the network, or None for a uniform rate.

    Raises:
        ConfigError: The activity is of another network.
    """
    if activity is None:
        words = f"assumed: {UNIFORM_RATE} events per neuron and step everywhere"
        return np.full(network.neurons, UNIFORM_RATE), words
    shapes = {population.name: population.shape for population in network.populations}
    if {name: tuple(shape) for name, shape in activity.populations.items()} != shapes:
        theirs = ", ".join(f"{name} {shape}" for name, shape in activity.populations.items())
        raise ConfigError([Problem(f"the activity is of another network, with {theirs}")])
    totals = np.concatenate([activity.totals[name].ravel() for name in shapes])
    words = f"measured over {activity.samples} samples of {activity.steps} steps"
    return totals / (activity.samples * activity.steps), words


def event_bits(package: Package, population: Population) -> int:
    """Return the bits of a packet that carries one event."""
    packet = package.spec.packet
    return packet.header_bits + packet.address_bits + population.value_bits


def link_wire_bits(link: Link, bits: int) -> float:
    """Return the bits that a packet takes on the wire: whole flits, and its share of frames."""
    spec = link.spec
    wire = -(-bits // spec.flit_bits) * spec.flit_bits
    return wire * spec.frame.total_bits / spec.frame.payload_bits if spec.frame else float(wire)


def route_cost(package: Package) -> np.ndarray:
    """Return float64 [routers, routers]: relative cost of one bit along each route.

    A hop costs its energy over the energy of an ordinary hop, plus its latency over the
    latency of an ordinary hop, where the ordinary hop is the median link inside a die;
    so a hop on a die costs about 2, and a die crossing as many times more as it takes
    more energy and time. Energy and time are those of one event packet on an idle
    network: wire and router energy, and link, router and serialisation latency. Links that
    encode count as if events crossed them as packets of their own.
    """
    bits = max(1, package.spec.packet.header_bits + package.spec.packet.address_bits)
    energy_j = np.array([_hop_energy_j(package, link, bits) for link in package.links])
    latency_s = np.array([_hop_latency_s(package, link, bits) for link in package.links])
    inside = np.array([not link.between_dies for link in package.links], bool)
    hop = _relative(energy_j, inside) + _relative(latency_s, inside)
    return along_routes(package, hop)


def _hop_energy_j(package: Package, link: Link, bits: int) -> float:
    router = package.routers[link.target].spec
    on_wire = link_wire_bits(link, bits) * link.spec.expected_energy_j_per_bit
    routed = router.energy_j_per_packet + router.energy_j_per_bit * bits
    return on_wire + link.spec.energy_j_per_packet + routed


def _hop_latency_s(package: Package, link: Link, bits: int) -> float:
    serialisation_s = link_wire_bits(link, bits) / link.spec.expected_bandwidth_bit_per_s
    return (
        link.spec.expected_latency_s + package.routers[link.target].spec.latency_s + serialisation_s
    )


def _relative(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the values over their median inside a die, or over all if that is zero."""
    for chosen in (values[inside], values):
        if chosen.size and np.median(chosen) > 0:
            return values / np.median(chosen)
    return np.zeros_like(values)


def along_routes(package: Package, per_link: np.ndarray) -> np.ndarray:
    """Return float64 [routers, routers]: sum of ``per_link`` over each route.

    Routes are trees, so the sum up to a router is that up to the router before it plus
    one link; pointer doubling takes log2 of the longest route such passes.
    """
    incoming = package.incoming_link
    count = len(package.routers)
    own = np.arange(count)
    if not package.links:
        return np.zeros((count, count))
    sources = np.array([link.source for link in package.links])
    before = np.where(incoming >= 0, sources[incoming], own[None, :])
    total = np.where(incoming >= 0, np.asarray(per_link, np.float64)[incoming], 0.0)
    while True:
        further = np.take_along_axis(before, before, axis=1)
        if np.array_equal(further, before):
            return total
        total = total + np.take_along_axis(total, before, axis=1)
        before = further


def tile_cost(package: Package) -> np.ndarray:
    """Return float64 [tiles, tiles]: relative cost of one bit from tile to tile.

    Zero on the tile itself; half a hop for the router where a packet enters the network,
    which is all that two tiles of one router take; `route_cost` beyond.
    """
    routers = np.array([tile.router for tile in package.tiles])
    cost = route_cost(package)[np.ix_(routers, routers)] + 0.5
    np.fill_diagonal(cost, 0.0)
    return cost


def first_io_tile(package: Package) -> int | None:
    """Return the tile to which answers are sent, the first io tile, or None."""
    return next((i for i, tile in enumerate(package.tiles) if tile.kind == "io"), None)


class SliceTraffic:
    """Bits per step between the slices of a mapping, and what they cost on its package.

    An event is one message to each slice in which its neuron has a synapse. Slices that
    share a tile and multicast trees need fewer; both are known only once placed, so the
    cost here is that of unicast. Weights on a memory tile are fetched once per step, as
    dense tiles do; event-driven tiles fetch fewer where few neurons spike.

    Attributes:
        sent: csr_array float64 [slices, slices], bits from slice to other slice.
        received: Its transpose.
        answers: float64 [slices], bits from each slice to the first io tile.
        tile_costs: float64 [tiles, tiles], as `tile_cost` gives it.
    """

    def __init__(self, mapping: Mapping, rates: np.ndarray, tile_costs: np.ndarray) -> None:
        """Count the traffic.

        Args:
            mapping: The slices; their tiles do not matter.
            rates: float64 [neurons], events per step.
            tile_costs: `tile_cost` of the package.
        """
        network, count = mapping.network, len(mapping.slices)
        owner = mapping.neuron_slice()
        sizes = [event_bits(mapping.package, item) for item in network.populations]
        bits = rates * np.repeat(sizes, np.diff(network.offsets))
        reached = mapping.fan_out.reaches(mapping.fan_out.block_slice, count)
        neurons = np.arange(network.neurons)
        senders = sparse.coo_array((bits, (owner, neurons)), shape=(count, network.neurons))
        self.sent = _without_diagonal(senders.tocsr() @ reached)
        self.received: Any = self.sent.T.tocsr()
        output = [network.populations[part.population].output for part in mapping.slices]
        self.answers = np.bincount(owner, weights=bits, minlength=count) * np.array(output)
        self.tile_costs = tile_costs
        exit_tile = first_io_tile(mapping.package)
        to_exit = np.zeros(len(tile_costs)) if exit_tile is None else tile_costs[:, exit_tile]
        self._to_exit = to_exit

    def cost(self, mapping: Mapping) -> float:
        """Return traffic times cost of a placement of these slices, on any tiles."""
        tiles = np.array([part.tile for part in mapping.slices], np.int64)
        holders = np.array([part.weight_tile for part in mapping.slices], np.int64)
        rows = np.repeat(np.arange(tiles.size), np.diff(self.sent.indptr))
        moved = self.sent.data @ self.tile_costs[tiles[rows], tiles[self.sent.indices]]
        fetched = slice_bits(mapping) @ self.tile_costs[holders, tiles]
        return float(moved + fetched + self.answers @ self._to_exit[tiles])

    def at(self, number: int, tile: int, tiles: np.ndarray) -> float:
        """Return the cost of the events of a slice if it were on ``tile``.

        Args:
            number: The slice.
            tile: Its tile.
            tiles: int64 [slices], tiles of the others.
        """
        to, sent = _row(self.sent, number)
        of, received = _row(self.received, number)
        away = sent @ self.tile_costs[tile, tiles[to]]
        home = received @ self.tile_costs[tiles[of], tile]
        return float(away + home + self.answers[number] * self._to_exit[tile])

    def everywhere(self, number: int, tiles: np.ndarray) -> np.ndarray:
        """Return float64 [tiles]: the cost of the events of a slice on each tile.

        Args:
            number: The slice.
            tiles: int64 [slices], tiles of the others, -1 for those without.
        """
        total = self.answers[number] * self._to_exit
        for table, costs in ((self.sent, self.tile_costs.T), (self.received, self.tile_costs)):
            others, bits = _row(table, number)
            placed = tiles[others] >= 0
            total = total + bits[placed] @ costs[tiles[others[placed]]]
        return total


def _row(table: Any, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns and values of a row."""
    entries = slice(table.indptr[number], table.indptr[number + 1])
    return table.indices[entries], table.data[entries]


def _without_diagonal(table: Any) -> Any:
    entries = table.tocoo()
    other = entries.row != entries.col
    kept = (entries.data[other], (entries.row[other], entries.col[other]))
    return sparse.coo_array(kept, shape=table.shape).tocsr()
