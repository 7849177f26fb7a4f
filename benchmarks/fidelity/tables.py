"""The tables of fidelity in README.md files, from the figures in ``figures.json``.

``python -m benchmarks.fidelity.tables`` writes them; a test compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FIGURES = Path(__file__).with_name("figures.json")
FILES = {Path(__file__).with_name("README.md"): "all", ROOT / "README.md": "summary"}
MARKED = re.compile(r"(<!-- fidelity -->\n).*?(<!-- end -->)", re.DOTALL)
COUNTED = {"spikes", "membranes", "1"}
"""Units of figures whose difference is a number of entries, so that it adds up."""

PER_LAYER = ("spikes", "membranes", "largest")
"""What quantities of layers begin with."""

CHAOTIC = {"steps with the same spikes", "rate"}
"""Figures of networks that part by rounding, each a line of its own."""

Figures = list[dict[str, Any]]


def full_table(figures: Figures) -> str:
    """Return a line for each figure."""
    head = ("tool", "case", "quantity", "unit", "chipletsim", "tool's own", "difference")
    lines = [
        (
            row["peer"] or "",
            row["case"],
            row["quantity"],
            row["unit"],
            figure(row["ours"]),
            figure(row["theirs"]),
            figure(row.get("difference")),
        )
        for row in figures
    ]
    return _markdown(head, lines)


def summary_table(figures: Figures) -> str:
    """Return a line for each tool and quantity: sums over cases, and how far they are apart."""
    groups: dict[tuple[str, str, str], Figures] = {}
    for row in figures:
        if row.get("difference") is not None:
            name = _kind(row["quantity"])
            groups.setdefault((row["peer"], name, row["unit"]), []).append(row)
        elif row["theirs"] is not None and row["quantity"] in CHAOTIC:
            groups[row["peer"], f"{row['quantity']}: {row['case']}", row["unit"]] = [row]
    head = ("tool", "quantity", "cases", "unit", "chipletsim", "tool's own", "difference")
    lines = []
    for (tool, quantity, unit), rows in groups.items():
        cases = len({row["case"] for row in rows})
        sums = [figure(sum(row[side] for row in rows)) for side in ("ours", "theirs")]
        apart = [row.get("difference", row["ours"] - row["theirs"]) for row in rows]
        off = figure(sum(apart) if unit in COUNTED and all(_whole(apart)) else max(apart))
        lines.append((tool, quantity, f"{cases}", unit, *sums, off))
    return _markdown(head, lines)


def filled(text: str, kind: str, figures: Figures) -> str:
    """Return the text of a file with its table in place."""
    table = full_table(figures) if kind == "all" else summary_table(figures)
    return MARKED.sub(lambda match: f"{match[1]}{table}{match[2]}", text)


def figure(value: float | None) -> str:
    """Return a number as it is printed; nothing where there is none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value == round(value) else f"{value:.6g}"


def _kind(quantity: str) -> str:
    """Return a quantity without the layer that it is of."""
    return quantity.partition(" of ")[0] if quantity.startswith(PER_LAYER) else quantity


def _whole(values: Iterable[float]) -> list[bool]:
    return [value == round(value) for value in values]


def _markdown(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    rows = [head, ("---",) * len(head), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    """Write the tables."""
    figures = json.loads(FIGURES.read_text())["rows"]
    for path, kind in FILES.items():
        path.write_text(filled(path.read_text(), kind, figures))


if __name__ == "__main__":
    main()
