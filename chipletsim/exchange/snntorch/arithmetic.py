"""Functions of PyTorch that add, multiply and normalise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from chipletsim.exchange.snntorch import arrange
from chipletsim.exchange.snntorch.affine import Affine, Traced
from chipletsim.exchange.snntorch.followed import Followed, rows, scaled, whole_shape
from chipletsim.exchange.snntorch.paths import RefusedError


def batch_norm(
    trace: Followed,
    input: Any,
    *,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Traced:
    """``torch.nn.functional.batch_norm`` with stored statistics: a factor and a constant."""
    if training or running_mean is None or running_var is None:
        raise RefusedError("normalises by the statistics of the batch; keep running statistics")
    traced = rows(trace.known(input))
    over = (slice(None), *[None] * (len(traced.shape) - 1))
    factor = 1 / np.sqrt(trace.numbers(running_var) + eps)
    factor = factor * (1 if weight is None else trace.numbers(weight))
    offset = (0 if bias is None else trace.numbers(bias)) - trace.numbers(running_mean) * factor
    shift = Affine((), np.broadcast_to(offset[over], traced.shape))
    return traced.each(lambda step: scaled(trace, step, factor[over]).plus(shift))


def dropout(
    trace: Followed, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Traced:
    """``torch.nn.functional.dropout`` in evaluation: nothing."""
    if training and p > 0:
        raise RefusedError("drops values at random although the module is in evaluation")
    return trace.known(input)


def same(trace: Followed, input: Any, *others: Any, **options: Any) -> Traced:
    """Functions that return the same numbers."""
    if not trace.result.dtype.is_floating_point:
        raise RefusedError(f"turns a signal into {trace.result.dtype}")
    return trace.known(input)


def add(trace: Followed, input: Any, other: Any, *, alpha: float = 1) -> Traced:
    """Sums of tensors, and of tensors and numbers."""
    if trace.follows(input) and trace.follows(other):
        return arrange.added(trace.known(input), _times(trace, other, alpha))
    if trace.follows(input):
        return _plus(trace, trace.known(input), other, alpha)
    return _plus(trace, _times(trace, other, alpha), input, 1)


def sub(trace: Followed, input: Any, other: Any, *, alpha: float = 1) -> Traced:
    """Differences."""
    return add(trace, input, other, alpha=-alpha)


def rsub(trace: Followed, input: Any, other: Any, *, alpha: float = 1) -> Traced:
    """``other - input``."""
    return add(trace, other, input, alpha=-alpha)


def mul(trace: Followed, input: Any, other: Any) -> Traced:
    """Products with numbers."""
    if trace.follows(input) and trace.follows(other):
        raise RefusedError("multiplies two signals with one another")
    traced, factor = (input, other) if trace.follows(input) else (other, input)
    return _factor(trace, trace.known(traced), factor, np.multiply)


def div(trace: Followed, input: Any, other: Any, *, rounding_mode: str | None = None) -> Traced:
    """Quotients by numbers."""
    if trace.follows(other) or rounding_mode is not None:
        raise RefusedError("divides by a signal, or rounds")
    return _factor(trace, trace.known(input), other, np.divide)


def neg(trace: Followed, input: Any) -> Traced:
    """``-input``."""
    return _times(trace, input, -1)


def _times(trace: Followed, tensor: Any, factor: float) -> Traced:
    traced = trace.known(tensor)
    if factor == 1:
        return traced
    return traced.each(lambda step: scaled(trace, step, np.array(float(factor))))


def _plus(trace: Followed, traced: Traced, other: Any, alpha: float) -> Traced:
    numbers = _numbers_by_step(trace, traced, other)
    steps = tuple(
        step.plus(Affine((), alpha * own)) for step, own in zip(traced.steps, numbers, strict=True)
    )
    return replace(traced, steps=steps)


def _factor(trace: Followed, traced: Traced, other: Any, by: Callable[..., Any]) -> Traced:
    if not hasattr(other, "shape") or not other.shape:
        factor = by(1.0, trace.numbers(other))
        return traced.each(lambda step: scaled(trace, step, np.asarray(factor)))
    numbers = _numbers_by_step(trace, traced, other)
    steps = tuple(
        scaled(trace, step, by(1.0, own)) for step, own in zip(traced.steps, numbers, strict=True)
    )
    return replace(traced, steps=steps)


def _numbers_by_step(trace: Followed, traced: Traced, other: Any) -> list[np.ndarray]:
    """Return numbers broadcast to a tensor, for each step."""
    shape = tuple(trace.result.shape)
    if len(shape) != len(traced.axes) or shape != whole_shape(traced):
        raise RefusedError("is spread out by what it is added to or multiplied by")
    return arrange.by_step(np.broadcast_to(trace.numbers(other), shape), traced)
