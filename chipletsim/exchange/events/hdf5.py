"""Events in HDF5 files, with ragged arrays as in the Spiking Heidelberg Digits, or flat ones.

Layout of the Heidelberg data sets (B. Cramer et al., "The Heidelberg spiking data sets for the
systematic evaluation of spiking neural networks", IEEE TNNLS 33(7):2744-2757, 2022,
https://zenkelab.org/resources/spiking-heidelberg-datasets-shd/): ``spikes/times`` and
``spikes/units``, one array of variable length for each recording, times in seconds; ``labels``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

from chipletsim.exchange.events.columns import (
    MAX_RECORDINGS,
    ColumnEvents,
    address_column,
    checked_labels,
    checked_size,
)
from chipletsim.exchange.events.recording import Events, EventSource, fault, nanoseconds
from chipletsim.exchange.events.tables import Columns, find_columns

GROUPS = ("spikes", "events")
"""Groups in which events are looked for, before the top of the file."""
MAX_CHUNK_BYTES = 1 << 28
"""Bytes of a chunk of a data set, which the library unpacks as a whole."""
MAX_RATIO = 2000
"""Bytes unpacked per byte stored; gzip reaches 1032 on zeros, files that only claim exceed it."""

T = TypeVar("T")
_BROKEN = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError)


def open_hdf5(path: Path, unit_ns: int | None = None) -> EventSource:
    """Return the recordings of an HDF5 file.

    Args:
        path: The file. Its group ``spikes`` or ``events``, or its top, holds data sets ``times``
            and ``units``, or ``t``, ``x``, ``y`` and maybe ``p`` (other usual names are known):
            ragged ones [recordings], or flat ones [events], then maybe with ``sample``, the
            number of the recording of each event. ``labels`` and ``size`` may lie at the top.
        unit_ns: Unit of the times, see ``nanoseconds``.

    Raises:
        ConfigError: It holds no events.
    """
    file = _guarded(path, lambda: h5py.File(path, "r"))
    group = _guarded(path, lambda: _group(file, path))
    names = _guarded(path, lambda: [str(name) for name in group])
    columns = find_columns([name for name in names if name not in GROUPS], path)
    sets = {name: _dataset(group, name, path) for name in (columns.time, *columns.address)}
    top = [name for name in ("labels", "size") if name in file]
    small = {name: _small(_dataset(file, name, path), path) for name in top}
    labels = checked_labels(small["labels"], path) if "labels" in small else None
    size = None
    if "size" in small:
        size = checked_size(small["size"], len(columns.address), path)
    ragged = [h5py.check_vlen_dtype(each.dtype) is not None for each in sets.values()]
    if all(ragged):
        return RaggedEvents(path, columns, sets, labels=labels, size=size, unit_ns=unit_ns)
    sample = _Flat(_dataset(group, "sample", path), path) if "sample" in names else None
    flat = {name: _Flat(each, path) for name, each in sets.items()}
    return ColumnEvents(
        path, columns, flat, sample=sample, labels=labels, size=size, unit_ns=unit_ns
    )


class RaggedEvents:
    """Recordings as arrays of variable length, read one at a time; see `EventSource`."""

    def __init__(
        self,
        path: Path,
        columns: Columns,
        sets: dict[str, Any],
        *,
        labels: np.ndarray | None,
        size: tuple[int, ...] | None,
        unit_ns: int | None,
    ) -> None:
        self.path = path
        self.labels = labels
        self.axes = len(columns.address)
        self.size = size
        self._columns = columns
        self._sets = sets
        self._unit_ns = unit_ns
        lengths = {name: each.shape for name, each in sets.items()}
        lengths |= {} if labels is None else {"labels": labels.shape}
        if len(set(lengths.values())) > 1 or len(sets[columns.time].shape) != 1:
            words = ", ".join(f"{name} {list(shape)}" for name, shape in lengths.items())
            raise fault(path, f"expected one array for each recording; it holds {words}")
        self.recordings = int(sets[columns.time].shape[0])
        if self.recordings > MAX_RECORDINGS:
            raise fault(path, f"holds {self.recordings:,} recordings; most are {MAX_RECORDINGS:,}")

    def chunks(self, recording: int) -> Iterator[Events]:
        """Yield the events of a recording at once; see `EventSource`."""
        arrays = {
            name: np.asarray(_guarded(self.path, partial(each.__getitem__, recording)))
            for name, each in self._sets.items()
        }
        if len({array.shape for array in arrays.values()}) > 1:
            words = ", ".join(f"{name} {len(array):,}" for name, array in arrays.items())
            raise fault(
                self.path, f"recording {recording} has arrays of different lengths: {words}"
            )
        time = nanoseconds(arrays[self._columns.time], self._unit_ns, self.path)
        rows = [address_column(name, arrays[name], self.path) for name in self._columns.address]
        yield Events(time, np.stack(rows))


class _Flat:
    """A flat data set as a column."""

    def __init__(self, dataset: Any, path: Path) -> None:
        self._dataset = dataset
        self._path = path
        if len(dataset.shape) != 1 or dataset.dtype.kind not in "fiub":
            shape = f"{dataset.dtype} {list(dataset.shape)}"
            raise fault(path, f"{dataset.name} is {shape}, expected numbers [events]")
        _check_stored(dataset, path)
        self.rows = int(dataset.shape[0])

    def read(self, first: int, count: int) -> np.ndarray:
        return _guarded(self._path, lambda: self._dataset[first : first + count])


def _check_stored(dataset: Any, path: Path) -> None:
    """Refuse a data set that claims far more than is stored, or lies in too large chunks."""
    stored = dataset.id.get_storage_size()
    if dataset.nbytes > MAX_RATIO * stored:
        message = f"{dataset.name} claims {dataset.nbytes:,} bytes, but only {stored:,} are stored"
        raise fault(path, message)
    chunk = int(np.prod(dataset.chunks or (0,), dtype=float)) * dataset.dtype.itemsize
    if chunk > MAX_CHUNK_BYTES:
        raise fault(
            path, f"{dataset.name} lies in chunks of {chunk:,} bytes, more than can be held"
        )


def _small(dataset: Any, path: Path) -> np.ndarray:
    """Return a data set of labels or sizes."""
    _check_stored(dataset, path)
    if len(dataset.shape) != 1 or dataset.shape[0] > MAX_RECORDINGS:
        raise fault(path, f"{dataset.name} is {list(dataset.shape)}, expected one row of numbers")
    return _guarded(path, lambda: dataset[()])


def _group(file: Any, path: Path) -> Any:
    for name in GROUPS:
        link = file.get(name, getlink=True)
        if isinstance(link, h5py.HardLink) and isinstance(file[name], h5py.Group):
            return file[name]
    return file


def _dataset(group: Any, name: str, path: Path) -> Any:
    """Return a data set that lies in the file itself."""
    link = _guarded(path, lambda: group.get(name, getlink=True))
    if not isinstance(link, h5py.HardLink):
        raise fault(path, f"{group.name}/{name} is a link; copy its data into the file")
    dataset = _guarded(path, lambda: group[name])
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise fault(path, f"{group.name}/{name} is not a data set of numbers")
    if dataset.external or dataset.is_virtual:
        raise fault(path, f"{dataset.name} lies in another file; copy it into this one")
    return dataset


def _guarded(path: Path, read: Callable[[], T]) -> T:
    """Return what is read; whatever the library raises becomes an error of the file."""
    try:
        return read()
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        raise fault(path, f"cannot be read as HDF5: {reason}") from None
