"""Tensors as sums of paths and constants, with or without an axis of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from chipletsim.exchange.snntorch.paths import Path, Picked
from chipletsim.network.connections import Shape


@dataclass(frozen=True, eq=False)
class Affine:
    """A tensor of one step: a sum of paths, and a constant.

    Attributes:
        paths: The paths, in the order in which they were added.
        constant: float64 of the tensor's shape, batch left out.
    """

    paths: tuple[Path, ...]
    constant: np.ndarray

    @classmethod
    def of(cls, path: Path) -> Affine:
        """Return one path."""
        return cls((path,), np.zeros(path.shape))

    @property
    def shape(self) -> Shape:
        """Shape of the tensor without batch and time."""
        return self.constant.shape

    @property
    def step(self) -> int | None:
        """The last step that it takes events of; None where it is the same in all steps."""
        return max((path.step for path in self.paths if path.step is not None), default=None)

    @property
    def closed(self) -> bool:
        """Whether weights can follow only behind another population."""
        return any(path.closed for path in self.paths)

    def picked(self, pick: Picked) -> Affine:
        """Return it with its values moved, left out or repeated."""
        return Affine(tuple(path.picked(pick) for path in self.paths), pick(self.constant))

    def scaled(self, factor: np.ndarray) -> Affine:
        """Return it times numbers, which broadcast."""
        constant = self.constant * factor
        paths = tuple(path.scaled(factor, constant.shape) for path in self.paths)
        return Affine(paths, constant)

    def plus(self, other: Affine) -> Affine:
        """Return the sum; shapes broadcast."""
        constant = self.constant + other.constant
        one = np.ones(())
        paths = [path.scaled(one, constant.shape) for path in (*self.paths, *other.paths)]
        return Affine(tuple(paths), constant)

    def through(
        self, along: Callable[[Path], Path], constantly: Callable[[np.ndarray], np.ndarray]
    ) -> Affine:
        """Return it behind a linear operation.

        Args:
            along: The operation on a path.
            constantly: The operation on a constant.
        """
        return Affine(tuple(along(path) for path in self.paths), constantly(self.constant))


def joined(parts: list[Affine], axis: int) -> Affine:
    """Return tensors of one step side by side along an axis of their own."""
    shapes = [part.shape for part in parts]
    ends = np.cumsum([shape[axis] for shape in shapes])
    total = int(ends[-1])
    paths = [
        path.picked(_placed(axis, int(end) - shape[axis], total))
        for part, shape, end in zip(parts, shapes, ends, strict=True)
        for path in part.paths
    ]
    return Affine(tuple(paths), np.concatenate([part.constant for part in parts], axis))


def _placed(axis: int, first: int, total: int) -> Picked:
    """Return a pick that puts a signal into a longer axis, with -1 around it."""

    def pick(values: np.ndarray) -> np.ndarray:
        around = [(0, 0)] * values.ndim
        around[axis] = (first, total - first - values.shape[axis])
        empty = -1 if values.dtype == np.int64 else 0
        return np.pad(values, around, constant_values=empty)

    return pick


Axis = int | str
"""An axis of a tensor: ``B`` samples, ``T`` steps, ``TB`` or ``BT`` both in one; else a number."""


@dataclass(frozen=True, eq=False)
class Traced:
    """What is known of a tensor.

    Attributes:
        steps: What it is in each step; one entry where it has no axis of time.
        axes: What its axes are: one of samples, maybe one of steps, and those of the signal
            by number, in order.
        batch: Samples.
    """

    steps: tuple[Affine, ...]
    axes: tuple[Axis, ...]
    batch: int

    @classmethod
    def of(cls, affine: Affine, batch: int) -> Traced:
        """Return a tensor of one step, samples first."""
        return cls((affine,), ("B", *range(len(affine.shape))), batch)

    @property
    def shape(self) -> Shape:
        """Shape of the signal: without samples and steps."""
        return self.steps[0].shape

    @property
    def timed(self) -> bool:
        """Whether it has an axis of steps, alone or together with samples."""
        return any(axis in ("T", "TB", "BT") for axis in self.axes)

    def each(self, change: Callable[[Affine], Affine]) -> Traced:
        """Return it changed step by step; new axes of the signal follow in order."""
        steps = tuple(change(step) for step in self.steps)
        if len(steps[0].shape) == len(self.shape):
            return replace(self, steps=steps)
        leading = tuple(axis for axis in self.axes if isinstance(axis, str))
        return replace(self, steps=steps, axes=(*leading, *range(len(steps[0].shape))))

    @property
    def leading(self) -> bool:
        """Whether samples and steps come first, and the signal's axes in order."""
        names = sum(isinstance(axis, str) for axis in self.axes)
        return self.axes[names:] == tuple(range(len(self.shape)))

    def sources(self) -> list[str]:
        """Return the populations that it comes from."""
        return sources_of(self.steps)


@dataclass(frozen=True, eq=False)
class Opaque:
    """A tensor that can be an answer, but not an input of neurons.

    Attributes:
        reason: Why.
        where: Module in which it was made.
        sources: Populations whose events it comes from.
        membranes: Populations whose membranes it comes from.
        weighted: Whether weights lie between them and it.
    """

    reason: str
    where: str
    sources: tuple[str, ...]
    membranes: tuple[str, ...]
    weighted: bool


@dataclass(frozen=True)
class Membrane:
    """A state of a population after a step.

    Attributes:
        population: Name of the population.
        state: Name of the state in the module, such as ``mem``.
        step: The step.
    """

    population: str
    state: str
    step: int


def sources_of(steps: Iterable[Affine]) -> list[str]:
    """Return the populations that tensors come from, each once."""
    return list(dict.fromkeys(path.source for step in steps for path in step.paths))


def weighted(steps: Iterable[Affine]) -> bool:
    """Return whether weights or a pooling lie between populations and tensors."""
    return any(
        path.connection is not None or path.pool is not None
        for step in steps
        for path in step.paths
    )


def alike(one: Path, other: Path) -> bool:
    """Return whether two paths do the same to events."""
    if (one.pool, type(one.connection)) != (other.pool, type(other.connection)):
        return False
    arrays = [(one.index, other.index), (one.gain, other.gain)]
    if one.connection is not None and other.connection is not None:
        arrays.append((one.connection.weights, other.connection.weights))
    same = all(a is b or np.array_equal(a, b) for a, b in arrays)
    return same and one.source_shape == other.source_shape
