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

    def fault(self, message: str) -> ConfigError:
        """Return the error that says ``message`` of this file."""
        return ConfigError([Problem(message, file=str(self.path))])

    def _describe(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        name = member.filename.removesuffix(".npy")
        with archive.open(member) as file:
            shape, dtype = _read_header(file)
            data = member.file_size - file.tell()
        if dtype.hasobject:
            raise ValueError(f"array {name!r} holds Python objects")
        if data != prod(shape) * dtype.itemsize:
            raise ValueError(f"array {name!r} of shape {list(shape)} holds {data} bytes")
        self.shapes[name], self.dtypes[name] = shape, dtype


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and dtype of an .npy stream, which is left at its data."""
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"unknown .npy version {version}")
    shape, _, dtype = _HEADERS[version](file)
    return shape, dtype


def _reason(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    return str(error) or type(error).__name__
