"""Rows of free-running packages: sums over the rows of a sample up to each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.cost.row_numbers import RowNumbers
from chipletsim.cost.tile_amounts import TileAmounts


class RunningNumbers(NamedTuple):
    """What has happened by the end of each row; see `chipletsim.cost.program.TimedRows`.

    Attributes:
        tiles: What happened on tiles, since the sample began.
        wire_bits: int64 [links, rows], fewest bits on the wire since then.
    """

    tiles: TileAmounts
    wire_bits: np.ndarray


class RunningRows:
    """Adds up the rows of each sample as they come, batch by batch.

    With these sums in place of the numbers of rows, timing `bound` has the time before which no
    schedule is done with a row and all before it, whether or not tiles wait for one another: by
    then each tile and each link has done all of their work. Rows may share a frame, so of each
    row's frames but the last of all the last one may go into those of other rows.

    Args:
        frame_bits: int64 [links], bits of a frame of each; 0 for links without frames.
    """

    def __init__(self, frame_bits: np.ndarray) -> None:
        self._frame_bits = frame_bits[:, None]
        self._before: dict[int, list[np.ndarray]] = {}

    def forget(self) -> None:
        """Drop what is kept of samples, which are at their end."""
        self._before.clear()

    def add(
        self, places: np.ndarray, numbers: RowNumbers, longest_s: np.ndarray
    ) -> tuple[RunningNumbers, np.ndarray]:
        """Return sums up to each row, and float64 [packages, rows], the longest route so far.

        Args:
            places: int64 [places, 2], sample and row, those of a sample in order; rows of a batch
                beyond these are empty.
            numbers: Whole numbers of the rows.
            longest_s: float64 [packages, rows], longest route of an event of each row.
        """
        on_wire = np.array(numbers.wire_bits)
        used = (on_wire > 0).astype(np.int64)
        sums = [np.array(numbers.tiles.numbers), on_wire, used]
        longest_s = np.array(longest_s)
        for sample, at in _by_sample(places[:, 0]):
            before = self._before.get(sample, [np.zeros(1, np.int64)] * 3 + [np.zeros(1)])
            for each, last in zip(sums, before, strict=False):
                each[..., at] = each[..., at].cumsum(axis=-1) + last
            longest = np.maximum.accumulate(longest_s[:, at], axis=1)
            longest_s[:, at] = np.maximum(longest, before[-1])
            self._before[sample] = [each[..., at[-1:]].copy() for each in (*sums, longest_s)]
        tiles, on_wire, used = sums
        wire_bits = on_wire - np.maximum(used - 1, 0) * self._frame_bits
        return RunningNumbers(TileAmounts(tiles, numbers.tiles.names), wire_bits), longest_s


def _by_sample(sample: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Return each sample, and the places of its rows, in order."""
    order = np.argsort(sample, kind="stable")
    samples, first = np.unique(sample[order], return_index=True)
    return list(zip(samples.tolist(), np.split(order, first[1:]), strict=True))
