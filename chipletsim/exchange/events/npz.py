"""Events in .npz files: arrays of times and addresses, or padded rows as NIR's event data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from chipletsim.engine.archive import ArrayArchive, RowReader
from chipletsim.exchange.events.columns import ColumnEvents, checked_labels, checked_size
from chipletsim.exchange.events.recording import Events, EventSource, fault, nanoseconds, whole
from chipletsim.exchange.events.tables import find_columns

MAX_BYTES = 1 << 44
"""Bytes that the arrays of a file may claim; they are read in pieces."""
MAX_LABEL_BYTES = 80_000_000
MAX_ROW_BYTES = 1 << 30
"""Bytes of a padded row, which is read at once."""


def open_npz(path: Path, unit_ns: int | None = None) -> EventSource:
    """Return the recordings of an .npz file.

    Args:
        path: The file. It holds arrays ``t``, ``x``, ``y`` and maybe ``p``, or ``times`` and
            ``units`` (other usual names are known), each [events], or one array with such
            fields; and maybe ``sample`` (the number of the recording of each event, which
            never falls), ``labels`` [recordings] and ``size`` (length of each axis: channels;
            or height and width). Or ``idx`` and ``time`` [recordings, most events], padded
            with -1 and infinity, and ``n_neurons``, as `nir.data_ir.EventData` has them.
        unit_ns: Unit of the times, see ``nanoseconds``.

    Raises:
        ConfigError: It holds no events.
    """
    archive = ArrayArchive(path, MAX_BYTES)
    if {"idx", "time"} <= archive.shapes.keys() and len(archive.shapes["idx"]) == 2:
        return PaddedRows(archive, unit_ns)
    tables = [name for name, dtype in archive.dtypes.items() if dtype.names]
    if len(tables) == 1:
        names = archive.dtypes[tables[0]].names or ()
        readers = {name: _Field(archive.rows(tables[0]), name) for name in names}
        shape = {name: archive.shapes[tables[0]] for name in names}
        columns = find_columns(names, path)
    else:
        columns = find_columns(archive.shapes, path)
        shape = archive.shapes
        readers = {}
    used = (columns.time, *columns.address)
    for name in used:
        if len(shape[name]) != 1:
            raise archive.fault(f"array {name!r} is {list(shape[name])}, expected [events]")
    sample = archive.rows("sample") if "sample" in archive.shapes else None
    size = small_array(archive, "size")
    return ColumnEvents(
        path,
        columns,
        readers or {name: archive.rows(name) for name in used},
        sample=sample,
        labels=_labels(archive),
        size=None if size is None else checked_size(size, len(columns.address), path),
        unit_ns=unit_ns,
    )


class PaddedRows:
    """Recordings as rows of one length, padded; see `EventSource`."""

    axes = 1

    def __init__(self, archive: ArrayArchive, unit_ns: int | None) -> None:
        """Look at the arrays.

        Raises:
            ConfigError: They differ in shape, or a row is too large.
        """
        self.path = archive.path
        shapes = [archive.shapes[name] for name in ("idx", "time")]
        if shapes[0] != shapes[1]:
            message = f"idx is {list(shapes[0])} and time {list(shapes[1])}; expected one shape"
            raise archive.fault(message)
        if 8 * shapes[0][1] > MAX_ROW_BYTES:
            raise archive.fault(f"holds rows of {shapes[0][1]:,} events, more than can be held")
        self._index, self._time = archive.rows("idx"), archive.rows("time")
        self._unit_ns = unit_ns
        size = small_array(archive, "n_neurons")
        self.size = None if size is None else checked_size(size, 1, self.path)
        self.labels = _labels(archive)
        self.recordings = shapes[0][0]
        if self.labels is not None and len(self.labels) != self.recordings:
            raise archive.fault(f"holds {len(self.labels)} labels of {self.recordings} recordings")

    def chunks(self, recording: int) -> Iterator[Events]:
        """Yield the events of a recording at once; see `EventSource`."""
        index = self._index.read(recording, 1)[0]
        time = self._time.read(recording, 1)[0]
        if index.dtype.kind not in "iu" or time.dtype.kind not in "iuf":
            raise fault(self.path, f"idx is {index.dtype} and time {time.dtype}")
        there = index != -1
        if not np.array_equal(there, np.isfinite(time)):
            raise fault(self.path, "padding is idx -1 and time infinity, both at once")
        channel = whole(index[there], "`idx`", self.path)
        yield Events(nanoseconds(time[there], self._unit_ns, self.path), channel[None])


class _Field:
    """A field of a structured array, as a column."""

    def __init__(self, rows: RowReader, name: str) -> None:
        self._rows = rows
        self._name = name
        self.rows = rows.rows

    def read(self, first: int, count: int) -> np.ndarray:
        return self._rows.read(first, count)[self._name]


def small_array(archive: ArrayArchive, name: str) -> np.ndarray | None:
    """Return an array of a few numbers, None where there is none.

    Raises:
        ConfigError: It holds more.
    """
    if name not in archive.shapes:
        return None
    if np.prod(archive.shapes[name], dtype=float) > 3:
        raise archive.fault(f"array {name!r} is {list(archive.shapes[name])}, expected 1 to 3")
    return archive.read(name)


def _labels(archive: ArrayArchive) -> np.ndarray | None:
    if "labels" not in archive.shapes:
        return None
    shape, dtype = archive.shapes["labels"], archive.dtypes["labels"]
    if np.prod(shape, dtype=float) * dtype.itemsize > MAX_LABEL_BYTES:
        raise archive.fault(f"labels are {list(shape)}, more than can be held")
    return checked_labels(archive.read("labels"), archive.path)
