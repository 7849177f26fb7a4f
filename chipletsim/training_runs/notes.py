"""What the user should know of a training, in words."""

from __future__ import annotations

from typing import Any

from chipletsim.report.files import FIGURES_MISSING
from chipletsim.tiles import Crossbar
from chipletsim.training_runs.prepare import Prepared


def notes(ready: Prepared, points: list[dict[str, Any]], *, figures: bool) -> list[str]:
    """Return what the figures mean, and what the cost in the loss leaves out.

    Args:
        ready: What was trained.
        points: Its figures.
        figures: Whether the front could be drawn.
    """
    found = [
        "figures are of the engine and of the price of the stored network, not of the training pass"
    ]
    if not ready.split.held_out:
        found.append(
            "the samples of these figures also chose the epochs; `test` names others to judge by"
        )
    found += [*ready.mapping.network.doubts, *_left_out(ready)]
    reasons = {point["no_nir"] for point in points if point["no_nir"]}
    found += [f"no NIR file: {reason}" for reason in sorted(reasons)]
    if not figures:
        found.append(FIGURES_MISSING)
    return found


def _left_out(ready: Prepared) -> list[str]:
    """Return what the cost in the loss takes otherwise than the price does."""
    package = ready.mapping.package
    found = ["the cost in the loss leaves out static power, since it does not know of time"]
    if any(link.spec.frame for link in package.links):
        found.append(
            "the cost in the loss takes frames of links as full, and leaves them out of bits: a"
            " lower bound"
        )
    tiles = {part.tile for part in ready.mapping.slices}
    if any(isinstance(package.tiles[tile].parameters, Crossbar) for tile in tiles):
        found.append(
            "the cost in the loss counts read-outs of crossbars exactly; once all are read, they"
            " have no gradient"
        )
    return found
