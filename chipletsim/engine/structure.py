"""The structure of a network: all that decides what is compiled, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chipletsim.engine.native.layout import Layout
from chipletsim.network.connections import Pool2d
from chipletsim.network.spans import Span


@dataclass(frozen=True)
class PopulationPlan:
    """A population, as far as it decides the program.

    Attributes:
        shape: Its shape.
        model: Key of ``NEURON_MODELS``.
        graded: Whether its events are values.
        history: Longest delay of its projections, in steps.
        works: Steps in which it works; None for every step.
        recorded: States that are kept after each step.
    """

    shape: tuple[int, ...]
    model: str
    graded: bool
    history: int
    works: Span | None = None
    recorded: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProjectionPlan:
    """A projection, as far as it decides the program.

    Attributes:
        source: Index of the sending population.
        target: Index of the receiving population.
        delay: Steps from event to current.
        pool: Pooling in front, or None.
        kind: Type of the connection, a key of ``PROJECTIONS``.
        geometry: What its kind needs to know when it is compiled; a ``NativeGeometry`` for the
            native kernels.
        port: Index of the port of the target's model.
    """

    source: int
    target: int
    delay: int
    pool: Pool2d | None
    kind: type
    geometry: Any
    port: int = 0


@dataclass(frozen=True)
class Stage:
    """Populations that run together: one over all steps, or several step by step.

    Attributes:
        populations: Their indices; delay-0 projections point forward.
        stepwise: Whether they run step by step.
    """

    populations: tuple[int, ...]
    stepwise: bool


@dataclass(frozen=True)
class Program:
    """The structure of a network: what is compiled.

    Attributes:
        populations: In the network's order.
        projections: In the network's order.
        stages: The schedule; input populations are in none.
        layouts: How the native kernels number the neurons of each population; none where
            XLA computes.
    """

    populations: tuple[PopulationPlan, ...]
    projections: tuple[ProjectionPlan, ...]
    stages: tuple[Stage, ...]
    layouts: tuple[Layout, ...]

    @property
    def native(self) -> bool:
        """Whether the native kernels run it."""
        return bool(self.layouts)

    def incoming(self, population: int) -> list[int]:
        """Return the indices of the projections to a population, in the network's order."""
        return [n for n, plan in enumerate(self.projections) if plan.target == population]

    @property
    def steps(self) -> int | None:
        """Steps that must run at once, as values come in some of them alone; None for any."""
        return max((plan.works.stop for plan in self.populations if plan.works), default=None)

    @property
    def inputs(self) -> tuple[int, ...]:
        """Indices of the input populations."""
        return tuple(i for i, plan in enumerate(self.populations) if plan.model == "input")
