"""Times of rows by models that follow single messages, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from chipletsim.cost.restart import Restartable
from chipletsim.cost.updates import untold
from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import Pipeline
from chipletsim.noc import message_model
from chipletsim.noc.message_plan import message_plan
from chipletsim.noc.message_times import plan_times
from chipletsim.noc.message_timing import CoreMesh, MessageTiming, core_mesh, flat_mesh
from chipletsim.noc.messages import RowEvents, message_lists
from chipletsim.package.model import Package

_CELLS = 1 << 20
"""Neurons times rows that are listed at once; a dozen arrays have this size."""


class RowTimes(NamedTuple):
    """Times of all rows of a run.

    Attributes:
        latency_s: float64 [packages, samples, rows], the barrier included.
        resource: int32 [packages, samples, rows], what bounds each row: a tile that works on
            messages it received (its index), one that makes messages (number of tiles + its
            index), or nothing but the barrier (twice the number of tiles).
    """

    latency_s: np.ndarray
    resource: np.ndarray


class MessageTimer(Restartable):
    """Lists the messages of rows, and times them on several packages.

    Args:
        mapping: Where the network lives.
        packages: Packages with tiles like those of the mapping's.
        pipeline: In which row a population runs.
        timing: Name of a model of messages.

    Raises:
        ConfigError: A tile in use has no times for single messages, or the model needs a mesh.
    """

    def __init__(
        self, mapping: Mapping, packages: Sequence[Package], pipeline: Pipeline, timing: str
    ) -> None:
        self._network, self._pipeline = mapping.network, pipeline
        self._model = message_model(timing)
        self._plan = message_plan(mapping)
        self._times = [plan_times(self._plan, package) for package in packages]
        self._meshes = [self._mesh(timing, *each) for each in zip(packages, self._times, strict=True)]
        routers = mapping.routers_in_use
        self._barriers_s = [package.spec.barrier_of(routers) for package in packages]
        self._depth = int(pipeline.stage.max(initial=0))
        self._begin()

    def _mesh(self, timing: str, package: Package, times: PlanTimes) -> CoreMesh:
        if timing == "detailed":
            return core_mesh(self._plan, package, times.hop_s)
        return flat_mesh(self._plan, times.hop_s)

    def _begin(self) -> None:
        self._steps = 0
        self._rows = 0
        self._held: dict[str, list[np.ndarray]] = {}
        self._found: list[list[RowTimes]] = []
