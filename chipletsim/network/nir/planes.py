"""Convolutions and poolings of planes, on a signal's way from one population to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Literal

import numpy as np

from chipletsim.network.connections import Conv2d, OneToOne, Pool2d, Shape
from chipletsim.network.make_connection import explicit_padding
from chipletsim.network.nir.chain import (
    Chain,
    StandsAloneError,
    bias_of,
    by_channel,
    require_reasonable,
)

if TYPE_CHECKING:
    from chipletsim.network.nir.nodes import Step


def conv2d(step: Step) -> Chain:
    """Return the chain behind a ``Conv2d``; errors as for ``Step.after``."""
    node = step.node
    weight = node.array("weight")
    if weight.ndim != 4:
        raise ValueError(f"weight has {weight.ndim} axes, expected [out, in / groups, y, x]")
    kernel = (weight.shape[2], weight.shape[3])
    stride, dilation = node.pair("stride", 1), node.pair("dilation", 1)
    given = node.fields.get("padding", 0)
    padding = given if isinstance(given, str) else node.pair("padding", 0)
    sides = _sides(padding, kernel, stride, dilation)
    return _convolved(step, Conv2d(weight, stride, sides, dilation, node.integer("groups", 1)))


def conv1d(step: Step) -> Chain:
    """Convolve [C, L] as [C, 1, L]."""
    chain, node = step.chain, step.node
    weight = node.array("weight")
    if weight.ndim != 3:
        raise ValueError(f"weight has {weight.ndim} axes, expected [out, in / groups, x]")
    shape = chain.shape
    if len(shape) == 1:
        shape = (1, *shape)  # one channel, whose axis was taken for that of a batch
    if len(shape) == 2:
        shape = (shape[0], 1, shape[1])
        if chain.nodes[:-1] and (chain.connection is not None or chain.pool is not None):
            raise StandsAloneError
        chain = replace(chain, shape=shape, plane=shape)
    if len(shape) != 3 or shape[1] != 1:
        raise ValueError(f"needs a signal of shape [C, L], but {list(chain.shape)} arrives")
    stride, dilation = (1, node.integer("stride", 1)), (1, node.integer("dilation", 1))
    given = node.fields.get("padding", 0)
    padding = given if isinstance(given, str) else (0, node.integer("padding", 0))
    sides = _sides(padding, (1, weight.shape[2]), stride, dilation)
    groups = node.integer("groups", 1)
    connection = Conv2d(weight[:, :, None, :], stride, sides, dilation, groups)
    after = _convolved(replace(step, chain=chain), connection)
    if len(step.chain.shape) == 3:
        return after
    bias = after.bias and after.bias._replace(values=after.bias.values[:, 0])
    return replace(after, shape=(after.shape[0], after.shape[2]), bias=bias)


def _sides(
    padding: str | tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[tuple[int, int], tuple[int, int]]:
    if padding not in ("same", "valid") and isinstance(padding, str):
        raise ValueError(f"padding must be numbers, 'same' or 'valid', not {padding!r}")
    return explicit_padding(padding, kernel, stride, dilation)


def _convolved(step: Step, connection: Conv2d) -> Chain:
    """Return the chain behind a convolution; factors in front go into its kernel."""
    chain = step.chain
    problem = connection.source_problem(chain.shape)
    if problem:
        raise ValueError(problem)
    shape = connection.target_shape(chain.shape)
    require_reasonable(shape)
    bias = bias_of(step.name, step.node, shape, 0.0)
    if isinstance(chain.connection, OneToOne):
        factors = by_channel(chain.connection.weight, chain.shape)
        groups = np.repeat(factors.reshape(connection.groups, -1), shape[0] // connection.groups, 0)
        connection = connection.with_weights(connection.weight * groups[:, :, None, None])
    elif chain.connection is not None:
        raise StandsAloneError
    if chain.before is not None or chain.behind is not None:
        raise StandsAloneError
    return replace(
        chain, connection=connection, shape=shape, made=shape, bias=bias, named_by=step.name
    )


def pooling(mode: Literal["sum", "avg"]) -> Callable[[Step], Chain]:
    """Return what passes a ``SumPool2d`` or ``AvgPool2d``."""

    def transform(step: Step) -> Chain:
        chain, node = step.chain, step.node
        kernel = node.pair("kernel_size", 0)
        stride = node.pair("stride", 0) if "stride" in node.fields else kernel
        pool = Pool2d(kernel, stride, node.pair("padding", 0), mode)
        problem = pool.window_problem(chain.shape)
        if problem:
            raise ValueError(problem)
        shape = pool.target_shape(chain.shape)
        if chain.connection is not None:
            return _pooled(chain, pool, shape)
        if chain.pool is not None or chain.before is not None:
            raise StandsAloneError
        return replace(chain, pool=pool, shape=shape, made=shape, named_by=step.name)

    return transform


def _pooled(chain: Chain, pool: Pool2d, shape: Shape) -> Chain:
    """Return a chain whose convolution is pooled: one with a larger kernel and stride.

    Output ``y`` of the pooling sums the convolution at ``stride_p y + j``, which sees the
    source at ``stride (stride_p y + j) + k``: kernels are added up, shifted by ``stride j``.
    """
    conv = chain.connection
    if not isinstance(conv, Conv2d) or pool.padding != (0, 0) or conv.dilation != (1, 1):
        raise StandsAloneError
    if chain.before is not None or chain.behind is not None:
        raise StandsAloneError
    out, own, *kernel = conv.weight.shape
    size = [
        taps + (window - 1) * stride
        for taps, window, stride in zip(kernel, pool.kernel, conv.stride, strict=True)
    ]
    if prod(size) > prod(kernel) * prod(pool.kernel):
        raise StandsAloneError
    total = np.zeros((out, own, *size))
    for j in np.ndindex(*pool.kernel):
        y, x = (shift * stride for shift, stride in zip(j, conv.stride, strict=True))
        total[:, :, y : y + kernel[0], x : x + kernel[1]] += conv.weight
    share = prod(pool.kernel) if pool.mode == "avg" else 1
    stride = (conv.stride[0] * pool.stride[0], conv.stride[1] * pool.stride[1])
    larger = replace(conv, weight=(total / share).astype(np.float32), stride=stride)
    bias = chain.bias
    if bias is not None:
        added = prod(pool.kernel) / share
        values, steps = (_of_channels(each, chain.shape) for each in (bias.values, bias.steps))
        bias = bias._replace(values=(values * added).astype(np.float32), steps=steps)
    return replace(chain, connection=larger, shape=shape, made=shape, bias=bias)


def _of_channels(numbers: np.ndarray, shape: Shape) -> np.ndarray:
    """Return [channels, 1, 1]: numbers that are the same all over a plane.

    Raises:
        StandsAloneError: They are not.
    """
    planes = np.broadcast_to(numbers, shape)
    if np.any(planes != planes[:, :1, :1]):
        raise StandsAloneError
    return planes[:, :1, :1]
