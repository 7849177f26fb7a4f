"""Which timing model a run was timed by, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from chipletsim.cost.interconnect import Interconnect
    from chipletsim.cost.row_times import PortSums
    from chipletsim.cost.rows import RowTotals


@dataclass(frozen=True)
class Timed:
    """The timing model of a run.

    Attributes:
        asked: Name that was asked for.
        model: Model that was used; of hardware steps by several, the one that is not `bound`.
        why: Why it was, in a few words.
        steps: Model to the hardware steps of all samples that it timed.
        forced: Whether the package or the machine is such that no other model could be used.
    """

    asked: str
    model: str
    why: str
    steps: dict[str, int]
    forced: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {"asked": self.asked, "why": self.why, "hardware_steps": dict(self.steps)}

    def __str__(self) -> str:
        parts = [f"{count:,} by `{name}`" for name, count in self.steps.items()]
        steps = f"; hardware steps: {', '.join(parts)}" if len(parts) > 1 else ""
        return f"timing `{self.model}`, {self.why}{steps}"


class TimedRun(NamedTuple):
    """A run with the times of its rows.

    Attributes:
        totals: What is left of the rows.
        ports: Of each package what its links did; None where the model does not tell.
        timed: Of each package by which model.
        interconnect: Of each package what packets and links did, where it was gathered and the
            model followed rows; it says how many.
    """

    totals: RowTotals
    ports: list[PortSums | None]
    timed: list[Timed]
    interconnect: list[Interconnect | None]


def as_asked(timing: str, steps: int) -> Timed:
    """Return that a run was timed by the model that was asked for.

    Args:
        timing: Its name.
        steps: Hardware steps of all samples.
    """
    return Timed(timing, timing, "as asked for", {timing: steps})
