"""Timing `simple` and `detailed` of rows: cores that send one another messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from chipletsim.cost.packet_rows import Told
from chipletsim.cost.row_times import PortSums, RowTimes, stacked
from chipletsim.errors import ConfigError, Problem
from chipletsim.noc import message_model
from chipletsim.noc.message_plan import MessagePlan
from chipletsim.noc.message_times import PlanTimes, plan_times
from chipletsim.noc.message_timing import CoreMesh, core_mesh, flat_mesh
from chipletsim.noc.messages import RowEvents, message_lists
from chipletsim.package.model import Package

MOST_CELLS = 1 << 20
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
        ConfigError: A tile in use has no times for single messages, the model needs a mesh, or
            steps run freely.
    """
    if package.spec.runs_freely:
        message = (
            f"timing `{timing}` follows steps that barriers end, and those of this package run "
            "freely (`synchronisation`); use `bound`, `queue` or `cycle`"
        )
        raise ConfigError([Problem(message, "timing")])
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


class CoreRows:
    """Timing `simple` or `detailed` on several packages.

    Args:
        plan: Messages of a mapping.
        packages: With tiles like those of the mapping's.
        timing: Name of the model.
        routers: Routers in use.

    Raises:
        ConfigError: A tile in use has no times for single messages, or the model needs a mesh.
    """

    most_rows = MOST_CELLS
    refused: dict[int, str]

    def __init__(
        self, plan: MessagePlan, packages: Sequence[Package], timing: str, routers: int
    ) -> None:
        self._cores = [cores_of(plan, package, timing, routers) for package in packages]
        self._resource = resources_of(plan)
        self._plan = plan
        self.packages, self.refused = len(packages), {}

    def timed(
        self, events: RowEvents, timing: str, told: Told | None = None
    ) -> tuple[RowTimes, list[PortSums]]:
        """Return the times of rows, see `RowModel`."""
        model = message_model(timing)
        found = []
        for cores in self._cores:
            timed = model(message_lists(self._plan, cores.times, events), cores.mesh)
            resource = self._resource[timed.resource].astype(np.int32)
            nowhere = np.zeros(resource.size, bool)
            found.append(RowTimes(timed.latency_s + cores.barrier_s, resource, nowhere))
        return stacked(found), []

    def flit_hops(self, events: np.ndarray, steps: int) -> int:
        """Return 0, as messages have no flits here."""
        return 0
