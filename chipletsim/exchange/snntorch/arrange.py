"""Operations that move values without computing: views, slices, permutations, stacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from chipletsim.exchange.snntorch.affine import Affine, Axis, Traced, joined
from chipletsim.exchange.snntorch.paths import Picked, RefusedError


def reshaped(traced: Traced, shape: tuple[int, ...]) -> Traced:
    """Return a tensor read as another shape, samples (and steps) still in front.

    Raises:
        RefusedError: Samples or steps get mixed with the signal.
    """
    if not traced.leading:
        raise RefusedError("reads a tensor as another shape whose samples do not come first")
    names = tuple(axis for axis in traced.axes if isinstance(axis, str))
    for lead, sizes in _leads(names, len(traced.steps), traced.batch):
        inner = shape[len(sizes) :]
        if shape[: len(sizes)] == sizes and prod(inner) == prod(traced.shape):
            steps = tuple(step.picked(partial(np.reshape, shape=inner)) for step in traced.steps)
            return replace(traced, steps=steps, axes=(*lead, *range(len(inner))))
    raise RefusedError(f"reads samples or steps as part of the signal, in shape {list(shape)}")


def _leads(
    names: tuple[str, ...], steps: int, batch: int
) -> list[tuple[tuple[Axis, ...], tuple[int, ...]]]:
    """Return what the front of a reshaped tensor may be, with its sizes, the likely ones first."""
    if names == ("B",):
        return [(("B",), (batch,)), (("T", "B"), (1, batch))]
    single: list[tuple[tuple[Axis, ...], tuple[int, ...]]] = []
    if steps == 1:
        single = [(("B",), (batch,))]
    if names in (("T", "B"), ("TB",)):
        return [(("T", "B"), (steps, batch)), *single, (("TB",), (steps * batch,))]
    return [(("B", "T"), (batch, steps)), *single, (("BT",), (steps * batch,))]


def permuted(traced: Traced, dims: Sequence[int]) -> Traced:
    """Return a tensor with its axes in another order."""
    axes = tuple(traced.axes[dim] for dim in dims)
    order = [axis for axis in axes if not isinstance(axis, str)]
    steps = tuple(step.picked(lambda values: values.transpose(order)) for step in traced.steps)
    numbers = iter(range(len(order)))
    renumbered = tuple(axis if isinstance(axis, str) else next(numbers) for axis in axes)
    return replace(traced, steps=steps, axes=renumbered)


def indexed(traced: Traced, index: Any) -> Traced:
    """Return ``tensor[index]``: steps, or values of the signal.

    Raises:
        RefusedError: Samples are picked.
    """
    items = list(index) if isinstance(index, tuple) else [index]
    given = sum(item is not None and item is not Ellipsis for item in items)
    gap = [slice(None)] * (len(traced.axes) - given)
    if Ellipsis in [item for item in items if isinstance(item, type(Ellipsis))]:
        place = next(i for i, item in enumerate(items) if item is Ellipsis)
        items[place : place + 1] = gap
    else:
        items += gap
    return _picked_axes(traced, items)


def _picked_axes(traced: Traced, items: list[Any]) -> Traced:
    """Return a tensor indexed by one item for each axis, and None for new axes."""
    waiting = iter(traced.axes)
    steps, axes = list(traced.steps), []
    inner: list[Any] = []
    for item in items:
        if item is None:
            inner.append(None)
            axes.append("new")
            continue
        axis = next(waiting)
        if axis == "T":
            chosen = steps[item] if isinstance(item, int | slice) else None
            if chosen is None:
                raise RefusedError("picks steps by a list")
            steps = chosen if isinstance(chosen, list) else [chosen]
            axes += ["T"] if isinstance(item, slice) else []
        elif isinstance(axis, str):
            if item != slice(None):
                raise RefusedError("picks samples; if this axis is time, say so by `time_axis`")
            axes.append(axis)
        else:
            inner.append(_plain(item))
            axes += [] if isinstance(item, int) else ["inner"]
    if not steps:
        raise RefusedError("picks no steps")
    selector = tuple(inner)
    moved = tuple(step.picked(lambda values: values[selector]) for step in steps)
    numbers = iter(range(len(moved[0].shape)))
    named = tuple(next(numbers) if axis in ("new", "inner") else axis for axis in axes)
    return Traced(moved, _with_new_first(named), traced.batch)


def _with_new_first(axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
    """Refuse new axes of the signal in front of the samples: they would be read as steps."""
    if axes and not isinstance(axes[0], str) and "B" in axes:
        raise RefusedError("puts a new axis in front of the samples; use `unsqueeze`")
    return axes


def _plain(item: Any) -> Any:
    """Return an index that NumPy takes."""
    if isinstance(item, int | slice):
        return item
    return np.asarray(item.cpu() if hasattr(item, "cpu") else item)


def unbound(traced: Traced, dim: int) -> list[Traced]:
    """Return the parts of a tensor along an axis, which goes."""
    axis = traced.axes[dim]
    length = len(traced.steps) if axis == "T" else _length(traced, axis)
    items: list[Any] = [slice(None)] * len(traced.axes)
    parts = []
    for number in range(length):
        items[dim] = number
        parts.append(indexed(traced, tuple(items)))
    return parts


def cut(traced: Traced, dim: int, lengths: Sequence[int]) -> list[Traced]:
    """Return the parts of a tensor of some lengths along an axis, which stays."""
    items: list[Any] = [slice(None)] * len(traced.axes)
    parts, first = [], 0
    for length in lengths:
        items[dim] = slice(first, first + length)
        parts.append(indexed(traced, tuple(items)))
        first += length
    return parts


def _length(traced: Traced, axis: Axis) -> int:
    if isinstance(axis, str):
        raise RefusedError("takes samples one by one; if this axis is time, say so by `time_axis`")
    return traced.shape[axis]


def stacked(parts: Sequence[Traced], dim: int) -> Traced:
    """Return tensors of a step one after another along a new axis, of steps."""
    first = parts[0]
    if any(part.timed or part.axes != first.axes or part.shape != first.shape for part in parts):
        raise RefusedError("stacks tensors that differ in shape")
    axes = list(first.axes)
    axes.insert(dim if dim >= 0 else dim + len(axes) + 1, "T")
    return Traced(tuple(part.steps[0] for part in parts), tuple(axes), first.batch)


def concatenated(parts: Sequence[Traced], dim: int) -> Traced:
    """Return tensors one after another along an axis that they have."""
    first = parts[0]
    axis = first.axes[dim]
    if any(part.axes != first.axes for part in parts):
        raise RefusedError("joins tensors that differ in their axes")
    if axis == "T":
        return replace(first, steps=tuple(step for part in parts for step in part.steps))
    if isinstance(axis, str):
        raise RefusedError("joins along the axis of samples")
    if len({len(part.steps) for part in parts}) > 1:
        raise RefusedError("joins tensors of different numbers of steps")
    rows = zip(*(part.steps for part in parts), strict=True)
    return replace(first, steps=tuple(joined(list(row), axis) for row in rows))


def repeated(traced: Traced, shape: tuple[int, ...]) -> Traced:
    """Return a tensor repeated along axes of length 1, to another shape.

    Raises:
        RefusedError: Samples or whole runs are repeated.
    """
    if len(shape) == len(traced.axes) + 1 and not traced.timed and shape[1] == traced.batch:
        return Traced(traced.steps * shape[0], ("T", *traced.axes), traced.batch)
    if len(shape) != len(traced.axes):
        raise RefusedError("repeats along new axes")
    sizes = dict(zip(traced.axes, shape, strict=True))
    steps = traced.steps
    if sizes.get("T", len(steps)) != len(steps):
        if len(steps) != 1:
            raise RefusedError("repeats several steps")
        steps = steps * sizes["T"]
    if sizes.get("B", traced.batch) != traced.batch or {"TB", "BT"} & set(traced.axes):
        raise RefusedError("repeats samples")
    inner = tuple(size for axis, size in sizes.items() if not isinstance(axis, str))
    pick: Picked = lambda values: np.broadcast_to(values, inner)  # noqa: E731
    return replace(traced, steps=tuple(step.picked(pick) for step in steps))


def summed(traced: Traced, dim: int, factor: float) -> Traced:
    """Return the sum over steps, times a number."""
    if traced.axes[dim] != "T":
        raise RefusedError("adds up values of the signal")
    total = traced.steps[0]
    for step in traced.steps[1:]:
        total = total.plus(step)
    axes = tuple(axis for axis in traced.axes if axis != "T")
    return Traced((total.scaled(np.array(factor)),), axes, traced.batch)


def by_step(values: np.ndarray, traced: Traced) -> list[np.ndarray]:
    """Return constants of a tensor's shape for each step, without samples.

    Args:
        values: Numbers of the shape of the whole tensor.
        traced: The tensor.

    Raises:
        RefusedError: They differ from sample to sample.
    """
    steps, batch = len(traced.steps), traced.batch
    axes: list[Axis] = []
    shape: list[int] = []
    for axis, size in zip(traced.axes, values.shape, strict=True):
        parts = {"TB": ["T", "B"], "BT": ["B", "T"]}.get(str(axis), [axis])
        axes += parts
        shape += [steps if part == "T" else batch for part in parts] if len(parts) > 1 else [size]
    ordered = values.reshape(shape)
    if "T" not in axes:
        ordered, axes = ordered[None], ["T", *axes]
    front = [axes.index("T"), axes.index("B")]
    inner = [axes.index(number) for number in range(len(axes) - 2)]
    ordered = ordered.transpose([*front, *inner])
    if not np.array_equal(ordered, np.broadcast_to(ordered[:, :1], ordered.shape)):
        raise RefusedError("adds or multiplies numbers that differ from sample to sample")
    return [np.array(step[0], np.float64) for step in ordered]


def together(first: Traced, second: Traced) -> tuple[Traced, Traced]:
    """Return two tensors with the same axes: one without steps is the same in each.

    Raises:
        RefusedError: Their axes do not fit.
    """
    if first.axes != second.axes:
        longer, shorter = (first, second) if first.timed else (second, first)
        if longer.axes != ("T", *shorter.axes) or not longer.timed:
            raise RefusedError("adds tensors whose axes do not fit")
        spread = replace(shorter, steps=shorter.steps * len(longer.steps), axes=longer.axes)
        first, second = (longer, spread) if first is longer else (spread, longer)
    if len(first.steps) != len(second.steps):
        raise RefusedError("adds tensors of different numbers of steps")
    return first, second


def added(first: Traced, second: Traced) -> Traced:
    """Return the sum of two tensors."""
    one, other = together(first, second)
    pairs: list[Affine] = [a.plus(b) for a, b in zip(one.steps, other.steps, strict=True)]
    if len(one.shape) != len(other.shape) or len(pairs[0].shape) != len(one.shape):
        raise RefusedError("adds signals of different numbers of axes")
    return replace(one, steps=tuple(pairs))
