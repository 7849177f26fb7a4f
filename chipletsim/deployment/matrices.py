"""The weight matrices of a layer on each of its tiles, as arrays of multipliers see them."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from chipletsim.deployment.deliveries import head_ranges
from chipletsim.deployment.layout import ATTENTION, Part, head_features
from chipletsim.models import Kind


class Matrices(NamedTuple):
    """Matrices of one size on each tile, each int64 [tiles]; all 0 where a tile has no share.

    Attributes:
        rows: Inputs of each matrix.
        columns: Outputs of each matrix.
        positions: Input vectors of an application.
        groups: Matrices of this size: groups of a convolution, heads of attention.
    """

    rows: np.ndarray
    columns: np.ndarray
    positions: np.ndarray
    groups: np.ndarray


def multiplies(part: Part) -> bool:
    """Return whether a layer is a product of matrices."""
    return part.layer.macs > 0


def matrices(part: Part) -> Matrices:
    """Return the matrices of a layer that multiplies."""
    layer, shares = part.layer, part.shares
    shape: tuple[Any, ...]
    if layer.kind in ATTENTION:
        heads = head_ranges(part)
        shape = (*_attention(part), heads[:, 1] - heads[:, 0])
    elif layer.kind is Kind.CONVOLUTION:
        per_group = part.channels // layer.groups
        first, last = part.bounds[:-1] // per_group, (part.bounds[1:] - 1) // per_group
        inner = layer.weights // part.channels
        columns_here = np.minimum(shares, per_group)
        shape = (inner, columns_here, prod(layer.outputs[1:]), last - first + 1)
    else:
        vectors = prod(layer.inputs[:-1])
        inputs = layer.inputs[-1] if part.rows is None else np.diff(part.rows)
        outputs = shares if part.rows is None else part.channels
        shape = (inputs, outputs, vectors, 1)
    sizes = np.broadcast_arrays(*shape, shares)[:4]
    empty = work_share(part) == 0
    return Matrices(*(np.where(empty, 0, size).astype(np.int64) for size in sizes))


def work_share(part: Part) -> np.ndarray:
    """Return float64 [tiles]: the share of each tile in multiplications and weights."""
    bounds = part.bounds if part.rows is None else part.rows
    return np.diff(bounds) / bounds[-1]


def _attention(part: Part) -> tuple[int, int, int]:
    """Return rows, columns and positions of the product of one head."""
    layer = part.layer
    head = head_features(layer)
    if layer.kind is Kind.ATTENTION_SCORES:
        _, tokens, context = layer.outputs
        return head, context, tokens
    if layer.kind is Kind.ATTENTION_VALUES:
        _, tokens, context = layer.inputs
        return context, head, tokens
    if len(layer.outputs) == 3:  # keys times values, the first of linear attention
        return layer.inputs[0], head, head
    return head, head, layer.outputs[0]
