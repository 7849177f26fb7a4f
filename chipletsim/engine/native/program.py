"""A window of steps on the native kernels: the schedule of ``chipletsim.engine.program``.

Each stage of the network is one call, whether it goes layer by layer or step by step. Events
are [samples, steps, row]: the bytes of whole words of bits, or values of graded populations,
neurons in the order of their layout.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.engine.compile import Compiled
from chipletsim.engine.native.layout import WORD, Layout
from chipletsim.engine.native.plan import (
    Stepped,
    Window,
    dense_layer,
    event_shape,
    event_type,
    run_stage,
)
from chipletsim.engine.native.product import active_share, product_currents
from chipletsim.engine.outputs import Outputs
from chipletsim.engine.program import State
from chipletsim.engine.structure import Program, Stage
from chipletsim.kernels import thread_count

Arrays = tuple[tuple[dict[str, jax.Array], ...], tuple[dict[str, jax.Array], ...]]
"""Constants and bias of each population, and arrays of each projection."""


def initial_state(compiled: Compiled, samples: int) -> State:
    """Return the state before the first step, with no events in the past."""
    return _start(compiled.program, samples, compiled.initial)


@partial(jax.jit, static_argnums=(0, 1))
def _start(program: Program, samples: int, initial: tuple[dict[str, jax.Array], ...]) -> State:
    neurons = jax.tree.map(lambda start: jnp.tile(start, (samples, 1)), initial)
    history = tuple(
        jnp.zeros(event_shape(program, index, samples, plan.history), event_type(program, index))
        for index, plan in enumerate(program.populations)
    )
    return State(neurons, history)


def run_window(
    compiled: Compiled, state: State, inputs: tuple[np.ndarray, ...]
) -> tuple[State, Outputs]:
    """Run a window of steps; arguments and result as in ``chipletsim.engine.program``.

    Rasters have whole words: bytes beyond the last neuron are for the caller to cut off.
    """
    rows = tuple(
        _input_rows(compiled.program.layouts[index], given)
        for index, given in zip(compiled.program.inputs, inputs, strict=True)
    )
    arrays = (compiled.neurons, compiled.synapses)
    return _run(compiled.program, thread_count(), arrays, state, rows)


def _input_rows(layout: Layout, given: np.ndarray) -> np.ndarray:
    """Return events of inputs as rows: bits of bool [samples, steps, *shape], values as such."""
    flat = given.reshape(*given.shape[:2], layout.size)
    if flat.dtype != np.bool_:
        return flat
    rows = np.zeros((*flat.shape[:2], layout.words * WORD // 8), np.uint8)
    packed = np.packbits(flat, axis=-1, bitorder="little")
    rows[..., : packed.shape[-1]] = packed
    return rows


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=3)
def _run(
    program: Program,
    threads: int,
    arrays: Arrays,
    state: State,
    inputs: tuple[jax.Array, ...],
) -> tuple[State, Outputs]:
    steps = inputs[0].shape[1]
    events = dict(zip(program.inputs, inputs, strict=True))
    window = Window(program, *arrays, list(state.neurons), state.history, events)
    for stage in program.stages:
        ran, states = _run_stage(window, stage, threads)
        window.events.update(ran)
        for index in stage.populations:
            window.states[index] = states[index]
    history = tuple(
        _last(past, window.events[index], steps) for index, past in enumerate(state.history)
    )
    return State(tuple(window.states), history), _outputs(window, threads)


def _run_stage(window: Window, stage: Stage, threads: int) -> Stepped:
    """Run a stage, by a product where it is a dense layer of which many inputs are active."""
    number = dense_layer(window.program, stage)
    if number is None or "product_above" not in window.synapses[number]:
        return run_stage(window, stage, threads)
    plan, arrays = window.program.projections[number], window.synapses[number]
    rows = window.events[plan.source]

    def multiplied(rows: jax.Array) -> Stepped:
        flat = rows.reshape(-1, rows.shape[-1])
        layout = window.program.layouts[plan.target]
        currents = product_currents(plan.geometry, arrays, layout, flat)
        known = currents.reshape(*rows.shape[:2], layout.size)
        return run_stage(window, stage, threads, {number: known})

    many = active_share(rows, plan.geometry.sources) > arrays["product_above"]
    return jax.lax.cond(many, multiplied, lambda rows: run_stage(window, stage, threads), rows)


def _last(past: jax.Array, events: jax.Array, steps: int) -> jax.Array:
    """Return the last events of a window, as many as are kept."""
    kept = past.shape[1]
    if kept <= steps:
        return events[:, steps - kept :]
    return jnp.concatenate([past[:, steps:], events], axis=1)


def _outputs(window: Window, threads: int) -> Outputs:
    rasters: list[jax.Array] = []
    values: list[jax.Array | None] = []
    for index, plan in enumerate(window.program.populations):
        layout, events = window.program.layouts[index], window.events[index]
        if plan.graded:
            value = _channels_first(events, layout)
            rasters.append(jnp.packbits(value.astype(jnp.bool_), axis=-1, bitorder="little"))
            values.append(value)
        else:
            rasters.append(_bits_channels_first(events, layout, threads))
            values.append(None)
    return Outputs(tuple(rasters), tuple(values))


def _channels_first(values: jax.Array, layout: Layout) -> jax.Array:
    """Return values [samples, steps, neurons] in the order of the population's shape."""
    by_place = values.reshape(*values.shape[:2], -1, layout.channels)
    return jnp.swapaxes(by_place, -1, -2).reshape(values.shape)


def _bits_channels_first(rows: jax.Array, layout: Layout, threads: int) -> jax.Array:
    """Return rows of bits in the order of the population's shape."""
    if layout.channels == 1:
        return rows
    call = jax.ffi.ffi_call(
        "chipletsim_channels_first", jax.ShapeDtypeStruct(rows.shape, rows.dtype)
    )
    numbers = {"size": layout.size, "channels": layout.channels, "threads": threads}
    return call(rows, **{name: np.int64(value) for name, value in numbers.items()})
