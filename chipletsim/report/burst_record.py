"""A timed burst beside what another simulator recorded of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chipletsim.exchange.bursts.recorded import Recorded

_PARTS = ("head left", "tail came", "routers visited")


@dataclass(frozen=True)
class Comparison:
    """How a burst compares to its record; times in cycles.

    Attributes:
        packets: Packets that were recorded, or None.
        different: How many of them differ, in any of the three numbers; None likewise.
        first: Of those that differ, the one that was recorded to arrive first, by its number in
            the file; None if none does.
        recorded: What was recorded of that one: head left, tail came, routers visited.
        found: What was found of it.
        mean_difference: Mean of found less recorded arrival.
        max_difference: Greatest difference of arrivals, either way.
        figures: Figures that differ: name to what was recorded and found.
    """

    packets: int | None
    different: int | None
    first: int | None
    recorded: tuple[int, ...] | None
    found: tuple[int, ...] | None
    mean_difference: float | None
    max_difference: int | None
    figures: dict[str, tuple[float, float]]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return it in words, a line each."""
        found = []
        if self.packets is not None and not self.different:
            found.append(f"recorded: every one of {self.packets:,} packets at its recorded cycle")
        elif self.recorded is not None and self.found is not None:
            parts = [
                f"{part} {own:,} for {theirs:,}"
                for part, own, theirs in zip(_PARTS, self.found, self.recorded, strict=True)
                if own != theirs
            ]
            found += [
                f"recorded: {self.different:,} of {self.packets:,} packets differ; the first to"
                f" arrive of these is packet {self.first} of the file: {', '.join(parts)}",
                f"recorded: arrivals are {self.mean_difference:+.4g} cycles off on average, at"
                f" most {self.max_difference:,}",
            ]
        found += [
            f"recorded: {name.replace('_', ' ')} {own:,.6g} for {theirs:,.6g}"
            + (f" ({own / theirs - 1:+.1%})" if theirs else "")
            for name, (theirs, own) in self.figures.items()
        ]
        if self.packets is None and not self.figures:
            found.append("recorded: all figures as recorded")
        return found


def compare(
    recorded: Recorded, packets: Sequence[Sequence[Any]], figures: Mapping[str, float]
) -> Comparison:
    """Compare what was found to a record.

    Args:
        recorded: The record.
        packets: Head left, tail came and routers visited of each packet, in the order of the file.
        figures: Figures by name, of which six digits are compared, as records have means.
    """
    differing = {
        name: (value, figures[name])
        for name, value in recorded.figures.items()
        if float(f"{value:.6g}") != float(f"{figures[name]:.6g}")
    }
    if recorded.packets is None:
        return Comparison(None, None, None, None, None, None, None, differing)
    found = np.array(packets, np.int64)
    wrong = (found != recorded.packets).any(1)
    apart = found[:, 1] - recorded.packets[:, 1]
    first = None
    if wrong.any():
        rows = np.flatnonzero(wrong)
        first = int(rows[recorded.packets[rows, 1].argmin()])
    return Comparison(
        len(found),
        int(wrong.sum()),
        first,
        None if first is None else tuple(recorded.packets[first].tolist()),
        None if first is None else tuple(found[first].tolist()),
        float(f"{apart.mean():.6g}"),
        int(np.abs(apart).max()),
        differing,
    )
