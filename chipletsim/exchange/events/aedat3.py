"""AEDAT 3.1: recordings of cAER, among them the gestures of IBM's DVS128 data set.

Layout (libcaer, ``events/common.h`` and ``events/polarity.h``): text lines that begin with #,
the first ``#!AER-DAT3.1`` and the last ``#!END-HEADER``; then packets of one type each: a header
of 28 bytes (type, source: int16; size of an event, place of its time, overflows of the time,
capacity, number, valid: int32) and so many events. An event of type 1 is uint32 with bits 0
(valid), 1 (on), 2 to 16 (y), 17 to 31 (x), and int32 microseconds, beside 2^31 for each overflow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from chipletsim.exchange.events.recording import Events, fault, nanoseconds
from chipletsim.exchange.events.unpack import MAX_PACKET_BYTES

MAGIC = b"#!AER-DAT3.1\r\n"
END = b"#!END-HEADER\r\n"
MAX_LINES = 10_000

_POLARITY = 1
_HEAD = struct.Struct("<hhiiiiii")
_EVENT = np.dtype([("data", "<u4"), ("time", "<i4")])


class Aedat3File:
    """A recording; see `EventSource`."""

    recordings = 1
    labels: np.ndarray | None = None
    axes = 3
    size: tuple[int, ...] | None = None

    def __init__(self, path: Path) -> None:
        """Read the text lines.

        Raises:
            ConfigError: It is no AEDAT 3.1 file, or it is compressed.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                self._first = self._skip_header(file)
        except OSError as error:
            raise fault(path, f"cannot be read: {error.strerror}") from None

    def _skip_header(self, file: IO[bytes]) -> int:
        """Return where the packets begin."""
        if file.readline(len(MAGIC)) != MAGIC:
            raise fault(self.path, "is no AEDAT 3.1 file: it does not begin with #!AER-DAT3.1")
        for _ in range(MAX_LINES):
            line = file.readline(1 << 16)
            if line == END:
                return file.tell()
            if not line.startswith(b"#"):
                break
            if line.startswith(b"#Format:") and line.split(b":", 1)[1].strip() != b"RAW":
                message = f"is of format {line.split(b':', 1)[1].strip()!r}, expected RAW"
                raise fault(self.path, message)
        raise fault(self.path, "is no AEDAT 3.1 file: its header does not end")

    def chunks(self, recording: int) -> Iterator[Events]:
        """Yield the events packet by packet; see `EventSource`. Invalid ones are none."""
        with self.path.open("rb") as file:
            length = file.seek(0, 2)
            file.seek(self._first)
            while (place := file.tell()) < length:
                head = file.read(_HEAD.size)
                kind, _, size, offset, overflows, _, number, _ = (
                    _HEAD.unpack(head) if len(head) == _HEAD.size else (0,) * 6 + (-1, 0)
                )
                left = length - place - _HEAD.size
                if size < 0 or number < 0 or size * number > min(left, MAX_PACKET_BYTES):
                    raise fault(self.path, f"is damaged, or cut short: packet at byte {place:,}")
                data = file.read(size * number)
                if kind != _POLARITY:
                    continue
                if (size, offset) != (8, 4) or overflows < 0:
                    message = f"packet at byte {place:,} holds events of another form"
                    raise fault(self.path, message)
                yield self._events(data, overflows)

    def _events(self, data: bytes, overflows: int) -> Events:
        events = np.frombuffer(data, _EVENT)
        events = events[events["data"] & 1 == 1]
        bits = events["data"].astype(np.int64)
        time_us = events["time"].astype(np.int64)
        if time_us.min(initial=0) < 0:
            raise fault(self.path, "holds times below 0")
        time_ns = nanoseconds(time_us + (overflows << 31), 1000, self.path)
        return Events(time_ns, np.stack([bits >> 1 & 1, bits >> 2 & 0x7FFF, bits >> 17]))
