"""A mapping: which neurons live on which tile, and where their weights are."""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

import numpy as np

from chipletsim.mapping.fanout import FanOut, fan_out
from chipletsim.mapping.units import check_units, soma_unit
from chipletsim.network.lower import lower
from chipletsim.network.model import Network
from chipletsim.package.model import Package

Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Slice:
    """A box of a population on one tile.

    Attributes:
        population: Index of the population.
        box: (start, stop) along each axis of the population's shape.
        tile: Index of the tile.
        weight_tile: Index of the memory tile that holds its weights; ``tile`` itself
            where they fit.
        unit: Soma unit that computes it, on tiles that have units; their first if empty.
    """

    population: int
    box: Box
    tile: int
    weight_tile: int
    unit: str = ""

    @property
    def size(self) -> int:
        """Number of neurons."""
        return prod(stop - start for start, stop in self.box)


@dataclass(frozen=True, eq=False)
class Mapping:
    """Slices of populations on tiles, within every capacity.

    Attributes:
        network: The network as given; `lower` says what its tiles make of it.
        package: The package.
        slices: All slices; those of a population partition it.
        strategy: Name of the strategy that placed them.
        seed: Seed it used.
        rates: Where the traffic it was placed for comes from, in words.
        synapse_units: Projection name to the synapse unit that reads it, on tiles that have
            units; their first for those left out.
        synapse_ranks: Projection name to int64 [synapses], of all (sparse) projections or none:
            in which order a message serves the synapses of its source, lowest first. It only
            matters to the last bit of times where units interleave; projection by projection
            if empty.
    """

    network: Network
    package: Package
    slices: tuple[Slice, ...]
    strategy: str
    seed: int
    rates: str = "none"
    synapse_units: dict[str, str] = field(default_factory=dict)
    synapse_ranks: dict[str, np.ndarray] = field(default_factory=dict)

    def __repr__(self) -> str:
        tiles = len({part.tile for part in self.slices})
        return (
            f"Mapping({self.network.name!r} on {self.package.name!r}: {len(self.slices):,} slices "
            f"on {tiles:,} tiles, strategy {self.strategy!r}, seed {self.seed})"
        )

    @cached_property
    def fan_out(self) -> FanOut:
        """Synapses of every neuron in every block, made once per mapping."""
        return fan_out(self.network, self.slices)

    def neuron_slice(self) -> np.ndarray:
        """Return int32 [neurons]: the slice of each neuron."""
        owner = np.full(self.network.neurons, -1, np.int32)
        for number, part in enumerate(self.slices):
            population = self.network.populations[part.population]
            start = self.network.offsets[part.population]
            view = owner[start : start + population.size].reshape(population.shape)
            view[tuple(slice(*bounds) for bounds in part.box)] = number
        return owner

    @cached_property
    def soma_units(self) -> np.ndarray:
        """int64 [slices]: number of the soma unit of each slice; 0 on tiles without units."""
        tiles = self.package.tiles
        numbers = [soma_unit(tiles[part.tile].parameters, part.unit) for part in self.slices]
        return np.array(numbers, np.int64)

    @cached_property
    def routers_in_use(self) -> int:
        """Number of routers with mapped neurons, which take part in a barrier."""
        return len({self.package.tiles[part.tile].router for part in self.slices})

    @property
    def barrier_s(self) -> float:
        """Time of a barrier among the routers in use."""
        return self.package.spec.barrier_of(self.routers_in_use)

    def weight_bits(self) -> dict[str, int]:
        """Return the precision of each projection: the least of the tiles that hold it."""
        least: dict[int, int] = {}
        for part in self.slices:
            bits = self.package.tiles[part.tile].parameters.weight_bits
            least[part.population] = min(bits, least.get(part.population, bits))
        index = self.network.index
        return {edge.name: least[index[edge.target]] for edge in self.network.projections}

    def lowered(self) -> Network:
        """Return the network as its tiles compute it: weights in their precision."""
        return lower(self.network, self.weight_bits())

    def renamed(self, strategy: str) -> Mapping:
        """Return the same slices under the name of another strategy."""
        return self._sharing_table(replace(self, strategy=strategy))

    def with_network(self, network: Network) -> Mapping:
        """Return the same slices of a network that differs in weights and constants alone."""
        return self._sharing_table(replace(self, network=network))

    def with_units(self, units: Table[int, str], synapse_units: Table[str, str]) -> Mapping:
        """Return the same slices on chosen units of their tiles.

        Args:
            units: Index of a population to its soma unit.
            synapse_units: Projection name to its synapse unit.

        Raises:
            ConfigError: A tile has no such unit.
        """
        slices = tuple(
            replace(part, unit=units.get(part.population, part.unit)) for part in self.slices
        )
        chosen = replace(self, slices=slices, synapse_units=dict(synapse_units))
        check_units(chosen)
        return self._sharing_table(chosen)

    def moved(self, tiles: Sequence[int], weight_tiles: Sequence[int]) -> Mapping:
        """Return the same boxes on other tiles.

        The fan-out table is passed on, since it depends on the boxes alone.

        Args:
            tiles: Tile of each slice.
            weight_tiles: Tile that holds the weights of each slice.
        """
        slices = tuple(
            replace(part, tile=int(tile), weight_tile=int(holder))
            for part, tile, holder in zip(self.slices, tiles, weight_tiles, strict=True)
        )
        return self._sharing_table(replace(self, slices=slices))

    def _sharing_table(self, other: Mapping) -> Mapping:
        if "fan_out" in self.__dict__:
            other.__dict__["fan_out"] = self.fan_out
        return other
