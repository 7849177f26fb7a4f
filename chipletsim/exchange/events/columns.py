"""Events whose times and addresses are columns of a table, read some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from chipletsim.exchange.events.recording import (
    CHUNK_EVENTS,
    Events,
    fault,
    nanoseconds,
    polarity,
    whole,
)
from chipletsim.exchange.events.tables import Columns, P

MAX_RECORDINGS = 10_000_000


class Reader(Protocol):
    """A column: its length, and some rows of it."""

    rows: int

    def read(self, first: int, count: int) -> np.ndarray:
        """Return rows ``first`` to ``first + count``."""
        ...


class ColumnEvents:
    """Recordings that lie one after another in the columns of a table; see `EventSource`.

    Args:
        path: The file, for messages.
        columns: Names of the columns.
        readers: The columns by name, of one length.
        sample: Column of recording numbers, which rise from 0; None for a single recording.
        labels: int64 [recordings], or None.
        size: Length of each axis, or None.
        unit_ns: Unit of the times, see ``nanoseconds``.

    Raises:
        ConfigError: The columns differ in length, or there are more recordings than labels.
    """

    def __init__(
        self,
        path: Path,
        columns: Columns,
        readers: Mapping[str, Reader],
        *,
        sample: Reader | None = None,
        labels: np.ndarray | None = None,
        size: tuple[int, ...] | None = None,
        unit_ns: int | None = None,
    ) -> None:
        self.path = path
        self.labels = labels
        self.axes = len(columns.address)
        self.size = size
        self._columns = columns
        self._readers = readers
        self._unit_ns = unit_ns
        lengths = {name: readers[name].rows for name in (columns.time, *columns.address)}
        if sample is not None:
            lengths["sample"] = sample.rows
        if len(set(lengths.values())) > 1:
            words = ", ".join(f"{name} {rows:,}" for name, rows in lengths.items())
            raise fault(path, f"holds arrays of different lengths: {words}")
        known = None if labels is None else len(labels)
        if sample is not None:
            self._starts = find_starts(sample, known, path)
        elif known in (None, 1):
            self._starts = np.array([0, lengths[columns.time]])
        else:
            message = f"holds {known} labels but one recording; `sample` numbers recordings"
            raise fault(path, message)
        self.recordings = len(self._starts) - 1

    def chunks(self, recording: int) -> Iterator[Events]:
        """Yield the events of a recording; see `EventSource`."""
        start, stop = self._starts[recording : recording + 2].tolist()
        for first in range(start, stop, CHUNK_EVENTS):
            count = min(CHUNK_EVENTS, stop - first)
            time = self._readers[self._columns.time].read(first, count)
            rows = [
                address_column(name, self._readers[name].read(first, count), self.path)
                for name in self._columns.address
            ]
            yield Events(nanoseconds(time, self._unit_ns, self.path), np.stack(rows))


def find_starts(sample: Reader, recordings: int | None, path: Path) -> np.ndarray:
    """Return int64 [recordings + 1]: where each recording begins, and the last one ends.

    Args:
        sample: Number of the recording of each event.
        recordings: How many there are; one more than the largest number if None.
        path: The file, for messages.

    Raises:
        ConfigError: The numbers fall, or are too large.
    """
    counts, last = np.zeros(recordings or 0, np.int64), 0
    most = MAX_RECORDINGS if recordings is None else recordings
    for first in range(0, sample.rows, CHUNK_EVENTS):
        part = sample.read(first, min(CHUNK_EVENTS, sample.rows - first))
        numbers = whole(part, "recording numbers", path)
        if numbers[0] < last or np.any(np.diff(numbers) < 0):
            raise fault(path, "recording numbers in `sample` must not fall")
        last = int(numbers[-1])
        if last >= most:
            raise fault(path, f"holds recording number {last:,}, but at most {most:,} recordings")
        counts = np.pad(counts, (0, max(last + 1 - len(counts), 0)))
        counts += np.bincount(numbers, minlength=len(counts))
    return np.concatenate([[0], np.cumsum(counts)])


def address_column(name: str, values: np.ndarray, path: Path) -> np.ndarray:
    """Return a column of addresses as int64.

    Raises:
        ConfigError: It holds other than whole numbers, or other polarities than 0, 1 and -1.
    """
    return polarity(values, path) if name in P else whole(values, f"`{name}`", path)


def checked_labels(labels: np.ndarray, path: Path) -> np.ndarray:
    """Return labels as int64 [recordings].

    Raises:
        ConfigError: They are not one whole number for each recording.
    """
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise fault(path, f"labels are {labels.dtype} {list(labels.shape)}, expected integers")
    return whole(labels, "labels", path)


def checked_size(size: np.ndarray, axes: int, path: Path) -> tuple[int, ...]:
    """Return the length of each axis of addresses, that of polarity may be left out.

    Raises:
        ConfigError: There are others, or they are no whole numbers above 0.
    """
    lengths = whole(size.reshape(-1), "sizes", path).tolist()
    if axes == 3 and len(lengths) == 2:
        lengths = [2, *lengths]
    if len(lengths) != axes or min(lengths, default=0) < 1:
        raise fault(path, f"has size {lengths}, expected {axes} lengths above 0")
    return tuple(lengths)
