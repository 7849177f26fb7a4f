"""From events to time steps: which step and channel each falls into, and where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from chipletsim.errors import UsageError

Start = Literal["zero", "first"]
Outside = Literal["error", "count"]
Several = Literal["spike", "count", "error"]
Polarity = Literal["both", "merge", "on", "off"]


@dataclass(frozen=True)
class Binning:
    """How events become spikes in time steps.

    An event at time t falls into step ``floor((t - t0) / dt)``, computed with whole
    nanoseconds and the exact decimal fraction that dt is written as.

    Attributes:
        dt_s: Length of a step.
        steps: Steps of a sample.
        start: What t0 counts from: ``zero`` of the recording's clock, or its ``first`` event in
            the file.
        offset_s: Added to it, to the nearest nanosecond.
        outside: Events before t0 or after the last step: an ``error``, or ``count`` them and
            leave them out.
        several: Events of a channel in one step beyond the first: one ``spike`` stands for all
            (and the others are counted); the step holds their ``count``; or an ``error``.
        polarity: ``both``, a channel each (0 off, 1 on, before y and x); ``merge`` leaves the
            polarity out; ``on`` or ``off`` takes one alone.
        pool: So many neighbouring channels, or so many rows and columns of pixels, are one:
            address a becomes ``floor(a / pool)``.
        cut: Each recording is a sample (``recording``), or each ``window`` of so many steps
            that follow one another up to its last event.

    Raises:
        UsageError: A number is out of range.
    """

    dt_s: float
    steps: int
    start: Start = "zero"
    offset_s: float = 0.0
    outside: Outside = "error"
    several: Several = "spike"
    polarity: Polarity = "both"
    pool: int = 1
    cut: Literal["recording", "window"] = "recording"

    def __post_init__(self) -> None:
        if self.steps < 1 or self.pool < 1 or not 0 < self.dt_s < float("inf"):
            raise UsageError("steps, pool and dt must be above 0")
        if not abs(self.offset_s) < 1e9:
            raise UsageError(f"the offset must lie within 10^9 s, got {self.offset_s:g} s")

    @property
    def step_ns(self) -> Fraction:
        """Length of a step in nanoseconds, as the decimal fraction that ``dt_s`` is written as."""
        return Fraction(repr(float(self.dt_s))) * 10**9


@dataclass
class Tally:
    """Where events went; ``events = kept + merged + before + after + other_polarity``.

    Attributes:
        samples: Samples made.
        events: Events read.
        kept: Spikes; or, where steps hold counts, all events counted in them.
        merged: Events that share a spike with an earlier one.
        before: Events before the first step.
        after: Events after the last step.
        other_polarity: Events of the polarity that is left out.
    """

    samples: int = 0
    events: int = 0
    kept: int = 0
    merged: int = 0
    before: int = 0
    after: int = 0
    other_polarity: int = 0

    @property
    def notes(self) -> list[str]:
        """What a user should know, in words; nothing where every event is a spike."""
        words = {
            "merged": "fell into a step in which their channel had spiked already",
            "before": "lay before the first step",
            "after": "lay after the last step",
            "other_polarity": "were of the other polarity",
        }
        found = {name: getattr(self, name) for name in words}
        parts = [f"{count:,} {words[name]}" for name, count in found.items() if count]
        if not parts:
            return []
        return [f"of {self.events:,} events {self.kept:,} were fed; {'; '.join(parts)}"]
