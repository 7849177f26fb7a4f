"""Damage in an HDF5 file that would make its library loop for ever, found before it reads.

Texts of variable length lie in collections: the letters ``GCOL``, and objects one behind the
other. The library steps from object to object by their stated sizes without looking whether it
gets anywhere. See the HDF5 file format specification, version 3.0, sections II.A and III.E.
"""

from __future__ import annotations

import mmap
from pathlib import Path

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_COLLECTION = b"GCOL\x01\0\0\0"
_HEADER = 16
"""Bytes in front of a collection's first object, and in front of the contents of each."""


def damage(path: Path) -> str | None:
    """Return what is wrong with a file, or None.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(16)
        if not head.startswith(SIGNATURE):
            return "no HDF5 file"
        widths = head[13:15] if head[8] < 2 else head[9:11]
        if widths != b"\x08\x08":
            return "an HDF5 file whose addresses or lengths do not have 8 bytes"
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as contents:
            return _collection_damage(contents)


def _collection_damage(contents: mmap.mmap) -> str | None:
    place = contents.find(_COLLECTION)
    while place >= 0:
        if not _sound(contents, place):
            return f"a damaged collection of texts at byte {place:,}"
        place = contents.find(_COLLECTION, place + len(_COLLECTION))
    return None


def _sound(contents: mmap.mmap, place: int) -> bool:
    """Whether the objects of a collection follow each other up to its end."""
    end = place + _number(contents, place + 8, 8)
    if end > len(contents):
        return True  # the library refuses to read it
    at = place + _HEADER
    while at + _HEADER <= end:
        size = _number(contents, at + 8, 8)
        free = _number(contents, at, 2) == 0
        step = size if free else _HEADER + (size + 7) // 8 * 8
        if step < _HEADER or at + step > end:
            return False
        at += step
    return True


def _number(contents: mmap.mmap, place: int, width: int) -> int:
    return int.from_bytes(contents[place : place + width], "little")
