"""Shapes of populations: from what nodes hold, and from what arrives at them."""

from __future__ import annotations

from math import prod

import numpy as np

from chipletsim.network.connections import Shape
from chipletsim.network.nir.graph import NirNode
from chipletsim.network.nir.notes import SHAPE_KEY

NEURON_FIELDS = (
    "tau", "tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in", "threshold",
)  # fmt: skip
"""Fields with one number for each neuron."""


def input_shape(node: NirNode) -> Shape:
    """Return the shape of an ``Input``; a leading 1 beside one or three axes is a batch axis.

    Raises:
        ValueError: It has none.
    """
    shape = node.integers("shape", 0)
    shape = shape[1:] if len(shape) in (2, 4) and shape[0] == 1 else shape
    if min(shape, default=0) < 1:
        raise ValueError("has no `shape` of numbers of at least 1")
    return shape


def neuron_shape(node: NirNode, incoming: Shape | None) -> Shape:
    """Return the shape of a neuron node: its parameters', or that of what arrives.

    Raises:
        ValueError: Neither tells it, or they contradict each other.
    """
    shape = parameter_shape(node)
    if incoming is None:
        if not shape:
            raise ValueError("has single numbers as parameters, and nothing before it says a shape")
        return shape
    own, given = _without_ones(shape), _without_ones(incoming)
    if prod(own) == prod(given):
        if len(own) < 2 or len(given) < 2 or own == given:
            return incoming if len(given) >= len(own) else shape
    elif _broadcasts(shape, incoming):
        return incoming
    raise ValueError(
        f"has parameters of shape {list(shape)}, but a signal of shape {list(incoming)} arrives"
    )


def noted_shape(node: NirNode, incoming: Shape) -> Shape:
    """Return the shape of values that are a population: as our writer noted it, or as they come.

    Raises:
        ValueError: What is noted does not fit.
    """
    if SHAPE_KEY not in node.metadata:
        return incoming
    shape = NirNode("", {SHAPE_KEY: node.metadata[SHAPE_KEY]}).integers(SHAPE_KEY, 0)
    if prod(shape) != prod(incoming) or min(shape, default=0) < 1:
        raise ValueError(f"metadata `{SHAPE_KEY}` is {list(shape)}, but {list(incoming)} arrives")
    return shape


def filled(value: np.ndarray, shape: Shape) -> np.ndarray:
    """Return a parameter as a full array of the population's shape."""
    if value.size == prod(shape) and value.shape != shape:
        return value.reshape(shape)
    return np.array(np.broadcast_to(value, shape))


def _broadcasts(shape: Shape, to: Shape) -> bool:
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False


def _without_ones(shape: Shape) -> Shape:
    return tuple(length for length in shape if length != 1)


def parameter_shape(node: NirNode) -> Shape:
    """Return the shape that a neuron's parameters have together."""
    fields = {name: node.array(name).shape for name in NEURON_FIELDS if name in node.fields}
    try:
        return np.broadcast_shapes(*fields.values())
    except ValueError:
        given = ", ".join(f"{name} {list(size)}" for name, size in fields.items())
        raise ValueError(f"has parameters of shapes that do not fit together: {given}") from None
