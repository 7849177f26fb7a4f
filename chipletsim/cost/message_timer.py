"""Times of rows by models that follow single messages, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from chipletsim.cost.batch import Window
from chipletsim.cost.packet_rows import PacketRows
from chipletsim.cost.restart import Restartable
from chipletsim.cost.row_events import StepEvents
from chipletsim.cost.row_times import RowTimes
from chipletsim.engine.activity import Activity
from chipletsim.engine.rates import RateActivity
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import Pipeline
from chipletsim.noc import PACKET_MODELS, message_model
from chipletsim.noc.message_plan import MessagePlan, message_plan
from chipletsim.noc.message_times import PlanTimes, plan_times
from chipletsim.noc.message_timing import CoreMesh, core_mesh, flat_mesh
from chipletsim.noc.messages import RowEvents, message_lists
from chipletsim.package.model import Package

_CELLS = 1 << 20
"""Neurons times rows that are listed at once; a dozen arrays have this size."""


class Cores(NamedTuple):
    """The cores of a package, as models of messages need them.

    Attributes:
        times: Times of the package.
        mesh: Where the cores stand.
        barrier_s: Time of the barrier that ends each row.
    """

    times: PlanTimes
    mesh: CoreMesh
    barrier_s: float


def cores_of(plan: MessagePlan, package: Package, timing: str, routers: int) -> Cores:
    """Return the cores of a package.

    Args:
        plan: Of a mapping to tiles like those of the package.
        package: The package.
        timing: Name of a model of messages.
        routers: Routers in use.

    Raises:
        ConfigError: A tile in use has no times for single messages, or the model needs a mesh.
    """
    times = plan_times(plan, package)
    if timing == "detailed":
        mesh = core_mesh(plan, package, times.hop_s)
    else:
        mesh = flat_mesh(plan, times.hop_s)
    return Cores(times, mesh, package.spec.barrier_of(routers))


def resources_of(plan: MessagePlan) -> np.ndarray:
    """Return int64 [resources]: those of a `MessageTiming` as `RowTimes` numbers them."""
    tiles = plan.tile.size
    return np.concatenate([plan.tile, tiles + plan.tile, [2 * tiles]])


def require_listed(window: Window, timing: str) -> None:
    """Refuse firing rates.

    Raises:
        UsageError: The activity is drawn from rates.
    """
    if isinstance(window, RateActivity):
        raise UsageError(
            f"timing `{timing}` follows single messages, which firing rates do not tell; "
            "simulate the network, or use `bound`"
        )


class RowModel(Protocol):
    """A timing model that follows single messages, on one package."""

    def timed(self, events: RowEvents) -> RowTimes:
        """Return the times of rows, each [rows], the barrier included.

        Args:
            events: What neurons did, in the order of the message plan.
        """
        ...


class CoreRows:
    """Timing `simple` or `detailed` on a package.

    Args:
        plan: Messages of a mapping.
        package: With tiles like those of the mapping's.
        timing: Name of the model.
        routers: Routers in use.

    Raises:
        ConfigError: A tile in use has no times for single messages, or the model needs a mesh.
    """

    def __init__(self, plan: MessagePlan, package: Package, timing: str, routers: int) -> None:
        self._cores = cores_of(plan, package, timing, routers)
        self._model = message_model(timing)
        self._resource = resources_of(plan)
        self._plan = plan

    def timed(self, events: RowEvents) -> RowTimes:
        """Return the times of rows, see `RowModel`."""
        lists = message_lists(self._plan, self._cores.times, events)
        timed = self._model(lists, self._cores.mesh)
        return RowTimes(timed.latency_s + self._cores.barrier_s, self._resource[timed.resource])


class MessageTimer(Restartable):
    """Lists the messages of rows, and times them on several packages.

    Args:
        mapping: Where the network lives.
        packages: Packages with tiles like those of the mapping's.
        pipeline: In which row a population runs.
        timing: Name of a model of messages, or of packets.

    Raises:
        ConfigError: The model does not follow a tile in use, or what else is on the package.
    """

    def __init__(
        self, mapping: Mapping, packages: Sequence[Package], pipeline: Pipeline, timing: str
    ) -> None:
        self._events = StepEvents(mapping.network, pipeline)
        plan = message_plan(mapping)
        self._neuron = plan.neuron
        self._models: list[RowModel] = [
            PacketRows(mapping, plan, package, timing)
            if timing in PACKET_MODELS
            else CoreRows(plan, package, timing, mapping.routers_in_use)
            for package in packages
        ]
        self._begin()

    def _begin(self) -> None:
        self._events = self._events.fresh()
        self._found: list[RowTimes] = []
        self._done: list[RowTimes] = []

    def add(self, window: Activity) -> None:
        """Time the rows that are complete with the next steps of all samples."""
        self._time(self._events.push(window))

    def next_samples(self) -> None:
        """End the samples added so far: what is added from now on is of further samples."""
        self._time(self._events.close())
        self._done.append(_joined(self._found, axis=2))
        self._events, self._found = self._events.fresh(), []

    def close(self) -> RowTimes:
        """Return the times of all rows of the samples that are ended, one batch after the other."""
        return _joined(self._done, axis=1)

    def _time(self, rows: int) -> None:
        """Time rows that are complete, some at a time."""
        samples, packages = self._events.samples, len(self._models)
        found = RowTimes(
            np.zeros((packages, samples * rows)), np.zeros((packages, samples * rows), np.int32)
        )
        width = max(_CELLS // max(self._neuron.size, 1), 1)
        for first in range(0, samples * rows, width):
            part = np.arange(first, min(first + width, samples * rows))
            events = self._events.of_rows(part // rows, part % rows, self._neuron)
            for number, model in enumerate(self._models):
                timed = model.timed(events)
                found.latency_s[number, part] = timed.latency_s
                found.resource[number, part] = timed.resource
        self._found.append(RowTimes(*(each.reshape(packages, samples, rows) for each in found)))


def _joined(parts: list[RowTimes], axis: int) -> RowTimes:
    return RowTimes(*(np.concatenate(each, axis=axis) for each in zip(*parts, strict=True)))
