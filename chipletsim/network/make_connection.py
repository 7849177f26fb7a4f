"""Connections of a network file; one function and one line in ``_MAKERS`` per kind."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from chipletsim.network.connections import (
    Connection,
    Conv2d,
    Dense,
    OneToOne,
    Pool2d,
    Shape,
    Sparse,
)
from chipletsim.network.draw import (
    MOST_NUMBERS,
    draw_fan_in,
    draw_fan_out,
    draw_probability,
    make_array,
    read_array,
    read_sparse,
)
from chipletsim.network.numbers import PLAIN, Numbers
from chipletsim.spec.network import (
    ArrayFileSpec,
    ConnectionSpec,
    Conv2dSpec,
    DenseSpec,
    OneToOneSpec,
    Pool2dSpec,
    PoolConnectionSpec,
    SparseSpec,
)

Padding = tuple[tuple[int, int], tuple[int, int]]


class Ends(NamedTuple):
    """What a connection is made between.

    Attributes:
        source: Shape of the source, after pooling in front.
        target: Shape of the target.
        folder: Folder that file paths are relative to.
        name: Name of the projection; random draws depend on it.
        numbers: Type and unit of the weights.
    """

    source: Shape
    target: Shape
    folder: Path
    name: str
    numbers: Numbers = PLAIN


def make_connection(spec: ConnectionSpec, ends: Ends) -> Connection:
    """Return the connection that a section of a network file describes.

    Raises:
        ValueError: A file is at fault, or the shapes leave no such connection.
    """
    return _MAKERS[type(spec)](spec, ends)


def make_pool(spec: Pool2dSpec) -> Pool2d:
    """Return the pooling that a section describes."""
    return Pool2d(spec.kernel, spec.stride or spec.kernel, spec.padding, spec.mode)


def explicit_padding(
    padding: Any, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> Padding:
    """Return padding as ((top, bottom), (left, right)).

    Args:
        padding: That, or (y, x), or ``same`` or ``valid`` as in PyTorch and NIR: ``same``
            keeps the size, an odd zero going behind.
        kernel: (y, x).
        stride: (y, x).
        dilation: (y, x).

    Raises:
        ValueError: ``same`` with a stride other than 1.
    """
    if padding == "valid":
        return ((0, 0), (0, 0))
    if padding == "same":
        if tuple(stride) != (1, 1):
            raise ValueError("padding `same` needs stride (1, 1)")
        y, x = (step * (taps - 1) for taps, step in zip(kernel, dilation, strict=True))
        return ((y // 2, y - y // 2), (x // 2, x - x // 2))
    top, left = (side if isinstance(side, tuple) else (side, side) for side in padding)
    return (top, left)


def _dense(spec: DenseSpec, ends: Ends) -> Dense:
    shape = (prod(ends.target), prod(ends.source))
    return Dense(make_array(spec.weight, shape, ends.folder, ends.name, ends.numbers))


def _one_to_one(spec: OneToOneSpec, ends: Ends) -> OneToOne:
    shape = (prod(ends.source),)
    return OneToOne(make_array(spec.weight, shape, ends.folder, ends.name, ends.numbers))


def _pool2d(spec: PoolConnectionSpec, ends: Ends) -> Pool2d:
    return make_pool(spec)


def _conv2d(spec: Conv2dSpec, ends: Ends) -> Conv2d:
    if len(ends.source) != 3 or len(ends.target) != 3:
        raise ValueError("a convolution joins populations of shape [channels, height, width]")
    if ends.source[0] % spec.groups:
        raise ValueError(f"{ends.source[0]} channels do not divide into {spec.groups} groups")
    channels = (ends.target[0], ends.source[0] // spec.groups)
    if spec.kernel is not None:
        shape = (*channels, *spec.kernel)
        weight = make_array(spec.weight, shape, ends.folder, ends.name, ends.numbers)
    elif isinstance(spec.weight, ArrayFileSpec):
        path = ends.folder / spec.weight.file
        stored = read_array(path, spec.weight.array, (*channels, None, None))
        weight = stored.astype(ends.numbers.dtype)
    else:
        raise ValueError("give `kernel`, since `weight` is not a file")
    kernel = (weight.shape[2], weight.shape[3])
    padding = explicit_padding(spec.padding, kernel, spec.stride, spec.dilation)
    return Conv2d(weight, spec.stride, padding, spec.dilation, spec.groups)


def _sparse(spec: SparseSpec, ends: Ends) -> Sparse:
    sources, targets = prod(ends.source), prod(ends.target)
    require_countable(ends)
    if spec.file is not None:
        return read_sparse(ends.folder / spec.file, sources, targets, ends.numbers.dtype)
    if spec.fan_out is not None:
        synapses = draw_fan_out(sources, targets, spec.fan_out, spec.seed, ends.name)
    elif spec.fan_in is not None:
        synapses = draw_fan_in(sources, targets, spec.fan_in, spec.seed, ends.name)
    else:
        probability = spec.probability or 0.0
        synapses = draw_probability(sources, targets, probability, spec.seed, ends.name)
    return synapses.with_weights(sparse_weights(spec, ends, synapses.weight.shape))


def require_countable(ends: Ends) -> None:
    """Check that neurons can be numbered in 32 bits.

    Raises:
        ValueError: They cannot.
    """
    neurons = max(prod(ends.source), prod(ends.target))
    if neurons > MOST_NUMBERS:
        raise ValueError(f"{ends.name} joins {neurons:,} neurons; most are {MOST_NUMBERS:,}")


def sparse_weights(spec: SparseSpec, ends: Ends, shape: Shape) -> np.ndarray:
    """Return the weights of listed synapses that a section states.

    Raises:
        ValueError: A file is at fault, or a unit is wrong.
    """
    weight = spec.weight
    if weight is None:
        raise ValueError("`weight` is missing")
    return make_array(weight, shape, ends.folder, f"{ends.name}.weight", ends.numbers)


_MAKERS: dict[type, Callable[[Any, Ends], Connection]] = {
    DenseSpec: _dense,
    Conv2dSpec: _conv2d,
    PoolConnectionSpec: _pool2d,
    SparseSpec: _sparse,
    OneToOneSpec: _one_to_one,
}
