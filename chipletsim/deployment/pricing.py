"""Rows through the cost program of simulated networks: their times, then all energies."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from chipletsim.cost.constants import Constants, constants_of, tiles_by_kind
from chipletsim.cost.energy import EnergyTable, energy_table
from chipletsim.cost.entries import Entries
from chipletsim.cost.incidence import Frames, Incidence, Sizes
from chipletsim.cost.program import Counted, Energies, energy, row_timing
from chipletsim.cost.tile_amounts import TileAmounts
from chipletsim.cost.tile_events import CrossbarBlocks
from chipletsim.deployment.plan import Plan
from chipletsim.deployment.schedule import Schedule
from chipletsim.deployment.traffic import Traffic
from chipletsim.noc.padding import padded
from chipletsim.noc.routes import RouteTables, route_tables
from chipletsim.package.model import Package
from chipletsim.tiles import EVENT_NAMES

CONVERSIONS = "boundary_conversions"
"""Component of encoders and decoders at die boundaries."""
_CELLS = 1 << 21
"""Numbers of a batch of rows, links or quantities of tiles by rows."""


class TimedRows(NamedTuple):
    """Rows as `row_timing` takes them.

    Attributes:
        wire_bits: float64 [links, rows].
        tiles: What happens on tiles in each row.
    """

    wire_bits: Any
    tiles: TileAmounts


class RowTimes(NamedTuple):
    """How long each row takes once, and why.

    Attributes:
        latency_s: float64 [rows], barriers left out.
        resource: int64 [rows], what bounds it, numbered as in `noc.traffic.RowTiming`.
    """

    latency_s: np.ndarray
    resource: np.ndarray


def row_times(package: Package, schedule: Schedule, traffic: Traffic) -> RowTimes:
    """Return the time of each row by the timing model `bound`, without the barrier.

    Args:
        package: The package.
        schedule: Rows and events.
        traffic: Bits on links.
    """
    incidence = _incidence(package, traffic)
    constants = constants_of(package, barrier_s=0.0)
    rows, links, tiles = len(schedule.rows), len(package.links), len(package.tiles)
    names = EVENT_NAMES
    width = _width(rows, max(links, len(names) * tiles))
    latency, resource = [], []
    events = schedule.events
    order = np.argsort(events.row, kind="stable")
    events = events._replace(
        row=events.row[order],
        quantity=events.quantity[order],
        tile=events.tile[order],
        amount=events.amount[order],
    )
    with jax.enable_x64(True):
        incidence, constants = jax.device_put((incidence, constants))
        for start in range(0, rows, width):
            size = min(width, rows - start)
            wire = np.zeros((links, width))
            wire[:, :size] = traffic.wire_bits[start : start + size].toarray().T
            longest = np.zeros(width)
            longest[:size] = traffic.longest_route_s[start : start + size]
            amounts = np.zeros((len(names), tiles, width))
            part = slice(*np.searchsorted(events.row, [start, start + size]))
            at = events.quantity[part], events.tile[part], events.row[part] - start
            np.add.at(amounts, at, events.amount[part])
            timed = TimedRows(wire, TileAmounts(amounts, names))
            found = _timed(longest, timed, incidence, constants)
            latency.append(np.asarray(found.latency_s)[:size])
            resource.append(np.asarray(found.resource)[:size])
    return RowTimes(np.concatenate(latency), np.concatenate(resource).astype(np.int64))


@partial(jax.jit)
def _timed(longest_s: Any, rows: TimedRows, incidence: Incidence, constants: Constants) -> Any:
    return row_timing(longest_s, rows, incidence, constants, "bound")


def _width(rows: int, numbers: int) -> int:
    """Return rows of a batch: a power of two, so that few programs are compiled."""
    width = _power_of_two(rows, least=32)
    while width > 8 and width * numbers > _CELLS:
        width //= 2
    return width


def energies(
    package: Package, plan: Plan, schedule: Schedule, traffic: Traffic, time_s: float
) -> EnergyTable:
    """Return all energies of a batch.

    Args:
        package: The package.
        plan: Batch and converters.
        schedule: Rows and events.
        traffic: Bits on links.
        time_s: Time over which static power is drawn.
    """
    names = EVENT_NAMES
    amounts = np.zeros((len(names), len(package.tiles)))
    times = np.array([row.times for row in schedule.rows], float)
    events = schedule.events
    np.add.at(amounts, (events.quantity, events.tile), events.amount * times[events.row])
    total = Counted(
        link_packets=traffic.link_packets[:, None],
        link_bits=traffic.link_bits[:, None],
        injected=traffic.injected[:, None],
        router_packets=traffic.router_packets[:, None],
        router_bits=traffic.router_bits[:, None],
        wire_bits=traffic.link_wire_bits[:, None],
        tiles=TileAmounts(amounts[:, :, None], names),
    )
    kinds: dict[str, Any] = dict(tiles_by_kind(package))
    with jax.enable_x64(True):
        priced = energy(total, np.float64(time_s), kinds, constants_of(package, 0.0))  # type: ignore[arg-type]
        found: Energies = jax.tree.map(np.asarray, priced)
    _add_conversions(found, plan, schedule, kinds)
    return energy_table(package, found, plan.batch)


def _add_conversions(
    found: Energies, plan: Plan, schedule: Schedule, kinds: dict[str, np.ndarray]
) -> None:
    """Add the energy of encoders and decoders on the tiles where they work."""
    if plan.conversion is None:
        return
    energy_j = (
        schedule.encoded * plan.conversion.energy_j_per_update
        + schedule.decoded * plan.conversion.energy_j_per_add
    )
    for kind, members in kinds.items():
        if energy_j[members].any():
            parts = found.tiles[kind]
            parts[CONVERSIONS] = parts.get(CONVERSIONS, 0.0) + energy_j[members]


def _incidence(package: Package, traffic: Traffic) -> Incidence:
    """Return what times of rows need of an incidence: kinds of tiles, flits and routes."""
    none = np.zeros((1, 0), np.int32)
    sources, targets = traffic.routes
    return Incidence(
        sizes=Sizes(len(package.tiles), (), (), ()),
        direct=None,
        derived=Entries(none, none, none),
        flit_bits=np.array([link.spec.flit_bits for link in package.links], np.int64),
        frames=Frames(None, None),
        crossbars=CrossbarBlocks(None, None, None, None, None),
        kinds=dict(tiles_by_kind(package)),
        routes=_padded(route_tables(package, np.zeros(sources.size, np.int64), sources, targets)),
    )


def _padded(routes: RouteTables) -> RouteTables:
    """Return tables with a power of two of nodes, so that few programs are compiled."""
    size = _power_of_two(routes.node_link.size, least=256)
    return routes._replace(
        node_link=padded(routes.node_link, size, -1),
        node_source=padded(routes.node_source, size, 0),
        jump=padded(routes.jump, size, -1),
        node_ends=padded(routes.node_ends, size, 0),
    )


def _power_of_two(number: int, least: int) -> int:
    size = least
    while size < number:
        size *= 2
    return size
