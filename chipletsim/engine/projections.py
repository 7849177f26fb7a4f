"""From events to currents: one pure function for each kind of connection.

To add a kind, write ``split`` and ``currents`` for it and add a line to ``PROJECTIONS``.
A kernel replaces ``currents`` alone: it takes the same events and arrays. On NVIDIA GPUs there
is one for sparse synapses, which ``CHIPLETSIM_KERNELS=pallas`` puts to use.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from chipletsim.engine.sparse import Segments, segment_currents, segments
from chipletsim.kernels import pallas_kernels
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.neurons import exact_product

Shape = tuple[int, ...]
Arrays = dict[str, Any]


@dataclass(frozen=True)
class ProjectionKind:
    """How the engine computes one kind of connection.

    Attributes:
        split: ``split(connection, source_shape, target_shape) -> (geometry, arrays)``.
            Geometry is hashable and decides the compiled program; arrays are its arguments.
        currents: ``currents(geometry, arrays, events) -> currents``. Events are [rows,
            *source_shape], bool for spikes and float32 for graded events; currents are
            float32 [rows, *target_shape]. Rows are samples, or steps times samples.
    """

    split: Callable[[Any, Shape, Shape], tuple[Hashable, Arrays]]
    currents: Callable[[Any, Arrays, jax.Array], jax.Array]


@dataclass(frozen=True)
class ConvGeometry:
    """What of a convolution is known when it is compiled; see ``Conv2d``."""

    stride: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    dilation: tuple[int, int]
    groups: int


def dense_currents(shape: Shape, arrays: Arrays, events: jax.Array) -> jax.Array:
    """Return ``I[r, j] = sum_i w[j, i] s[r, i]``."""
    flat = _float(events).reshape(events.shape[0], -1)
    # Precision HIGHEST: accelerators would otherwise multiply in fewer bits.
    currents = jnp.matmul(flat, arrays["weight"].T, precision=lax.Precision.HIGHEST)
    return currents.reshape(-1, *shape)


def conv_currents(geometry: ConvGeometry, arrays: Arrays, events: jax.Array) -> jax.Array:
    """Return the cross-correlation of the planes with the kernel, as NIR's ``Conv2d``."""
    return lax.conv_general_dilated(
        _float(events),
        arrays["weight"],
        window_strides=geometry.stride,
        padding=geometry.padding,
        rhs_dilation=geometry.dilation,
        feature_group_count=geometry.groups,
        dimension_numbers=("NCHW", "OIHW", "NCHW"),
        precision=lax.Precision.HIGHEST,
    )


def pool_currents(pool: Pool2d, arrays: Arrays, events: jax.Array) -> jax.Array:
    """Return the sum over windows, times 1 / window size for averages; or the maximum."""
    (y, x), (top, left) = pool.stride, pool.padding
    largest = pool.mode == "max"
    found = lax.reduce_window(
        _float(events),
        np.float32(-np.inf if largest else 0),
        lax.max if largest else lax.add,
        window_dimensions=(1, 1, *pool.kernel),
        window_strides=(1, 1, y, x),
        padding=((0, 0), (0, 0), (top, top), (left, left)),
    )
    if pool.mode != "avg":
        return found
    return exact_product(jnp, found, np.float32(1 / prod(pool.kernel)))


def sparse_currents(shape: Shape, arrays: Arrays, events: jax.Array) -> jax.Array:
    """Return the sum of the weights of the synapses whose source has an event.

    The work grows with the events times their fan-out, not with all synapses.
    """
    flat = events.reshape(events.shape[0], -1)
    return _segment_currents(Segments(**arrays), flat, prod(shape)).reshape(-1, *shape)


def _segment_currents(listed: Segments, events: jax.Array, n_targets: int) -> jax.Array:
    """Return what ``segment_currents`` does, by a Pallas kernel where that is asked for."""
    if not pallas_kernels():
        return segment_currents(listed, events, n_targets)
    from chipletsim.engine.pallas_sparse import pallas_segment_currents

    return lax.platform_dependent(
        listed,
        events,
        cuda=partial(pallas_segment_currents, n_targets=n_targets),
        default=partial(segment_currents, n_targets=n_targets),
    )


def one_to_one_currents(shape: Shape, arrays: Arrays, events: jax.Array) -> jax.Array:
    """Return ``I[r, i] = w[i] s[r, i]``."""
    flat = _float(events).reshape(events.shape[0], -1)
    return exact_product(jnp, flat, arrays["weight"]).reshape(-1, *shape)


def _float(events: jax.Array) -> jax.Array:
    return events.astype(jnp.float32)


def _split_weight(
    connection: Dense | OneToOne, source: Shape, target: Shape
) -> tuple[Hashable, Arrays]:
    return target, {"weight": np.asarray(connection.weight, np.float32)}


def _split_conv(connection: Conv2d, source: Shape, target: Shape) -> tuple[Hashable, Arrays]:
    (top, bottom), (left, right) = connection.padding
    geometry = ConvGeometry(
        stride=(connection.stride[0], connection.stride[1]),
        padding=((top, bottom), (left, right)),
        dilation=(connection.dilation[0], connection.dilation[1]),
        groups=connection.groups,
    )
    return geometry, {"weight": np.asarray(connection.weight, np.float32)}


def _split_pool(connection: Pool2d, source: Shape, target: Shape) -> tuple[Hashable, Arrays]:
    return connection, {}


def _split_sparse(connection: Sparse, source: Shape, target: Shape) -> tuple[Hashable, Arrays]:
    listed = segments(connection.indptr, connection.targets, connection.weight)
    return target, listed._asdict()


ProjectionKinds = Mapping[type, ProjectionKind]
"""Type of a connection to how it is computed."""

PROJECTIONS: ProjectionKinds = {
    Dense: ProjectionKind(_split_weight, dense_currents),
    Conv2d: ProjectionKind(_split_conv, conv_currents),
    Pool2d: ProjectionKind(_split_pool, pool_currents),
    Sparse: ProjectionKind(_split_sparse, sparse_currents),
    OneToOne: ProjectionKind(_split_weight, one_to_one_currents),
}
