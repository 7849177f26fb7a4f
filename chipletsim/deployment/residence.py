"""What stays on the tiles, and what streams from memory tiles because it does not fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.deployment.deliveries import kv_head_ranges
from chipletsim.deployment.homes import Homes, find_homes
from chipletsim.deployment.layout import Layout, Part, head_features
from chipletsim.deployment.matrices import matrices, multiplies
from chipletsim.deployment.plan import Plan
from chipletsim.errors import InfeasibleError, Shortfall, UsageError
from chipletsim.models import Kind
from chipletsim.package.model import Package
from chipletsim.tiles import Crossbar


@dataclass(frozen=True, eq=False)
class Residence:
    """Bits kept for each layer, by its tiles.

    Attributes:
        weights: Name to int64 [tiles], bits of weights.
        weights_away: Name to int64 [tiles], those that do not fit.
        cache: Name to int64 [tiles], bits of keys or values of the whole context and batch.
        cache_away: Name to int64 [tiles], those that do not fit.
        homes: Where they are kept instead.
    """

    weights: dict[str, np.ndarray]
    weights_away: dict[str, np.ndarray]
    cache: dict[str, np.ndarray]
    cache_away: dict[str, np.ndarray]
    homes: Homes

    @property
    def bits_away(self) -> int:
        """Bits of weights and cache that do not fit on their tiles."""
        away = [*self.weights_away.values(), *self.cache_away.values()]
        return sum(int(bits.sum()) for bits in away)


def reside(layout: Layout, package: Package, plan: Plan) -> Residence:
    """Fill the memory of the tiles: weights in the order of layers, tables last, then caches.

    Tables are last since a look-up reads a row of them alone.

    Raises:
        UsageError: Tiles have fewer bits for a weight than the plan.
        InfeasibleError: Something does not fit, and there are no memory tiles, they are too
            small, or the tiles cannot stream.
    """
    weights: dict[str, np.ndarray] = {}
    caches: dict[str, np.ndarray] = {}
    weights_away: dict[str, np.ndarray] = {}
    caches_away: dict[str, np.ndarray] = {}
    beyond = np.zeros(len(package.tiles), np.int64)
    for group, tiles in enumerate(layout.groups):
        _check_precision(package, tiles, plan)
        parts = [part for part in layout.parts.values() if part.group == group]
        kept = {part.layer.name: _weight_bits(part, package, plan) for part in parts}
        cached = {part.layer.name: cache_bits(part, plan) for part in parts}
        cached = {name: bits for name, bits in cached.items() if bits.any()}
        tables = {p.layer.name for p in parts if p.layer.kind is Kind.EMBEDDING}
        order = sorted(kept, key=lambda name: name in tables)
        room = np.array([package.tiles[int(t)].parameters.synaptic_memory_bits for t in tiles])
        filling = np.cumsum([*(kept[name] for name in order), *cached.values()], axis=0)
        over = np.diff(np.maximum(filling - room, 0), axis=0, prepend=0)
        weights |= kept
        caches |= cached
        weights_away |= dict(zip(order, over, strict=False))
        caches_away |= dict(zip(cached, over[len(order) :], strict=True))
        beyond[tiles] += over.sum(axis=0)
    _check_streaming(package, beyond)
    homes = find_homes(package, beyond)
    return Residence(weights, weights_away, caches, caches_away, homes)


def numbers_of(part: Part) -> np.ndarray:
    """Return int64 [tiles]: weights, biases and other numbers that each tile keeps."""
    bounds = part.bounds if part.rows is None else part.rows
    weights = np.diff(bounds) * (part.layer.weights // int(bounds[-1]))
    return weights + _beside_weights(part)


def _beside_weights(part: Part) -> np.ndarray:
    """Return int64 [tiles]: biases and other numbers that each tile keeps."""
    others = part.layer.parameters - (0 if part.layer.tied_to else part.layer.weights)
    return np.diff(others * part.bounds // part.channels)


def cache_bits(part: Part, plan: Plan) -> np.ndarray:
    """Return int64 [tiles]: bits of the keys or values that each tile keeps."""
    layer = part.layer
    if not layer.cache_elements_per_token:
        return np.zeros(len(part.tiles), np.int64)
    return keys_read(part) * (plan.activation_bits * plan.batch)


def keys_read(part: Part) -> np.ndarray:
    """Return int64 [tiles]: keys or values that the heads of each tile read for a sample."""
    layer = part.layer
    heads = kv_head_ranges(part)
    shape = layer.outputs if layer.kind is Kind.ATTENTION_SCORES else layer.inputs
    return (heads[:, 1] - heads[:, 0]) * (head_features(layer) * shape[-1])


def _weight_bits(part: Part, package: Package, plan: Plan) -> np.ndarray:
    bits = numbers_of(part) * plan.weight_bits
    if not (multiplies(part) and part.layer.weights):
        return bits
    beside = _beside_weights(part)
    for number, tile in enumerate(part.tiles):
        parameters = package.tiles[int(tile)].parameters
        if isinstance(parameters, Crossbar):
            rows, columns, _, groups = (int(size[number]) for size in matrices(part))
            beside_bits = int(beside[number]) * plan.weight_bits
            bits[number] = parameters.stored_bits(rows, columns) * groups + beside_bits
    return bits


def _check_precision(package: Package, tiles: np.ndarray, plan: Plan) -> None:
    for tile in tiles:
        parameters = package.tiles[int(tile)].parameters
        if parameters.weight_bits < plan.weight_bits:
            raise UsageError(
                f"weight_bits is {plan.weight_bits}, but tiles of kind {parameters.kind} have "
                f"{parameters.weight_bits} for a weight"
            )


def _check_streaming(package: Package, beyond: np.ndarray) -> None:
    """Raise an InfeasibleError where something does not fit on tiles that cannot stream."""
    for kind in sorted({package.tiles[int(tile)].kind for tile in np.flatnonzero(beyond)}):
        members = [number for number, tile in enumerate(package.tiles) if tile.kind == kind]
        if package.tiles[members[0]].parameters.streams_weights:
            continue
        short = [number for number in members if beyond[number]]
        room = sum(package.tiles[number].parameters.synaptic_memory_bits for number in short)
        what = f"synaptic memory of {len(short):,} tiles of kind {kind}"
        remedy = "take more dies, a larger tensor, or tiles that stream weights (npu, neurocore)"
        demand = room + int(beyond[short].sum())
        raise InfeasibleError([Shortfall(what, demand, room, "bit", remedy)])
