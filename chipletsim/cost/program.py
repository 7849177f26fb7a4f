"""The cost program: from events of classes to traffic, times and energies.

``cost`` is one function of (counts, incidence, constants) that JAX compiles; it can be
mapped over constants, whose whole-number part is then not repeated, and differentiated
in every one of them. Long runs go through it in batches of rows: what their events add by
themselves (``direct_amounts``, or a native kernel), ``count`` for each batch, whose whole
numbers add up exactly, ``row_timing`` for each batch and package, then ``energy`` once on
the totals.

Run under ``jax.enable_x64``: counts are int64 and the rest float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from chipletsim.cost.constants import Constants
from chipletsim.cost.entries import Entries
from chipletsim.cost.incidence import NETWORK_QUANTITIES, Frames, Incidence
from chipletsim.cost.tile_amounts import TileAmounts
from chipletsim.noc import timing_model
from chipletsim.noc.bound import RouteTimes, class_routes, route_times
from chipletsim.noc.traffic import NetworkTimes, RowTiming, RowTraffic
from chipletsim.tiles import TILE_KINDS


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "link_packets",
        "link_bits",
        "injected",
        "router_packets",
        "router_bits",
        "wire_bits",
        "tiles",
    ],
    meta_fields=[],
)
@dataclass(frozen=True, eq=False)
class Counted:
    """Whole numbers of each row, or their totals with a last axis of 1.

    Attributes:
        link_packets: int64 [links, rows].
        link_bits: int64 [links, rows], whole flits, and messages of links that encode.
        injected: int64 [routers, rows], packets that tiles inject.
        router_packets: int64 [routers, rows], packets that enter, from links or tiles.
        router_bits: int64 [routers, rows], bits of those packets.
        wire_bits: int64 [links, rows], whole frames (of encoding links without any, flits).
        tiles: What happened on tiles.
    """

    link_packets: Any
    link_bits: Any
    injected: Any
    router_packets: Any
    router_bits: Any
    wire_bits: Any
    tiles: TileAmounts


class Energies(NamedTuple):
    """Energy by component and place, in joules.

    Attributes:
        tiles: Tile kind to component to float64 [tiles of that kind].
        routers: float64 [routers].
        links: float64 [links].
        static_tiles: Tile kind to float64 [tiles of that kind].
        static_routers: float64 [routers].
        static_links: float64 [links].
        static_chiplets: float64 [chiplets].
        static_package: float64.
    """

    tiles: dict[str, dict[str, Any]]
    routers: Any
    links: Any
    static_tiles: dict[str, Any]
    static_routers: Any
    static_links: Any
    static_chiplets: Any
    static_package: Any


class Costs(NamedTuple):
    """Everything that ``cost`` returns: whole numbers, times and energies."""

    counted: Counted
    timing: RowTiming
    energies: Energies


def cost(counts: Array, incidence: Incidence, constants: Constants, timing: str) -> Costs:
    """Price all rows at once.

    Args:
        counts: int64 [rows, classes], events of each class in each row.
        incidence: What each event adds.
        constants: Numbers of the package.
        timing: Name of the timing model; fixed when compiled.
    """
    counted = count(direct_amounts(counts, incidence), incidence)
    longest_s = longest_routes(counts, class_routes_of(incidence, constants, counts.shape[1]))
    timed = row_timing(longest_s, counted, incidence, constants, timing)
    total = totals(counted)
    return Costs(total, timed, energy(total, timed.latency_s.sum(), incidence.kinds, constants))


def direct_amounts(counts: Array, incidence: Incidence) -> Array:
    """Return int64 [direct quantities, rows]: what events of classes add by themselves.

    Args:
        counts: int64 [rows, classes].
        incidence: What each event adds.
    """
    return _product(incidence.direct, counts.T, sum(incidence.sizes.direct))


def class_routes_of(incidence: Incidence, constants: Constants, classes: int) -> Array:
    """Return float64 [classes]: time of the longest route of an event of each class."""
    return class_routes(_times(incidence, constants), incidence.routes, classes)


def longest_routes(counts: Array, class_routes_s: Array) -> Array:
    """Return float64 [rows]: time of the longest route of an event of each row.

    Args:
        counts: int64 [rows, classes].
        class_routes_s: float64 [classes], from ``class_routes_of``.
    """
    return jnp.where(counts > 0, class_routes_s, 0.0).max(axis=1, initial=0.0)


def route_times_of(incidence: Incidence, constants: Constants) -> RouteTimes:
    """Return zero-load times along the routes of a mapping."""
    return route_times(_times(incidence, constants), incidence.routes)


class TimedRows(Protocol):
    """What times of rows depend on."""

    @property
    def wire_bits(self) -> Any:
        """int64 [links, rows], frames included."""

    @property
    def tiles(self) -> TileAmounts:
        """What happened on tiles in each row."""


def row_timing(
    longest_s: Array, rows: TimedRows, incidence: Incidence, constants: Constants, timing: str
) -> RowTiming:
    """Return the times of each row.

    Args:
        longest_s: float64 [rows], from ``longest_routes``.
        rows: Whole numbers of the rows.
        incidence: What each event adds.
        constants: Numbers of the package.
        timing: Name of the timing model.
    """
    traffic = RowTraffic(longest_s, rows.wire_bits, busy_times(rows.tiles, incidence, constants))
    return timing_model(timing)(traffic, _times(incidence, constants), incidence.routes)


def count(direct: Array, incidence: Incidence) -> Counted:
    """Return the whole numbers of each row from what its events add by themselves.

    Another sparse product with whole numbers, and before it the one count that is not
    linear: an array of a crossbar is read at most once for each output position.

    Args:
        direct: int64 [direct quantities, rows].
        incidence: What each event adds.
    """
    sizes, blocks = incidence.sizes, incidence.crossbars
    packets, by_tile, drives = jnp.split(direct, np.cumsum(sizes.direct)[:-1].tolist())
    reads = jnp.minimum(drives, blocks.reads[:, None])
    position_reads = jnp.minimum(drives, blocks.positions[:, None])
    inner = jnp.concatenate([packets, drives, reads, position_reads])
    return named_amounts(by_tile, _product(incidence.derived, inner, sum(sizes.derived)), incidence)


def named_amounts(by_tile: Array, derived: Array, incidence: Incidence) -> Counted:
    """Return amounts by name: whole numbers, or floats where they are differentiated.

    Args:
        by_tile: [quantities of tiles that are counted directly, rows].
        derived: [derived quantities, rows].
        incidence: What each event adds.
    """
    sizes = incidence.sizes
    parts = jnp.split(derived, np.cumsum(sizes.derived)[:-1].tolist())
    network = dict(zip(NETWORK_QUANTITIES, parts, strict=False))
    on_tiles = jnp.concatenate([by_tile, parts[-1]])
    return Counted(
        **network,
        wire_bits=_framed(network["link_bits"], incidence.frames),
        tiles=TileAmounts(on_tiles.reshape(len(sizes.names), sizes.tiles, -1), sizes.names),
    )


def totals(counted: Counted) -> Counted:
    """Return the sums over rows, with one row left."""
    return jax.tree.map(lambda rows: rows.sum(axis=-1, keepdims=True), counted)


def energy(
    total: Counted, time_s: Array, kinds: dict[str, Array], constants: Constants
) -> Energies:
    """Return all energies: events times energy per event, and static power times time.

    Args:
        total: Whole numbers summed over rows.
        time_s: Time over which static power is drawn.
        kinds: Tile kind to indices of its tiles.
        constants: Numbers of the package.
    """
    links, routers = constants.links, constants.routers
    tiles = {}
    for kind, members in kinds.items():
        parts, _ = _tile_cost(kind, total.tiles, members, constants)
        tiles[kind] = {name: part[0] for name, part in parts.items()}
    return Energies(
        tiles=tiles,
        routers=total.router_packets[:, 0] * routers.energy_j_per_packet
        + total.router_bits[:, 0] * routers.energy_j_per_bit,
        links=total.wire_bits[:, 0] * links.energy_j_per_bit
        + total.link_packets[:, 0] * links.energy_j_per_packet,
        static_tiles={
            kind: numbers["static_power_w"] * time_s for kind, numbers in constants.tiles.items()
        },
        static_routers=routers.static_power_w * time_s,
        static_links=links.static_power_w * time_s,
        static_chiplets=constants.chiplet_static_power_w * time_s,
        static_package=constants.package_static_power_w * time_s,
    )


def _product(entries: Entries, amounts: Array, quantities: int) -> Array:
    """Return int64 [quantities, rows]: a sparse matrix times amounts [columns, rows].

    Chunk by chunk, whole rows of amounts are gathered and added, so that the cost of
    addressing is shared by all rows and no array has the size of the matrix.
    """

    def step(sums: Array, chunk: Entries) -> tuple[Array, None]:
        parts = amounts[chunk.traffic_class] * chunk.weight[:, None].astype(jnp.int64)
        return sums.at[chunk.quantity].add(parts, mode="promise_in_bounds"), None

    start = jnp.zeros((quantities, amounts.shape[1]), jnp.int64)
    return lax.scan(step, start, entries)[0]


def _framed(bits: Array, frames: Frames) -> Array:
    """Return the bits on the wire: whole frames per row where the link has frames."""
    payload = frames.payload_bits[:, None]
    number = -(-bits // jnp.maximum(payload, 1))
    return jnp.where(payload > 0, number * frames.total_bits[:, None], bits)


def _times(incidence: Incidence, constants: Constants) -> NetworkTimes:
    return NetworkTimes(
        constants.links.bandwidth_bit_per_s,
        constants.links.latency_s,
        incidence.flit_bits,
        constants.routers.latency_s,
        constants.barrier_s,
    )


def _tile_cost(
    kind: str, tiles: TileAmounts, members: Array, constants: Constants
) -> tuple[dict[str, Array], Array]:
    events = tiles.events_of(members)
    # Without conversion hardware there is no such component of the energy.
    converts = {"encoder_updates", "decoder_additions"} & set(tiles.names)
    tile = TILE_KINDS[kind]
    priced = (tile.price if converts else tile.cost)(events, constants.tiles[kind])
    shape = (events.input_messages.shape[0], members.shape[0])
    energies = {name: jnp.broadcast_to(part, shape) for name, part in priced.energy_j.items()}
    return energies, jnp.broadcast_to(priced.busy_s, shape)


def busy_times(tiles: TileAmounts, incidence: Incidence, constants: Constants) -> Array:
    """Return float64 [tiles, rows]: busy time of each tile."""
    busy = jnp.zeros(tiles.numbers.shape[1:])
    for kind, members in incidence.kinds.items():
        busy = busy.at[members].set(_tile_cost(kind, tiles, members, constants)[1].T)
    return busy
