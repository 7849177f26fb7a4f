"""N-MNIST: recordings of an ATIS sensor, 40 bits an event, one file a recording.

Layout (G. Orchard et al., "Converting static image datasets to spiking neuromorphic datasets
using saccades", Front. Neurosci. 9:437, 2015, and the reader that its authors publish): one
byte x, one byte y, then 24 bits, most significant first: polarity (1 on) and 23 bits of
microseconds. An event with y = 240 is none: it says that from there on 2^13 us are to be added.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from chipletsim.exchange.events.recording import CHUNK_EVENTS, Events, fault

EVENT_BYTES = 5
OVERFLOW_Y = 240
OVERFLOW_US = 1 << 13


class AtisFile:
    """A file of 40-bit events; see `EventSource`."""

    recordings = 1
    labels: np.ndarray | None = None
    axes = 3
    size: tuple[int, ...] | None = None

    def __init__(self, path: Path) -> None:
        """Look at the length of the file.

        Raises:
            ConfigError: It is no whole number of events.
        """
        self.path = path
        try:
            length = path.stat().st_size
        except OSError as error:
            raise fault(path, f"cannot be read: {error.strerror}") from None
        if length % EVENT_BYTES:
            raise fault(path, f"holds {length:,} bytes, no whole number of events of 5 bytes")

    def chunks(self, recording: int) -> Iterator[Events]:
        """Yield the events; see `EventSource`."""
        overflows = 0
        try:
            with self.path.open("rb") as file:
                while data := file.read(CHUNK_EVENTS * EVENT_BYTES):
                    if len(data) % EVENT_BYTES:
                        raise fault(self.path, "ends within an event")
                    yield _events(data, overflows)
                    overflows += data[1::EVENT_BYTES].count(OVERFLOW_Y)
        except OSError as error:
            raise fault(self.path, f"cannot be read: {error.strerror}") from None


def _events(data: bytes, overflows: int) -> Events:
    """Return the events of some bytes, behind a number of overflows."""
    x, y, high, middle, low = np.frombuffer(data, np.uint8).reshape(-1, 5).T.astype(np.int64)
    is_overflow = y == OVERFLOW_Y
    time_us = ((high & 127) << 16) | (middle << 8) | low
    time_us += OVERFLOW_US * (overflows + np.cumsum(is_overflow))
    address = np.stack([high >> 7, y, x])[:, ~is_overflow]
    return Events(time_us[~is_overflow] * 1000, address)
