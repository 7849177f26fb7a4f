"""Projections that training can differentiate, by their weights and by their events.

Each gives the currents of its kind in ``PROJECTIONS``, and has one trained array, ``weight``, of
the shape that its connection has. Where the native kernels are in use they compute both ways,
driven by events (``chipletsim.engine.native.backward``); elsewhere XLA does.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from chipletsim.engine.native.backward import EventGeometry, event_currents
from chipletsim.engine.native.formats import native_format, sparse_rows
from chipletsim.engine.native.layout import Layout, layout
from chipletsim.engine.projections import (
    PROJECTIONS,
    Arrays,
    ProjectionKind,
    ProjectionKinds,
    Shape,
)
from chipletsim.engine.sparse import Segments, segment_currents, segments
from chipletsim.kernels import native_kernels
from chipletsim.network.connections import Conv2d, Dense, Sparse
from chipletsim.network.model import Projection

PRODUCT_ABOVE = 0.3
"""Share of active inputs above which a dense layer is multiplied, about where both take as long.

It is not measured as for the engine, where both ways give the same bits: here they round
otherwise, and the same seed is to give the same weights in every process.
"""


def differentiable_kinds() -> ProjectionKinds:
    """Return how each kind of connection is computed where it is trained."""
    return _NATIVE if native_kernels() else _XLA


# --- native ---------------------------------------------------------------------------------


def _split_native(
    connection: Dense | Conv2d | Sparse, source: Shape, target: Shape
) -> tuple[Hashable, Arrays]:
    kind, size = type(connection), prod(source)
    # Blocks decide the order of float32 sums, so they are the same for any number of threads,
    # which share rows and sources.
    to = layout(target, incoming=[kind], threads=1)
    layouts = (Layout(size, 1, size), to)
    native, arrays = native_format(
        Projection("", "", "", connection), source, target, layouts, graded=True
    )
    whole, _ = PROJECTIONS[kind].split(connection, source, target)
    above = PRODUCT_ABOVE if kind is Dense else 1.0
    # A new array: the network's own is not to change with training.
    trained = {"weight": np.array(connection.weights, np.float32)}
    if isinstance(connection, Sparse):
        trained |= {name: arrays[name] for name in ("block_start", "row_start", "target")}
        numbers = np.arange(connection.targets.size, dtype=np.int32)
        _, _, ordered = sparse_rows(connection.indptr, connection.targets, numbers, to)
        trained["order"] = ordered["weight"]
    return EventGeometry(kind, native, to, target, whole, above), trained


def _native_currents(geometry: EventGeometry, arrays: Arrays, events: jax.Array) -> jax.Array:
    indices = {name: array for name, array in arrays.items() if name != "weight"}
    currents = event_currents(geometry, arrays["weight"], indices, events.astype(jnp.float32))
    return currents.reshape(-1, *geometry.target_shape)


# --- XLA ------------------------------------------------------------------------------------


def _split_segments(connection: Sparse, source: Shape, target: Shape) -> tuple[Hashable, Arrays]:
    numbers = np.arange(1, connection.targets.size + 1)
    listed = segments(connection.indptr, connection.targets, connection.weight)
    places = segments(connection.indptr, connection.targets, numbers.astype(np.float64))
    return target, {
        "weight": np.array(connection.weight, np.float32),
        "source": listed.source,
        "target": listed.target,
        # The synapse at each place of a segment; none, 0, where it is filled up.
        "synapse": places.weight.astype(np.int32),
    }


def _segment_currents(shape: Shape, arrays: Arrays, events: jax.Array) -> jax.Array:
    flat = events.astype(jnp.float32).reshape(events.shape[0], -1)
    padded = jnp.concatenate([jnp.zeros(1), arrays["weight"]])[arrays["synapse"]]
    listed = Segments(arrays["source"], arrays["target"], padded)
    return _sparse_currents(prod(shape), listed, flat).reshape(-1, *shape)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _sparse_currents(n_targets: int, listed: Segments, events: jax.Array) -> jax.Array:
    """Return ``segment_currents``, whose loop has no gradient of its own."""
    return segment_currents(listed, events, n_targets)


def _sparse_forward(
    n_targets: int, listed: Segments, events: jax.Array
) -> tuple[jax.Array, tuple[Segments, jax.Array]]:
    return _sparse_currents(n_targets, listed, events), (listed, events)


def _sparse_backward(
    n_targets: int, kept: tuple[Segments, jax.Array], given: jax.Array
) -> tuple[Segments, jax.Array]:
    """Return gradients by weights and events, a row at a time: each touches all synapses."""
    listed, events = kept

    def row(of_weight: jax.Array, each: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        events, given = each
        arriving = given[listed.target]
        of_weight = of_weight + events[listed.source][:, None] * arriving
        of_source = (listed.weight * arriving).sum(axis=1)
        return of_weight, jnp.zeros_like(events).at[listed.source].add(of_source)

    of_weight, of_events = lax.scan(row, jnp.zeros_like(listed.weight), (events, given))
    return Segments(None, None, of_weight), of_events


_sparse_currents.defvjp(_sparse_forward, _sparse_backward)

_XLA: ProjectionKinds = {**PROJECTIONS, Sparse: ProjectionKind(_split_segments, _segment_currents)}
_NATIVE: ProjectionKinds = {
    **PROJECTIONS,
    Dense: ProjectionKind(_split_native, _native_currents),
    Conv2d: ProjectionKind(_split_native, _native_currents),
    Sparse: ProjectionKind(_split_native, _native_currents),
}
