"""Just enough of FlatBuffers to take apart AEDAT4 files, with every offset checked.

Binary format: https://flatbuffers.dev/internals/. Numbers are little endian. A table begins
with the distance back to its vtable, which lists where in the table each field lies, 0 where it
is left out.
"""

from __future__ import annotations

import struct

_PREFIX_BYTES = 4


class Table:
    """A table in a buffer.

    Args:
        data: The buffer, length prefix included.
        place: Where the table begins.

    Raises:
        ValueError: It lies outside the buffer.
    """

    def __init__(self, data: bytes, place: int) -> None:
        self._data = data
        self._place = place
        self._vtable = place - _number(data, "<i", place)
        self._fields = (_number(data, "<H", self._vtable) - 4) // 2

    @classmethod
    def root(cls, data: bytes, identifier: bytes) -> Table:
        """Return the root table of a buffer behind its length.

        Args:
            data: The buffer, length prefix included.
            identifier: Four bytes that say what it is.

        Raises:
            ValueError: The buffer is shorter, or another thing.
        """
        if _number(data, "<I", 0) > len(data) - _PREFIX_BYTES:
            raise ValueError("it is shorter than it says")
        if data[8:12] != identifier:
            raise ValueError(f"it is not of type {identifier.decode()}")
        return cls(data, _PREFIX_BYTES + _number(data, "<I", _PREFIX_BYTES))

    def integer(self, field: int, form: str, default: int) -> int:
        """Return a number, or the default where it is left out.

        Raises:
            ValueError: It lies outside the buffer.
        """
        place = self._field(field)
        return default if place is None else _number(self._data, form, place)

    def vector(self, field: int, item_bytes: int) -> tuple[int, int]:
        """Return where the first item of a vector lies, and their number.

        Raises:
            ValueError: They do not lie in the buffer.
        """
        place = self._field(field)
        if place is None:
            return 0, 0
        start = place + _number(self._data, "<I", place)
        count = _number(self._data, "<I", start)
        if count * item_bytes > len(self._data) - start - 4:
            raise ValueError(f"{count:,} items do not fit in {len(self._data):,} bytes")
        return start + 4, count

    def text(self, field: int) -> str:
        """Return a text, empty where it is left out.

        Raises:
            ValueError: It lies outside the buffer, or is no UTF-8.
        """
        first, count = self.vector(field, 1)
        return self._data[first : first + count].decode("utf-8")

    def _field(self, number: int) -> int | None:
        """Return where a field lies, or None where it is left out."""
        if number >= self._fields:
            return None
        offset = _number(self._data, "<H", self._vtable + 4 + 2 * number)
        return self._place + offset if offset else None


def _number(data: bytes, form: str, place: int) -> int:
    if not 0 <= place <= len(data) - struct.calcsize(form):
        raise ValueError("an offset leads out of it")
    return int(struct.unpack_from(form, data, place)[0])
