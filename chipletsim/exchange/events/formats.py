"""Which format a file of events has, and folders of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from chipletsim.errors import UsageError
from chipletsim.exchange.events.aedat3 import Aedat3File
from chipletsim.exchange.events.aedat4 import Aedat4File
from chipletsim.exchange.events.hdf5 import open_hdf5
from chipletsim.exchange.events.nmnist import AtisFile
from chipletsim.exchange.events.npz import open_npz
from chipletsim.exchange.events.recording import Events, EventSource, fault

Format = Literal["npz", "hdf5", "aedat4", "aedat3", "nmnist"]
TimeUnit = Literal["s", "ms", "us", "ns"]

UNITS_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}
SUFFIXES: dict[str, Format] = {
    ".npz": "npz",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".aedat4": "aedat4",
    ".bin": "nmnist",
}
"""Format of a file by the end of its name; that of ``.aedat`` files is in their first line."""
OPENERS: dict[str, Callable[[Path, int | None], EventSource]] = {
    "npz": open_npz,
    "hdf5": open_hdf5,
    "aedat4": lambda path, _: Aedat4File(path),
    "aedat3": lambda path, _: Aedat3File(path),
    "nmnist": lambda path, _: AtisFile(path),
}
MAX_FILES = 1_000_000


def open_events(
    path: str | Path, format: Format | None = None, *, time_unit: TimeUnit | None = None
) -> EventSource:
    """Return the recordings of a file, or of a folder of files.

    Nothing but headers is read; events are read in pieces, see `EventSource`.

    Args:
        path: A file, or a folder with one recording in each of its files, however deep; in the
            order of the names of the files, then of their folders, so that classes mix. Where
            each lies in a folder inside it whose name is a whole number, that is its label.
        format: ``npz``, ``hdf5`` (as the Heidelberg digits), ``aedat4``, ``aedat3`` (3.1) or
            ``nmnist``; by the end of the name if None.
        time_unit: Of times in .npz and HDF5 files; if None, floats are seconds and integers
            microseconds. The other formats state it.

    Raises:
        ConfigError: There is no such file, or it is of another format.
        UsageError: There is no such format or unit, or a library is not installed.
    """
    path = Path(path)
    if format is not None and format not in OPENERS:
        raise UsageError(f"unknown format {format!r}; known: {', '.join(OPENERS)}")
    if time_unit is not None and time_unit not in UNITS_NS:
        raise UsageError(f"unknown unit {time_unit!r}; known: {', '.join(UNITS_NS)}")
    unit_ns = None if time_unit is None else UNITS_NS[time_unit]
    if path.is_dir():
        return EventFolder(path, format, unit_ns)
    if not path.is_file():
        raise fault(path, "there is no such file")
    return _open_file(path, format, unit_ns)


def _open_file(path: Path, format: str | None, unit_ns: int | None) -> EventSource:
    found = format or _format_of(path)
    if found is None:
        known = ", ".join([*SUFFIXES, ".aedat"])
        raise fault(path, f"has a name of no known format; give `format`, or one of {known}")
    source = OPENERS[found](path, unit_ns)
    if source.recordings < 1:
        raise fault(path, "holds no recordings")
    return source


def _format_of(path: Path) -> Format | None:
    suffix = path.suffix.lower()
    if suffix != ".aedat":
        return SUFFIXES.get(suffix)
    try:
        with path.open("rb") as file:
            return "aedat4" if file.read(11) == b"#!AER-DAT4." else "aedat3"
    except OSError as error:
        raise fault(path, f"cannot be read: {error.strerror}") from None


class EventFolder:
    """A folder of files with one recording each; see `EventSource`."""

    def __init__(self, path: Path, format: str | None, unit_ns: int | None) -> None:
        """List the files, and open the first one.

        Raises:
            ConfigError: There are none, or they are of several formats.
        """
        self.path = path
        self._unit_ns = unit_ns
        files = event_files(path, format)
        formats = {format or _format_of(file) for file in files}
        if len(formats) > 1:
            several = " and ".join(sorted(map(str, formats)))
            raise fault(path, f"holds files of formats {several}; give `format`")
        if not files:
            raise fault(path, "holds no files of events")
        self._files = files
        self._format = next(iter(formats))
        first = self._source(0)
        self.axes, self.size = first.axes, first.size
        self.recordings = len(files)
        self.labels = _folder_labels(files, path)

    def chunks(self, recording: int) -> Iterator[Events]:
        """Yield the events of a recording; see `EventSource`."""
        source = self._source(recording)
        if (source.axes, source.size) != (self.axes, self.size):
            message = f"has addresses of size {source.size}, but the first file {self.size}"
            raise fault(source.path, message)
        return source.chunks(0)

    def _source(self, recording: int) -> EventSource:
        source = _open_file(self._files[recording], self._format, self._unit_ns)
        if source.recordings != 1:
            message = f"holds {source.recordings} recordings; in a folder each file holds one"
            raise fault(source.path, message)
        return source


def event_files(folder: Path, format: str | None = None) -> list[Path]:
    """Return the files of events in a folder, by name, then by their folders.

    Args:
        folder: Folder, searched however deep.
        format: Only those whose names end as this format's; all known ones if None.

    Raises:
        ConfigError: There are too many, or a folder may not be read.
    """
    endings = {end for end, kind in SUFFIXES.items() if format in (None, kind)}
    if format in (None, "aedat3", "aedat4"):
        endings.add(".aedat")
    files = []
    try:
        for file in folder.rglob("*"):
            if file.suffix.lower() in endings and file.is_file():
                files.append(file)
            if len(files) > MAX_FILES:
                raise fault(folder, f"holds more than {MAX_FILES:,} files")
    except OSError as error:
        raise fault(folder, f"cannot be read: {error.strerror}") from None
    return sorted(files, key=lambda file: (file.name, file.relative_to(folder).as_posix()))


def _folder_labels(files: list[Path], folder: Path) -> np.ndarray | None:
    """Return the numbers that name the folders of files, None unless each lies in such a one."""
    names = [file.parent.name if file.parent != folder else "" for file in files]
    if all(name.isascii() and name.isdecimal() and len(name) < 10 for name in names):
        return np.array([int(name) for name in names], np.int64)
    return None
