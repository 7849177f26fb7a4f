"""Simulated annealing of the placement."""

from __future__ import annotations

from math import exp

import numpy as np

from chipletsim.mapping.model import Mapping
from chipletsim.mapping.placement import Placement
from chipletsim.mapping.problem import PlacementProblem
from chipletsim.mapping.strategies.traffic import place_by_traffic
from chipletsim.mapping.traffic import SliceTraffic

MOVES_PER_SLICE = 200
LEAST_MOVES, MOST_MOVES = 2_000, 40_000
PROBES = 100
"""Moves tried before the start, to know how much a move costs."""
COOLING = 1e-4
"""Last temperature over first."""


def anneal(problem: PlacementProblem, seed: int) -> Mapping:
    """Return the best placement met by simulated annealing (Kirkpatrick et al., 1983).

    It starts from ``traffic`` and tries moves of a slice to another tile and swaps of two
    slices. A change that costs ``d`` more is taken with probability ``exp(-d / T)``, where
    T falls from the mean cost of a random change by a constant factor per move. The best
    placement is kept, so the result is never worse than the start.

    Args:
        problem: The problem.
        seed: Seed of the moves; the same seed gives the same mapping.

    Raises:
        InfeasibleError: The network does not fit.
    """
    start = place_by_traffic(problem, seed)
    walk = Walk(start.placement, start.flows, np.random.default_rng(seed))
    moves = min(MOST_MOVES, max(LEAST_MOVES, MOVES_PER_SLICE * len(start.mapping.slices)))
    best = start.mapping.moved(*walk.run(moves))
    chosen = best if start.flows.cost(best) < start.cost else start.mapping
    return chosen.renamed("anneal")


class Walk:
    """A random walk over placements of the same pieces, with the change of cost per move."""

    def __init__(
        self, placement: Placement, flows: SliceTraffic, random: np.random.Generator
    ) -> None:
        self._placement = placement
        self._flows = flows
        self._random = random
        self._costs = flows.tile_costs
        self._tiles = np.array(placement.tiles, np.int64)
        self._allowed = placement.problem.allowed

    def run(self, moves: int) -> tuple[list[int], list[int]]:
        """Walk, and return tiles and weight tiles of the cheapest placement met.

        Args:
            moves: Number of moves tried.
        """
        best = list(self._placement.tiles), list(self._placement.holders)
        temperature = self._probe()
        if temperature == 0.0:
            return best
        factor = COOLING ** (1.0 / moves)
        cost = least = 0.0
        for _ in range(moves):
            temperature *= factor
            change = self._try(temperature)
            cost += change
            if change < 0 and cost < least:
                least = cost
                best = list(self._placement.tiles), list(self._placement.holders)
        return best

    def _probe(self) -> float:
        """Return the mean absolute change of cost over random moves, all undone."""
        changes = []
        for _ in range(PROBES):
            move = self._random_move()
            change = self._apply(move)
            if change is not None:
                changes.append(abs(change[0]))
                self._undo(change[1])
        return float(np.mean(changes)) if changes else 0.0

    def _try(self, temperature: float) -> float:
        """Make a random move, or undo it; return the change of cost that remains."""
        done = self._apply(self._random_move())
        if done is None:
            return 0.0
        change, before = done
        if change <= 0 or self._random.random() < exp(-change / temperature):
            return change
        self._undo(before)
        return 0.0

    def _random_move(self) -> list[tuple[int, int]]:
        """Return (piece, new tile) of one piece, or of two that change places."""
        first = int(self._random.integers(len(self._tiles)))
        if self._random.random() < 0.5:
            tiles = self._allowed[self._placement.pieces[first].population]
            return [(first, int(tiles[self._random.integers(tiles.size)]))]
        second = int(self._random.integers(len(self._tiles)))
        return [(first, int(self._tiles[second])), (second, int(self._tiles[first]))]

    def _apply(
        self, move: list[tuple[int, int]]
    ) -> tuple[float, list[tuple[int, int, int]]] | None:
        """Make a move; return the change of cost and how it was, or None if it does not fit."""
        placement = self._placement
        if any(self._tiles[number] == tile for number, tile in move):
            return None
        if not all(self._may(number, tile) for number, tile in move):
            return None
        before = [(n, placement.tiles[n], placement.holders[n]) for n, _ in move]
        change = -sum(self._fetch(number) for number, _ in move)
        for number, _ in move:
            placement.lift(number)
        for number, tile in move:
            if not placement.has_room(number, tile):
                self._undo(before)
                return None
            placement.put(number, tile)
            change -= self._flows.at(number, int(self._tiles[number]), self._tiles)
            change += self._flows.at(number, tile, self._tiles)
            self._tiles[number] = tile
        return change + sum(self._fetch(number) for number, _ in move), before

    def _may(self, number: int, tile: int) -> bool:
        allowed = self._allowed[self._placement.pieces[number].population]
        return bool(allowed[np.searchsorted(allowed, tile) % allowed.size] == tile)

    def _fetch(self, number: int) -> float:
        """Return the cost of fetching the weights of a piece as it is placed."""
        placement = self._placement
        tile, holder = placement.tiles[number], placement.holders[number]
        return placement.weight_bits(number) * self._costs[holder, tile]

    def _undo(self, before: list[tuple[int, int, int]]) -> None:
        """Put pieces back on the tiles where they were."""
        for number, _, _ in before:
            if self._placement.tiles[number] >= 0:
                self._placement.lift(number)
        for number, tile, holder in before:
            self._placement.put(number, tile, holder)
            self._tiles[number] = tile
