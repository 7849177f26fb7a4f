"""CSV files that spreadsheets can open safely."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from chipletsim.whole_files import whole_file

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write ``rows`` under ``columns``, whose names state the units.

    Text that a spreadsheet would read as a formula gets an apostrophe in front, since
    names come from files that others wrote. Numbers are written as they are.

    Args:
        path: File to write.
        columns: Column names, such as ``energy_j``.
        rows: Cells, in the order of the columns.

    Raises:
        UsageError: The file cannot be written.
    """
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([_safe(name) for name in columns])
        writer.writerows([_safe(cell) for cell in row] for row in rows)


def _safe(cell: Any) -> Any:
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return "'" + cell
    return cell
