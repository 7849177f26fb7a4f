"""What layers do on their tiles in one application, as events that tile kinds price."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np

from chipletsim.deployment.layout import ATTENTION, Part
from chipletsim.deployment.matrices import Matrices, matrices, multiplies, work_share
from chipletsim.deployment.plan import Plan
from chipletsim.deployment.residence import keys_read
from chipletsim.models import Kind
from chipletsim.package.model import Package
from chipletsim.tiles import Crossbar, Npu
from chipletsim.tiles.base import TileParameters


class Event(NamedTuple):
    """Events of one quantity of `TileEvents`.

    Attributes:
        quantity: Its name.
        tiles: int64 [tiles].
        amount: float64 [tiles], in one application.
    """

    quantity: str
    tiles: np.ndarray
    amount: np.ndarray


def events_of(
    part: Part, package: Package, plan: Plan, rate: float, *, spiking: bool
) -> Iterator[Event]:
    """Yield what a layer does in one application.

    Products: every multiply-accumulate is a synaptic operation at the rate of its inputs, on a
    dense tile one of its schedule as well. A dense tile reads every weight of its share once
    for the whole batch, and every key and value of its heads. Look-ups read their rows.
    Neurons: those of the model, or, where it has none, the outputs of convolutions and linear
    layers, each an accumulator that is rounded or compared with a threshold, are updated.
    Norms, softmax, sums, gates and pooling do nothing that is priced.

    Args:
        part: The layer on its tiles.
        package: The package.
        plan: The plan.
        rate: Events per input that add up, 1 for values.
        spiking: Whether the model has neurons of its own.
    """
    for parameters, members in _by_parameters(part, package):
        if multiplies(part):
            yield from _products(part, members, parameters, plan, rate)
        elif part.layer.kind is Kind.EMBEDDING and isinstance(parameters, Npu):
            looked_up = prod(part.layer.outputs[:-1]) * part.shares[members] * plan.batch
            share = plan.weight_bits / parameters.weight_bits
            yield Event("weight_reads", part.tiles[members], looked_up * share)
        if updates(part, spiking):
            updated = part.shares[members] * (part.values_per_channel * plan.batch)
            yield Event("neuron_updates", part.tiles[members], updated)


def updates(part: Part, spiking: bool) -> bool:
    """Return whether the outputs of a layer are neurons that are updated.

    Args:
        part: The layer on its tiles.
        spiking: Whether the model has neurons of its own.
    """
    if spiking:
        return part.layer.kind is Kind.NEURON
    return part.layer.kind in (Kind.CONVOLUTION, Kind.LINEAR)


def _by_parameters(part: Part, package: Package) -> list[tuple[TileParameters, np.ndarray]]:
    """Return the tiles of a layer with the same parameters, as positions in its group."""
    found: dict[int, tuple[TileParameters, list[int]]] = {}
    for number, tile in enumerate(part.tiles):
        parameters = package.tiles[int(tile)].parameters
        found.setdefault(id(parameters), (parameters, []))[1].append(number)
    return [(parameters, np.array(members)) for parameters, members in found.values()]


def _products(
    part: Part, members: np.ndarray, parameters: TileParameters, plan: Plan, rate: float
) -> Iterator[Event]:
    tiles = part.tiles[members]
    macs = work_share(part)[members] * (part.layer.macs * plan.batch)
    yield Event("synaptic_operations", tiles, rate * macs)
    shape = Matrices(*(size[members] for size in matrices(part)))
    if isinstance(parameters, Npu):
        yield Event("dense_operations", tiles, macs)
        yield Event("weight_reads", tiles, _reads(part, members, parameters, plan))
        yield Event("dense_cycles", tiles, _cycles(shape, parameters, plan.batch))
    if isinstance(parameters, Crossbar):
        yield from _analog(tiles, shape, parameters, plan.batch, rate)


def _reads(part: Part, members: np.ndarray, npu: Npu, plan: Plan) -> np.ndarray:
    """Return the reads of weights by dense tiles, in units of the weights of the tile."""
    if part.layer.kind not in ATTENTION:
        return work_share(part)[members] * (part.layer.weights * plan.weight_bits / npu.weight_bits)
    if part.layer.kind is Kind.LINEAR_ATTENTION:
        shape = matrices(part)
        stored = (shape.rows * shape.columns * shape.groups)[members]
    else:
        stored = keys_read(part)[members]
    return stored * (plan.batch * plan.activation_bits / npu.weight_bits)


def _cycles(shape: Matrices, npu: Npu, batch: int) -> np.ndarray:
    sizes = np.stack([shape.rows, shape.columns, shape.positions * batch, shape.groups], axis=1)
    distinct, inverse = np.unique(sizes, axis=0, return_inverse=True)
    cycles = [npu.dense_cycles(*map(int, size)) if size.all() else 0 for size in distinct]
    return np.array(cycles, float)[inverse.reshape(-1)]


def _analog(
    tiles: np.ndarray, shape: Matrices, crossbar: Crossbar, batch: int, rate: float
) -> Iterator[Event]:
    """Yield the read-outs of crossbars; see `Crossbar` for the bound on them."""
    row_blocks = -(-shape.rows // crossbar.array_rows)
    column_blocks = -(-shape.columns * crossbar.cells_per_weight // crossbar.array_columns)
    positions = shape.positions * batch
    drives = rate * shape.rows * positions * shape.groups
    reads = np.minimum(drives, positions * row_blocks * shape.groups)
    yield Event("row_activations", tiles, drives * column_blocks)
    yield Event("array_reads", tiles, reads * column_blocks)
    yield Event("column_reads", tiles, reads * shape.columns)
    yield Event("position_reads", tiles, np.minimum(drives, positions))
