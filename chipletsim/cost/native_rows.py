"""All that is counted of the rows of a batch, in a native kernel."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse

from chipletsim.cost.incidence import Incidence, Sizes
from chipletsim.cost.row_numbers import STEP_TOTALS, RowNumbers
from chipletsim.cost.tile_amounts import TileAmounts

_SUMMED = (
    "synaptic_operations",
    "input_messages",
    "own_messages",
    "memory_packets",
    "neuron_updates",
)
"""Quantities of tiles that the sums of a row need, in the order of the kernel."""


class RowTables(NamedTuple):
    """Arguments of ``chipletsim_rows`` in ``kernels/src/module.cpp``, in its order.

    Attributes:
        start: int32 [derived quantities + 1].
        column: int32 [entries], of the quantities that they are derived from.
        weight: int64 [entries].
        reads: int64 [crossbar blocks].
        positions: int64 [crossbar blocks].
        payload_bits: int64 [links].
        frame_bits: int64 [links].
        between: bool [links].
    """

    start: Any
    column: Any
    weight: Any
    reads: Any
    positions: Any
    payload_bits: Any
    frame_bits: Any
    between: Any


def row_tables(incidence: Incidence, between: np.ndarray) -> RowTables:
    """Return the tables of what is derived.

    Args:
        incidence: What each event adds.
        between: bool [links], whether they join dies.
    """
    column, quantity, weight = (each.reshape(-1) for each in incidence.derived)
    used = weight != 0
    cells, _, blocks = incidence.sizes.direct
    shape = (sum(incidence.sizes.derived), cells + 3 * blocks)
    entries = (weight[used].astype(np.int64), (quantity[used], column[used]))
    table = sparse.coo_array(entries, shape=shape).tocsr()
    return RowTables(
        table.indptr.astype(np.int32),
        table.indices.astype(np.int32),
        table.data,
        incidence.crossbars.reads,
        incidence.crossbars.positions,
        incidence.frames.payload_bits,
        incidence.frames.total_bits,
        between,
    )


@partial(jax.jit, static_argnames=("sizes", "threads"))
def native_row_numbers(direct: Any, tables: RowTables, sizes: Sizes, threads: int) -> RowNumbers:
    """Count rows in the native kernel; see `row_numbers`.

    Args:
        direct: int64 [direct quantities, rows].
        tables: Of `row_tables`.
        sizes: Numbers of quantities.
        threads: Most threads.
    """
    rows, links = direct.shape[1], tables.between.shape[0]
    amounts = len(sizes.names) * sizes.tiles
    total = sum(sizes.derived[:5]) + amounts + links
    shapes = [(amounts, rows), (links, rows), (total,), (len(STEP_TOTALS), rows), (links,)]
    call = jax.ffi.ffi_call(
        "chipletsim_rows", [jax.ShapeDtypeStruct(shape, jnp.int64) for shape in shapes]
    )
    places = [sizes.names.index(name) if name in sizes.names else -1 for name in _SUMMED]
    tiles, *others = call(
        direct,
        *tables,
        sizes=np.array([sizes.tiles, sizes.derived[2], *sizes.direct[:2]], np.int64),
        names=np.array(places, np.int64),
        threads=np.int64(threads),
    )
    by_name = tiles.reshape(len(sizes.names), sizes.tiles, rows)
    return RowNumbers(TileAmounts(by_name, sizes.names), *others)
