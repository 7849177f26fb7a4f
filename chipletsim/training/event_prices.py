"""What one event of each traffic class costs: the incidence, multiplied out and priced.

The two sparse tables of the incidence (``direct`` and ``derived``) are multiplied into one, so
whatever a link, router or tile comes to count is followed here. Energy per event is the
derivative of ``chipletsim.cost.program.energy`` where every population advances and nothing
spikes yet: all energies are straight lines from there on, but for three. Arrays of crossbars are
read at most once for each output position and step, so their reads are priced apart. Tiles with a
dense schedule have no more active products than there are in it, where one stands for several
events that are pooled before: what goes beyond is priced apart, too. Frames of links are taken as
full.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse

from chipletsim.cost.constants import Constants
from chipletsim.cost.entries import Entries
from chipletsim.cost.incidence import NETWORK_QUANTITIES, Frames, Incidence, TrafficModel
from chipletsim.cost.program import energy, named_amounts


class EventTable(NamedTuple):
    """Whole numbers that an event adds, as csr_arrays float64 of quantities.

    Quantities are those of tiles that are counted directly, then the derived ones.

    Attributes:
        amounts: [quantities, classes], crossbar reads left out.
        drives: [crossbar blocks, classes], how often an event drives each block.
        reads: [quantities, crossbar blocks], what a read adds.
    """

    amounts: Any
    drives: Any
    reads: Any


class ClassPrices(NamedTuple):
    """Prices of events, float64.

    Attributes:
        energy_j: [classes], of one event; for a clock class, of one step in which its population
            works; for a message, of one bit.
        read_energy_j: [crossbar blocks], of one read.
        operation_energy_j: [dense tiles], of one active product.
    """

    energy_j: Any
    read_energy_j: Any
    operation_energy_j: Any


class DenseTiles(NamedTuple):
    """Tiles with a dense schedule, such as NPUs; numbers of quantities of an `EventTable`.

    Attributes:
        active: int64 [dense tiles], products of events.
        scheduled: int64 [dense tiles], products of the schedule.
    """

    active: np.ndarray
    scheduled: np.ndarray


def event_table(model: TrafficModel) -> EventTable:
    """Return what an event of each class adds to every quantity."""
    incidence, classes = model.incidence, model.classes.size
    sizes = incidence.sizes
    direct = _matrix(incidence.direct, sum(sizes.direct), classes)
    packets, by_tile, drives = np.split(np.arange(direct.shape[0]), np.cumsum(sizes.direct)[:-1])
    inner = packets.size + drives.size
    derived = _matrix(incidence.derived, sum(sizes.derived), inner + 2 * drives.size)
    linear = sparse.vstack([direct[packets], direct[drives]], format="csr")
    amounts = sparse.vstack([direct[by_tile], derived[:, :inner] @ linear], format="csr")
    reads = derived[:, inner : inner + drives.size]
    above = sparse.csr_array((by_tile.size, drives.size))
    return EventTable(amounts, direct[drives], sparse.vstack([above, reads], format="csr"))


def link_rows(incidence: Incidence) -> np.ndarray:
    """Return int64 [links]: which quantity of an `EventTable` the bits of each link are."""
    sizes = incidence.sizes
    derived = np.cumsum([sizes.direct[1], *sizes.derived])
    number = NETWORK_QUANTITIES.index("link_bits")
    return np.arange(derived[number], derived[number + 1])


def dense_tiles(table: EventTable, incidence: Incidence) -> DenseTiles:
    """Return the tiles that multiply whole matrices."""
    names, tiles = incidence.sizes.names, incidence.sizes.tiles
    if "dense_operations" not in names:
        return DenseTiles(np.zeros(0, np.int64), np.zeros(0, np.int64))
    scheduled = names.index("dense_operations") * tiles + np.arange(tiles)
    used = np.flatnonzero(np.diff(table.amounts[scheduled].indptr))
    return DenseTiles(names.index("synaptic_operations") * tiles + used, scheduled[used])


def class_prices(model: TrafficModel, table: EventTable, constants: Constants) -> ClassPrices:
    """Return the energy of an event of each class; differentiable in the constants.

    To be called under ``jax.enable_x64``.
    """
    first = model.classes.clock(0)
    clocks = slice(first, first + len(model.mapping.network.populations))
    ticks = table.amounts[:, clocks]
    total_j = partial(_total_j, model.incidence)
    advancing = jnp.asarray(ticks.sum(axis=1))
    per_amount_j = jax.jit(jax.grad(total_j))(advancing, constants)
    energy_j = _transposed(table.amounts, per_amount_j)
    # A tick costs what its population costs at rest, not what it adds where others are busy.
    at_rest = jax.jit(jax.vmap(total_j, in_axes=(0, None)))
    energy_j = energy_j.at[clocks].set(at_rest(jnp.asarray(ticks.T.toarray()), constants))
    active = dense_tiles(table, model.incidence).active
    return ClassPrices(energy_j, _transposed(table.reads, per_amount_j), per_amount_j[active])


def _total_j(whole: Incidence, amounts: jax.Array, constants: Constants) -> jax.Array:
    """Return the energy of amounts of all quantities, in no time and with full frames."""
    incidence = replace(whole, frames=Frames(*map(np.zeros_like, whole.frames)))
    links = constants.links
    per_bit_j = links.energy_j_per_bit * _frame_share(whole.frames)
    framed = constants._replace(links=links._replace(energy_j_per_bit=per_bit_j))
    by_tile, derived = jnp.split(amounts[:, None], [incidence.sizes.direct[1]])
    counted = named_amounts(by_tile, derived, incidence)
    priced = energy(counted, jnp.float64(0), incidence.kinds, framed)
    return jnp.stack([part.sum() for part in jax.tree.leaves(priced)]).sum()


def _frame_share(frames: Frames) -> np.ndarray:
    """Return float64 [links]: bits on the wire for each bit of a packet, frames being full."""
    framed = frames.payload_bits > 0
    return np.where(framed, frames.total_bits / np.maximum(frames.payload_bits, 1), 1.0)


def _matrix(entries: Entries, rows: int, columns: int) -> Any:
    """Return csr_array float64 [rows, columns] of packed entries; repeated ones add up."""
    column, row, weight = (np.ravel(part) for part in entries)
    table = sparse.coo_array((weight.astype(np.float64), (row, column)), shape=(rows, columns))
    found = sparse.csr_array(table)
    found.eliminate_zeros()
    return found


def _transposed(table: Any, prices: jax.Array) -> jax.Array:
    """Return the transpose of a table times prices, float64 [columns]."""
    found = sparse.coo_array(table)
    row, column = found.coords
    parts = prices[row] * found.data
    return jax.ops.segment_sum(parts, jnp.asarray(column), num_segments=table.shape[1])
