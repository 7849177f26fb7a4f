"""AEDAT4: recordings of iniVation cameras, packets of events among those of other streams.

Layout (https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-4.0.html):
the line ``#!AER-DAT4.0``; a header with the compression and, as XML, the streams; then packets,
each behind its stream and length, up to the table of contents. Header and packets are
FlatBuffers. The decoder ``aedat`` on PyPI reads the same files but ends the process on some
damaged ones, so packets are taken apart here, where every length is checked first; only LZ4 and
Zstandard are left to libraries.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree

import numpy as np

from chipletsim.exchange.events.flatbuffer import Table
from chipletsim.exchange.events.recording import Events, fault, nanoseconds, whole
from chipletsim.exchange.events.unpack import MAX_PACKET_BYTES, unpacker

MAGIC = b"#!AER-DAT4.0\r\n"
MAX_HEADER_BYTES = 16 << 20

_COMPRESSION = {0: None, 1: "lz4", 2: "lz4", 3: "zstd", 4: "zstd"}
_EVENT = np.dtype(
    {
        "names": ["t", "x", "y", "on"],
        "formats": ["<i8", "<i2", "<i2", "u1"],
        "offsets": [0, 8, 10, 12],
        "itemsize": 16,
    }
)


class Aedat4File:
    """A recording; see `EventSource`."""

    recordings = 1
    labels: np.ndarray | None = None
    axes = 3

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            ConfigError: It is no AEDAT4 file, it holds no stream of events or several, or it
                is compressed and the library for that is not installed.
        """
        self.path = path
        try:
            with self._opened() as file:
                header = _header(file)
                self._first = file.tell()
            compression = header.integer(0, "<i", 0)
            table = header.integer(1, "<q", -1)
            streams = header.text(2)
        except ValueError as error:  # that of text that is no UTF-8 is one, too
            raise fault(path, f"is no AEDAT4 file, or damaged: {error}") from None
        self._stop = table if table >= 0 else None
        if compression not in _COMPRESSION:
            raise fault(path, f"has compression {compression}, expected none, LZ4 or Zstandard")
        self._unpack = unpacker(_COMPRESSION[compression], path)
        self._stream, width, height = _event_stream(streams, path)
        self.size: tuple[int, ...] | None = (2, height, width)

    def chunks(self, recording: int) -> Iterator[Events]:
        """Yield the events packet by packet; see `EventSource`."""
        with self._opened() as file:
            length = file.seek(0, 2)
            stop = length if self._stop is None else self._stop
            if stop > length:
                message = f"is cut short: its table lies at byte {stop:,}, but it has {length:,}"
                raise fault(self.path, message)
            file.seek(self._first)
            while (place := file.tell()) < stop:
                stream, size = self._packet_head(file, stop)
                if stream != self._stream:
                    file.seek(size, 1)
                    continue
                try:
                    data = self._unpack(file.read(size))
                    yield self._events(data)
                except ValueError as error:
                    message = f"is damaged: packet at byte {place:,}: {error}"
                    raise fault(self.path, message) from None

    def _packet_head(self, file: IO[bytes], stop: int) -> tuple[int, int]:
        """Return stream and length of the next packet, which lies before ``stop``."""
        place = file.tell()
        head = file.read(8)
        stream, size = struct.unpack("<ii", head) if len(head) == 8 else (0, -1)
        if not 0 <= size <= min(stop - place - 8, MAX_PACKET_BYTES):
            raise fault(self.path, f"is damaged, or cut short: packet at byte {place:,}")
        return stream, size

    def _events(self, data: bytes) -> Events:
        table = Table.root(data, b"EVTS")
        first, count = table.vector(0, _EVENT.itemsize)
        events = np.frombuffer(data, _EVENT, count, first)
        if events["on"].max(initial=0) > 1:
            raise ValueError("a polarity is neither 0 nor 1")
        rows = [events["on"].astype(np.int64)]
        rows += [whole(events[name], name, self.path) for name in ("y", "x")]
        return Events(nanoseconds(events["t"], 1000, self.path), np.stack(rows))

    def _opened(self) -> IO[bytes]:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise fault(self.path, f"cannot be read: {error.strerror}") from None


def _header(file: IO[bytes]) -> Table:
    """Return the header, and leave the file at the first packet.

    Raises:
        ValueError: There is none.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise ValueError("it does not begin with #!AER-DAT4.0")
    prefix = file.read(4)
    size = int.from_bytes(prefix, "little")
    if not 0 < size <= MAX_HEADER_BYTES:
        raise ValueError(f"its header would take {size:,} bytes")
    return Table.root(prefix + file.read(size), b"IOHE")


def _event_stream(xml: str, path: Path) -> tuple[int, int, int]:
    """Return number, width and height of the one stream of events.

    Raises:
        ConfigError: The streams are not described, or not one of them is of events.
    """
    found = []
    try:
        if "<!" in xml:
            raise ValueError("it declares a document type")
        for stream in ElementTree.fromstring(xml).iter("node"):  # noqa: S314  no entities above
            attributes = _attributes(stream)
            if attributes.get("typeIdentifier") == "EVTS":
                info = next(one for one in stream.iter("node") if one.get("name") == "info")
                size = _attributes(info)
                found.append((int(stream.get("name", "")), *_lengths(size)))
    except (ElementTree.ParseError, ValueError, KeyError, StopIteration) as error:
        message = f"is damaged: its streams are not described: {type(error).__name__}"
        raise fault(path, message) from None
    if len(found) != 1:
        raise fault(path, f"holds {len(found)} streams of events, expected one")
    return found[0]


def _lengths(size: dict[str, str]) -> tuple[int, int]:
    width, height = int(size["sizeX"]), int(size["sizeY"])
    if not (0 < width < 2**15 and 0 < height < 2**15):
        raise ValueError("a sensor without pixels")
    return width, height


def _attributes(node: Any) -> dict[str, str]:
    return {one.get("key"): one.text or "" for one in node.findall("attr")}
