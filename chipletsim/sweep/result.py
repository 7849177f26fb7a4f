"""What a sweep found: all points, and the front of the best."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from chipletsim.report.csvs import write_csv
from chipletsim.sweep.pareto import pareto_front
from chipletsim.sweep.store import Point
from chipletsim.tables import render, si, table

_PRINTED = 20
_TIMING = "timing"
_UNITS = {"_js": "J s", "_per_s": "1/s", "_j": "J", "_s": "s"}


@dataclass(frozen=True)
class SweepResult:
    """Points of a sweep; printing it gives the Pareto front.

    Attributes:
        name: Name of the sweep.
        path: SQLite file with all points.
        paths: Dotted paths that were varied.
        objectives: Metrics that were minimised.
        points: All points that are done, in grid order.
    """

    name: str
    path: Path
    paths: tuple[str, ...]
    objectives: tuple[str, ...]
    points: tuple[Point, ...]

    @property
    def csv_path(self) -> Path:
        """CSV file with all points."""
        return self.path.with_suffix(".csv")

    @property
    def failed(self) -> int:
        """Number of points that do not fit or are not valid; exit code 6 unless 0."""
        return sum(point.status != "ok" for point in self.points)

    @cached_property
    def front(self) -> tuple[Point, ...]:
        """Points that no other of the same timing beats in every objective; best in the first one.

        A timing model is no design: `bound` would beat any other in the same package.
        """
        alike: dict[Any, list[Point]] = {}
        for point in self.points:
            if point.status == "ok":
                alike.setdefault(point.settings.get(_TIMING), []).append(point)
        kept = [point for points in alike.values() for point in self._best(points)]
        return tuple(sorted(kept, key=lambda p: [p.metrics[key] for key in self.objectives]))

    def _best(self, points: list[Point]) -> list[Point]:
        values = np.array(
            [[point.metrics.get(key, np.nan) for key in self.objectives] for point in points], float
        )
        return [point for point, keep in zip(points, pareto_front(values), strict=True) if keep]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        return {
            "name": self.name,
            "store": str(self.path),
            "csv": str(self.csv_path),
            "objectives": list(self.objectives),
            "points": [asdict(point) for point in self.points],
            "front": [point.position for point in self.front],
        }

    def write_csv(self) -> None:
        """Write all points: settings, status, metrics with units in their names, note, error."""
        metrics = list(dict.fromkeys(key for point in self.points for key in point.metrics))
        columns = ["position", *self.paths, "status", *metrics, "on_front", "note", "error"]
        best = {point.position for point in self.front}
        rows = (
            (
                point.position,
                *(_plain(point.settings.get(path)) for path in self.paths),
                point.status,
                *(point.metrics.get(key, "") for key in metrics),
                int(point.position in best),
                point.note,
                point.error,
            )
            for point in self.points
        )
        write_csv(self.csv_path, columns, rows)

    def __rich__(self) -> RenderableType:
        shown = self.front[:_PRINTED]
        rows = [
            (
                str(point.position),
                *(str(_plain(point.settings.get(path))) for path in self.paths),
                *(_amount(key, point.metrics[key]) for key in self.objectives),
            )
            for point in shown
        ]
        counts = Counter(point.status for point in self.points)
        more = f", {len(shown)} of {len(self.front)}" if len(self.front) > len(shown) else ""
        title = f"{self.name}: Pareto front of {counts['ok']:,} points{more}"
        columns = ["point", *short_names(self.paths), *(_heading(key) for key in self.objectives)]
        parts: list[RenderableType] = [table(title, columns, rows)]
        if _TIMING in self.paths:
            parts.append(Text("points of different `timing` are not compared with one another"))
        parts += [
            Text(line, style="bold yellow") for line in (*self._suspects(), *self._failures())
        ]
        parts.append(Text(f"all {len(self.points):,} points: {self.path} and {self.csv_path}"))
        return Group(*parts)

    def __str__(self) -> str:
        return render(self, width=140)

    def _suspects(self) -> list[str]:
        """Return a line for the points whose metrics are in doubt, with the first reason."""
        doubted = [point for point in self.points if point.note]
        if not doubted:
            return []
        first = doubted[0]
        return [f"{len(doubted):,} points are suspect; point {first.position}: {first.note}"]

    def _failures(self) -> list[str]:
        """Return a line for each status but ok, with the first error of that status."""
        lines = []
        for status in ("infeasible", "invalid"):
            bad = [point for point in self.points if point.status == status]
            if bad:
                first = bad[0].error.splitlines()[0] if bad[0].error else ""
                lines.append(f"{len(bad):,} points are {status}; point {bad[0].position}: {first}")
        return lines


def short_names(paths: tuple[str, ...]) -> list[str]:
    """Return the ends of dotted paths: as many parts as tell them apart, at least two.

    Example:
        >>> short_names(("package.network.link.energy_per_bit", "package.network.link.bandwidth"))
        ['link.energy_per_bit', 'link.bandwidth']
    """
    parts = [path.split(".") for path in paths]
    for length in range(2, max(map(len, parts), default=2)):
        names = [".".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return list(paths)


def _plain(value: Any) -> Any:
    """Return a setting as one cell."""
    return value if isinstance(value, str | int | float | None) else repr(value)


def _heading(metric: str) -> str:
    for suffix in _UNITS:
        metric = metric.removesuffix(suffix)
    return metric.replace("_", " ")


def _amount(metric: str, value: float) -> str:
    for suffix, unit in _UNITS.items():
        if metric.endswith(suffix):
            return si(value, unit)
    return f"{value:,.6g}"
