"""Event-driven sparse synapses: only rows of sources that have an event are touched.

Each source's synapses are cut into segments of one width, the last one filled up with
synapses of weight zero. The segments of all events are listed, and added to the targets
block by block, in a loop that runs as often as there are events. No list can overflow:
it is as long as there are segments.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from chipletsim.network.neurons import exact_product

_SEGMENT_COST = 16
"""Cost of listing a segment, in synapses; decides the width."""
_BLOCK = 1 << 14
"""Synapses that one turn of the loop adds."""
_GROUP = 1 << 22
"""Segments, or currents, of the rows that are computed together."""


class Segments(NamedTuple):
    """Synapses in segments of one width.

    Attributes:
        source: int32 [segments], source neuron.
        target: int32 [segments, width], target neurons.
        weight: float32 [segments, width]; 0 where a segment is filled up.
    """

    source: Any
    target: Any
    weight: Any


def segments(indptr: np.ndarray, targets: np.ndarray, weight: np.ndarray) -> Segments:
    """Return synapses listed by source as segments, of the width that costs least.

    Args:
        indptr: int64 [sources + 1].
        targets: int32 [synapses].
        weight: float32 [synapses].
    """
    indptr = np.asarray(indptr, np.int64)
    fan_out = np.diff(indptr)
    width = _best_width(fan_out)
    per_source = -(-fan_out // width)
    source = np.repeat(np.arange(fan_out.size, dtype=np.int32), per_source)
    # The position of a synapse in the padded table is its own, shifted by the filling
    # of the sources before it.
    shift = np.concatenate([[0], np.cumsum(per_source * width)])[:-1] - indptr[:-1]
    position = np.arange(indptr[-1]) + np.repeat(shift, fan_out)
    padded_target = np.zeros(source.size * width, np.int32)
    padded_weight = np.zeros(source.size * width, np.float32)
    padded_target[position] = targets
    padded_weight[position] = weight
    return Segments(source, padded_target.reshape(-1, width), padded_weight.reshape(-1, width))


def _best_width(fan_out: np.ndarray) -> int:
    """Return the width that minimises the padded synapses and the segments to list."""
    largest = max(int(fan_out.max(initial=1)), 1)
    powers = (1 << np.arange(3, 13)).tolist()
    candidates = [largest] * (largest <= powers[-1]) + [p for p in powers if p < largest]
    sizes, times = np.unique(fan_out, return_counts=True)

    def cost(width: int) -> int:
        return int((-(-sizes // width) * times).sum()) * (width + _SEGMENT_COST)

    return min(candidates, key=cost)


def segment_currents(listed: Segments, events: jax.Array, n_targets: int) -> jax.Array:
    """Return float32 [rows, n_targets]: weights of the synapses of all events, summed.

    Args:
        listed: The synapses.
        events: [rows, sources], bool or float32.
        n_targets: Number of target neurons.
    """
    rows, n_segments = events.shape[0], listed.source.shape[0]
    if n_segments == 0:
        return jnp.zeros((rows, n_targets), jnp.float32)
    group = min(max(_GROUP // max(n_segments, n_targets), 1), rows)
    padded = jnp.pad(events, ((0, -rows % group), (0, 0)))
    grouped = padded.reshape(-1, group, events.shape[1])
    if grouped.shape[0] == 1:
        return _group_currents(listed, grouped[0], n_targets)[:rows]
    currents = lax.map(lambda part: _group_currents(listed, part, n_targets), grouped)
    return currents.reshape(-1, n_targets)[:rows]


def _group_currents(listed: Segments, events: jax.Array, n_targets: int) -> jax.Array:
    """Return the currents of a group of rows, whose segments fit in one list."""
    rows, (n_segments, width) = events.shape[0], listed.target.shape
    value = events[:, listed.source].reshape(-1)
    block = min(max(_BLOCK // width, 1), value.size)
    listing, count = _list_active(value.astype(jnp.bool_), -value.size % block)

    def body(carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        turn, currents = carry
        chosen = lax.dynamic_slice(listing, (turn * block,), (block,))
        real = turn * block + jnp.arange(block, dtype=jnp.int32) < count
        row, segment = chosen // n_segments, chosen % n_segments
        weight = _contributions(listed.weight[segment], value[chosen], real)
        target = row[:, None] * n_targets + listed.target[segment]
        return turn + 1, currents.at[target].add(weight, mode="promise_in_bounds")

    start = (jnp.int32(0), jnp.zeros(rows * n_targets, jnp.float32))
    _, currents = lax.while_loop(lambda carry: carry[0] * block < count, body, start)
    return currents.reshape(rows, n_targets)


def _list_active(active: jax.Array, spare: int) -> tuple[jax.Array, jax.Array]:
    """Return the indices of set elements, then zeros, and how many are set.

    Args:
        active: bool [elements].
        spare: Zeros to add at the end.
    """
    position = jnp.cumsum(active, dtype=jnp.int32)
    listing = jnp.zeros(active.size + spare, jnp.int32)
    where = jnp.where(active, position - 1, listing.size)
    indices = jnp.arange(active.size, dtype=jnp.int32)
    return listing.at[where].set(indices, mode="drop"), position[-1]


def _contributions(weight: jax.Array, value: jax.Array, real: jax.Array) -> jax.Array:
    """Return what segments add to their targets; 0 in rows that are not ``real``."""
    if value.dtype != jnp.bool_:
        weight = exact_product(jnp, weight, value[:, None])
    return jnp.where(real[:, None], weight, jnp.float32(0))
