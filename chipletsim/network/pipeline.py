"""The barrier pipeline: in which hardware step a population runs.

Barrier-synchronised hardware takes one step per projection, so spikes come later by the
length of their path; they do not change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.network.model import Network
from chipletsim.network.schedule import projection_edges
from chipletsim.network.spans import Span, spans


@dataclass(frozen=True)
class Pipeline:
    """Hardware row of each population in each network step.

    Population p in network step t runs in row ``initiation_interval * t + stage[p]``.

    Attributes:
        stage: int64 [populations].
        initiation_interval: Rows from one network step to the next.
        works: For each population, the network steps in which it works; None for every step.
        sends: For each population, those in which it sends.
    """

    stage: np.ndarray
    initiation_interval: int
    works: tuple[Span | None, ...] = ()
    sends: tuple[Span | None, ...] = ()

    @property
    def in_spans(self) -> bool:
        """Whether some population does not work in every step."""
        return any(self.works)

    def ticks(self, population: int, first: int, steps: int) -> range:
        """Return in which of ``steps`` steps from ``first`` on a population works, from 0."""
        return _inside(self.works[population] if self.works else None, first, steps)

    def sending(self, population: int, first: int, steps: int) -> range:
        """Return in which of ``steps`` steps from ``first`` on a population sends, from 0."""
        return _inside(self.span(population), first, steps)

    def span(self, population: int) -> Span | None:
        """Return the steps in which a population sends; None for every step."""
        return self.sends[population] if self.sends else None

    def rows(self, steps: int) -> int:
        """Return the hardware rows of a sample of ``steps`` network steps."""
        return self.initiation_interval * (steps - 1) + 1 + int(self.stage.max(initial=0))


def stages(network: Network) -> Pipeline:
    """Return the pipeline with the least initiation interval, and the least stages.

    ``stage[target] >= stage[source] + 1 - initiation_interval * delay`` holds for every
    projection. A cycle of n projections with delays that sum to d needs
    ``n <= initiation_interval * d``, so the interval is the largest n / d, rounded up
    (the maximum cycle ratio). It is found by bisection over the interval; the stages are
    longest paths from 0 (Bellman and Ford).

    Args:
        network: A network whose cycles all hold a delay.

    Raises:
        ValueError: A cycle holds no delay.
    """
    count = len(network.populations)
    sources, targets = np.array(projection_edges(network), np.int64).reshape(-1, 2).T
    delays = np.array([projection.delay for projection in network.projections], np.int64)

    def longest(interval: int) -> np.ndarray | None:
        return _longest_paths(count, sources, targets, 1 - interval * delays)

    low, high = 1, max(count, 1)
    stage = longest(high)
    if stage is None:
        raise ValueError("a cycle of projections holds no delay")
    while low < high:
        middle = (low + high) // 2
        shorter = longest(middle)
        if shorter is None:
            low = middle + 1
        else:
            high, stage = middle, shorter
    works, sends = zip(*spans(network), strict=True)
    return Pipeline(stage, high, works, sends)


def _inside(span: Span | None, first: int, steps: int) -> range:
    """Return the steps of a span among ``steps`` steps from ``first`` on, from 0."""
    if span is None:
        return range(steps)
    return range(max(span.first - first, 0), min(span.stop - first, steps))


def _longest_paths(
    count: int, sources: np.ndarray, targets: np.ndarray, lengths: np.ndarray
) -> np.ndarray | None:
    """Return int64 [count]: least values >= 0 with every edge met, or None on a positive cycle."""
    stage = np.zeros(count, np.int64)
    for _ in range(count + 1):
        longer = stage.copy()
        np.maximum.at(longer, targets, stage[sources] + lengths)
        if np.array_equal(longer, stage):
            return stage
        stage = longer
    return None
