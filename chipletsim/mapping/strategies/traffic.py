"""Put slices near what they talk to, heaviest talkers first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.errors import InfeasibleError
from chipletsim.mapping.model import Mapping
from chipletsim.mapping.partition import fill_all, fill_evenly, fill_in_order
from chipletsim.mapping.placement import Placement
from chipletsim.mapping.problem import PlacementProblem
from chipletsim.mapping.traffic import SliceTraffic

MOST_SWEEPS = 4
"""Times each slice may move after all are placed."""


def traffic(problem: PlacementProblem, seed: int) -> Mapping:
    """Return the cheapest by estimated traffic of two cuts, each placed in two ways.

    Populations are cut evenly into the fewest slices, and so that they fill tiles in
    order. For each cut, the slice with most traffic goes first; then, again and again,
    the one that exchanges most bits with those placed already goes to the tile with room
    where these bits cost least. At the end each slice may move once more, as all others
    are placed now. Each cut as first placed is kept where that is cheaper, so this is
    never worse than ``sequential`` by its own measure.

    Args:
        problem: The problem.
        seed: Recorded; nothing is random.

    Raises:
        InfeasibleError: The network does not fit.
    """
    return place_by_traffic(problem, seed).mapping.renamed("traffic")


@dataclass(frozen=True)
class Candidate:
    """A placement with its traffic.

    Attributes:
        placement: Pieces on tiles.
        mapping: The same as a mapping.
        flows: Traffic between its slices.
        cost: Traffic times cost.
    """

    placement: Placement
    mapping: Mapping
    flows: SliceTraffic
    cost: float


def place_by_traffic(problem: PlacementProblem, seed: int) -> Candidate:
    """Return the cheapest candidate; an even cut where that costs no more.

    Raises:
        InfeasibleError: The network does not fit.
    """
    tight = _placed_twice(fill_all(problem, fill_in_order), seed)
    try:
        even = _placed_twice(fill_all(problem, fill_evenly), seed)
    except InfeasibleError:
        even = []  # An even cut wastes the ends of tiles, so it may fit no more.
    return min([*even, *tight], key=lambda candidate: candidate.cost)


def _placed_twice(placement: Placement, seed: int) -> list[Candidate]:
    """Return a cut as first placed, and as placed by traffic if it fits that way."""
    problem, mapping = placement.problem, placement.mapping("traffic", seed)
    flows = SliceTraffic(mapping, problem.rates, problem.tile_costs)
    first = Candidate(placement, mapping, flows, flows.cost(mapping))
    grown = placement.lifted()
    if not grow(grown, flows):
        return [first]
    settle(grown, flows)
    moved = mapping.moved(grown.tiles, grown.holders)
    return [first, Candidate(grown, moved, flows, flows.cost(moved))]


def grow(placement: Placement, flows: SliceTraffic) -> bool:
    """Put each piece near those placed before it, the one they attract most first.

    Args:
        placement: Pieces without tiles.
        flows: Traffic between them.

    Returns:
        False if a piece found no room, which a cut made for other tiles may come to.
    """
    count = len(placement.pieces)
    tiles = np.full(count, -1, np.int64)
    both = (flows.sent + flows.received).tocsr()
    total = np.asarray(both.sum(axis=1)).ravel() + flows.answers
    pull = np.zeros(count)
    for _ in range(count):
        waiting = np.flatnonzero(tiles < 0)
        number = int(waiting[np.lexsort((-total[waiting], -pull[waiting]))[0]])
        tile = _cheapest(placement, flows, number, tiles)
        if tile is None:
            return False
        placement.put(number, tile)
        tiles[number] = tile
        row = slice(both.indptr[number], both.indptr[number + 1])
        pull[both.indices[row]] += both.data[row]
    return True


def settle(placement: Placement, flows: SliceTraffic) -> None:
    """Move each piece in turn to the tile where it costs least, until none moves.

    Args:
        placement: Pieces on tiles.
        flows: Traffic between them.
    """
    tiles = np.array(placement.tiles, np.int64)
    for _ in range(MOST_SWEEPS):
        before = tiles.copy()
        for number in range(tiles.size):
            holder = placement.holders[number]
            placement.lift(number)
            best = _cheapest(placement, flows, number, tiles)
            if best is None or best == tiles[number]:
                placement.put(number, int(tiles[number]), holder)
            else:
                placement.put(number, best)
                tiles[number] = best
        if np.array_equal(before, tiles):
            return


def _cheapest(
    placement: Placement, flows: SliceTraffic, number: int, tiles: np.ndarray
) -> int | None:
    """Return the tile with room where a piece costs least, the first of equals."""
    piece = placement.pieces[number]
    candidates = np.flatnonzero(placement.fits(piece))
    if not candidates.size:
        return None
    cost = flows.everywhere(number, tiles) + placement.fetch_cost(piece)
    return int(candidates[np.argmin(cost[candidates])])
