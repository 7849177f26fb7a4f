"""Where each layer lies, and how its outputs are divided over its tiles.

Outputs are always divided: every tile of a layer's group has some *channels* of them, those
of images (channels, height, width) and of attention (heads, rows, columns) along the first
axis, features of sequences and vectors along the last. Shares differ by one unit at most,
the first ones larger; a unit is a channel, or the features of a head where attention reads
the layer. What reads more than a tile has is gathered, see `deliveries`.

Linear layers over sequences come in pairs as in Megatron (Shoeybi et al. 2019): the first is
divided by outputs and needs all inputs; the second is divided by inputs, those that its tile
has already, and its partial sums are reduced to shares. Reducing and gathering together move
what an all-reduce does. Where spikes are read there are no second ones: gathering spikes is
cheaper than reducing sums in each step. Nor are there any if the plan splits by ``outputs``:
every layer then needs all its inputs, and a second one of n inputs and m outputs on P tiles
gathers (P - 1) n values in place of reducing (P - 1) m sums.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from chipletsim.deployment.partition import cut_evenly, even_bounds
from chipletsim.deployment.plan import Plan
from chipletsim.deployment.stages import Stage, kept_numbers, stages_of
from chipletsim.errors import UsageError
from chipletsim.models import Kind, Layer, Model, Signal
from chipletsim.package.model import Package

ELEMENTWISE = (
    Kind.NORM, Kind.NEURON, Kind.POOL, Kind.TIME_MEAN, Kind.ADD, Kind.GATE, Kind.RECURRENCE,
    Kind.COLUMN_SUM,
)  # fmt: skip
"""Kinds whose outputs of a channel need that channel of their inputs alone."""
ATTENTION = (Kind.ATTENTION_SCORES, Kind.ATTENTION_VALUES, Kind.LINEAR_ATTENTION)
OUTSIDE = -1
"""Number of the group outside the stages: the tile where inputs enter and outputs leave."""
_PASSED = (*ATTENTION, Kind.GATE, Kind.NEURON, Kind.RECURRENCE, Kind.NORM)
"""Kinds between the two layers of a pair; norms there are of single channels."""


@dataclass(frozen=True, eq=False)
class Part:
    """A layer on its tiles.

    Attributes:
        layer: The layer.
        stage: Number of its stage; -1 for the input.
        group: Number of its tensor group; `OUTSIDE` for the input.
        tiles: int64 [tiles].
        bounds: int64 [tiles + 1], first channel of each tile, and the number of channels.
        rows: int64 [tiles + 1], the same of input features where it is divided by inputs.
    """

    layer: Layer
    stage: int
    group: int
    tiles: np.ndarray
    bounds: np.ndarray
    rows: np.ndarray | None = None

    @property
    def channels(self) -> int:
        """Channels of the whole layer."""
        return int(self.bounds[-1])

    @property
    def shares(self) -> np.ndarray:
        """int64 [tiles]: channels of each tile."""
        return np.diff(self.bounds)

    @property
    def values_per_channel(self) -> int:
        """Output values of a channel in one application."""
        return self.layer.activations // self.channels


@dataclass(frozen=True, eq=False)
class Layout:
    """The whole model on the package.

    Attributes:
        stages: Its stages.
        groups: int64 [tiles] of each tensor group.
        parts: Name of a layer to where it lies, in the order of the model. The input is left
            out where the package has no io tile.
        door: Index of the first io tile, or None.
    """

    stages: tuple[Stage, ...]
    groups: tuple[np.ndarray, ...]
    parts: dict[str, Part]
    door: int | None


def channels_of(layer: Layer) -> int:
    """Return the channels by which the outputs of a layer are divided."""
    return layer.outputs[0] if len(layer.outputs) == 3 else layer.outputs[-1]


def lay_out(model: Model, package: Package, plan: Plan) -> Layout:
    """Place every layer.

    The tiles of a stage are dealt, in snake order, to groups of ``plan.tensor`` tiles, and the
    layers of the stage to those groups, contiguous and as even as they can be. Nothing is
    kept twice. Tiles left over stay idle.

    Raises:
        UsageError: There are more stages than blocks or dies, or a stage has fewer tiles than
            ``tensor``.
        InfeasibleError: No tile of the package computes.
    """
    stages = stages_of(model, package, plan)
    groups: list[np.ndarray] = []
    parts: dict[str, Part] = {}
    door = next((i for i, tile in enumerate(package.tiles) if tile.kind == "io"), None)
    if door is not None:
        for layer in model.of(Kind.INPUT):
            bounds = np.array([0, channels_of(layer)])
            parts[layer.name] = Part(layer, -1, OUTSIDE, np.array([door]), bounds)
    units = _units(model)
    for number, stage in enumerate(stages):
        for tiles, layers in _dealt(stage, plan):
            for layer in layers:
                here = Part(layer, number, len(groups), tiles, np.zeros(0, np.int64))
                parts[layer.name] = _divided(here, model, parts, plan, units)
            groups.append(tiles)
    ordered = {layer.name: parts[layer.name] for layer in model.layers if layer.name in parts}
    return Layout(stages, tuple(groups), ordered, door)


def _dealt(stage: Stage, plan: Plan) -> list[tuple[np.ndarray, tuple[Layer, ...]]]:
    """Return the tensor groups of a stage: their tiles and their layers."""
    size = len(stage.tiles) if plan.tensor is None else plan.tensor
    if size > len(stage.tiles):
        raise UsageError(
            f"tensor is {size:,}, but stage {', '.join(stage.dies[:3])} has {len(stage.tiles):,} "
            "tiles that compute; take fewer stages or a smaller tensor"
        )
    count = min(len(stage.tiles) // size, len(stage.layers))
    beyond = sum(layer.macs for layer in stage.layers) + 1
    loads = [kept_numbers(layer) * beyond + layer.macs for layer in stage.layers]
    return [
        (stage.tiles[number * size : (number + 1) * size], stage.layers[part.start : part.stop])
        for number, part in enumerate(cut_evenly(loads, count))
    ]


def _units(model: Model) -> dict[str, int]:
    """Return name to number of indivisible units, for layers that attention reads by heads."""
    units: dict[str, int] = {}
    for layer in reversed(model.layers):
        if layer.kind in ATTENTION:
            units[layer.name] = layer.heads
            for name in layer.sources:
                units[name] = heads_of(layer, model.layer(name))
        elif layer.kind in ELEMENTWISE and layer.name in units:
            for name in layer.sources:
                if channels_of(model.layer(name)) == channels_of(layer):
                    units.setdefault(name, units[layer.name])
    return units


def head_features(attention: Layer) -> int:
    """Return the features of a head of an attention product."""
    shape = attention.outputs if attention.kind is Kind.ATTENTION_VALUES else attention.inputs
    return shape[-1] // attention.heads


def heads_of(attention: Layer, source: Layer) -> int:
    """Return the heads that a source of attention has: fewer for keys of grouped queries."""
    keys = attention.kv_heads * head_features(attention)
    grouped = attention.kv_heads < attention.heads and channels_of(source) == keys
    return attention.kv_heads if grouped else attention.heads


def _divided(
    part: Part, model: Model, parts: dict[str, Part], plan: Plan, units: dict[str, int]
) -> Part:
    layer, tiles = part.layer, len(part.tiles)
    channels = channels_of(layer)
    source = parts.get(layer.sources[0]) if layer.sources else None
    near = source is not None and source.group == part.group
    if source is not None and near and layer.kind in ELEMENTWISE and source.channels == channels:
        return replace(part, bounds=source.bounds)
    unit = units.get(layer.name, channels)
    if channels % unit or (unit < tiles and layer.kind not in ATTENTION):
        unit = channels
    bounds = np.array(even_bounds(unit, tiles), np.int64) * (channels // unit)
    if source is not None and near and _ends_a_pair(layer, source, model, parts, plan):
        return replace(part, bounds=bounds, rows=source.bounds)
    return replace(part, bounds=bounds)


def _ends_a_pair(
    layer: Layer, source: Part, model: Model, parts: dict[str, Part], plan: Plan
) -> bool:
    """Return whether a linear layer is to be divided by inputs."""
    if plan.split == "outputs" or layer.kind is not Kind.LINEAR:
        return False
    if len(layer.inputs) != 2 or len(source.tiles) < 2:
        return False
    if source.channels != layer.inputs[-1] or reads_spikes(layer, model, plan):
        return False
    return _begins_with_linear(source, parts)


def _begins_with_linear(part: Part, parts: dict[str, Part]) -> bool:
    """Return whether a layer's outputs come from one divided by outputs on the same tiles."""
    if part.layer.kind is Kind.LINEAR:
        return part.rows is None
    if part.layer.kind not in _PASSED or not part.layer.sources:
        return False
    before = [parts.get(name) for name in part.layer.sources]
    return all(
        each is not None and each.group == part.group and _begins_with_linear(each, parts)
        for each in before
    )


def reads_spikes(layer: Layer, model: Model, plan: Plan) -> bool:
    """Return whether a layer adds up events of its sources rather than values."""
    if plan.activations in ("dense", "hybrid"):
        return False
    signals = model.input_signals(layer)
    if plan.activations == "spiking":
        return any(signal is not Signal.INDICES for signal in signals)
    return any(signal.sparse for signal in signals)
