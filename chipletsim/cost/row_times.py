"""Times of rows by models that follow single messages or packets, and what links did meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class RowTimes(NamedTuple):
    """Times of rows.

    Attributes:
        latency_s: float64 [packages, samples, rows], the barrier included.
        resource: int32 [packages, samples, rows], what bounds each row: as
            `chipletsim.cost.latency.message_resources` numbers it for models of messages, and
            `row_resources` for models of packets.
        by_bound: bool [packages, samples, rows], whether a row is left to timing `bound`; its
            latency here is a lower limit.
    """

    latency_s: np.ndarray
    resource: np.ndarray
    by_bound: np.ndarray

    def shaped(self, *shape: int) -> RowTimes:
        """Return the same rows in arrays of another shape."""
        return RowTimes(*(each.reshape(shape) for each in self))


class PortSums(NamedTuple):
    """What the links of a package did in rows.

    Attributes:
        frames: int64 [links], frames sent.
        asleep: int64 [links], ticks asleep.
        tick_s: Seconds of a tick.
    """

    frames: np.ndarray
    asleep: np.ndarray
    tick_s: float

    def plus(self, other: PortSums) -> PortSums:
        """Return the sums of both, exactly."""
        tick_s = self.tick_s or other.tick_s  # that of no rows is not known
        return PortSums(self.frames + other.frames, self.asleep + other.asleep, tick_s)


def joined(parts: Sequence[RowTimes], axis: int) -> RowTimes:
    """Return rows one after the other along an axis."""
    return RowTimes(*(np.concatenate(each, axis) for each in zip(*parts, strict=True)))


def stacked(parts: Sequence[RowTimes]) -> RowTimes:
    """Return rows with a first axis for the parts."""
    return RowTimes(*(np.stack(each) for each in zip(*parts, strict=True)))
