"""The one form of all event data: whole nanoseconds, addresses, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from chipletsim.errors import ConfigError, Problem

CHUNK_EVENTS = 1 << 16
"""Events that are held at a time."""
MOST_NS = 1 << 62
"""Times must lie below this, either side of zero: about 146 years."""


class Events(NamedTuple):
    """Some events of a recording, in the order of the file.

    Attributes:
        time_ns: int64 [events], whole nanoseconds on the clock of the recording.
        address: int64 [axes, events]: the channel alone; or y and x; or polarity (0 off, 1 on),
            y and x.
    """

    time_ns: np.ndarray
    address: np.ndarray


class EventSource(Protocol):
    """Recordings of one kind, which are read one by one and each in pieces.

    Attributes:
        path: File or folder.
        recordings: Number of recordings.
        labels: int64 [recordings], or None where there are none.
        axes: 1, 2 or 3, the rows of ``Events.address``.
        size: Length of each axis, or None where the file does not state it.
    """

    path: Path
    recordings: int
    labels: np.ndarray | None
    axes: int
    size: tuple[int, ...] | None

    def chunks(self, recording: int) -> Iterator[Events]:
        """Yield the events of a recording, up to ``CHUNK_EVENTS`` or a packet at a time.

        Raises:
            ConfigError: The file is damaged.
        """
        ...


def fault(path: Path, message: str) -> ConfigError:
    """Return the error that says ``message`` of a file."""
    return ConfigError([Problem(message, file=str(path))])


def nanoseconds(values: np.ndarray, unit_ns: int | None, path: Path) -> np.ndarray:
    """Return times as int64 nanoseconds.

    Whole numbers count ``unit_ns`` (microseconds if None) and are converted exactly. Floats
    are seconds, or count ``unit_ns`` where it is given, and are rounded to the nearest
    nanosecond, so that 0.3 s is the beginning of step 3 of 0.1 s although 0.3 / 0.1 < 3.

    Args:
        values: Integers or floats [events].
        unit_ns: Nanoseconds in the unit of the file, or None.
        path: The file, for messages.

    Raises:
        ConfigError: A time is no finite number, or further than 2^62 ns from 0.
    """
    if values.dtype.kind in "iu":
        unit = 1000 if unit_ns is None else unit_ns
        low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
        if max(-low, high) * unit > MOST_NS:
            raise fault(path, f"holds times from {low:,} to {high:,}, which are out of range")
        return values.astype(np.int64) * unit
    if values.dtype.kind != "f":
        raise fault(path, f"holds times of type {values.dtype}, expected numbers")
    scaled = values.astype(np.float64) * (1e9 if unit_ns is None else unit_ns)
    if not np.all(np.abs(scaled) < MOST_NS):  # NaN fails too
        raise fault(path, "holds times that are no finite numbers, or out of range")
    return np.rint(scaled).astype(np.int64)


def whole(values: np.ndarray, what: str, path: Path) -> np.ndarray:
    """Return addresses as int64.

    Args:
        values: Booleans, integers, or floats that are whole numbers.
        what: What they are, for messages.
        path: The file, for messages.

    Raises:
        ConfigError: They are anything else, or negative.
    """
    if values.dtype.kind == "f" and np.all(np.abs(values) < 2**31):
        whole_values = values.astype(np.int64)
        if np.array_equal(whole_values, values):
            values = whole_values
    if values.dtype.kind not in "biu":
        raise fault(path, f"holds {what} of type {values.dtype}, expected whole numbers")
    if values.size and (values.min() < 0 or values.max() >= 2**31):
        low, high = values.min(), values.max()
        raise fault(path, f"holds {what} from {low} to {high}, expected 0 to 2^31 - 1")
    return values.astype(np.int64)


def polarity(values: np.ndarray, path: Path) -> np.ndarray:
    """Return polarities as int64 0 (off) and 1 (on); -1 stands for off, too.

    Raises:
        ConfigError: There are others.
    """
    if values.dtype.kind == "b":
        return values.astype(np.int64)
    if values.dtype.kind not in "iuf" or not np.isin(values, (-1, 0, 1)).all():
        raise fault(path, "holds polarities other than 0, 1 and -1")
    return (values > 0).astype(np.int64)
