"""Windows that slide along one axis: convolution arithmetic, as in NIR and PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Window:
    """A kernel that slides along one axis.

    Output ``o`` sees input ``o * stride + k * dilation - before`` through tap ``k``.

    Attributes:
        kernel: Taps.
        stride: Inputs from one output to the next.
        before: Zeros before the axis.
        after: Zeros after it.
        dilation: Inputs from one tap to the next.
    """

    kernel: int
    stride: int
    before: int = 0
    after: int = 0
    dilation: int = 1

    def problem(self, length: int) -> str | None:
        """Return why it cannot slide along an axis of ``length`` inputs, or None."""
        if min(self.kernel, self.stride, self.dilation) < 1:
            return "kernel, stride and dilation must be at least 1"
        if min(self.before, self.after) < 0:
            return "padding must not be negative"
        if self.outputs(length) < 1:
            span = self.dilation * (self.kernel - 1) + 1
            return f"a window of {span} does not fit into {length} inputs and their padding"
        return None

    def outputs(self, length: int) -> int:
        """Return the outputs along an axis of ``length`` inputs; below 1 if there are none."""
        span = self.dilation * (self.kernel - 1) + 1
        return (length + self.before + self.after - span) // self.stride + 1

    def taps(self, inputs: int, outputs: int) -> np.ndarray:
        """Return int64 [inputs, outputs]: 1 where the output sees the input, else 0."""
        seen = np.arange(outputs)[:, None] * self.stride - self.before
        seen = seen + np.arange(self.kernel) * self.dilation
        taps = np.zeros((inputs, outputs), np.int64)
        output, tap = np.nonzero((seen >= 0) & (seen < inputs))
        taps[seen[output, tap], output] = 1
        return taps

    def counts(self, inputs: int, ranges: list[tuple[int, int]]) -> np.ndarray:
        """Return int64 [inputs, ranges]: outputs in each range that see each input.

        Args:
            inputs: Length of the input axis.
            ranges: (start, stop) along the output axis.
        """
        outputs = max((stop for _, stop in ranges), default=0)
        totals = np.zeros((inputs, outputs + 1), np.int64)
        np.cumsum(self.taps(inputs, outputs), axis=1, out=totals[:, 1:])
        bounds = np.array(ranges, np.int64).reshape(-1, 2)
        return totals[:, bounds[:, 1]] - totals[:, bounds[:, 0]]


def plane_problem(windows: tuple[Window, Window], shape: tuple[int, ...]) -> str | None:
    """Return why windows along y and x cannot slide over a source of ``shape``, or None."""
    if len(shape) != 3:
        return f"needs a source of shape [C, H, W], not {list(shape)}"
    planes = zip(windows, shape[1:], strict=True)
    problems = (window.problem(length) for window, length in planes)
    return next(filter(None, problems), None)


def channel_counts(n_sources: int, groups: int, n_targets: int, ranges: list) -> np.ndarray:
    """Return int64 [source channels, ranges]: target channels of the same group in each range.

    Args:
        n_sources: Number of source channels.
        groups: Channel groups; sources and targets are cut into so many equal runs.
        n_targets: Number of target channels.
        ranges: (start, stop) of target channels.
    """
    group = np.arange(n_sources)[:, None] // (n_sources // groups)
    size = n_targets // groups
    bounds = np.array(ranges, np.int64).reshape(-1, 2)
    start = np.maximum(bounds[:, 0], group * size)
    stop = np.minimum(bounds[:, 1], (group + 1) * size)
    return np.maximum(stop - start, 0)
