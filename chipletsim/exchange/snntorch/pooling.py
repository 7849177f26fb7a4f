"""Functions of PyTorch that pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from chipletsim.exchange.snntorch.affine import Affine, Traced
from chipletsim.exchange.snntorch.followed import Followed, opened, rows
from chipletsim.exchange.snntorch.paths import RefusedError, pair, pool_of
from chipletsim.network.connections import Pool2d


def avg_pool2d(
    trace: Followed,
    input: Any,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Traced:
    """``torch.nn.functional.avg_pool2d``: pooling in front of the next connection."""
    pool = pool_of(kernel_size, stride or None, padding, "sum" if divisor_override else "avg")
    if pool.padding != (0, 0) and not count_include_pad and not divisor_override:
        raise RefusedError("averages without counting the padding")
    traced = rows(trace.known(input))
    _require_floor(traced, pool, ceil_mode)
    return _pooled(trace, traced, pool, 1 / (divisor_override or 1))


def adaptive_avg_pool2d(trace: Followed, input: Any, output_size: Any) -> Traced:
    """``torch.nn.functional.adaptive_avg_pool2d``, where all windows are alike."""
    traced = rows(trace.known(input))
    given = output_size if isinstance(output_size, tuple | list) else (output_size, output_size)
    lengths = traced.shape[-2:]
    pairs = list(zip(given, lengths, strict=True))
    wanted = tuple(size if each is None else each for each, size in pairs)
    if any(size % each for each, size in zip(wanted, lengths, strict=True)):
        raise RefusedError(f"averages {list(lengths)} into {list(wanted)}: windows differ")
    kernel = (lengths[0] // wanted[0], lengths[1] // wanted[1])
    return _pooled(trace, traced, Pool2d(kernel, kernel, mode="avg"), 1.0)


def max_pool2d(
    trace: Followed,
    input: Any,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Traced:
    """``torch.nn.functional.max_pool2d``.

    Of spikes it is neurons that spike where any input does; of currents, a population that sends
    its values, and a maximum over windows of them.
    """
    if pair(dilation) != (1, 1) or return_indices:
        raise RefusedError("takes the maximum over dilated windows, or asks where it is")
    pool = pool_of(kernel_size, stride or None, padding, "max")
    traced = rows(trace.known(input))
    _require_floor(traced, pool, ceil_mode)
    return traced.each(lambda step: _largest(trace, step, pool))


def _largest(trace: Followed, step: Affine, pool: Pool2d) -> Affine:
    """Return the maxima of one step."""
    path = step.paths[0] if len(step.paths) == 1 else None
    if path is None or not path.plain or path.gain.ndim or step.constant.any():
        step = trace.stateless("values", step)
    elif trace.spikes(path.source) and path.gain > 0:
        summed = Affine.of(replace(path, gain=np.ones(()))).through(
            lambda way: way.pooled(replace(pool, mode="sum")), _zeros(pool)
        )
        return trace.stateless("any", summed).scaled(path.gain)
    elif path.gain != 1:
        step = trace.stateless("values", step)
    return step.through(lambda way: way.pooled(pool), _zeros(pool))


def _zeros(pool: Pool2d) -> Callable[[np.ndarray], np.ndarray]:
    """Return what a pooling makes of a constant that is zero."""
    return lambda constant: np.zeros(pool.target_shape(constant.shape))


def _pooled(trace: Followed, traced: Traced, pool: Pool2d, factor: float) -> Traced:
    function, divisor = trace.torch.nn.functional.avg_pool2d, 1 if pool.mode == "sum" else None

    def constantly(constant: np.ndarray) -> np.ndarray:
        tensor = trace.torch.tensor(constant)[None]
        out = function(tensor, pool.kernel, pool.stride, pool.padding, divisor_override=divisor)
        return out[0].numpy()

    def change(step: Affine) -> Affine:
        try:
            return step.through(lambda path: path.pooled(pool), constantly)
        except RefusedError:
            if not step.closed:
                raise
            return opened(trace, step).through(lambda path: path.pooled(pool), constantly)

    after = traced.each(change)
    return after if factor == 1 else after.each(lambda step: step.scaled(np.array(factor)))


def _require_floor(traced: Traced, pool: Pool2d, ceil_mode: bool) -> None:
    """Refuse windows that hang over the edge."""
    if len(traced.shape) != 3:
        raise RefusedError(f"pools a signal of shape {list(traced.shape)}, not [C, H, W]")
    hanging = any(
        (length + 2 * side - size) % step
        for length, side, size, step in zip(
            traced.shape[1:], pool.padding, pool.kernel, pool.stride, strict=True
        )
    )
    if ceil_mode and hanging:
        raise RefusedError("pools with windows that hang over the edge (ceil_mode)")
