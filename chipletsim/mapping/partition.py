"""Cutting populations into pieces and giving each a tile with room.

Weights stay on the tile of their neurons where the tiles allowed have room for them.
Only where they have not is a population placed with memory tiles behind its tiles.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chipletsim.errors import InfeasibleError, Shortfall
from chipletsim.mapping.cuts import Cuts
from chipletsim.mapping.fanout import fan_out
from chipletsim.mapping.infeasible import explain
from chipletsim.mapping.model import Slice
from chipletsim.mapping.placement import UNLIMITED, Piece, Placement
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
    kinds = [_empty(problem, cuts, index, spill) for index in problem.types_of(population)]
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
    neurons = int(placement.free_neurons[tile])
    if neurons == 0:
        return start
    cuts, parameters = problem.cuts[population], problem.package.tiles[tile].parameters
    bits = int(placement.room_for_weights(spill=spill)[tile])
    pairs = int(placement.free_pairs[tile])

    def fits(first: int, stop: int) -> bool:
        return (
            stop - first <= neurons
            and cuts.pairs(first, stop) <= pairs
            and cuts.bits(first, stop, parameters) <= bits
            and cuts.fan_in_fits(first, stop, parameters)
        )

    index = int(problem.tile_type[tile])
    return cuts.largest(start, fits, _empty(problem, cuts, index, spill), cuts.size)


def _empty(
    problem: PlacementProblem, cuts: Cuts, index: int, spill: bool
) -> Callable[[int, int], bool]:
    """Return whether a piece fits an empty tile of a type."""
    parameters = problem.types[index]
    bits = parameters.synaptic_memory_bits
    if spill and parameters.streams_weights:
        tiles = problem.package.tiles
        bits = max([bits, *(tiles[i].parameters.synaptic_memory_bits for i in problem.memories)])

    def fits(start: int, stop: int) -> bool:
        return (
            stop - start <= parameters.neurons
            and cuts.pairs(start, stop) <= (parameters.fan_out or UNLIMITED)
            and cuts.bits(start, stop, parameters) <= bits
            and cuts.fan_in_fits(start, stop, parameters)
        )

    return fits


def fewest_pieces(
    problem: PlacementProblem, population: int, cuts: Cuts, *, spill: bool
) -> list[tuple[int, int]] | None:
    """Return the fewest pieces into which empty tiles of one kind cut a population.

    None if one neuron is too much for each kind it may live on.
    """
    tried = [
        _cut(cuts, _empty(problem, cuts, index, spill)) for index in problem.types_of(population)
    ]
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
