"""What was modelled and what was measured, side by side and never mixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType

from chipletsim.baseline.roofline import assumption_lines
from chipletsim.baseline.system_result import SystemRun
from chipletsim.tables import render, si, table

if TYPE_CHECKING:
    from chipletsim.measure.dense import Measured

_NOTES = (
    "two machines unless the modelled device is the one that is here; a ratio of both compares"
    " machines, not model and truth",
    "measured: the same products with random numbers, layers one after another, nothing between"
    " them; time and energy with all that JAX and the host add",
)


@dataclass(frozen=True)
class ModelledAndMeasured:
    """A dense network modelled on one device and timed on the present one; print it.

    Attributes:
        modelled: What the roofline says.
        measured: What was timed here.
    """

    modelled: SystemRun
    measured: Measured

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {"modelled": self.modelled.to_dict(), "measured": self.measured.to_dict()}

    def __rich__(self) -> RenderableType:
        modelled, measured = self.modelled, self.measured
        energy_j = measured.energy_j
        rows = [
            ("device", modelled.device.name, measured.device),
            ("number type", modelled.device.dtype, measured.dtype),
            ("kernels", sum(run.launches for run in modelled.layers), measured.kernels),
            ("latency", si(modelled.latency_s, "s"), si(measured.latency_s, "s")),
            (
                f"energy/{modelled.unit}",
                si(modelled.energy_per_unit_j, "J"),
                "-" if energy_j is None else si(energy_j / measured.batch, "J"),
            ),
        ]
        spread = f"{len(measured.times_s)} runs from {si(min(measured.times_s), 's')} to "
        spread += f"{si(max(measured.times_s), 's')}, median above"
        title = f"{modelled.model}, batch {measured.batch}"
        made = table(title, ("", "modelled", "measured here"), rows)
        notes = (spread, f"energy measured by: {measured.power}", *_NOTES)
        return Group(made, *assumption_lines(notes), "", modelled)

    def __str__(self) -> str:
        return render(self)
