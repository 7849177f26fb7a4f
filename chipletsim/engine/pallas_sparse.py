"""The event-driven sparse synapses of ``sparse`` as one GPU kernel (Pallas, lowered to Triton).

A program of the kernel looks at one tile of segments of one row of events, ranks those whose
source has an event, and adds their weights to the targets with atomics, as many at a time as
fill its lanes. It loops as often as its tile has events: no list is kept, so none can
overflow, and the host never waits to learn how many events there are, as it does for the loop
of ``sparse``. Sums of split weights are exact (``exact``), so atomics in any order give the
same bits; sums of graded events may differ in the last one.

Nothing imports this module but where there is a GPU: Pallas takes a second to import.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

from chipletsim.engine.sparse import Segments
from chipletsim.network.neurons import exact_product

_LANES = 512
"""Synapses that a program adds at a time."""
_WARPS = 4
"""Warps of a program; few, so that many programs hide each other's wait for memory."""
_LARGEST_TILE = 64
_SMALLEST_TILE = 8
"""Segments that a program looks at."""
_PROGRAMS = 2048
"""Programs that fill a GPU; tiles shrink for the sake of them."""


class _Plan(NamedTuple):
    """How the kernel is cut; Triton wants powers of two.

    Attributes:
        segments: Segments in all.
        width: Synapses of a segment.
        tile: Segments that a program looks at.
        tiles: Programs of a row.
        group: Segments of a tile that are added at a time.
        lanes: Synapses of a segment that are added at a time.
    """

    segments: int
    width: int
    tile: int
    tiles: int
    group: int
    lanes: int


def pallas_segment_currents(
    listed: Segments, events: jax.Array, n_targets: int, *, interpret: bool = False
) -> jax.Array:
    """Return float32 [rows, n_targets]: weights of the synapses of all events, summed.

    Args:
        listed: The synapses.
        events: [rows, sources], bool or float32.
        n_targets: Number of target neurons.
        interpret: Whether to run the kernel without a GPU, slowly.
    """
    zeros = jnp.zeros((events.shape[0], n_targets), jnp.float32)
    if 0 in (listed.source.shape[0], events.shape[0]):
        return zeros
    plan = _plan(events.shape[0], *listed.weight.shape)
    call = pl.pallas_call(
        partial(_kernel, plan, interpret),
        out_shape=jax.ShapeDtypeStruct(zeros.shape, zeros.dtype),
        # Programs of a row are neighbours: its currents stay in the cache that adds them up.
        grid=(events.shape[0] * plan.tiles,),
        input_output_aliases={4: 0},
        compiler_params=triton.CompilerParams(num_warps=_WARPS, num_stages=1),
        interpret=interpret,
        name="segment_currents",
    )
    return call(listed.source, listed.target, listed.weight, events, zeros)


def _plan(rows: int, segments: int, width: int) -> _Plan:
    wanted = max(rows * segments // _PROGRAMS, 1)
    tile = min(max(1 << (wanted.bit_length() - 1), _SMALLEST_TILE), _LARGEST_TILE)
    lanes = min(1 << (width - 1).bit_length(), _LANES)
    group = min(_LANES // lanes, tile)
    return _Plan(segments, width, tile, -(-segments // tile), group, lanes)


def _kernel(plan: _Plan, interpret: bool, *references: Any) -> None:
    """Add the synapses of a tile's events to the currents of its row.

    Args:
        plan: How the kernel is cut.
        interpret: Whether it is interpreted.
        references: To source, target and weight as in ``Segments``; to the events, bool or
            float32 [rows, sources]; and to the zeros and the currents, float32
            [rows, n_targets], which are one buffer.
    """
    source, target, weight, events, _, currents = references
    program = pl.program_id(0)
    row = program // plan.tiles
    segment = program % plan.tiles * plan.tile + jnp.arange(plan.tile, dtype=jnp.int32)
    inside = segment < plan.segments
    neuron = triton.load(source.at[segment], mask=inside, other=0)
    nothing = jnp.zeros((), events.dtype)
    value = triton.load(events.at[row, neuron], mask=inside, other=nothing)
    active = value != nothing
    rank = jnp.cumsum(active.astype(jnp.int32)) - 1
    count = jnp.sum(active.astype(jnp.int32))

    def add_group(turn: jax.Array, carry: None) -> None:
        place = turn * plan.group + jnp.arange(plan.group, dtype=jnp.int32)
        # Lanes cannot be indexed by lanes: a sum of one term picks.
        picks = (place[:, None] == rank[None, :]) & active[None, :]
        chosen = _picked(picks, segment)
        factor = None if value.dtype == jnp.bool_ else _picked(picks, value)[:, None]
        for first in range(0, plan.width, plan.lanes):
            lane = first + jnp.arange(plan.lanes, dtype=jnp.int32)
            there = (place < count)[:, None] & (lane < plan.width)[None, :]
            where = (chosen[:, None], lane[None, :])
            added = triton.load(weight.at[where], mask=there, other=0.0)
            to = triton.load(target.at[where], mask=there, other=0)
            # Segments are filled up with zeros, which all would go to one target.
            there &= added != 0
            if factor is not None:
                added = exact_product(jnp, added, factor)
            _add(currents, (row, to), added, there, interpret)

    lax.fori_loop(0, (count + plan.group - 1) // plan.group, add_group, None)


def _picked(picks: jax.Array, values: jax.Array) -> jax.Array:
    """Return the value that each row of ``picks`` picks; 0 where it picks none.

    Args:
        picks: bool [group, tile], at most one set in a row.
        values: int32 or float32 [tile].
    """
    return jnp.sum(jnp.where(picks, values[None, :], jnp.zeros((), values.dtype)), axis=1)


def _add(
    currents: Any, where: tuple[Any, ...], added: jax.Array, there: jax.Array, interpret: bool
) -> None:
    """Add to the currents where ``there`` is set; indices may repeat."""
    if interpret:
        # Interpreted, atomic_add takes no mask and keeps only one of repeated indices.
        jax.ref.addupdate(currents, where, jnp.where(there, added, jnp.float32(0)))
    else:
        triton.atomic_add(currents, where, added, mask=there)
