"""A priced package beside a dense device: energy, latency, and bits across the dies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from chipletsim.baseline.boundaries import Boundary, boundaries
from chipletsim.baseline.cuts import Cut
from chipletsim.baseline.roofline import ASSUMPTIONS, Baseline, assumption_lines
from chipletsim.network.spans import spans
from chipletsim.tables import render, si, table

if TYPE_CHECKING:
    from chipletsim.cost.price import Result

_BOUNDARY_NOTES = (
    "spikes: bits on the wires as counted, with headers, flits, frames and weight fetches",
    "dense: payload alone, perfectly packed, on the routes of the spikes, which favours it;"
    " pooling in front of a layer is done where the layer is, by either",
    "several dense devices: what their own cuts send, and the spikes of all boundaries over it",
)
_CUT_NOTES = (
    "tensor: layers split by outputs, each hidden activation gathered by all devices;"
    " pipeline: contiguous stages of even work",
    "per evaluation of one sample; T steps take T times as much",
)


@dataclass(frozen=True)
class Contender:
    """One way to compute the answer.

    Attributes:
        name: What computes it.
        method: How its figures were found.
        energy_per_inference_j: Energy per sample, idle or static power included.
        latency_s: Time from the inputs of a sample, or batch, to its answer.
        bound: What most of the latency is spent on.
    """

    name: str
    method: str
    energy_per_inference_j: float
    latency_s: float
    bound: str


@dataclass(frozen=True)
class Comparison:
    """Contenders side by side; printing it gives tables with their assumptions.

    Attributes:
        network: Name of the network.
        device: Name of the dense device.
        steps: Time steps per sample.
        batch: Samples that the device runs together.
        activation_bits: Bits of a dense activation across a boundary.
        contenders: The package first, then the ways to run on the device.
        boundaries: Bits across each die boundary.
        cuts: Traffic between several devices.
    """

    network: str
    device: str
    steps: int
    batch: int
    activation_bits: int
    contenders: tuple[Contender, ...]
    boundaries: tuple[Boundary, ...]
    cuts: tuple[Cut, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, which ``from_dict`` reads."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Comparison:
        """Return what ``to_dict`` gave, or what JSON made of it."""
        parts = dict(values)
        parts["contenders"] = tuple(Contender(**entry) for entry in values["contenders"])
        parts["cuts"] = tuple(Cut(**entry) for entry in values["cuts"])
        parts["boundaries"] = tuple(
            Boundary(**{**entry, "populations": tuple(entry["populations"])})
            for entry in values["boundaries"]
        )
        return cls(**parts)

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = [self._contender_table(), *assumption_lines(ASSUMPTIONS)]
        if self.boundaries:
            parts += [Text(), self._boundary_table(), *assumption_lines(_BOUNDARY_NOTES)]
        if any(cut.devices > 1 for cut in self.cuts):
            parts += [Text(), self._cut_table(), *assumption_lines(_CUT_NOTES)]
        return Group(*parts)

    def __str__(self) -> str:
        return render(self)

    def _contender_table(self) -> RenderableType:
        own = self.contenders[0]
        rows = [
            (
                entry.name,
                entry.method,
                si(entry.energy_per_inference_j, "J"),
                times(entry.energy_per_inference_j, own.energy_per_inference_j),
                si(entry.latency_s, "s"),
                times(entry.latency_s, own.latency_s),
                entry.bound,
            )
            for entry in self.contenders
        ]
        columns = ("", "how", "energy/inference", "ratio", "latency", "ratio", "bound by")
        return table(
            f"{self.network}: package and dense device, ratios to the package", columns, rows
        )

    def _boundary_table(self) -> RenderableType:
        rows = [
            (f"{b.source} > {b.target}", ", ".join(b.populations) or "weights", *_bits(b))
            for b in self.boundaries
        ]
        if len(rows) > 1:
            rows.append(("all boundaries", "", *_total_bits(self.boundaries)))
        rows += [self._cut_row(cut) for cut in self.cuts if cut.devices > 1]
        columns = (
            "from > to",
            "populations",
            "spikes",
            f"T=1 ANN, {self.activation_bits} bit",
            f"{self.steps} steps, {self.activation_bits} bit",
            f"{self.steps} steps, 1 bit",
            "spikes / ANN",
        )
        return table("Bits across dies per inference", columns, rows)

    def _cut_row(self, cut: Cut) -> tuple[str, ...]:
        """Return what several devices send, beside the spikes of all boundaries."""
        bitmap_bits = cut.bits // self.activation_bits * self.steps
        amounts = (cut.bits, cut.bits * self.steps, bitmap_bits)
        spikes = sum(boundary.spike_bits for boundary in self.boundaries)
        name = f"{cut.devices} x {self.device}, {cut.kind}"
        return (name, "", "", *(si(bits, "bit") for bits in amounts), times(spikes, cut.bits))

    def _cut_table(self) -> RenderableType:
        rows = [
            (
                f"{cut.devices} x {self.device}",
                cut.kind,
                si(cut.bits, "bit"),
                si(cut.time_s, "s"),
                si(cut.energy_j, "J"),
            )
            for cut in self.cuts
            if cut.devices > 1
        ]
        title = f"Dense activations between devices, {self.activation_bits} bit each"
        return table(title, ("", "cut", "traffic", "time", "energy"), rows)


def compare(result: Result, baseline: Baseline) -> Comparison:
    """Return a priced package and a dense device side by side.

    A baseline without a number of steps takes that of the result.

    Args:
        result: What `price` returned.
        baseline: What `baseline` returned for the same network.
    """
    dense = replace(baseline, steps=baseline.steps or result.steps)
    own = Contender(
        name=f"{result.mapping.package.name} (spikes, {result.steps} steps)",
        method=f"modelled, {result.timing} timing",
        energy_per_inference_j=result.energy_per_inference_j,
        latency_s=result.latency_per_inference_s,
        bound=max(result.latency.terms_s, key=lambda term: result.latency.terms_s[term]),
    )
    others = (
        Contender(
            name=f"{dense.device.name}, {run.name}",
            method=f"modelled, roofline, batch {run.batch}",
            energy_per_inference_j=run.energy_per_inference_j,
            latency_s=run.latency_s,
            bound=run.bound,
        )
        for run in dense.runs
    )
    return Comparison(
        network=dense.network.name,
        device=dense.device.name,
        steps=result.steps,
        batch=dense.batch,
        activation_bits=dense.activation_bits,
        contenders=(own, *others),
        boundaries=boundaries(
            result.mapping,
            result.link_wire_bits / result.samples,
            result.steps,
            dense.activation_bits,
        ),
        # Cuts are of one evaluation of all layers, which such networks do not have.
        cuts=() if any(each.works for each in spans(dense.network)) else dense.cuts,
    )


def times(value: float, reference: float) -> str:
    """Return how many times ``reference`` goes into ``value``, such as ``12.3x``."""
    return f"{value / reference:.3g}x" if reference else "-"


def _bits(boundary: Boundary) -> tuple[str, ...]:
    return _total_bits((boundary,))


def _total_bits(parts: tuple[Boundary, ...]) -> tuple[str, ...]:
    spikes = sum(part.spike_bits for part in parts)
    ann = sum(part.ann_bits for part in parts)
    dense = sum(part.dense_bits for part in parts)
    bitmap = sum(part.bitmap_bits for part in parts)
    amounts = (si(amount, "bit") for amount in (spikes, ann, dense, bitmap))
    return (*amounts, times(spikes, ann))
