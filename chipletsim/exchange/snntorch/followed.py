"""A run as functions of PyTorch see it, and what they all need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from chipletsim.exchange.snntorch.affine import Affine, Traced
from chipletsim.exchange.snntorch.paths import RefusedError


class Followed(Protocol):
    """The trace, as operations see it."""

    torch: Any
    result: Any

    @property
    def where(self) -> str:
        """Path of the module that runs."""

    def known(self, value: Any) -> Traced:
        """Return what is known of a tensor that comes from neurons or inputs; else refuse."""

    def follows(self, value: Any) -> bool:
        """Return whether a tensor comes from neurons or inputs."""

    def numbers(self, value: Any) -> np.ndarray:
        """Return float64 numbers of weights; refuse where they come from neurons."""

    def spikes(self, source: str) -> bool:
        """Return whether the events of a population, or of an input, are spikes."""

    def stateless(self, kind: str, affine: Affine) -> Affine:
        """Return the events of neurons without state that take ``affine`` as their current."""


def rows(traced: Traced) -> Traced:
    """Return a tensor [rows, signal]; refuse others."""
    if not traced.leading or sum(isinstance(axis, str) for axis in traced.axes) != 1:
        raise RefusedError("takes samples and steps in one axis; flatten(0, 1) before it")
    return traced


def opened(trace: Followed, step: Affine) -> Affine:
    """Return a tensor of one step so that weights can follow.

    Behind weights, or a maximum, its values become a population of their own, which sends them.
    """
    return trace.stateless("values", step) if step.closed else step


def scaled(trace: Followed, step: Affine, factor: np.ndarray) -> Affine:
    """Return a tensor of one step times numbers; maxima become a population before."""
    if any(path.largest for path in step.paths) and np.any(factor != 1):
        step = trace.stateless("values", step)
    return step.scaled(factor)


def whole_shape(traced: Traced) -> tuple[int, ...]:
    """Return the shape of a tensor."""
    steps, batch = len(traced.steps), traced.batch
    sizes: dict[Any, int] = {"T": steps, "B": batch, "TB": steps * batch, "BT": steps * batch}
    return tuple(
        sizes[axis] if isinstance(axis, str) else traced.shape[axis] for axis in traced.axes
    )


def shaped(traced: Traced, inner: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of a tensor with another signal behind the same samples and steps."""
    whole = whole_shape(traced)
    return (*whole[: len(whole) - len(traced.shape)], *inner)
