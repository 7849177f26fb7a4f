"""The sweep file: an experiment and the values to try."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chipletsim.spec.base import Spec


class SweepSpec(Spec):
    """A grid over dotted paths of an experiment."""

    name: str
    experiment: dict[str, Any] = Field(description="an experiment, or `{use: experiments/NAME}`")
    grid: dict[str, tuple[Any, ...]] = Field(
        min_length=1, description="dotted path to the values it takes; points are all combinations"
    )
    objectives: tuple[str, ...] = Field(
        ("energy_per_inference_j", "latency_per_inference_s"),
        min_length=1,
        description="metrics to minimise; they define the Pareto front",
    )
