"""The form of every benchmark: timed cases, one table, one JSON file.

A benchmark is a module here with a function ``rows(quick: bool) -> list[Row]``; its docstring
says what is measured and how, the first line in a few words.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

VERSIONS_OF = ("chipletsim", "jax", "jaxlib", "numpy", "scipy")


@dataclass(frozen=True)
class Timing:
    """Wall-clock times of repeated calls.

    Attributes:
        median_s: Median in seconds.
        fastest_s: Shortest in seconds.
        slowest_s: Longest in seconds.
        repeats: Number of calls.
    """

    median_s: float
    fastest_s: float
    slowest_s: float
    repeats: int

    @property
    def spread(self) -> float:
        """Slowest minus fastest, over the median."""
        return (self.slowest_s - self.fastest_s) / self.median_s


@dataclass(frozen=True)
class Row:
    """One figure, beside the same figure of a peer.

    Attributes:
        case: What was run.
        quantity: What was measured.
        unit: Unit of ``ours`` and ``theirs``.
        ours: Figure of chipletsim.
        peer: What it is compared with, or None.
        theirs: Figure of the peer, or None.
        timing: Times behind ``ours``, or None where it was not timed.
        difference: How far the two are apart, in whatever way the benchmark says; None where
            the ratio says it.
    """

    case: str
    quantity: str
    unit: str
    ours: float
    peer: str | None = None
    theirs: float | None = None
    timing: Timing | None = field(default=None, compare=False)
    difference: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over theirs."""
        return self.ours / self.theirs if self.theirs else None

    def as_json(self) -> dict[str, Any]:
        """Return the row as it stands in the file."""
        content = asdict(self) | {"ratio": self.ratio}
        optional = {name: content.pop(name) for name in ("timing", "difference")}
        return content | {name: value for name, value in optional.items() if value is not None}


def timed(function: Callable[[], Any], repeats: int) -> Timing:
    """Return the times of ``repeats`` calls after one that warms caches and compiles.

    Args:
        function: What to time; it must wait for its own result.
        repeats: Number of timed calls.
    """
    return timed_in_turn([function], repeats)[0]


def timed_in_turn(functions: Sequence[Callable[[], Any]], repeats: int) -> list[Timing]:
    """Return the times of several functions, called by turns.

    Whatever else the machine does in the meantime then falls on all of them alike.

    Args:
        functions: What to time, as for ``timed``.
        repeats: Number of timed calls of each.
    """
    for function in functions:
        function()
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(repeats):
        for function, own in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            own.append(time.perf_counter() - start)
    return [Timing(statistics.median(own), min(own), max(own), repeats) for own in times]


def machine() -> dict[str, Any]:
    """Return what the figures depend on besides the code."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in VERSIONS_OF},
    }


def report(name: str, rows: list[Row], json_path: Path | None) -> None:
    """Print the table of a benchmark and write its file.

    Args:
        name: Name of the benchmark.
        rows: Its figures.
        json_path: File to write, or None.
    """
    host = machine()
    Console(width=None if Console().is_terminal else 150).print(_table(name, rows, host))
    if json_path is not None:
        write(name, rows, json_path, host)


def write(name: str, rows: Sequence[Row], json_path: Path, host: dict[str, Any]) -> None:
    """Write the file of a benchmark.

    Args:
        name: Name of the benchmark.
        rows: Its figures.
        json_path: File to write.
        host: What `machine` says.
    """
    content = {"benchmark": name, "machine": host, "rows": [row.as_json() for row in rows]}
    json_path.write_text(json.dumps(content, indent=2) + "\n")


def _table(name: str, rows: list[Row], host: dict[str, Any]) -> Table:
    table = Table(title=f"{name} on {host['cpu']}, {host['cores']} cores", title_justify="left")
    for column in ("case", "quantity", "unit"):
        table.add_column(column)
    table.add_column("ours", justify="right")
    table.add_column("spread", justify="right")
    table.add_column("peer")
    table.add_column("theirs", justify="right")
    table.add_column("ratio", justify="right")
    table.add_column("difference", justify="right")
    for row in rows:
        spread = f"{row.timing.spread:.0%}" if row.timing else ""
        theirs, ratio = _figure(row.theirs), _figure(row.ratio)
        cells = (_figure(row.ours), spread, row.peer or "", theirs, ratio)
        table.add_row(row.case, row.quantity, row.unit, *cells, _figure(row.difference))
    return table


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
