"""Result tables: named columns with units, printed aligned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_UNITS = {"_j": "J", "_s": "s", "_w": "W"}
_PRINTED = 20


@dataclass(frozen=True, eq=False)
class Columns:
    """A table by columns; the names of float columns carry their unit.

    Attributes:
        title: What the rows are.
        data: Column name to its values, all of one length.
        sort_by: Column by which printing puts the largest first, and leaves out rows where
            it is 0; None prints all in order.
    """

    title: str
    data: Mapping[str, Any]
    sort_by: str | None = None

    def __len__(self) -> int:
        return len(next(iter(self.data.values())))

    def __getitem__(self, column: str) -> Any:
        return self.data[column]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows as plain Python values, in the order of the package or network."""
        plain = [np.asarray(values).tolist() for values in self.data.values()]
        yield from zip(*plain, strict=True)

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the columns as plain lists, for JSON."""
        return {name: np.asarray(values).tolist() for name, values in self.data.items()}

    def __str__(self) -> str:
        from chipletsim.tables import render, table

        rows, title = self._printed()
        shown = [[_cell(name, v) for name, v in zip(self.data, row, strict=True)] for row in rows]
        return render(table(title, [_heading(name) for name in self.data], shown), width=160)

    def __repr__(self) -> str:
        return f"Columns({self.title!r}, {len(self):,} rows of {', '.join(self.data)})"

    def _printed(self) -> tuple[list[tuple[Any, ...]], str]:
        """Return the rows to print, and the title, which tells of any that are left out."""
        rows, order = list(self.rows()), ""
        if self.sort_by is not None:
            key = list(self.data).index(self.sort_by)
            rows = sorted((row for row in rows if row[key]), key=lambda row: -row[key])
            order = f", by {_heading(self.sort_by)}"
        rows = rows[:_PRINTED]
        if len(rows) == len(self):
            return rows, self.title
        return rows, f"{self.title} ({len(rows)} of {len(self):,}{order})"


def _heading(name: str) -> str:
    for suffix in _UNITS:
        name = name.removesuffix(suffix)
    return name.replace("_", " ")


def _cell(name: str, value: Any) -> Any:
    from chipletsim.tables import si

    if value is None:
        return ""
    for suffix, unit in _UNITS.items():
        if name.endswith(suffix):
            return si(float(value), unit)
    if name.endswith("share") or name == "utilisation":
        return f"{100 * value:.2f} %"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else value
