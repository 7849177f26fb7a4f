"""The pipeline: which blocks of the model lie on which dies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.deployment.order import compute_dies
from chipletsim.deployment.partition import cut_evenly, even_bounds
from chipletsim.deployment.plan import Plan
from chipletsim.errors import UsageError
from chipletsim.models import Kind, Layer, Model
from chipletsim.package.model import Package


@dataclass(frozen=True, eq=False)
class Stage:
    """Contiguous blocks on contiguous dies.

    Attributes:
        dies: Names of the dies.
        tiles: int64 [tiles], compute tiles of the dies in snake order.
        layers: The layers of its blocks that compute, inputs and unused ones left out.
    """

    dies: tuple[str, ...]
    tiles: np.ndarray
    layers: tuple[Layer, ...]


def kept_numbers(layer: Layer) -> int:
    """Return the numbers a layer keeps: parameters, and weights tied to another layer's.

    Tied weights are kept where each of the layers is.
    """
    return layer.parameters + (layer.weights if layer.tied_to else 0)


def stages_of(model: Model, package: Package, plan: Plan) -> tuple[Stage, ...]:
    """Return the stages: blocks cut exactly, dies evenly, both in order.

    The greatest load of a stage is least: bits of weights first, multiply-accumulates where
    those are equal. Left out, the number of stages is the fewest dies that hold all weights
    with one die for each stage, or, where none does, one for each block or die, whichever is
    fewer, with all dies in use.

    Raises:
        UsageError: There are more stages than blocks or dies.
        InfeasibleError: No tile of the package computes.
    """
    dies = compute_dies(package)
    blocks = [
        tuple(layer for layer in layers if layer.kind not in (Kind.INPUT, Kind.UNUSED))
        for layers in model.blocks.values()
    ]
    blocks = [layers for layers in blocks if layers]
    bits = [plan.weight_bits * sum(map(kept_numbers, layers)) for layers in blocks]
    macs = [sum(layer.macs for layer in layers) for layers in blocks]
    beyond = sum(macs) + 1  # one bit of weights outweighs all multiply-accumulates
    loads = [bit * beyond + mac for bit, mac in zip(bits, macs, strict=True)]
    most = min(len(blocks), len(dies))
    count = plan.stages
    if count is None:
        room = min(_room(package, tiles) for tiles in dies)
        count = _fewest(bits, most, room)
        if count is None:
            count = most
        else:
            dies = dies[:count]
    if count > most:
        raise UsageError(
            f"{count:,} stages are more than the {len(blocks):,} blocks of {model.name} or the "
            f"{len(dies):,} dies of {package.name} that compute; the most is {most:,}"
        )
    ends = even_bounds(len(dies), count)
    return tuple(
        Stage(
            tuple(package.chiplets[package.tiles[int(die[0])].chiplet].name for die in part),
            np.concatenate(part),
            tuple(layer for number in cut for layer in blocks[number]),
        )
        for cut, part in (
            (cut, dies[ends[number] : ends[number + 1]])
            for number, cut in enumerate(cut_evenly(loads, count))
        )
    )


def _room(package: Package, tiles: np.ndarray) -> int:
    return sum(package.tiles[int(tile)].parameters.synaptic_memory_bits for tile in tiles)


def _fewest(bits: list[int], most: int, room: int) -> int | None:
    """Return the least number of stages of at most ``room`` bits; None if there is none."""
    for count in range(max(1, -(-sum(bits) // room)) if room else most, most + 1):
        if max(sum(bits[number] for number in part) for part in cut_evenly(bits, count)) <= room:
            return count
    return None
