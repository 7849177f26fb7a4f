"""What a training found: a network for each weight of the traffic, and the front of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from chipletsim.report.csvs import write_csv
from chipletsim.sweep.pareto import pareto_front
from chipletsim.tables import render, si, table

FRONT_COLUMNS = (
    "weight",
    "accuracy",
    "bits_across_dies_per_inference",
    "packet_bits_across_dies_per_inference",
    "worst_link_bits_per_inference",
    "energy_per_inference_j",
    "relative_bits",
    "accuracy_gain",
    "best_epoch",
    "epochs",
    "on_front",
)


@dataclass(frozen=True)
class TrainResult:
    """A finished training; printing it gives the front.

    Attributes:
        folder: Folder with all its files.
        summary: Contents of ``result.json``.
        reused: Whether an earlier training was found instead of made.
    """

    folder: Path
    summary: dict[str, Any]
    reused: bool

    def __rich__(self) -> RenderableType:
        summary = self.summary
        columns = (
            "weight", "accuracy", "bits across dies", "to weight 0", "in packets",
            "worst link", "energy", "best epoch", "on front",
        )  # fmt: skip
        title = f"{summary['name']}: {summary['samples']:,} {summary['judged_by']} samples"
        lines = [*summary["notes"], f"not modelled: {'; '.join(summary['not_modelled'])}"]
        found = "found" if self.reused else "written"
        return Group(
            table(title, columns, [_cells(point) for point in summary["points"]]),
            *(Text(f"  - {line}") for line in lines),
            Text(f"files {found}: {self.folder}"),
        )

    def __str__(self) -> str:
        return render(self, width=120)


def front_points(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return points with what relates them: ratio to weight 0, and whether they are on the front.

    A point is on the front if no other has both no less accuracy and no more bits on the wires
    across dies, and one of them better.

    Args:
        points: What was measured of each network, by ascending weight.
    """
    reference = next((point for point in points if point["weight"] == 0), None)
    values = [[-point["accuracy"], point["bits_across_dies_per_inference"]] for point in points]
    best = pareto_front(np.array(values, float).reshape(len(points), 2))
    return [
        {**point, **_related(point, reference), "on_front": bool(kept)}
        for point, kept in zip(points, best, strict=True)
    ]


def write_front(path: Path, points: Sequence[dict[str, Any]]) -> None:
    """Write the points as CSV, units in the column names."""
    rows = [
        ["" if point[name] is None else _plain(point[name]) for name in FRONT_COLUMNS]
        for point in points
    ]
    write_csv(path, FRONT_COLUMNS, rows)


def _related(point: dict[str, Any], reference: dict[str, Any] | None) -> dict[str, Any]:
    if reference is None:
        return {"relative_bits": None, "accuracy_gain": None}
    bits = reference["bits_across_dies_per_inference"]
    return {
        "relative_bits": point["bits_across_dies_per_inference"] / bits if bits else None,
        "accuracy_gain": point["accuracy"] - reference["accuracy"],
    }


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _cells(point: dict[str, Any]) -> tuple[str, ...]:
    ratio = point["relative_bits"]
    return (
        f"{point['weight']:g}",
        f"{point['accuracy']:.2%}",
        si(point["bits_across_dies_per_inference"], "bit"),
        "" if ratio is None else f"{ratio:.3g}x",
        si(point["packet_bits_across_dies_per_inference"], "bit"),
        si(point["worst_link_bits_per_inference"], "bit"),
        si(point["energy_per_inference_j"], "J"),
        f"{point['best_epoch']} of {point['epochs']}",
        "yes" if point["on_front"] else "",
    )
