"""Compressed packets of AEDAT4, unpacked within bounds."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from chipletsim.errors import UsageError

MAX_PACKET_BYTES = 256 << 20
"""Bytes of a packet, packed or unpacked; cameras write packets of some 10 ms."""
PIP_LINE = "pip install 'chipletsim[events]'"

_PIECE_BYTES = 1 << 20


def unpacker(compression: str | None, path: Path) -> Callable[[bytes], bytes]:
    """Return the function that unpacks a packet; it raises ValueError on a damaged one.

    Args:
        compression: ``lz4``, ``zstd`` or None.
        path: The file, for messages.

    Raises:
        UsageError: The library is not installed.
    """
    if compression is None:
        return lambda data: data
    name = {"lz4": "lz4.frame", "zstd": "zstandard"}[compression]
    try:
        library = import_module(name)
    except ImportError:
        message = f"{path} is packed with {compression}, which needs {name}: {PIP_LINE}"
        raise UsageError(message) from None
    unpack = _lz4 if compression == "lz4" else _zstd

    def unpacked(data: bytes) -> bytes:
        found = unpack(library, data)
        if len(found) > MAX_PACKET_BYTES:
            raise ValueError(f"it unpacks to more than {MAX_PACKET_BYTES >> 20} MiB")
        return found

    return unpacked


def _lz4(library: Any, data: bytes) -> bytes:
    frame = library.LZ4FrameDecompressor()
    parts, size = [], 0
    try:
        while not frame.eof and size <= MAX_PACKET_BYTES:
            part = frame.decompress(data, max_length=_PIECE_BYTES)
            data = b""
            if not part and frame.needs_input:
                raise ValueError("it ends too early")
            parts.append(part)
            size += len(part)
    except RuntimeError as error:
        raise ValueError(f"LZ4: {error}") from None
    return b"".join(parts)


def _zstd(library: Any, data: bytes) -> bytes:
    parts, size = [], 0
    try:
        reader = library.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data)
        while size <= MAX_PACKET_BYTES and (part := reader.read(_PIECE_BYTES)):
            parts.append(part)
            size += len(part)
    except library.ZstdError as error:
        raise ValueError(f"Zstandard: {error}") from None
    return b"".join(parts)
