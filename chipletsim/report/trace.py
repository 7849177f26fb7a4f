"""A run as a trace over time: hardware steps, tiles, messages, loads of links, spikes.

What tiles and messages do in a step, and when, is what the timing model says, see
`chipletsim.noc.SPANS`. The counter of a link's bits holds those of the whole step; models of
packets tell besides how busy links are over the time of a step. Where steps run freely, and so
overlap, what is done in a step stands where it is done, with the step's number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from math import fsum
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.cost.batch import Window, require_same_network
from chipletsim.cost.classes import traffic_classes
from chipletsim.cost.message_timer import listed
from chipletsim.cost.row_trace import RowTracer, TracedRow
from chipletsim.cost.sample_timers import TimedSample
from chipletsim.cost.sample_trace import SampleTracer
from chipletsim.engine.rates import RateActivity
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.network.fingerprint import fingerprint
from chipletsim.noc import about_spans
from chipletsim.noc.spans import Doing
from chipletsim.report.trace_moments import Moment, moments
from chipletsim.report.trace_tracks import LINKS, POPULATIONS, TraceTracks

MOST_EVENTS = 400_000
"""Events of a trace, about 50 MB; it ends before the hardware step that would exceed them."""


_Step = tuple[int, float, float, dict[str, Any]]
"""Number, start and length of a hardware step, and what there is to say of it."""


class TraceWriter:
    """Writes the trace of activity that is added as to a ``CostStream``.

    Samples are shown one after another, as they are run, in rows of the timing model.

    Args:
        path: File to write; it is there once ``close`` returns.
        mapping: Where the network lives.
        timing: Name of the timing model.
        sample_steps: Network steps of all samples, by which `auto` chooses as in a run; those of
            the first window if left out.
        most_events: Events up to which rows are shown.

    Raises:
        UsageError: The file cannot be written, or there is no such timing model.
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it, or the package
            is none that the timing model knows.
    """

    def __init__(
        self,
        path: str | Path,
        mapping: Mapping,
        timing: str,
        sample_steps: int | None = None,
        *,
        most_events: int = MOST_EVENTS,
    ) -> None:
        self._mapping = mapping
        self._timing, self._sample_steps = timing, sample_steps
        self._freely = mapping.package.spec.runs_freely
        self._tracer = (SampleTracer if self._freely else RowTracer)(mapping, timing)
        self._most_events = most_events
        self._populations = np.repeat(
            np.arange(len(mapping.network.populations), dtype=np.int32),
            [population.size for population in mapping.network.populations],
        )
        self._held: Window | None = None
        self._open: _Sample | None = None
        self._samples = self._rows = self._messages = self._left_out = 0
        self._now_s = 0.0
        self._lengths_s: list[float] = []  # of the steps that are shown
        self._cut = False
        self._loads: dict[tuple[int, int], int] = {}
        self._models: Counter[str] = Counter()
        self._tracks = TraceTracks(Path(path), mapping)
        self._file = self._tracks.file

    @property
    def summary(self) -> str:
        """What is in the trace, in words."""
        rows = f"{self._rows:,} hardware steps"
        shown = f"the first {len(self._lengths_s):,} of {rows}" if self._cut else rows
        left = f"; {self._left_out:,} messages of full steps left out" if self._left_out else ""
        return f"{shown}, {self._file.events:,} events{left}"

    def add(self, window: Window) -> None:
        """Add the next steps of all samples; of a single one, unless they come whole.

        Raises:
            UsageError: More than one sample comes in several windows; or spikes drawn from rates
                are too many to list.
        """
        if isinstance(window, RateActivity):
            neuron_class = traffic_classes(self._mapping).neuron_class
            window = listed(window, self._timing, neuron_class)
        if self._held is not None:
            raise UsageError("a trace takes several samples whole, not in windows")
        self._tracer.foresee(window, self._sample_steps)
        if window.samples != 1:
            self._held = window
            return
        if self._open is None:
            self._open = _Sample(self._tracer.fresh())
        self._extend(self._open, window)

    def next_samples(self) -> None:
        """End the samples added so far; windows added from now on are of further ones."""
        if self._held is not None:
            window, self._held = self._held, None
            rows = self._tracer.pipeline.rows(window.steps) if window.steps else 0
            for number in range(window.samples):
                if self._cut:
                    self._samples, self._rows = self._samples + 1, self._rows + rows
                    continue
                sample = _Sample(self._tracer.fresh())
                self._extend(sample, window.of_samples(number, 1))
                self._end(sample)
        elif self._open is not None:
            sample, self._open = self._open, None
            self._end(sample)

    def close(self) -> None:
        """Write the file.

        Raises:
            UsageError: It cannot be written.
        """
        self.next_samples()
        self._show_loads({})
        network, package = self._mapping.network.name, self._mapping.package.name
        facts = {
            "network": network,
            "package": package,
            "timing": self._timing,
            "steps_timed_by": dict(self._models),
            "samples": self._samples,
            "hardware_steps": self._rows,
            "hardware_steps_shown": len(self._lengths_s),
            "cut": self._cut,
            "messages_left_out": self._left_out,
            "time_s": fsum(self._lengths_s),
            "of_spans": about_spans(self._timing, self._models, freely=self._freely),
        }
        self._file.close(facts)

    def discard(self) -> None:
        """Leave no file behind, unless it is whole."""
        self._file.discard()

    def _extend(self, sample: _Sample, window: Window) -> None:
        """Add the next steps of one sample, and show the rows that are complete."""
        if not self._cut:
            interval, stage = self._tracer.pipeline.initiation_interval, self._tracer.pipeline.stage
            counts = window.class_counts(self._populations, len(stage))[0]
            for step, population in zip(*np.nonzero(counts), strict=True):
                row = interval * (sample.steps + int(step)) + int(stage[population])
                track = (POPULATIONS, int(population))
                sample.spikes.setdefault(row, {})[track] = int(counts[step, population])
            if isinstance(sample.tracer, SampleTracer):
                sample.tracer.add(window)
            else:
                self._show(sample, sample.tracer.add(window))
        sample.steps += window.steps

    def _end(self, sample: _Sample) -> None:
        if not self._cut and isinstance(sample.tracer, SampleTracer):
            self._show_sample(sample, sample.tracer.close(self._most_events - self._file.events))
        elif not self._cut and isinstance(sample.tracer, RowTracer):
            self._show(sample, sample.tracer.close())
        self._samples += 1
        self._rows += self._tracer.pipeline.rows(sample.steps) if sample.steps else 0

    def _show(self, sample: _Sample, rows: Iterable[TracedRow]) -> None:
        """Show rows until there are too many events."""
        for row in rows:
            spans = row.step.spans
            links = np.flatnonzero(row.wire_bits).tolist()
            loads = {(LINKS, link): int(row.wire_bits[link]) for link in links}
            loads |= sample.spikes.pop(row.number, {})
            # Beside its own events a row may have to set all loads before it to 0.
            events = 1 + len(spans) + len(row.step.busy) + len(loads) + len(self._loads)
            events += sum(span.doing is Doing.ON_THE_WAY for span in spans)
            if self._file.events + events + len(loads) > self._most_events:
                self._cut = True
                return
            self._show_loads(loads)
            facts = {"sample": self._samples, "hardware_step": row.number}
            own = facts | {"bound_by": row.step.bound_by, "timing": row.step.timing}
            self._show_step(row.number, self._now_s, row.step.latency_s, own)
            for moment in moments(spans, row.step.busy, self._messages):
                self._tracks.moment(moment, self._now_s, facts)
            self._messages += len(spans)
            self._left_out += row.step.left_out
            self._models[row.step.timing] += 1
            self._now_s += row.step.latency_s

    def _show_sample(self, sample: _Sample, timed: TimedSample) -> None:
        """Show the steps of a sample that overlap, as many as there is room for."""
        found = moments(timed.spans, timed.busy, self._messages)
        ends_s = [0.0, *timed.latency_s[: timed.shown].cumsum().tolist()]
        steps = list(self._free_steps(sample, timed, ends_s))
        both = [(self._now_s + each.time_s, each) for each in found] + [(x[1], x) for x in steps]
        for _, each in sorted(both, key=lambda pair: pair[0]):
            if isinstance(each, Moment):
                self._tracks.moment(each, self._now_s, {"sample": self._samples})
            else:
                self._show_step(*each)
        self._messages += len(timed.spans)
        self._left_out += timed.left_out
        self._models[timed.timing] += timed.shown
        # Sums of steps may be rounded to less than the end of the last of them.
        last_s = max((each.time_s for each in found), default=0.0)
        self._now_s += max(ends_s[-1], last_s)
        self._cut = timed.shown < timed.latency_s.size

    def _free_steps(
        self, sample: _Sample, timed: TimedSample, ends_s: list[float]
    ) -> Iterator[_Step]:
        """Yield the steps of a sample that are shown, each from the end of those before."""
        for number, length_s in enumerate(timed.latency_s[: timed.shown].tolist()):
            spikes = sum(sample.spikes.pop(number, {}).values())
            facts = {"sample": self._samples, "hardware_step": number, "spikes": spikes}
            own = facts | {"bound_by": timed.bound_by[number], "timing": timed.timing}
            yield number, self._now_s + ends_s[number], length_s, own

    def _show_step(
        self, number: int, start_s: float, length_s: float, facts: dict[str, Any]
    ) -> None:
        self._tracks.step(number, start_s, length_s, **facts, latency_s=length_s)
        self._lengths_s.append(length_s)

    def _show_loads(self, loads: dict[tuple[int, int], int]) -> None:
        """Show what links and populations carry from now on."""
        for track in sorted(self._loads.keys() | loads.keys()):
            value = loads.get(track, 0)
            if self._loads.get(track, 0) != value:
                self._tracks.load(track, self._now_s, value)
        self._loads = loads


def save_trace(
    activity: Window, mapping: Mapping, path: str | Path, *, timing: str = "bound"
) -> str:
    """Write an activity on a mapping as a trace over time, and return what is in it, in words.

    The file is JSON in the Trace Event Format, which https://ui.perfetto.dev and
    ``chrome://tracing`` open: hardware steps, what tiles and messages do in them, bits on links and
    spikes of populations, at the times of the timing model; of steps that run freely, which tile is
    at which step when, and links in use. It ends before the hardware step that would make it longer
    than ``MOST_EVENTS``; the words, and ``otherData`` in the file, say so.

    Args:
        activity: From ``simulate``, or drawn from rates.
        mapping: Where the network lives.
        path: File to write.
        timing: Name of a timing model.

    Raises:
        UsageError: The file cannot be written, the activity is of another network, there is no
            such timing model, or it follows single messages and spikes at given rates are too many;
            a sample of steps that run freely has more packets than are held at once.
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it, or the package
            is none that the timing model knows.
    """
    require_same_network(activity, mapping, fingerprint(mapping.lowered()))
    writer = TraceWriter(path, mapping, timing)
    try:
        writer.add(activity)
        writer.close()
    finally:
        writer.discard()
    return writer.summary


class _Sample:
    """A sample whose rows are being shown.

    Attributes:
        tracer: Times its rows.
        steps: Network steps added so far.
        spikes: Row to (process, population) to spikes, of rows that are not shown yet.
    """

    def __init__(self, tracer: RowTracer | SampleTracer) -> None:
        self.tracer = tracer
        self.steps = 0
        self.spikes: dict[int, dict[tuple[int, int], int]] = {}
