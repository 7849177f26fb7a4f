"""Samples of a network's input from event recordings, one after another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chipletsim.errors import ConfigError
from chipletsim.exchange.events.addresses import Channels
from chipletsim.exchange.events.binning import Binning, Tally
from chipletsim.exchange.events.recording import MOST_NS, Events, EventSource, fault

MAX_CELLS = 1 << 32
"""Steps times channels of a sample, of which each takes a byte, or four for counts."""
MAX_SAMPLES = 10_000_000
MOST_COUNT = 1 << 24
"""Counts up to this are exact in float32."""


class SampleReader:
    """Reads the samples of a source in order; iterating again begins again.

    Args:
        source: The recordings.
        shape: Shape of the input population, see `Channels`.
        binning: How events become spikes.
        size: Length of each axis of addresses, where the source does not state it.

    Attributes:
        samples: Number of samples.
        labels: int64 [samples], or None.
        channels: Number of channels.
        tally: Where the events of all samples read since the last beginning went.

    Raises:
        ConfigError: The addresses do not fit the shape, or a sample would be too large.
    """

    def __init__(
        self,
        source: EventSource,
        shape: tuple[int, ...],
        binning: Binning,
        size: tuple[int, ...] | None = None,
    ) -> None:
        self._source = source
        self._binning = binning
        self._addresses = Channels(source, shape, binning, size)
        self._step = binning.step_ns
        self.channels = self._addresses.number
        self.tally = Tally()
        # Least whole nanoseconds from t0 that lie after the last step.
        self._window_ns = -(-self._step.numerator * binning.steps // self._step.denominator)
        self._check_sizes()
        windows = np.ones(source.recordings, np.int64)
        if binning.cut == "window":
            windows[:] = [self._count_windows(number) for number in range(source.recordings)]
        self._windows = windows
        self.samples = int(windows.sum())
        if self.samples > MAX_SAMPLES:
            message = f"gives {self.samples:,} samples; most are {MAX_SAMPLES:,}"
            raise fault(source.path, message)
        self.labels = None if source.labels is None else np.repeat(source.labels, windows)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield [steps, channels] of each sample: bool for spikes, float32 for counts.

        Raises:
            ConfigError: A file is damaged, an address lies outside the input, or events lie
                where ``binning`` calls that an error.
        """
        self.tally = Tally()
        for recording, windows in enumerate(self._windows.tolist()):
            yield from self._of_recording(recording, windows)

    def _of_recording(self, recording: int, windows: int) -> Iterator[np.ndarray]:
        cells, current, outside = self._empty(), 0, [0, 0]
        for step, events in self._placed(recording):
            number = step // self._binning.steps
            if self._binning.cut == "window" and np.any(np.diff(number) < 0):
                raise self._fault(recording, "goes back in time, so it has no windows")
            for window in np.unique(number).tolist():
                part = number == window
                if not 0 <= window < windows:
                    outside[window > 0] += np.count_nonzero(part)
                    continue
                if window < current:
                    raise self._fault(recording, "goes back in time, so it has no windows")
                while current < window:
                    yield self._done(cells)
                    cells, current = self._empty(), current + 1
                chosen = Events(events.time_ns[part], events.address[:, part])
                self._put(cells, step[part] % self._binning.steps, chosen, recording)
        self._count_outside(recording, *outside)
        while current < windows:
            yield self._done(cells)
            cells, current = self._empty(), current + 1

    def _placed(self, recording: int) -> Iterator[tuple[np.ndarray, Events]]:
        """Yield int64 [events], the step of each event from t0 on, and the events."""
        t0 = round(self._binning.offset_s * 1e9)
        first = self._binning.start == "first"
        for events in self._source.chunks(recording):
            if not events.time_ns.size:
                continue
            if first:
                t0 += int(events.time_ns[0])
                first = False
            since = events.time_ns - t0
            if self._binning.cut == "recording":  # all that lies outside does so equally
                since = np.clip(since, -self._window_ns, self._window_ns)
            yield self._steps_of(since), events

    def _steps_of(self, since_ns: np.ndarray) -> np.ndarray:
        """Return int64 ``floor(since / dt)``, exactly."""
        numerator, denominator = self._step.numerator, self._step.denominator
        if max(-int(since_ns.min()), int(since_ns.max())) * denominator < 1 << 63 > numerator:
            return since_ns * denominator // numerator
        steps: list[int] = [each * denominator // numerator for each in since_ns.tolist()]
        return np.array(steps, np.int64)

    def _put(self, cells: np.ndarray, step: np.ndarray, events: Events, recording: int) -> None:
        """Enter events that lie in a sample, at their steps in it."""
        counts, channel = self._addresses.of(events, recording)
        place, several = np.unique(step[counts] * self.channels + channel, return_counts=True)
        self.tally.events += len(step)
        self.tally.other_polarity += len(step) - len(channel)
        if self._binning.several == "count":
            cells[place] += several.astype(cells.dtype)
            self.tally.kept += len(channel)
            return
        new = place[~cells[place]]
        merged = len(channel) - len(new)
        if merged and self._binning.several == "error":
            raise self._fault(
                recording,
                f"has {merged:,} events in steps in which their channel has spiked already;"
                " `several: spike` takes them as one, `several: count` counts them",
            )
        cells[new] = True
        self.tally.kept += len(new)
        self.tally.merged += merged

    def _count_outside(self, recording: int, before: int, after: int) -> None:
        """Count events outside, or refuse them."""
        self.tally.events += before + after
        self.tally.before += before
        self.tally.after += after
        if before + after and self._binning.outside == "error":
            steps, dt_s, offset_s = self._binning.steps, self._binning.dt_s, self._binning.offset_s
            origin = {"zero": "zero of its clock", "first": "its first event"}[self._binning.start]
            origin += f" plus {offset_s:g} s" if offset_s else ""
            raise self._fault(
                recording,
                f"has {before:,} events before and {after:,} after its {steps:,} steps of"
                f" {dt_s:g} s from {origin}; `outside: count` leaves them out and says so,"
                " `start: first` begins with the first event",
            )

    def _empty(self) -> np.ndarray:
        counted = self._binning.several == "count"
        return np.zeros(self._binning.steps * self.channels, np.uint32 if counted else np.bool_)

    def _done(self, cells: np.ndarray) -> np.ndarray:
        self.tally.samples += 1
        sample = cells.reshape(self._binning.steps, self.channels)
        if sample.dtype == np.bool_:
            return sample
        if sample.max(initial=0) > MOST_COUNT:
            raise fault(self._source.path, f"a channel has over {MOST_COUNT:,} events in a step")
        return sample.astype(np.float32)

    def _count_windows(self, recording: int) -> int:
        """Return how many windows a recording has, up to its last event; at least one."""
        last = 0
        for step, _ in self._placed(recording):
            last = max(last, int(step.max()))
        windows = last // self._binning.steps + 1
        if windows > MAX_SAMPLES:
            raise self._fault(recording, f"has {windows:,} windows; most are {MAX_SAMPLES:,}")
        return windows

    def _check_sizes(self) -> None:
        steps = self._binning.steps
        if steps * self.channels > MAX_CELLS:
            message = (
                f"samples of {steps:,} steps of {self.channels:,} channels hold more than the"
                f" {MAX_CELLS:,} numbers that can be held"
            )
            raise fault(self._source.path, message)
        if self._window_ns >= MOST_NS or self._step < 1:  # times are whole nanoseconds
            message = f"cannot be cut into {steps:,} steps of {self._binning.dt_s:g} s"
            raise fault(self._source.path, message)

    def _fault(self, recording: int, message: str) -> ConfigError:
        return fault(self._source.path, f"recording {recording} {message}")


def bin_samples(
    source: EventSource,
    shape: tuple[int, ...],
    binning: Binning,
    *,
    samples: int | None = None,
    size: tuple[int, ...] | None = None,
) -> tuple[np.ndarray, Tally]:
    """Return the first samples of a source at once.

    Args:
        source: From `open_events`.
        shape: Shape of the input population, see `Channels`.
        binning: How events become spikes.
        samples: How many; all if None.
        size: Length of each axis of addresses, where the source does not state it.

    Returns:
        [samples, steps, *shape], bool for spikes or float32 for counts; and where their events
        went.

    Raises:
        ConfigError: As `SampleReader`; or there are fewer samples.
    """
    reader = SampleReader(source, shape, binning, size)
    number = reader.samples if samples is None else samples
    if number > reader.samples:
        raise fault(source.path, f"holds {reader.samples:,} samples, but {number:,} are asked for")
    counted = binning.several == "count"
    form = np.dtype(np.float32 if counted else np.bool_)
    spikes = np.empty((number, binning.steps, reader.channels), form)
    for into, sample in zip(spikes, reader, strict=False):
        into[...] = sample
    return spikes.reshape(number, binning.steps, *shape), reader.tally
