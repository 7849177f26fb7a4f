"""Why a population does not fit: demands, what the tiles offer, and what would help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from chipletsim.errors import Shortfall
from chipletsim.mapping.placement import Placement, empty_room
from chipletsim.mapping.problem import PlacementProblem
from chipletsim.tiles import TileParameters

REMEDIES = {
    "neurons": "add tiles, or allow more of them under `place`",
    "synaptic memory": (
        "add tiles or allow more of them under `place`, use tiles with fewer weight bits, "
        "or add memory tiles behind tiles that can stream weights"
    ),
    "fan-in": "use a tile kind with more fan-in, a smaller kernel or fewer synapses",
    "fan-out": "use tiles with more fan-out or more neurons, so that targets are cut less",
}
UNITS = {
    "neurons": "neurons",
    "synaptic memory": "bit",
    "fan-in": "source neurons",
    "fan-out": "(neuron, tile) pairs",
}


def shortfall(resource: str, where: str, demand: float, bound: float) -> Shortfall:
    """Return the shortfall of a resource of tiles, with its unit and remedy.

    Args:
        resource: Key of ``REMEDIES``.
        where: Whose resource it is, such as ``tile a.neurocore0``.
        demand: What is needed.
        bound: What there is.
    """
    return Shortfall(f"{resource} {where}", demand, bound, UNITS[resource], REMEDIES[resource])


def explain(placement: Placement, population: int, before: int) -> list[Shortfall]:
    """Return why a population does not fit, at least one shortfall.

    In this order: no tile may hold it; one of its neurons is too much for any tile; it
    and those that compete for the same tiles need more than these offer; or, where sums
    would do, pieces do not fit the gaps.

    Args:
        placement: The placement with all pieces that did fit.
        population: Index of the population.
        before: Number of pieces before those of the population.
    """
    problem = placement.problem
    name = problem.network.populations[population].name
    if problem.allowed[population].size == 0:
        kind = "io" if problem.network.populations[population].model == "input" else "compute"
        remedy = f"add a tile of kind {kind}" if kind == "io" else "add a tile that computes"
        return [Shortfall(f"tiles that can hold population {name!r}", 1, 0, "tiles", remedy)]
    placed = sum(piece.stop - piece.start for piece in placement.pieces[before:])
    found = _one_neuron(problem, population, placed) or _totals(problem, population)
    if found:
        return found
    short = _short_on_tiles(placement, population, placed)
    remedy = (
        f"the tiles would do in sum, but on {short[0][1]} of them the next piece lacks "
        f"{short[0][0]}: {REMEDIES[short[0][0]]}, or cut along another axis under `split`"
    )
    where = f"room for population {name!r} on its {problem.allowed[population].size} tiles"
    return [Shortfall(where, problem.cuts[population].size, placed, "neurons", remedy)]


def _short_on_tiles(placement: Placement, population: int, start: int) -> list[tuple[str, int]]:
    """Return resources that the next piece lacks, with on how many tiles, most first."""
    problem = placement.problem
    cuts = problem.cuts[population]
    kinds = [
        empty_room(problem, problem.types[index], spill=True)
        for index in problem.types_of(population)
    ]
    stop = next(
        start + stride
        for stride in cuts.strides
        if start % stride == 0 and any(kind.holds(cuts, start, start + stride) for kind in kinds)
    )
    lacking: Counter[str] = Counter()
    for tile in problem.allowed[population]:
        room = placement.room(int(tile), spill=True)
        lacking.update(name for name, need, have in room.needs(cuts, start, stop) if need > have)
    return lacking.most_common()


def _one_neuron(problem: PlacementProblem, population: int, start: int) -> list[Shortfall]:
    """Return what one neuron needs beyond every empty tile; nothing if some tile holds it."""
    kinds = [problem.types[index] for index in problem.types_of(population)]
    short = [_beyond(problem, population, start, kind) for kind in kinds]
    if not all(short):
        return []
    name = problem.network.populations[population].name
    resource, demand, bound = min(
        (entry for entries in short for entry in entries), key=lambda entry: entry[1] - entry[2]
    )
    return [shortfall(resource, f"of a tile for one neuron of {name!r}", demand, bound)]


def _beyond(
    problem: PlacementProblem, population: int, start: int, kind: TileParameters
) -> list[tuple[str, int, int]]:
    """Return (resource, demand, bound) of all that one neuron needs beyond an empty tile."""
    room = empty_room(problem, kind, spill=True)
    needs = room.needs(problem.cuts[population], start, start + 1)
    return [need for need in needs if need[1] > need[2]]


def _memory_bits(problem: PlacementProblem, tiles: Iterable[int]) -> list[int]:
    return [problem.package.tiles[tile].parameters.synaptic_memory_bits for tile in tiles]


def _totals(problem: PlacementProblem, population: int) -> list[Shortfall]:
    """Return resources of which all who depend on the population's tiles need more than all."""
    allowed = problem.allowed[population]
    rivals = [index for index, tiles in enumerate(problem.allowed) if np.isin(tiles, allowed).all()]
    names = ", ".join(repr(problem.network.populations[index].name) for index in rivals)
    where = f"of the {allowed.size} tiles ({_kinds(problem, allowed)}) for {names}"
    needs = (
        ("neurons", *_neurons(problem, rivals, allowed)),
        ("synaptic memory", *_bits(problem, rivals, allowed)),
        ("fan-out", *_pairs(problem, rivals, allowed)),
    )
    return [shortfall(name, where, need, have) for name, need, have in needs if need > have]


def _kinds(problem: PlacementProblem, tiles: np.ndarray) -> str:
    return ", ".join(dict.fromkeys(problem.package.tiles[tile].kind for tile in tiles))


def _neurons(problem: PlacementProblem, rivals: list[int], tiles: np.ndarray) -> tuple[int, int]:
    need = sum(problem.cuts[index].size for index in rivals)
    return need, sum(problem.package.tiles[tile].parameters.neurons for tile in tiles)


def _bits(problem: PlacementProblem, rivals: list[int], tiles: np.ndarray) -> tuple[int, int]:
    """Return the bits of weights needed, each population in one piece, and those offered."""
    need = 0
    for index in rivals:
        cuts, kinds = problem.cuts[index], problem.types_of(index)
        need += min((cuts.bits(0, cuts.size, problem.types[kind]) for kind in kinds), default=0)
    have = sum(_memory_bits(problem, tiles))
    if any(problem.package.tiles[tile].parameters.streams_weights for tile in tiles):
        have += sum(_memory_bits(problem, problem.memories))
    return need, have


def _pairs(problem: PlacementProblem, rivals: list[int], tiles: np.ndarray) -> tuple[int, float]:
    bounds = [problem.package.tiles[tile].parameters.fan_out for tile in tiles]
    need = sum(problem.cuts[index].pairs(0, problem.cuts[index].size) for index in rivals)
    known = [bound for bound in bounds if bound is not None]
    return need, sum(known) if len(known) == len(bounds) else float("inf")
