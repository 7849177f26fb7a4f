"""From addresses of events to the channels of an input population."""

from __future__ import annotations

from math import prod

import numpy as np

from chipletsim.exchange.events.binning import Binning
from chipletsim.exchange.events.recording import Events, EventSource, fault

_AXES = {1: ("channel",), 2: ("y", "x"), 3: ("polarity", "y", "x")}
_FORMS = {1: "[channels]", 2: "[height, width]", 3: "[2 polarities, height, width]"}


class Channels:
    """Which channel of the input each address is, row by row.

    Args:
        source: The recordings.
        shape: Shape of the input population. Pixels take [height, width] or [2, height, width];
            where the size of the sensor is known, any shape with as many channels does.
        binning: Which polarities count, and what is pooled.
        size: Length of each axis, where the source does not state it.

    Attributes:
        number: Number of channels.

    Raises:
        ConfigError: The addresses do not fit the shape.
    """

    def __init__(
        self,
        source: EventSource,
        shape: tuple[int, ...],
        binning: Binning,
        size: tuple[int, ...] | None = None,
    ) -> None:
        self._path = source.path
        self._pool = binning.pool
        self._only = {"off": 0, "on": 1}.get(binning.polarity)
        self._merged = binning.polarity != "both" and source.axes == 3
        if self._only is not None and source.axes != 3:
            raise fault(source.path, f"holds no polarities, so none is `{binning.polarity}`")
        axes = source.axes - self._merged
        self._names = _AXES[axes]
        known = _agreed_size(source, size)
        if known is None:
            self._lengths = self._of_shape(shape)
        else:
            self._lengths = self._of_size(known[-axes:], shape)
        self.number = prod(shape)

    def _of_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        axes = len(self._names)
        lengths = (prod(shape),) if axes == 1 else shape[-axes:]
        fits = len(lengths) == axes and prod(lengths) == prod(shape)
        if not fits or (axes == 3 and lengths[0] != 2):
            raise fault(
                self._path,
                f"holds events at {_FORMS[axes]}, but the input population is {list(shape)};"
                " give the `size` of the sensor to feed a flat one",
            )
        return lengths

    def _of_size(self, size: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
        axes = len(self._names)
        lengths = tuple(
            -(-length // self._pool_of(name))
            for name, length in zip(self._names, size, strict=True)
        )
        flat = axes == 1 or len(shape) == 1
        if prod(lengths) != prod(shape) or not (flat or lengths == shape[-axes:]):
            pooled = f", pooled by {self._pool}: {list(lengths)}" if self._pool > 1 else ""
            raise fault(
                self._path,
                f"holds events at {_FORMS[axes]} {list(size)}{pooled}, but the input population"
                f" is {list(shape)}",
            )
        return lengths

    def _pool_of(self, name: str) -> int:
        return 1 if name == "polarity" else self._pool

    def of(self, events: Events, recording: int) -> tuple[np.ndarray, np.ndarray]:
        """Return which events have a polarity that counts, and the channels of those.

        Args:
            events: Events.
            recording: Number of their recording, for messages.

        Returns:
            bool [events], and int64 [events that count].

        Raises:
            ConfigError: An address lies outside the input.
        """
        counts, address = np.ones(len(events.time_ns), bool), events.address
        if self._only is not None:
            counts = address[0] == self._only
        rows = address[1:] if self._merged else address
        channel = np.zeros(len(events.time_ns), np.int64)
        for name, row, length in zip(self._names, rows, self._lengths, strict=True):
            pooled = row // self._pool_of(name)
            if pooled.size and pooled.max() >= length:
                each = f", each of {self._pool}" if self._pool_of(name) > 1 else ""
                raise fault(
                    self._path,
                    f"recording {recording} has an event at {name} {row.max()}, but the input"
                    f" takes {length:,} from 0{each}",
                )
            channel = channel * length + pooled
        return counts, channel[counts]


def _agreed_size(source: EventSource, given: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Return the length of each axis, as the file or the user states it; None if neither does.

    Raises:
        ConfigError: They differ, or there are more or fewer lengths than axes.
    """
    if given is None:
        return source.size
    whole = (2, *given) if source.axes == 3 and len(given) == 2 else given
    if len(whole) != source.axes:
        raise fault(
            source.path, f"holds events at {_FORMS[source.axes]}, so `size` is not {list(given)}"
        )
    if source.size not in (None, whole):
        raise fault(source.path, f"has size {list(source.size or ())}, but `size` is {list(given)}")
    return whole
