"""How long texts in an HDF5 file claim to be, before any is read.

A text of variable length is stored as 16 bytes: its length, and where it lies. The library makes
room for that length before it looks whether the text is there, four gigabytes at most for each.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from chipletsim.errors import ConfigError

_REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
_DEFLATE = 1


def claimed_bytes(dataset: Any, path: Path) -> int:
    """Return the bytes that the texts of a dataset claim together.

    Args:
        dataset: Texts of variable length.
        path: The file that it lies in.

    Raises:
        ConfigError: They are stored in a way that is not known.
    """
    plist = dataset.id.get_create_plist()
    layout = plist.get_layout()
    if layout == h5py.h5d.CONTIGUOUS:
        return _claimed(_contiguous(dataset, path))
    filters = [plist.get_filter(number)[0] for number in range(plist.get_nfilters())]
    if layout != h5py.h5d.CHUNKED or filters not in ([], [_DEFLATE]):
        raise ConfigError(
            f"{dataset.name} keeps texts neither whole nor in chunks, plain or gzip; write the"
            " file with the nir package"
        )
    chunk_bytes = int(np.prod(dataset.chunks)) * _REFERENCE.itemsize
    total = 0
    for number in range(dataset.id.get_num_chunks()):
        place = dataset.id.get_chunk_info(number).chunk_offset
        mask, raw = dataset.id.read_direct_chunk(place)
        if filters and not mask:
            raw = zlib.decompressobj().decompress(raw, chunk_bytes)
        total += _claimed(raw)
    return total


def _contiguous(dataset: Any, path: Path) -> bytes:
    offset = dataset.id.get_offset()
    if offset is None:
        return b""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read((dataset.size or 0) * _REFERENCE.itemsize)


def _claimed(raw: bytes) -> int:
    whole = len(raw) // _REFERENCE.itemsize * _REFERENCE.itemsize
    return int(np.frombuffer(raw[:whole], _REFERENCE)["length"].sum(dtype=np.uint64))
