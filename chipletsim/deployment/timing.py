"""Latency of a batch, its stages and layers, and what bounds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum

import numpy as np

from chipletsim.cost.energy import on_common_grid
from chipletsim.deployment.layout import Layout
from chipletsim.deployment.pricing import RowTimes
from chipletsim.deployment.schedule import Schedule
from chipletsim.package.model import Package

BARRIERS = "barriers"


@dataclass(frozen=True, eq=False)
class LayerTime:
    """Time of a layer for a batch.

    Attributes:
        name: Name of the layer.
        stage: Number of its stage.
        phases_s: Phase to seconds: move, gather, work, reduce and barriers.
        bound_by: What takes most of it.
    """

    name: str
    stage: int
    phases_s: dict[str, float]
    bound_by: str

    @property
    def latency_s(self) -> float:
        """Time of all its phases, one after another."""
        return fsum(self.phases_s.values())


@dataclass(frozen=True, eq=False)
class DeploymentTiming:
    """How long a batch takes.

    Attributes:
        latency_s: Of a batch, stages one after another; the exact sum of ``terms_s``.
        interval_s: From one batch to the next when stages work on different ones.
        stages_s: Seconds of each stage; inputs that enter count for the first.
        terms_s: What bounds rows to the seconds that it bounds.
        layers: In the order of the model.
        bottleneck: The single tile or link that bounds most time, or what does.
    """

    latency_s: float
    interval_s: float
    stages_s: tuple[float, ...]
    terms_s: dict[str, float]
    layers: tuple[LayerTime, ...]
    bottleneck: str


def timing_of(
    package: Package, schedule: Schedule, times: RowTimes, layout: Layout
) -> DeploymentTiming:
    """Add up the times of rows; a barrier ends each application of a layer."""
    used = package.tile_router[np.unique(schedule.events.tile)]
    barrier_s = package.spec.barrier_of(np.unique(used).size)
    repeated = np.array([row.times for row in schedule.rows], float)
    seconds = times.latency_s * repeated
    groups, names = _resources(package)
    terms: dict[str, list[float]] = {BARRIERS: []}
    single: dict[str, float] = {}
    phases: dict[str, dict[str, float]] = {name: {} for name in layout.parts}
    causes: dict[str, dict[str, float]] = {name: {} for name in layout.parts}
    for row, each_s, resource in zip(schedule.rows, seconds.tolist(), times.resource, strict=True):
        cause = groups[resource]
        terms.setdefault(cause, []).append(each_s)
        _add(single, names[resource], each_s)
        _add(phases[row.layer], row.phase, each_s)
        _add(causes[row.layer], cause, each_s)
    for name, count in schedule.barriers.items():
        if barrier_s:
            terms[BARRIERS].append(count * barrier_s)
            _add(phases[name], BARRIERS, count * barrier_s)
            _add(causes[name], BARRIERS, count * barrier_s)
    layers = tuple(
        LayerTime(name, max(part.stage, 0), phases[name], _most(causes[name]))
        for name, part in layout.parts.items()
    )
    stages = [
        fsum(each.latency_s for each in layers if each.stage == number)
        for number in range(len(layout.stages))
    ]
    exact = _exact({name: fsum(parts) for name, parts in terms.items()})
    return DeploymentTiming(
        latency_s=float(sum(exact.values())),
        interval_s=max(stages, default=0.0),
        stages_s=tuple(stages),
        terms_s=exact,
        layers=layers,
        bottleneck=_most(single),
    )


def _add(sums: dict[str, float], name: str, value: float) -> None:
    sums[name] = sums.get(name, 0.0) + value


def _most(sums: dict[str, float]) -> str:
    some = {name: value for name, value in sums.items() if value > 0}
    return max(some, key=lambda name: some[name]) if some else ""


def _exact(terms: dict[str, float]) -> dict[str, float]:
    """Return the terms rounded so that they add up exactly, those that are 0 left out."""
    rounded = on_common_grid(np.array(list(terms.values()), float)).tolist()
    return {name: value for name, value in zip(terms, rounded, strict=True) if value}


def _resources(package: Package) -> tuple[list[str], list[str]]:
    """Return the group and the name of each resource that can bound a row."""
    links: Iterable[str] = (
        "die-to-die links" if link.between_dies else "on-chip links" for link in package.links
    )
    groups = [*(f"{tile.kind} tiles" for tile in package.tiles), *links, "routes", "nothing"]
    names = [tile.name for tile in package.tiles] + [link.name for link in package.links]
    return groups, [*names, "the way of a packet", "nothing"]
