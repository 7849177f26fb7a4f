"""A run as a trace over time: hardware steps, tiles, messages, loads of links, spikes.

What tiles and messages do in a step, and when, is what the timing model says, see
`chipletsim.noc.SPANS`. The counter of a link's bits holds those of the whole step; models of
packets tell besides how busy links are over the time of a step.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import fsum
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.cost.batch import Window, require_same_network
from chipletsim.cost.row_trace import RowTracer, TracedRow
from chipletsim.cost.step_timers import TimedStep
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.network.fingerprint import fingerprint
from chipletsim.noc import SPANS
from chipletsim.noc.package_ports import node_names
from chipletsim.noc.packet_spans import BUSY_LINKS, Busy
from chipletsim.noc.spans import Doing, Span
from chipletsim.report.trace_events import TraceFile
from chipletsim.report.trace_moments import moments

MOST_EVENTS = 400_000
"""Events of a trace, about 50 MB; it ends before the hardware step that would exceed them."""

_STEPS, _LINKS, _POPULATIONS, _BUSY = 1, 6, 7, 8
_SPANS = {
    Doing.BUSY: 2,
    Doing.MAKING: 3,
    Doing.BLOCKED: 3,
    Doing.WORKING: 4,
    Doing.WAITING: 4,
    Doing.ON_THE_WAY: 5,
}
_PROCESSES = {
    _STEPS: "hardware steps",
    2: "tiles, busy",
    3: "tiles, making messages",
    4: "tiles, working on messages",
    5: "messages on the way",
    _LINKS: "links, bits in a hardware step",
    _POPULATIONS: "populations, spikes in a hardware step",
    _BUSY: f"links, percent of time in use ({BUSY_LINKS} busiest of a step)",
}


class TraceWriter:
    """Writes the trace of activity that is added as to a ``CostStream``.

    Samples are shown one after another, as they are run, in rows of the timing model.

    Args:
        path: File to write; it is there once ``close`` returns.
        mapping: Where the network lives.
        timing: Name of the timing model.
        most_events: Events up to which rows are shown.

    Raises:
        UsageError: The file cannot be written, or there is no such timing model.
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it, or the package
            is none that the timing model knows.
    """

    def __init__(
        self, path: str | Path, mapping: Mapping, timing: str, most_events: int = MOST_EVENTS
    ) -> None:
        self._mapping = mapping
        self._nodes = node_names(mapping.package)
        self._timing = timing
        self._tracer = RowTracer(mapping, timing)
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
        self._file = TraceFile(Path(path))
        self._file.process(_STEPS, _PROCESSES[_STEPS])
        self._file.thread(_STEPS, 1, "hardware steps")

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
            UsageError: More than one sample comes in several windows.
        """
        if self._held is not None:
            raise UsageError("a trace takes several samples whole, not in windows")
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
            "samples": self._samples,
            "hardware_steps": self._rows,
            "hardware_steps_shown": len(self._lengths_s),
            "cut": self._cut,
            "messages_left_out": self._left_out,
            "time_s": fsum(self._lengths_s),
            "of_spans": SPANS[self._timing],
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
                track = (_POPULATIONS, int(population))
                sample.spikes.setdefault(row, {})[track] = int(counts[step, population])
            self._show(sample, sample.tracer.add(window))
        sample.steps += window.steps

    def _end(self, sample: _Sample) -> None:
        if not self._cut:
            self._show(sample, sample.tracer.close())
        self._samples += 1
        self._rows += self._tracer.pipeline.rows(sample.steps) if sample.steps else 0

    def _show(self, sample: _Sample, rows: Iterable[TracedRow]) -> None:
        """Show rows until there are too many events."""
        for row in rows:
            spans = row.step.spans
            links = np.flatnonzero(row.wire_bits).tolist()
            loads = {(_LINKS, link): int(row.wire_bits[link]) for link in links}
            loads |= sample.spikes.pop(row.number, {})
            # Beside its own events a row may have to set all loads before it to 0.
            events = 1 + len(spans) + len(row.step.busy) + len(loads) + len(self._loads)
            events += sum(span.doing is Doing.ON_THE_WAY for span in spans)
            if self._file.events + events + len(loads) > self._most_events:
                self._cut = True
                return
            self._show_loads(loads)
            length_s = row.step.latency_s
            facts = {"sample": self._samples, "hardware_step": row.number}
            own = facts | {"bound_by": row.step.bound_by, "latency_s": length_s}
            self._file.span((_STEPS, 1), f"step {row.number}", self._now_s, length_s, **own)
            self._show_moments(row.step, facts)
            self._left_out += row.step.left_out
            self._lengths_s.append(length_s)
            self._now_s += length_s

    def _show_moments(self, step: TimedStep, facts: dict[str, Any]) -> None:
        """Show what tiles, messages and links do in the step that begins now."""
        found = moments(step, self._messages)
        self._messages += len(step.spans)
        for time_s, begins, number, span in found:
            at_s = self._now_s + time_s
            if isinstance(span, Busy):
                name = self._mapping.package.links[span.link].name
                self._file.process(_BUSY, _PROCESSES[_BUSY])
                self._file.counter(_BUSY, name, at_s, "percent", span.percent)
                continue
            process = _SPANS[span.doing]
            track = (process, span.place + 1)
            self._file.process(process, _PROCESSES[process])
            if span.doing is not Doing.ON_THE_WAY:
                self._file.thread(*track, self._tile(span.place))
                own = facts | self._ends(span)
                self._file.span(track, span.doing, at_s, span.length_s, **own)
            elif begins:
                own = facts | {"from": self._tile(span.place), "to": self._tile(span.other)}
                self._file.begin(track, "message", at_s, number, **own)
            else:
                self._file.end(track, "message", at_s, number)

    def _ends(self, span: Span) -> dict[str, Any]:
        """Return what there is to say of the messages of a span."""
        sends = span.doing in (Doing.MAKING, Doing.BLOCKED)
        other = {"to" if sends else "from": self._tile(span.other)} if span.other >= 0 else {}
        return other | ({"messages": span.messages} if span.messages else {})

    def _tile(self, number: int) -> str:
        return self._nodes[number]

    def _show_loads(self, loads: dict[tuple[int, int], int]) -> None:
        """Show what links and populations carry from now on."""
        for track in sorted(self._loads.keys() | loads.keys()):
            value = loads.get(track, 0)
            if self._loads.get(track, 0) != value:
                unit, name = self._track(track)
                self._file.process(track[0], _PROCESSES[track[0]])
                self._file.counter(track[0], name, self._now_s, unit, value)
        self._loads = loads

    def _track(self, track: tuple[int, int]) -> tuple[str, str]:
        """Return unit and name of a counter."""
        process, number = track
        if process == _LINKS:
            return "bits", self._mapping.package.links[number].name
        return "spikes", self._mapping.network.populations[number].name


def save_trace(
    activity: Window, mapping: Mapping, path: str | Path, *, timing: str = "bound"
) -> str:
    """Write an activity on a mapping as a trace over time, and return what is in it, in words.

    The file is JSON in the Trace Event Format, which https://ui.perfetto.dev and
    ``chrome://tracing`` open: hardware steps, what tiles and messages do in them, bits on links and
    spikes of populations, at the times of the timing model. It ends before the hardware step that
    would make it longer than ``MOST_EVENTS``; the words, and ``otherData`` in the file, say so.

    Args:
        activity: From ``simulate``, or drawn from rates.
        mapping: Where the network lives.
        path: File to write.
        timing: Name of a timing model.

    Raises:
        UsageError: The file cannot be written, the activity is of another network, there is no
            such timing model, or it follows single messages but the activity is drawn from rates.
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

    def __init__(self, tracer: RowTracer) -> None:
        self.tracer = tracer
        self.steps = 0
        self.spikes: dict[int, dict[tuple[int, int], int]] = {}
