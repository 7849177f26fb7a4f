"""Functions of PyTorch with weights: one connection each."""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.exchange.snntorch import arrange
from chipletsim.exchange.snntorch.affine import Traced
from chipletsim.exchange.snntorch.followed import Followed, opened, rows, shaped
from chipletsim.exchange.snntorch.paths import RefusedError, pair
from chipletsim.network.connections import Conv2d
from chipletsim.network.make_connection import explicit_padding


def linear(trace: Followed, input: Any, weight: Any, bias: Any = None) -> Traced:
    """``torch.nn.functional.linear``: one connection."""
    traced, matrix = trace.known(input), trace.numbers(weight)
    if not traced.leading:
        raise RefusedError("takes a tensor whose samples do not come first")
    offset = np.zeros(matrix.shape[0]) if bias is None else trace.numbers(bias)
    return traced.each(
        lambda step: opened(trace, step).through(
            lambda path: path.linear(matrix, trace.where),
            lambda constant: matrix @ constant + offset,
        )
    )


def matmul(trace: Followed, input: Any, other: Any) -> Traced:
    """``signal @ matrix``."""
    if not trace.follows(input) or trace.follows(other) or other.ndim != 2:
        raise RefusedError("multiplies other things than a signal by a matrix from the right")
    return linear(trace, input, other.T)


def conv2d(
    trace: Followed,
    input: Any,
    *,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Traced:
    """``torch.nn.functional.conv2d``: one connection."""
    kernels = trace.numbers(weight)
    kernel = (kernels.shape[2], kernels.shape[3])
    sides = explicit_padding(
        padding if isinstance(padding, str) else pair(padding), kernel, pair(stride), pair(dilation)
    )
    convolution = Conv2d(kernels, pair(stride), sides, pair(dilation), groups)
    offset = 0.0 if bias is None else trace.numbers(bias)[:, None, None]

    def constantly(constant: np.ndarray) -> np.ndarray:
        shape = convolution.target_shape(constant.shape)
        if not constant.any():
            return np.broadcast_to(offset, shape)
        tensor, filters = trace.torch.tensor(constant), trace.torch.tensor(kernels)
        function = trace.torch.nn.functional.conv2d
        out = function(tensor[None], filters, None, stride, padding, dilation, groups)
        return out[0].numpy() + offset

    return rows(trace.known(input)).each(
        lambda step: opened(trace, step).through(
            lambda path: path.convolved(convolution, trace.where), constantly
        )
    )


def conv1d(
    trace: Followed,
    input: Any,
    *,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Traced:
    """``torch.nn.functional.conv1d``: a convolution over one row."""
    traced = rows(trace.known(input))
    row = arrange.reshaped(traced, shaped(traced, (traced.shape[0], 1, *traced.shape[1:])))
    sides = padding if isinstance(padding, str) else (0, pair(padding)[0])
    planes = _Known(trace, row)
    after = conv2d(
        planes,
        None,
        weight=weight[:, :, None],
        bias=bias,
        stride=(1, pair(stride)[0]),
        padding=sides,
        dilation=(1, pair(dilation)[0]),
        groups=groups,
    )
    return arrange.reshaped(after, shaped(after, (after.shape[0], after.shape[2])))


class _Known:
    """A trace in which one tensor is known already."""

    def __init__(self, trace: Followed, traced: Traced) -> None:
        self._trace, self._traced = trace, traced

    def known(self, value: Any) -> Traced:
        return self._traced

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trace, name)
