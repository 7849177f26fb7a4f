"""Arrays from .npz files of strangers: no pickle, and every size known before it is read."""

from __future__ import annotations

import zipfile
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.draw import BROKEN_ARCHIVE

MAX_FILE_BYTES = 16 << 30
"""Arrays of one file may hold this many bytes."""

MAX_COLUMN_BYTES = 1 << 30
"""Arrays stored by columns are read at once, up to so many bytes."""

_SKIP_BYTES = 1 << 20

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class ArrayArchive:
    """An .npz file whose arrays are described before they are read.

    Attributes:
        path: The file.
        shapes: Array name to shape.
        dtypes: Array name to dtype.
    """

    def __init__(self, path: str | Path, max_bytes: int = MAX_FILE_BYTES) -> None:
        """Read the headers of all arrays.

        Args:
            path: An .npz file.
            max_bytes: Bytes that all its arrays together may take.

        Raises:
            ConfigError: There is no such file, it is no .npz file, an array holds Python
                objects, its data do not fit its header, or the arrays are too large.
        """
        self.path = Path(path)
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.dtypes: dict[str, np.dtype] = {}
        self._by_columns: set[str] = set()
        try:
            with zipfile.ZipFile(self.path) as archive:
                for member in archive.infolist():
                    self._describe(archive, member)
        except (ValueError, *BROKEN_ARCHIVE) as error:
            raise self.fault(f"cannot be read as an .npz file: {_reason(error)}") from None
        size = sum(prod(self.shapes[name]) * dtype.itemsize for name, dtype in self.dtypes.items())
        if size > max_bytes:
            raise self.fault(f"holds {size:,} bytes, more than the limit of {max_bytes:,}")

    def read(self, name: str) -> np.ndarray:
        """Return an array.

        Raises:
            ConfigError: There is no such array, or the file is damaged.
        """
        if name not in self.shapes:
            known = ", ".join(self.shapes) or "none"
            raise self.fault(f"holds no array {name!r}; it holds: {known}")
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.npy") as file:
                return np.lib.format.read_array(file, allow_pickle=False)
        except (ValueError, *BROKEN_ARCHIVE) as error:
            raise self.fault(f"array {name!r} is damaged: {_reason(error)}") from None

    def rows(self, name: str) -> RowReader:
        """Return a reader of an array's rows, which holds no more of it than it is asked for.

        Raises:
            ConfigError: There is no such array, it has no rows, or it is stored by columns, so
                that its rows do not lie together, and is too large to be read at once.
        """
        if name not in self.shapes:
            known = ", ".join(self.shapes) or "none"
            raise self.fault(f"holds no array {name!r}; it holds: {known}")
        if not self.shapes[name]:
            raise self.fault(f"array {name!r} is a single number, expected rows")
        if name not in self._by_columns:
            return RowReader(self, name)
        size = prod(self.shapes[name]) * self.dtypes[name].itemsize
        if size > MAX_COLUMN_BYTES:
            raise self.fault(
                f"array {name!r} of {size:,} bytes is stored by columns (Fortran order), so that it"
                " cannot be read in pieces; save it with numpy.ascontiguousarray"
            )
        return _HeldRows(self, name)

    def fault(self, message: str) -> ConfigError:
        """Return the error that says ``message`` of this file."""
        return ConfigError([Problem(message, file=str(self.path))])

    def _describe(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        name = member.filename.removesuffix(".npy")
        with archive.open(member) as file:
            shape, by_columns, dtype = _read_header(file)
            data = member.file_size - file.tell()
        if dtype.hasobject:
            raise ValueError(f"array {name!r} holds Python objects")
        if data != prod(shape) * dtype.itemsize:
            raise ValueError(f"array {name!r} of shape {list(shape)} holds {data} bytes")
        self.shapes[name], self.dtypes[name] = shape, dtype
        if by_columns and sum(length > 1 for length in shape) > 1:
            self._by_columns.add(name)


class RowReader:
    """Reads the rows of an array in an archive, one after another, in pieces.

    A zip archive can only be unpacked from the front: rows that are skipped are unpacked and
    left, and going back begins again.

    Attributes:
        rows: Number of rows.
    """

    def __init__(self, archive: ArrayArchive, name: str) -> None:
        self._archive = archive
        self._name = name
        self._shape = archive.shapes[name][1:]
        self._dtype = archive.dtypes[name]
        self._row_bytes = prod(self._shape) * self._dtype.itemsize
        self._open: tuple[zipfile.ZipFile, IO[bytes]] | None = None
        self._next = 0
        self.rows = archive.shapes[name][0]

    def read(self, first: int, count: int) -> np.ndarray:
        """Return rows ``first`` to ``first + count``: [count, ...].

        Raises:
            ConfigError: The file is damaged.
        """
        try:
            file = self._at(first)
            data = file.read(count * self._row_bytes)
        except (ValueError, *BROKEN_ARCHIVE) as error:
            self.close()
            message = f"array {self._name!r} is damaged: {_reason(error)}"
            raise self._archive.fault(message) from None
        if len(data) != count * self._row_bytes:
            raise self._archive.fault(f"array {self._name!r} is damaged: it ends too early")
        self._next = first + count
        return np.frombuffer(data, self._dtype).reshape(count, *self._shape)

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._open is not None:
            for each in reversed(self._open):
                each.close()
        self._open = None

    def _at(self, first: int) -> IO[bytes]:
        if self._open is None or first < self._next:
            self.close()
            archive = zipfile.ZipFile(self._archive.path)
            try:
                file = archive.open(f"{self._name}.npy")
            except BaseException:
                archive.close()
                raise
            self._open, self._next = (archive, file), 0
            _read_header(file)
        file = self._open[1]
        left = (first - self._next) * self._row_bytes
        while left > 0:
            skipped = len(file.read(min(left, _SKIP_BYTES)))
            if not skipped:
                raise ValueError("it ends too early")
            left -= skipped
        return file

    def __del__(self) -> None:
        self.close()


class _HeldRows(RowReader):
    """Rows of an array that is read whole, since they do not lie together."""

    _whole: np.ndarray | None = None

    def read(self, first: int, count: int) -> np.ndarray:
        if self._whole is None:
            self._whole = self._archive.read(self._name)
        return self._whole[first : first + count]


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return shape, whether it is stored by columns, and dtype; the stream is left at its data."""
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"unknown .npy version {version}")
    return _HEADERS[version](file)


def _reason(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    return str(error) or type(error).__name__
