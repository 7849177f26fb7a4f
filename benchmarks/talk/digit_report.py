"""Tables, files and figures of the digits benchmarks."""

from __future__ import annotations

import json
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.harness import Row, machine
from benchmarks.talk.digit_findings import Point

CODES = (
    "dense",
    "masked",
    "gaps + values",
    "events",
    "bitmap",
    "blocks",
    "gaps",
    "counts",
    "masked counts",
)
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_MARKERS = ("o", "s", "^", "D", "v", "P")


def points_table(points: list[Point]) -> Table:
    """Return accuracy and bits of all points."""
    table = Table(
        title="Bits across the die boundary per inference",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("network", no_wrap=True)
    for name in ("weight", "accuracy", "rate", *CODES):
        table.add_column(name, justify="right")
    table.add_column("best")
    table.add_column("payload", justify="right")
    table.add_column("wire", justify="right")
    before = ""
    for point in points:
        own = point.outcome
        codes = [f"{own.codes[name]:,.0f}" if name in own.codes else "" for name in CODES]
        table.add_row(
            point.case if point.case != before else "",
            f"{own.event_weight:g}",
            f"{own.accuracy:.1%}",
            f"{own.rate:.3f}",
            *codes,
            own.best,
            f"{own.payload:,.0f}",
            f"{own.wire:,.0f}",
        )
        before = point.case
    return table


def write_json(path: Path, name: str, rows: list[Row]) -> None:
    """Write rows as all benchmarks do."""
    content = {"benchmark": name, "machine": machine(), "rows": [row.as_json() for row in rows]}
    path.write_text(json.dumps(content, indent=2) + "\n")


def write_points_figure(path: Path, points: list[Point], reference: str) -> None:
    """Draw accuracy against payload and against bits on the wire, a line for each network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    families = list(dict.fromkeys(each.family for each in points))
    named = list(dict.fromkeys(each.case for each in points))
    floor = next(each.outcome.accuracy for each in points if each.case == reference) - 0.01
    for place, what in zip(axes, ("payload", "wire"), strict=True):
        for case in named:
            own = [each for each in points if each.case == case]
            number = families.index(own[0].family)
            of_family = [each for each in named if _family(points, each) == own[0].family]
            place.plot(
                [getattr(each.outcome, what) for each in own],
                [100 * each.outcome.accuracy for each in own],
                color=_COLOURS[number],
                marker=_MARKERS[of_family.index(case) % len(_MARKERS)],
                alpha=0.9,
                label=case,
            )
        place.axhline(100 * floor, color="#999999", linestyle=":")
        place.set_xscale("log")
        place.set_xlabel(f"{what} bits across the boundary per inference")
        place.grid(alpha=0.3)
    axes[0].set_ylabel("held-out accuracy (%)")
    axes[1].legend(fontsize=7, loc="lower right")
    figure.savefig(path, dpi=150)


def _family(points: list[Point], case: str) -> str:
    return next(each.family for each in points if each.case == case)
