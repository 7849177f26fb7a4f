"""Latency of an inference as a sum of named terms, and what bounds it."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import Any, NamedTuple

import numpy as np

from chipletsim.cost.energy import on_common_grid
from chipletsim.package.model import Package


class Resources(NamedTuple):
    """What can bound a row, by number.

    Attributes:
        groups: Name of the group of each, such as all tiles of a kind.
        names: Name of each single one; those beyond the last have none.
    """

    groups: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The name of each, or else its group."""
        return (*self.names, *self.groups[len(self.names) :])


def row_resources(package: Package) -> Resources:
    """Return what bounds rows by timing models of rows, as `RowTiming` numbers it."""
    links = ("die-to-die links" if link.between_dies else "on-chip links" for link in package.links)
    tiles = (f"{tile.kind} tiles" for tile in package.tiles)
    names = [tile.name for tile in package.tiles] + [link.name for link in package.links]
    return Resources((*tiles, *links, "routes", "barrier only"), tuple(names))


def message_resources(package: Package) -> Resources:
    """Return what bounds rows by models of messages, as `RowTimes` numbers it."""
    work = ("working on messages", "making messages")
    groups = (f"{tile.kind} tiles {what}" for what in work for tile in package.tiles)
    names = (f"{tile.name} {what}" for what in work for tile in package.tiles)
    return Resources((*groups, "barrier only"), tuple(names))


@dataclass(frozen=True, eq=False)
class Latency:
    """How long an inference takes, and why.

    Attributes:
        per_inference_s: Mean over samples; the exact sum of ``terms_s``.
        longest_s: The slowest sample.
        terms_s: Name to mean seconds per inference: barriers, and what bounds the steps
            beyond them: tiles of a kind, links inside dies or between them, routes.
        share_of_hardware_steps: Name of what bounds a step to the share of steps it bounds.
        bottlenecks: Single tiles and links with the hardware steps of all samples that they
            bound, most time first: (name, steps, seconds per inference).
        hardware_steps: Hardware steps of a sample.
        initiation_interval: Hardware steps from one network step to the next.
        depth: Hardware steps by which the last population lags the first.
    """

    per_inference_s: float
    longest_s: float
    terms_s: dict[str, float]
    share_of_hardware_steps: dict[str, float]
    bottlenecks: tuple[tuple[str, int, float], ...]
    hardware_steps: int
    initiation_interval: int
    depth: int

    @property
    def throughput_per_s(self) -> float:
        """Inferences per second when one follows another without overlap."""
        return 1.0 / self.per_inference_s if self.per_inference_s else float("inf")

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON, in seconds."""
        return {
            "per_inference_s": self.per_inference_s,
            "longest_s": self.longest_s,
            "throughput_per_s": self.throughput_per_s,
            "terms_s": self.terms_s,
            "share_of_hardware_steps": self.share_of_hardware_steps,
            "bottlenecks": [
                {"name": name, "hardware_steps": steps, "per_inference_s": seconds}
                for name, steps, seconds in self.bottlenecks
            ],
            "hardware_steps": self.hardware_steps,
            "initiation_interval": self.initiation_interval,
            "pipeline_depth": self.depth,
        }

    def __str__(self) -> str:
        from chipletsim.tables import render, si, table

        total = self.per_inference_s or 1.0
        lines = [
            [name, si(seconds, "s"), f"{100 * seconds / total:.1f} %", self._share(name)]
            for name, seconds in self.terms_s.items()
        ]
        lines.append(["total", si(self.per_inference_s, "s"), "100.0 %", ""])
        columns = ["term", "per inference", "share", "hardware steps it bounds"]
        return render(table("latency", columns, lines))

    def _share(self, name: str) -> str:
        share = self.share_of_hardware_steps.get(name)
        return "" if share is None else f"{100 * share:.1f} %"


def latency_report(
    latency_s: np.ndarray,
    resource: np.ndarray,
    resources: Resources,
    *,
    barrier_s: float,
    initiation_interval: int,
    depth: int,
) -> Latency:
    """Return the latency of a run.

    Args:
        latency_s: float64 [samples, rows].
        resource: int [samples, rows], what bounds each row.
        resources: Names of what ``resource`` numbers.
        barrier_s: Time of the barrier that ends each row.
        initiation_interval: Rows from one network step to the next.
        depth: Rows by which the last population lags the first.
    """
    samples, rows = latency_s.shape
    group_names = list(dict.fromkeys(resources.groups))
    group_of = {name: at for at, name in enumerate(group_names)}
    group = np.array([group_of[name] for name in resources.groups])[resource]
    beyond = np.maximum(latency_s - barrier_s, 0.0)
    terms = {"barriers": rows * barrier_s}
    share = {}
    for number, name in enumerate(group_names):
        chosen = group == number
        if chosen.any():
            share[name] = float(chosen.mean())
            terms[name] = fsum(beyond[chosen].tolist()) / samples
    exact = on_common_grid(np.array(list(terms.values()), float))
    kept = {
        name: float(value)
        for name, value in zip(terms, exact, strict=True)
        if value or name == "barriers"
    }
    return Latency(
        per_inference_s=float(sum(kept.values())),
        longest_s=max((fsum(sample.tolist()) for sample in latency_s), default=0.0),
        terms_s=kept,
        share_of_hardware_steps=share,
        bottlenecks=_bottlenecks(resources.names, beyond, resource),
        hardware_steps=rows,
        initiation_interval=initiation_interval,
        depth=depth,
    )


def _bottlenecks(
    names: tuple[str, ...], beyond_s: np.ndarray, resource: np.ndarray, most: int = 8
) -> tuple[tuple[str, int, float], ...]:
    found = []
    for number in np.unique(resource[resource < len(names)]):
        chosen = resource == number
        seconds = fsum(beyond_s[chosen].tolist()) / beyond_s.shape[0]
        found.append((names[number], int(chosen.sum()), seconds))
    return tuple(sorted(found, key=lambda item: -item[2])[:most])
