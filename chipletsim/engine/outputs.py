"""What a window of steps gives: events and states, in the order of samples."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from chipletsim.engine.structure import Program
from chipletsim.network.spans import Span


class Outputs(NamedTuple):
    """What a window gives: arrays of JAX, or of NumPy.

    Attributes:
        rasters: For each population, uint8 [samples, steps, ceil(neurons / 8)].
        values: For each graded population, float32 [samples, steps, neurons]; else None.
        updates: For each population that tells them, packed as rasters are, which neurons did
            work; else None. Empty where none tells them.
        recorded: For each population, state name to [samples, steps, neurons], the states
            after each step that are kept. Empty where none are.
    """

    rasters: tuple[Any, ...]
    values: tuple[Any, ...]
    updates: tuple[Any, ...] = ()
    recorded: tuple[dict[str, Any], ...] = ()


def gathered(
    program: Program, events: dict[int, jax.Array], recorded: dict[int, dict[str, jax.Array]]
) -> Outputs:
    """Return what a window gives, of events and states [steps, samples, *shape]."""
    rasters, values, kept = [], [], []
    for index, plan in enumerate(program.populations):
        flat = _by_sample(events[index])
        rasters.append(jnp.packbits(flat.astype(jnp.bool_), axis=-1, bitorder="little"))
        values.append(flat if plan.graded else None)
        states = recorded.get(index, {})
        kept.append({name: _by_sample(states[name]) for name in plan.recorded})
    return Outputs(tuple(rasters), tuple(values), recorded=tuple(kept))


def _by_sample(rows: jax.Array) -> jax.Array:
    """Return [samples, steps, neurons] of [steps, samples, *shape]."""
    return jnp.moveaxis(rows.reshape(*rows.shape[:2], -1), 1, 0)


def held(values: jax.Array, start: jax.Array, works: Span | None, steps: int) -> jax.Array:
    """Return states of the steps of a span for all of the window: they hold before and after."""
    if works is None:
        return values
    before = jnp.broadcast_to(start, (works.first, *start.shape))
    after = jnp.broadcast_to(values[-1], (steps - works.stop, *start.shape))
    return jnp.concatenate([before, values, after])


def placed(events: jax.Array, works: Span | None, steps: int) -> jax.Array:
    """Return events of the steps of a span among those of the window, silent else."""
    if works is None:
        return events
    behind = [(works.first, steps - works.stop), *[(0, 0)] * (events.ndim - 1)]
    return jnp.pad(events, behind)
