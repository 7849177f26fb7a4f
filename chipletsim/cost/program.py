"""The cost program: from events of classes to traffic, times and energies.

``cost`` is one function of (counts, incidence, constants) that JAX compiles; it can be
mapped over constants, whose whole-number part is then not repeated, and differentiated
in every one of them. Long runs go through it in batches of rows: ``count`` for each
batch, whose whole numbers add up exactly, ``row_timing`` for each batch and package, then
``energy`` once on the totals.

Run under ``jax.enable_x64``: counts are int64 and the rest float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from chipletsim.cost.constants import Constants
from chipletsim.cost.entries import Entries
from chipletsim.cost.incidence import NETWORK_QUANTITIES, Frames, Incidence
from chipletsim.cost.tile_events import CROSSBAR_QUANTITIES, TILE_QUANTITIES
from chipletsim.noc import timing_model
from chipletsim.noc.traffic import NetworkTimes, RowTiming, RowTraffic
from chipletsim.tiles import TILE_KINDS, TileEvents


class Counted(NamedTuple):
    """Whole numbers of each row, or their totals with a last axis of 1.

    Attributes:
        link_packets: int64 [links, rows].
        link_bits: int64 [links, rows], whole flits.
        injected: int64 [routers, rows], packets that tiles inject.
        router_packets: int64 [routers, rows], packets that enter, from links or tiles.
        router_bits: int64 [routers, rows], bits of those packets.
        wire_bits: int64 [links, rows], frames included.
        tile_amounts: int64 [quantities, tiles, rows], in the order of `TILE_QUANTITIES`
            and `CROSSBAR_QUANTITIES`; in one array, which compiles faster than many.
    """

    link_packets: Any
    link_bits: Any
    injected: Any
    router_packets: Any
    router_bits: Any
    wire_bits: Any
    tile_amounts: Any

    def amount(self, name: str) -> Any:
        """Return a quantity of tiles by name, int64 [tiles, rows]."""
        return self.tile_amounts[_AMOUNTS.index(name)]

    @property
    def delivered(self) -> Any:
        """int64 [tiles, rows]: packets that reach each tile over its router."""
        over_routers = self.amount("input_messages") - self.amount("own_messages")
        return over_routers + self.amount("memory_packets")

    def events_of(self, members: Any) -> TileEvents:
        """Return the events of some tiles, each int64 [rows, members]."""
        chosen = self.tile_amounts[:, members].swapaxes(1, 2)
        return TileEvents(*(chosen[_AMOUNTS.index(name)] for name in TileEvents._fields))


_AMOUNTS = (*TILE_QUANTITIES, *CROSSBAR_QUANTITIES)


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
    counted, row_timing = row_costs(counts, incidence, constants, timing)
    total = totals(counted)
    time_s = row_timing.latency_s.sum()
    return Costs(total, row_timing, energy(total, time_s, incidence, constants))


def row_costs(
    counts: Array, incidence: Incidence, constants: Constants, timing: str
) -> tuple[Counted, RowTiming]:
    """Return whole numbers and times of each row; arguments as in ``cost``."""
    counted = count(counts, incidence)
    return counted, row_timing(counts, counted, incidence, constants, timing)


def row_timing(
    counts: Array, counted: Counted, incidence: Incidence, constants: Constants, timing: str
) -> RowTiming:
    """Return the times of each row from its whole numbers; arguments as in ``cost``."""
    traffic = RowTraffic(counts.T, counted.wire_bits, _busy(counted, incidence, constants))
    times = NetworkTimes(
        constants.links.bandwidth_bit_per_s,
        constants.links.latency_s,
        incidence.flit_bits,
        constants.routers.latency_s,
        constants.barrier_s,
    )
    return timing_model(timing)(traffic, times, incidence.routes)


def count(counts: Array, incidence: Incidence) -> Counted:
    """Return the whole numbers of each row.

    Two sparse products with whole numbers, and between them the one count that is not
    linear: an array of a crossbar is read at most once for each output position.
    """
    sizes, blocks = incidence.sizes, incidence.crossbars
    amounts = _product(incidence.direct, counts.T, sum(sizes.direct))
    packets, by_tile, drives = jnp.split(amounts, np.cumsum(sizes.direct)[:-1].tolist())
    reads = jnp.minimum(drives, blocks.reads[:, None])
    position_reads = jnp.minimum(drives, blocks.positions[:, None])
    inner = jnp.concatenate([packets, drives, reads, position_reads])
    derived = _product(incidence.derived, inner, sum(sizes.derived))
    parts = jnp.split(derived, np.cumsum(sizes.derived)[:-1].tolist())
    network = dict(zip(NETWORK_QUANTITIES, parts, strict=False))
    on_tiles = jnp.concatenate([by_tile, parts[-1]])
    return Counted(
        **network,
        wire_bits=_framed(network["link_bits"], incidence.frames),
        tile_amounts=on_tiles.reshape(len(_AMOUNTS), sizes.tiles, -1),
    )


def totals(counted: Counted) -> Counted:
    """Return the sums over rows, with one row left."""
    return Counted(*(rows.sum(axis=-1, keepdims=True) for rows in counted))


def energy(total: Counted, time_s: Array, incidence: Incidence, constants: Constants) -> Energies:
    """Return all energies: events times energy per event, and static power times time.

    Args:
        total: Whole numbers summed over rows.
        time_s: Time over which static power is drawn.
        incidence: What each event adds.
        constants: Numbers of the package.
    """
    links, routers = constants.links, constants.routers
    tiles = {
        kind: {
            name: part[0] for name, part in _tile_cost(kind, total, incidence, constants)[0].items()
        }
        for kind in incidence.kinds
    }
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


def _tile_cost(
    kind: str, counted: Counted, incidence: Incidence, constants: Constants
) -> tuple[dict[str, Array], Array]:
    members = incidence.kinds[kind]
    events = counted.events_of(members)
    priced = TILE_KINDS[kind].cost(events, constants.tiles[kind])
    shape = (events.input_messages.shape[0], members.shape[0])
    energies = {name: jnp.broadcast_to(part, shape) for name, part in priced.energy_j.items()}
    return energies, jnp.broadcast_to(priced.busy_s, shape)


def _busy(counted: Counted, incidence: Incidence, constants: Constants) -> Array:
    """Return float64 [tiles, rows]: busy time of each tile."""
    busy = jnp.zeros(counted.tile_amounts.shape[1:])
    for kind, members in incidence.kinds.items():
        busy = busy.at[members].set(_tile_cost(kind, counted, incidence, constants)[1].T)
    return busy
