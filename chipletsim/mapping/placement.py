"""Pieces on tiles, and what room that leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chipletsim.mapping.cuts import Cuts
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.mapping.problem import PlacementProblem
from chipletsim.tiles import TileParameters

UNLIMITED = np.iinfo(np.int64).max // 4
"""Stands for a capacity that a tile does not bound."""


class Piece(NamedTuple):
    """Neurons [start, stop) of a population, in its order of cutting."""

    population: int
    start: int
    stop: int


class Room(NamedTuple):
    """What a tile can still take, as ``Placement`` counts it.

    Attributes:
        parameters: Its parameters, which set the size of weights.
        neurons: Neurons.
        bits: Bits of weights of one piece.
        pairs: Fan-out entries.
        sources: Source neurons.
    """

    parameters: TileParameters
    neurons: int
    bits: int
    pairs: int
    sources: int

    def holds(self, cuts: Cuts, start: int, stop: int) -> bool:
        """Return whether the piece [start, stop) fits."""
        return (
            stop - start <= self.neurons
            and cuts.pairs(start, stop) <= self.pairs
            and cuts.bits(start, stop, self.parameters) <= self.bits
            and cuts.sources(start, stop, self.parameters) <= self.sources
        )

    def needs(self, cuts: Cuts, start: int, stop: int) -> list[tuple[str, int, int]]:
        """Return (resource, demand of the piece, room) of everything that is bounded."""
        return [
            ("neurons", stop - start, self.neurons),
            ("synaptic memory", cuts.bits(start, stop, self.parameters), self.bits),
            ("fan-in", cuts.sources(start, stop, self.parameters), self.sources),
            ("fan-out", cuts.pairs(start, stop), self.pairs),
        ]


def empty_room(problem: PlacementProblem, parameters: TileParameters, *, spill: bool) -> Room:
    """Return what an empty tile can take.

    Args:
        problem: The problem.
        parameters: Kind of the tile.
        spill: Whether weights may go to a memory tile.
    """
    bits = parameters.synaptic_memory_bits
    if spill and parameters.streams_weights:
        tiles = [problem.package.tiles[memory] for memory in problem.memories]
        bits = max([bits, *(tile.parameters.synaptic_memory_bits for tile in tiles)])
    fan_in, fan_out = parameters.fan_in or UNLIMITED, parameters.fan_out or UNLIMITED
    return Room(parameters, parameters.neurons, bits, fan_out, fan_in)


class Placement:
    """Pieces on tiles, kept within every capacity.

    Attributes:
        problem: The problem.
        pieces: Pieces cut so far.
        tiles: Tile of each piece, -1 where it has none.
        holders: Tile that holds the weights of each piece, -1 where it has none.
        free_neurons: int64 [tiles], neurons that each tile has room for.
        free_bits: int64 [tiles], bits of synaptic memory left.
        free_pairs: int64 [tiles], fan-out entries left.
        free_sources: int64 [tiles], source neurons left; those that two pieces of a tile
            share are counted twice, so a tile may have room for a few more.
    """

    def __init__(self, problem: PlacementProblem) -> None:
        parameters = [tile.parameters for tile in problem.package.tiles]
        self.problem = problem
        self.pieces: list[Piece] = []
        self.tiles: list[int] = []
        self.holders: list[int] = []
        self.free_neurons = np.array([p.neurons for p in parameters], np.int64)
        self.free_bits = np.array([p.synaptic_memory_bits for p in parameters], np.int64)
        self.free_pairs = np.array([p.fan_out or UNLIMITED for p in parameters], np.int64)
        self.free_sources = np.array([p.fan_in or UNLIMITED for p in parameters], np.int64)

    def bits(self, piece: Piece) -> np.ndarray:
        """Return int64 [tiles]: bits of weights of the piece on each tile, by its kind."""
        return self._by_kind(piece, self.problem.cuts[piece.population].bits)

    def _by_kind(
        self, piece: Piece, demand: Callable[[int, int, TileParameters], int]
    ) -> np.ndarray:
        """Return int64 [tiles]: a demand that depends on the tile's kind."""
        per_type = np.zeros(len(self.problem.types), np.int64)
        for index in self.problem.types_of(piece.population):
            per_type[index] = demand(piece.start, piece.stop, self.problem.types[index])
        return per_type[self.problem.tile_type]

    def fits(self, piece: Piece, *, spill: bool = True) -> np.ndarray:
        """Return bool [tiles]: whether the piece may and can go there now.

        Args:
            piece: A piece that is not on a tile.
            spill: Whether its weights may go to a memory tile.
        """
        cuts = self.problem.cuts[piece.population]
        allowed = np.zeros(len(self.problem.package.tiles), bool)
        allowed[self.problem.allowed[piece.population]] = True
        return (
            allowed
            & (self.free_neurons >= piece.stop - piece.start)
            & (self.free_pairs >= cuts.pairs(piece.start, piece.stop))
            & (self.free_sources >= self._by_kind(piece, cuts.sources))
            & (self.room_for_weights(spill=spill) >= self.bits(piece))
        )

    def room(self, tile: int, *, spill: bool) -> Room:
        """Return what is left of a tile.

        Args:
            tile: The tile.
            spill: Whether weights may go to a memory tile.
        """
        parameters = self.problem.package.tiles[tile].parameters
        bits = int(self.free_bits[tile])
        if spill and parameters.streams_weights and self.problem.memories.size:
            bits = max(bits, int(self.free_bits[self.problem.memories].max()))
        left = (self.free_neurons, self.free_pairs, self.free_sources)
        neurons, pairs, sources = (int(free[tile]) for free in left)
        return Room(parameters, neurons, bits, pairs, sources)

    def room_for_weights(self, *, spill: bool) -> np.ndarray:
        """Return int64 [tiles]: the most bits that one piece on each tile may have."""
        if not spill or not self.problem.memories.size:
            return self.free_bits
        streams = np.array([kind.streams_weights for kind in self.problem.types])
        elsewhere = self.free_bits[self.problem.memories].max()
        room = np.maximum(self.free_bits, elsewhere)
        return np.where(streams[self.problem.tile_type], room, self.free_bits)

    def add(self, piece: Piece, tile: int) -> None:
        """Cut a piece and put it on a tile that it fits."""
        self._append(piece)
        self.put(len(self.pieces) - 1, tile)

    def _append(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.tiles.append(-1)
        self.holders.append(-1)

    def lifted(self) -> Placement:
        """Return a placement of the same pieces, none on a tile yet."""
        other = Placement(self.problem)
        for piece in self.pieces:
            other._append(piece)
        return other

    def sort(self) -> None:
        """Number the pieces population by population, in order of cutting."""
        entries = sorted(zip(self.pieces, self.tiles, self.holders, strict=True))
        self.pieces = [piece for piece, _, _ in entries]
        self.tiles = [tile for _, tile, _ in entries]
        self.holders = [holder for _, _, holder in entries]

    def has_room(self, number: int, tile: int) -> bool:
        """Return whether a piece without a tile, for which the kind suits, fits now."""
        piece = self.pieces[number]
        cuts = self.problem.cuts[piece.population]
        return self.room(tile, spill=True).holds(cuts, piece.start, piece.stop)

    def fetch_cost(self, piece: Piece) -> np.ndarray:
        """Return float64 [tiles]: cost per step of fetching the weights of a piece there.

        Zero where they fit the tile; else from the nearest memory tile with room,
        infinite where none has.
        """
        bits = self.bits(piece)
        far = np.full(bits.size, np.inf)
        for memory in self.problem.memories:
            usable = self.free_bits[memory] >= bits
            far = np.where(usable, np.minimum(far, self.problem.tile_costs[memory]), far)
        return bits * np.where(bits <= self.free_bits, 0.0, far)

    def put(self, number: int, tile: int, holder: int | None = None) -> None:
        """Put a piece without a tile on a tile it fits.

        Args:
            number: The piece.
            tile: Its tile.
            holder: Tile for its weights; if None, the tile itself where they fit, else
                the nearest memory tile with room.
        """
        piece = self.pieces[number]
        bits = self._bits_on(piece, tile)
        if holder is None:
            holder = tile if bits <= self.free_bits[tile] else self._nearest_memory(tile, bits)
        self.tiles[number], self.holders[number] = tile, holder
        self._use(piece, tile, holder, bits, sign=1)

    def _nearest_memory(self, tile: int, bits: int) -> int:
        memories = self.problem.memories[self.free_bits[self.problem.memories] >= bits]
        return int(memories[np.argmin(self.problem.tile_costs[memories, tile])])

    def weight_bits(self, number: int) -> int:
        """Return the bits of weights of a piece on the tile where it is."""
        return self._bits_on(self.pieces[number], self.tiles[number])

    def _bits_on(self, piece: Piece, tile: int) -> int:
        cuts, parameters = self.problem.cuts[piece.population], self.problem.package.tiles[tile]
        return cuts.bits(piece.start, piece.stop, parameters.parameters)

    def lift(self, number: int) -> None:
        """Take a piece off its tile."""
        tile, piece = self.tiles[number], self.pieces[number]
        bits = self._bits_on(piece, tile)
        self._use(piece, tile, self.holders[number], bits, sign=-1)
        self.tiles[number] = self.holders[number] = -1

    def _use(self, piece: Piece, tile: int, holder: int, bits: int, *, sign: int) -> None:
        cuts, parameters = self.problem.cuts[piece.population], self.problem.package.tiles[tile]
        sources = cuts.sources(piece.start, piece.stop, parameters.parameters)
        pairs = cuts.pairs(piece.start, piece.stop)
        self.free_sources[tile] -= sign * sources
        self.free_neurons[tile] -= sign * (piece.stop - piece.start)
        self.free_pairs[tile] -= sign * pairs
        self.free_bits[holder] -= sign * bits

    def drop_since(self, count: int) -> None:
        """Forget all pieces but the first ``count``."""
        while len(self.pieces) > count:
            self.lift(len(self.pieces) - 1)
            for entries in (self.pieces, self.tiles, self.holders):
                entries.pop()

    def slices(self) -> tuple[Slice, ...]:
        """Return the pieces as slices, in the same order."""
        return tuple(
            Slice(
                piece.population,
                self.problem.cuts[piece.population].box(piece.start, piece.stop),
                tile,
                holder,
            )
            for piece, tile, holder in zip(self.pieces, self.tiles, self.holders, strict=True)
        )

    def mapping(self, strategy: str, seed: int) -> Mapping:
        """Return the mapping."""
        problem = self.problem
        return Mapping(
            problem.network, problem.package, self.slices(), strategy, seed, problem.rates_from
        )
