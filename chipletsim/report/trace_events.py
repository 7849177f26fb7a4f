"""Events of the Trace Event Format, written one by one to a file of bounded size.

Format: "Trace Event Format", Google, https://docs.google.com/document/d/
1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU; ``chrome://tracing`` and https://ui.perfetto.dev
open it. Times are microseconds; a span is one event of phase X, a number over time events of
phase C, names are events of phase M. What may overlap on a track is a pair of events of phases
b and e, which have a number in common.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from chipletsim.whole_files import cannot_write, part_of


class TraceFile:
    """A trace that is written as it comes, and takes its name once it is whole.

    Args:
        path: File to write.

    Attributes:
        events: Events written so far, names not counted.

    Raises:
        UsageError: The file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = part_of(path)
        self._named: set[tuple[int, ...]] = set()
        self._first = True
        self.events = 0
        try:
            self._file = self._part.open("w", encoding="utf-8")
            self._file.write('{"displayTimeUnit":"ns","traceEvents":[')
        except OSError as error:
            raise cannot_write(path, error) from None

    def process(self, number: int, name: str) -> None:
        """Name a process, a group of tracks, the first time that it is used."""
        if (number,) in self._named:
            return
        self._named.add((number,))
        self._write({"ph": "M", "name": "process_name", "pid": number, "args": {"name": name}})
        order = {"sort_index": number}
        self._write({"ph": "M", "name": "process_sort_index", "pid": number, "args": order})

    def thread(self, process: int, number: int, name: str) -> None:
        """Name a thread, a track of spans, the first time that it is used."""
        if (process, number) in self._named:
            return
        self._named.add((process, number))
        for what, arguments in {
            "thread_name": {"name": name},
            "thread_sort_index": {"sort_index": number},
        }.items():
            self._write({"ph": "M", "name": what, "pid": process, "tid": number, "args": arguments})

    def span(
        self, track: tuple[int, int], name: str, start_s: float, length_s: float, **facts: Any
    ) -> None:
        """Write a span on a track, which is a process and a thread."""
        event = {"ph": "X", "name": name, "ts": start_s * 1e6, "dur": length_s * 1e6}
        self._write({**event, "pid": track[0], "tid": track[1], "args": facts})
        self.events += 1

    def begin(
        self, track: tuple[int, int], name: str, time_s: float, number: int, **facts: Any
    ) -> None:
        """Write that something begins, which is told apart by a number."""
        self._half("b", track, name, time_s=time_s, number=number, facts=facts)

    def end(self, track: tuple[int, int], name: str, time_s: float, number: int) -> None:
        """Write that it ends."""
        self._half("e", track, name, time_s=time_s, number=number, facts={})

    def _half(
        self,
        phase: str,
        track: tuple[int, int],
        name: str,
        *,
        time_s: float,
        number: int,
        facts: dict[str, Any],
    ) -> None:
        event = {"ph": phase, "cat": name, "name": name, "id": number, "ts": time_s * 1e6}
        self._write({**event, "pid": track[0], "tid": track[1], "args": facts})
        self.events += 1

    def counter(self, process: int, name: str, time_s: float, unit: str, value: float) -> None:
        """Write what a number is from a time on."""
        event = {"ph": "C", "name": name, "ts": time_s * 1e6, "pid": process, "tid": 0}
        self._write({**event, "args": {unit: value}})
        self.events += 1

    def close(self, facts: dict[str, Any]) -> None:
        """Write what holds of the whole trace, and give the file its name.

        Raises:
            UsageError: The file cannot be written.
        """
        try:
            self._file.write(f'\n],"otherData":{json.dumps(facts, allow_nan=False)}}}\n')
            self._file.close()
            self._part.replace(self._path)
        except OSError as error:
            raise cannot_write(self._path, error) from None

    def discard(self) -> None:
        """Leave nothing behind, unless the file is whole."""
        with suppress(OSError):  # of what is still to be written where there is no room
            self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _write(self, event: dict[str, Any]) -> None:
        text = json.dumps(event, allow_nan=False, separators=(",", ":"))
        try:
            self._file.write(("\n" if self._first else ",\n") + text)
        except OSError as error:
            raise cannot_write(self._path, error) from None
        self._first = False
