"""Cutting populations into pieces and giving each a tile with room.

Weights stay on the tile of their neurons where the tiles allowed have room for them.
Only where they have not is a population placed with memory tiles behind its tiles.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from chipletsim.errors import InfeasibleError, Shortfall
from chipletsim.mapping.cuts import Cuts
from chipletsim.mapping.fanout import fan_out
from chipletsim.mapping.infeasible import explain
from chipletsim.mapping.model import Slice
from chipletsim.mapping.placement import Piece, Placement, empty_room
from chipletsim.mapping.problem import PlacementProblem

Fill = Callable[[Placement, int, bool], bool]
"""Places all of a population; False if it does not fit. The flag allows spilled weights."""


def fill_all(problem: PlacementProblem, fill: Fill) -> Placement:
    """Place all populations with ``fill``, those with the least choice of tiles first.

    Args:
        problem: The problem.
        fill: Places one population.

    Raises:
        InfeasibleError: Some population does not fit; with the numbers of each.
    """
    placement = Placement(problem)
    shortfalls: list[Shortfall] = []
    for population in problem.order():
        before = len(placement.pieces)
        for spill in (False, True):
            if fill(placement, population, spill):
                break
            if spill:
                shortfalls += explain(placement, population, before)
            placement.drop_since(before)
    if shortfalls:
        raise InfeasibleError(list(dict.fromkeys(shortfalls)))
    placement.sort()
    return placement


def fill_in_order(placement: Placement, population: int, spill: bool) -> bool:
    """Fill the tiles allowed one after the other, each as far as it goes."""
    size = placement.problem.cuts[population].size
    start = 0
    for tile in placement.problem.allowed[population]:
        while start < size:
            stop = largest_piece(placement, population, start, int(tile), spill=spill)
            if stop == start:
                break
            placement.add(Piece(population, start, stop), int(tile))
            start = stop
    return start == size


def fill_evenly(placement: Placement, population: int, spill: bool) -> bool:
    """Cut into the fewest equal pieces that empty tiles hold, each on the first with room.

    A piece is made smaller only where no tile has room for all of it (then the emptiest
    tile is taken), so that a source neuron reaches as few slices as possible.
    """
    problem = placement.problem
    size = problem.cuts[population].size
    most = even_share(problem, population, spill=spill)
    start = 0
    while start < size:
        stop, tile = _next_even(placement, population, start, most, spill)
        if stop == start:
            return False
        placement.add(Piece(population, start, stop), tile)
        start = stop
    return True


def _next_even(
    placement: Placement, population: int, start: int, most: int, spill: bool
) -> tuple[int, int]:
    """Return the end of the next piece and its tile: all of an even piece, or the most."""
    problem = placement.problem
    cuts = problem.cuts[population]
    kinds = _empty_tiles(problem, population, cuts, spill=spill)
    ends = {cuts.largest(start, fits, fits, most) for fits in kinds}
    for stop in sorted(ends - {start}, reverse=True):
        tiles = np.flatnonzero(placement.fits(Piece(population, start, stop), spill=spill))
        if tiles.size:
            return stop, int(tiles[0])
    allowed = problem.allowed[population]
    for tile in allowed[np.argsort(-placement.free_neurons[allowed], kind="stable")]:
        stop = largest_piece(placement, population, start, int(tile), spill=spill)
        if stop > start:
            return stop, int(tile)
    return start, -1


def largest_piece(
    placement: Placement, population: int, start: int, tile: int, *, spill: bool
) -> int:
    """Return the end of the largest piece from ``start`` with room on ``tile``, or ``start``."""
    problem = placement.problem
    if placement.free_neurons[tile] == 0:
        return start
    cuts, parameters = problem.cuts[population], problem.package.tiles[tile].parameters
    room = placement.room(tile, spill=spill)
    empty = empty_room(problem, parameters, spill=spill)
    return cuts.largest(start, partial(room.holds, cuts), partial(empty.holds, cuts), cuts.size)


def _empty_tiles(
    problem: PlacementProblem, population: int, cuts: Cuts, *, spill: bool
) -> list[Callable[[int, int], bool]]:
    """Return, for each kind that a population may live on, whether a piece fits it empty."""
    kinds = [problem.types[index] for index in problem.types_of(population)]
    return [partial(empty_room(problem, kind, spill=spill).holds, cuts) for kind in kinds]


def fewest_pieces(
    problem: PlacementProblem, population: int, cuts: Cuts, *, spill: bool
) -> list[tuple[int, int]] | None:
    """Return the fewest pieces into which empty tiles of one kind cut a population.

    None if one neuron is too much for each kind it may live on.
    """
    kinds = _empty_tiles(problem, population, cuts, spill=spill)
    tried = [_cut(cuts, fits) for fits in kinds]
    found = [pieces for pieces in tried if pieces is not None]
    return min(found, key=len, default=None)


def _cut(cuts: Cuts, fits: Callable[[int, int], bool]) -> list[tuple[int, int]] | None:
    pieces, start = [], 0
    while start < cuts.size:
        stop = cuts.largest(start, fits, fits, cuts.size)
        if stop == start:
            return None
        pieces.append((start, stop))
        start = stop
    return pieces


def even_share(problem: PlacementProblem, population: int, *, spill: bool) -> int:
    """Return the neurons of a piece if the population is cut evenly into the fewest.

    Whole indices of the first axis cut are shared out where empty tiles hold one.
    """
    cuts = problem.cuts[population]
    pieces = fewest_pieces(problem, population, cuts, spill=spill)
    if pieces is None:
        return cuts.size
    stride = cuts.strides[0]
    units = cuts.size // stride
    if len(pieces) > units:
        return cuts.size
    return -(-units // len(pieces)) * stride


def cutting_axes(problem: PlacementProblem, population: int, split: str) -> tuple[int, ...]:
    """Return the order of axes in which a population is cut.

    ``channels`` cuts the first axis first and ``rows`` the second. ``auto`` takes the one
    that sends fewer bits: every event goes once to each piece in which its neuron has a
    synapse, so cutting channels sends the events of a dense or convolutional source to
    every piece, while cutting rows sends them to one piece, and the halo rows that two
    pieces see to both. Pieces are those of empty tiles, so that kernels stored once more
    per piece count too. At a tie, channels.

    Args:
        problem: The problem.
        population: Index of the population.
        split: ``auto``, ``channels`` or ``rows``.
    """
    rank = len(problem.network.populations[population].shape)
    natural = tuple(range(rank))
    if rank != 3 or split == "channels":
        return natural
    by_rows = (1, 2, 0)
    if split == "rows":
        return by_rows
    return min((natural, by_rows), key=lambda axes: _messages(problem, population, axes))


def _messages(problem: PlacementProblem, population: int, axes: tuple[int, ...]) -> float:
    """Return the messages per step into a population cut along these axes."""
    network = problem.network
    first, last = network.offsets[population : population + 2]
    cuts = Cuts(network, population, axes, problem.pairs[first:last])
    local = fewest_pieces(problem, population, cuts, spill=False)
    pieces = local or fewest_pieces(problem, population, cuts, spill=True)
    if pieces is None:
        return float("inf")
    slices = [Slice(population, cuts.box(*piece), -1, -1) for piece in pieces]
    table = fan_out(network, slices)
    reached = table.reaches(table.block_slice, len(slices))
    return float(problem.rates @ np.diff(reached.indptr))
