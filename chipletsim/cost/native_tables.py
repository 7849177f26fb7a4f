"""What an event of each class adds, as the native kernel reads it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from chipletsim.cost.incidence import TrafficModel
from chipletsim.mapping.equal_rows import group_rows

_LANES = 16
"""Numbers that the kernel adds at once."""


class TrafficTables(NamedTuple):
    """Arguments of ``chipletsim_traffic`` in ``kernels/src/module.cpp``, in its order.

    Classes with the same source and the same destinations share all but their synaptic
    operations; a group of them is counted once. Operations are entries of a class, or, where
    most classes reach most tiles, a row of numbers; the other form is empty.

    Attributes:
        neuron_class: int32 [neurons], -1 for none.
        group: int32 [classes].
        own_start: int32 [classes + 1].
        own_quantity: int32 [entries].
        own_weight: int32 or int64 [entries].
        own_rows: uint16 [classes, width].
        row_quantity: int32 [width].
        shared_start: int32 [groups + 1].
        shared_quantity: int32 [entries].
        shared_weight: Of the type of ``own_weight``.
        group_routes_s: float64 [packages, groups], time of the longest route of an event.
    """

    neuron_class: Any
    group: Any
    own_start: Any
    own_quantity: Any
    own_weight: Any
    own_rows: Any
    row_quantity: Any
    shared_start: Any
    shared_quantity: Any
    shared_weight: Any
    group_routes_s: Any


def traffic_tables(model: TrafficModel, class_routes_s: np.ndarray) -> TrafficTables:
    """Return the tables of a traffic model.

    Args:
        model: Classes and incidence.
        class_routes_s: float64 [packages, classes], longest route of an event of each.
    """
    operations, others = _split(model)
    # Classes of one group take the same routes; the times are compared all the same.
    _, routes = np.unique(class_routes_s, axis=1, return_inverse=True)
    group, member = group_rows(others, routes.reshape(-1))
    shared = others[member]
    rows, quantity = _operation_rows(model, operations)
    if quantity.size:
        operations = sparse.csr_array(operations.shape, dtype=operations.dtype)
    return TrafficTables(
        model.classes.neuron_class,
        group.astype(np.int32),
        *_arrays(operations),
        rows,
        quantity,
        *_arrays(shared),
        np.ascontiguousarray(class_routes_s[:, member]),
    )


def _split(model: TrafficModel) -> tuple[Any, ...]:
    """Return csr_arrays [classes, direct quantities]: synaptic operations, and all else.

    Weights have 32 bits where they all fit.
    """
    classes, quantities, weights = (column.reshape(-1) for column in model.incidence.direct)
    used = np.flatnonzero(weights)
    sizes = model.incidence.sizes
    shape = (model.classes.size, sum(sizes.direct))
    names = sizes.names
    first = sizes.direct[0]
    first += names.index("synaptic_operations") * sizes.tiles if _counted(names) else shape[1]
    mine = (quantities[used] >= first) & (quantities[used] < first + sizes.tiles)

    def table(chosen: np.ndarray) -> Any:
        # Entries of one class and quantity are added here, which takes 64 bits.
        at = used[chosen]
        wide = weights[at].astype(np.int64)
        made = sparse.coo_array((wide, (classes[at], quantities[at])), shape=shape).tocsr()
        made.sort_indices()
        return made

    tables = table(mine), table(~mine)
    if max(each.data.max(initial=0) for each in tables) < 2**31:
        return tuple(each.astype(np.int32) for each in tables)
    return tables


def _counted(names: tuple[str, ...]) -> bool:
    return "synaptic_operations" in names


def _operation_rows(model: TrafficModel, operations: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return synaptic operations as rows, and the quantity of each column; or empty arrays.

    Operations of a row of hardware on a tile are added in 32 bits: every neuron has at most
    one event in it, so they are at most the synapses of the tile.
    """
    neuron_class = model.classes.neuron_class
    members = np.bincount(neuron_class[neuron_class >= 0], minlength=operations.shape[0])
    most = (operations.astype(np.int64).T @ members).max(initial=0)
    used = np.unique(operations.indices)
    sparse_rows = operations.nnz < operations.shape[0] * used.size / 4
    if sparse_rows or operations.data.max(initial=0) >= 2**16 or most >= 2**31:
        return np.zeros((operations.shape[0], 0), np.uint16), np.zeros(0, np.int32)
    width = -(-used.size // _LANES) * _LANES
    rows = np.zeros((operations.shape[0], width), np.uint16)
    of_class = np.repeat(np.arange(operations.shape[0]), np.diff(operations.indptr))
    rows[of_class, np.searchsorted(used, operations.indices)] = operations.data
    # Columns beyond the last are zero, and may be added to any quantity.
    return rows, np.pad(used, (0, width - used.size), mode="edge").astype(np.int32)


def _arrays(entries: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return start of each row, quantities and weights of a csr_array."""
    return entries.indptr.astype(np.int32), entries.indices.astype(np.int32), entries.data
