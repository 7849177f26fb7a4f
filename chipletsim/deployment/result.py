"""What a deployment costs: energy, time, and bits over every link and boundary."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
from rich.console import Group, RenderableType

from chipletsim.baseline.roofline import assumption_lines
from chipletsim.cost.columns import Columns
from chipletsim.cost.energy import DIE_TO_DIE, STATIC, EnergyTable, label
from chipletsim.deployment.boundaries import Crossed, boundary_table, link_classes
from chipletsim.deployment.layout import Layout
from chipletsim.deployment.notes import notes
from chipletsim.deployment.plan import Plan
from chipletsim.deployment.pricing import CONVERSIONS
from chipletsim.deployment.residence import Residence
from chipletsim.deployment.schedule import Schedule
from chipletsim.deployment.signals import KINDS
from chipletsim.deployment.timing import DeploymentTiming
from chipletsim.deployment.traffic import Traffic
from chipletsim.errors import UsageError
from chipletsim.models import Model
from chipletsim.package.model import Package
from chipletsim.tables import render, si, table
from chipletsim.tiles import EVENT_NAMES

_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Deployment:
    """What a batch of inferences of a model costs on a package; print it.

    Attributes:
        model: The model.
        package: The package.
        plan: How it was placed, and what its edges send.
        layout: Where each layer lies.
        residence: What stays on tiles and what streams from memories.
        schedule: Rows of traffic and work.
        traffic: Bits on links.
        timing: Latencies and what bounds them.
        energy: Energy by component and place; ``print`` it.
    """

    model: Model
    package: Package
    plan: Plan
    layout: Layout
    residence: Residence
    schedule: Schedule
    traffic: Traffic
    timing: DeploymentTiming
    energy: EnergyTable

    @property
    def energy_per_inference_j(self) -> float:
        """Mean energy of a sample, static energy over its latency included."""
        return self.energy.per_inference_j

    @property
    def latency_s(self) -> float:
        """Time of a batch, stages one after another."""
        return self.timing.latency_s

    @property
    def interval_s(self) -> float:
        """Time from one batch to the next when stages work on different ones."""
        return self.timing.interval_s

    @property
    def throughput_per_s(self) -> float:
        """Samples per second of the full pipeline."""
        return self.plan.batch / self.interval_s if self.interval_s else float("inf")

    @cached_property
    def boundaries(self) -> tuple[Crossed, ...]:
        """Each boundary that something crosses, for a batch, most energy first."""
        return boundary_table(self.package, self.traffic)

    @property
    def dearest_boundary(self) -> Crossed | None:
        """The boundary that takes most energy; None if nothing crosses any."""
        return self.boundaries[0] if self.boundaries else None

    @cached_property
    def link_classes(self) -> tuple[Crossed, ...]:
        """Links of the same costs together, for a batch."""
        return link_classes(self.package, self.traffic)

    @property
    def bits_across_dies(self) -> float:
        """Bits over links between dies for a batch, in whole flits."""
        return sum(each.bits for each in self.link_classes if each.between_dies)

    @property
    def memory_bits(self) -> float:
        """Bits read from and written to memory tiles for a batch."""
        return float(self.events("memory_read_bits").sum())

    def events(self, quantity: str) -> np.ndarray:
        """Return float64 [tiles]: events of a field of `TileEvents` for a batch.

        Example:
            deploy(model, package).events("synaptic_operations").sum()
        """
        events, names = self.schedule.events, EVENT_NAMES
        if quantity not in names:
            near = ", ".join(get_close_matches(quantity, names, 1) or names)
            raise UsageError(f"tiles have no events {quantity!r}; there are {near}")
        chosen = events.quantity == names.index(quantity)
        times = np.array([row.times for row in self.schedule.rows], float)
        amounts = events.amount[chosen] * times[events.row[chosen]]
        return np.bincount(events.tile[chosen], amounts, len(self.package.tiles))

    @cached_property
    def energy_by_class(self) -> dict[str, float]:
        """Class of place to joules of a batch: tile kinds, routers, links, static; exact parts."""
        kinds = np.array([tile.kind for tile in self.package.tiles] + [""])
        found: defaultdict[str, float] = defaultdict(float)
        energy = self.energy
        for number, component in enumerate(energy.components):
            cells = energy.component == number
            if component.startswith(DIE_TO_DIE):
                found["die-to-die links"] += float(energy.energy_j[cells].sum())
            elif component in (STATIC, "routers", "on-chip links", CONVERSIONS):
                found[label(component)] += float(energy.energy_j[cells].sum())
            else:
                of_cell = kinds[np.minimum(energy.place[cells], kinds.size - 1)]
                for kind in np.unique(of_cell).tolist():
                    found[f"{kind} tiles"] += float(energy.energy_j[cells][of_cell == kind].sum())
        return dict(found)

    @cached_property
    def layers(self) -> Columns:
        """Table of the layers: where they lie, and their time for a batch."""
        parts, timed = self.layout.parts, self.timing.layers
        return Columns(
            "layers",
            {
                "layer": [each.name for each in timed],
                "kind": [str(parts[each.name].layer.kind) for each in timed],
                "stage": [each.stage for each in timed],
                "tiles": [len(parts[each.name].tiles) for each in timed],
                "applications": [self._applications[each.name] for each in timed],
                "latency_s": np.array([each.latency_s for each in timed]),
                "bound_by": [each.bound_by for each in timed],
            },
        )

    @cached_property
    def stages(self) -> Columns:
        """Table of the stages: dies, tiles, weights, and their time for a batch."""
        kept: Counter[int] = Counter()
        away: Counter[int] = Counter()
        macs: Counter[int] = Counter()
        for name, part in self.layout.parts.items():
            kept[part.stage] += int(self.residence.weights.get(name, np.zeros(1)).sum())
            away[part.stage] += int(self.residence.weights_away.get(name, np.zeros(1)).sum())
            macs[part.stage] += part.layer.macs * self._applications[name] * self.plan.batch
        numbers = range(len(self.layout.stages))
        return Columns(
            "stages",
            {
                "stage": list(numbers),
                "first_die": [stage.dies[0] for stage in self.layout.stages],
                "dies": [len(stage.dies) for stage in self.layout.stages],
                "tiles": [len(stage.tiles) for stage in self.layout.stages],
                "weight_bits": [kept[number] for number in numbers],
                "weight_bits_streamed": [away[number] for number in numbers],
                "macs": [macs[number] for number in numbers],
                "latency_s": np.array(self.timing.stages_s),
            },
        )

    @cached_property
    def _applications(self) -> dict[str, int]:
        return {row.layer: row.times for row in self.schedule.rows if row.phase == "work"}

    @property
    def notes(self) -> tuple[str, ...]:
        """Assumptions, and what is not modelled."""
        return notes(self.package, self.plan)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON; of a batch unless a name says otherwise."""
        return {
            "model": self.model.name,
            "package": self.package.name,
            "plan": self.plan.model_dump(mode="json"),
            "batch": self.plan.batch,
            "energy": self.energy.to_dict(),
            "energy_by_class_j": self.energy_by_class,
            "latency_s": self.latency_s,
            "interval_s": self.interval_s,
            "throughput_per_s": self.throughput_per_s if self.interval_s else None,
            "latency_terms_s": self.timing.terms_s,
            "bottleneck": self.timing.bottleneck,
            "bits_across_dies": self.bits_across_dies,
            "memory_bits": self.memory_bits,
            "link_classes": [asdict(each) for each in self.link_classes],
            "boundaries": [asdict(each) for each in self.boundaries],
            "link_bits": dict(
                zip(
                    (link.name for link in self.package.links),
                    self.traffic.link_bits.tolist(),
                    strict=True,
                )
            ),
            "stages": self.stages.to_dict(),
            "layers": self.layers.to_dict(),
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        return (
            f"Deployment({self.model.name!r} on {self.package.name!r}: "
            f"{si(self.energy_per_inference_j, 'J')} an inference, "
            f"{si(self.latency_s, 's')} a batch of {self.plan.batch:,})"
        )

    def __rich__(self) -> RenderableType:
        return Group(
            self._summary(),
            self._energy(),
            self._latency(),
            self._links("Bits over links for a batch, whole flits", self.link_classes),
            self._links(
                f"Dearest boundaries of {len(self.boundaries):,}, for a batch",
                self.boundaries[:_SHOWN],
            ),
            *assumption_lines(self.notes),
        )

    def __str__(self) -> str:
        return render(self, width=120)

    def _summary(self) -> RenderableType:
        dies = sum(len(stage.dies) for stage in self.layout.stages)
        dearest = self.dearest_boundary
        rows = [
            ("stages", f"{len(self.layout.stages):,} on {dies:,} dies"),
            ("tensor groups", f"{len(self.layout.groups):,}"),
            ("weights", si(sum(float(b.sum()) for b in self.residence.weights.values()), "bit")),
            ("kept in memory tiles", si(float(self.residence.bits_away), "bit")),
            ("energy per inference", si(self.energy_per_inference_j, "J")),
            ("latency, one batch at a time", si(self.latency_s, "s")),
            ("interval of the pipeline", si(self.interval_s, "s")),
            ("most time is bound by", self.timing.bottleneck),
            ("bits across dies", si(self.bits_across_dies, "bit")),
            ("bits of memory tiles", si(self.memory_bits, "bit")),
            ("dearest boundary", dearest.name if dearest else "nothing crosses one"),
            ("bits over it", si(dearest.bits if dearest else 0.0, "bit")),
        ]
        sends = self.plan.activations
        title = f"{self.model.name} on {self.package.name}: {sends} activations, batch "
        return table(f"{title}{self.plan.batch:,}", ("figure", "value"), rows)

    def _energy(self) -> RenderableType:
        total = self.energy.total_j
        parts = sorted(self.energy_by_class.items(), key=lambda item: -item[1])
        rows = [self._share(name, value, total, "J") for name, value in parts if value]
        rows.append(self._share("total", total, total, "J"))
        return table("Energy by place, per inference", ("place", "energy", "share"), rows)

    def _latency(self) -> RenderableType:
        total = self.latency_s
        parts = sorted(self.timing.terms_s.items(), key=lambda item: -item[1])
        rows = [self._share(name, value, total, "s", per=1) for name, value in parts]
        rows.append(self._share("total", total, total, "s", per=1))
        return table("Latency of a batch, by what bounds it", ("term", "time", "share"), rows)

    def _share(
        self, name: str, value: float, total: float, unit: str, per: int | None = None
    ) -> tuple[str, str, str]:
        each = value / (self.plan.batch if per is None else per)
        return name, si(each, unit), f"{100 * value / total if total else 0.0:.1f}%"

    def _links(self, title: str, lines: tuple[Crossed, ...]) -> RenderableType:
        kinds = [kind for kind in KINDS if any(kind in each.bits_by_kind for each in lines)]
        rows = [
            (
                each.name,
                each.links,
                *(si(each.bits_by_kind.get(kind, 0.0), "bit") for kind in kinds),
                si(each.bits, "bit"),
                si(each.wire_bits, "bit"),
                si(each.energy_j, "J"),
            )
            for each in lines
        ]
        columns = ("links", "number", *kinds, "bits", "on the wire", "energy")
        return table(title, columns, rows)
