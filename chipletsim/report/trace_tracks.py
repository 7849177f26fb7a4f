"""Tracks of a trace: hardware steps, tiles, messages, links, populations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chipletsim.mapping.model import Mapping
from chipletsim.noc.package_ports import node_names
from chipletsim.noc.packet_spans import BUSY_LINKS, Busy
from chipletsim.noc.spans import Doing, Span
from chipletsim.report.trace_events import TraceFile
from chipletsim.report.trace_moments import Moment

STEPS, LINKS, POPULATIONS, BUSY = 1, 6, 7, 8
_SPANS = {
    Doing.BUSY: 2,
    Doing.MAKING: 3,
    Doing.BLOCKED: 3,
    Doing.WORKING: 4,
    Doing.WAITING: 4,
    Doing.ON_THE_WAY: 5,
}
_PROCESSES = {
    STEPS: "hardware steps",
    2: "tiles, busy",
    3: "tiles, making messages",
    4: "tiles, working on messages",
    5: "messages on the way",
    LINKS: "links, bits in a hardware step",
    POPULATIONS: "populations, spikes in a hardware step",
}


class TraceTracks:
    """Writes what happens on the tracks of a trace.

    Args:
        path: File to write.
        mapping: Where the network lives.

    Attributes:
        file: The file.

    Raises:
        UsageError: It cannot be written.
    """

    def __init__(self, path: Path, mapping: Mapping) -> None:
        self._mapping = mapping
        self._nodes = node_names(mapping.package)
        self._freely = mapping.package.spec.runs_freely
        busiest = f"{BUSY_LINKS} busiest of a {'sample' if self._freely else 'step'}"
        self._processes = _PROCESSES | {BUSY: f"links, percent of time in use ({busiest})"}
        self.file = TraceFile(path)
        self._process(STEPS)
        self.file.thread(STEPS, 1, "hardware steps")

    def step(self, number: int, start_s: float, length_s: float, **facts: Any) -> None:
        """Write a hardware step."""
        self.file.span((STEPS, 1), f"step {number}", start_s, length_s, **facts)

    def moment(self, moment: Moment, since_s: float, facts: dict[str, Any]) -> None:
        """Write what begins or ends.

        Args:
            moment: What.
            since_s: From when its time counts.
            facts: What else there is to say of it.
        """
        time_s, begins, number, what = moment
        at_s = since_s + time_s
        if isinstance(what, Busy):
            name = self._mapping.package.links[what.link].name
            self._process(BUSY)
            self.file.counter(BUSY, name, at_s, "percent", what.percent)
            return
        if self._freely:
            facts = facts | {"hardware_step": what.step}
        process = _SPANS[what.doing]
        track = (process, what.place + 1)
        self._process(process)
        if what.doing is not Doing.ON_THE_WAY:
            self.file.thread(*track, self._tile(what.place))
            name = f"{what.doing}, step {what.step}" if self._freely else what.doing
            self.file.span(track, name, at_s, what.length_s, **facts, **self._ends(what))
        elif begins:
            own = facts | {"from": self._tile(what.place), "to": self._tile(what.other)}
            self.file.begin(track, "message", at_s, number, **own)
        else:
            self.file.end(track, "message", at_s, number)

    def _ends(self, span: Span) -> dict[str, Any]:
        """Return what there is to say of the messages of a span."""
        sends = span.doing in (Doing.MAKING, Doing.BLOCKED)
        other = {"to" if sends else "from": self._tile(span.other)} if span.other >= 0 else {}
        return other | ({"messages": span.messages} if span.messages else {})

    def _tile(self, number: int) -> str:
        return self._nodes[number]

    def load(self, track: tuple[int, int], time_s: float, value: int) -> None:
        """Write what a link or a population carries from a time on.

        Args:
            track: `LINKS` or `POPULATIONS`, and a number of these.
            time_s: The time.
            value: Bits or spikes.
        """
        process, number = track
        self._process(process)
        if process == LINKS:
            unit, name = "bits", self._mapping.package.links[number].name
        else:
            unit, name = "spikes", self._mapping.network.populations[number].name
        self.file.counter(process, name, time_s, unit, value)

    def _process(self, number: int) -> None:
        self.file.process(number, self._processes[number])
