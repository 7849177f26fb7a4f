"""What runs on the device: a window of steps of a batch of samples, as one compiled program.

Arrays are time-major inside: events are [steps, samples, *shape].
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from chipletsim.engine.compile import Compiled
from chipletsim.engine.outputs import Outputs, gathered, held, placed
from chipletsim.engine.projections import PROJECTIONS, ProjectionKinds, pool_currents
from chipletsim.engine.structure import Program, Stage
from chipletsim.network.neurons import NEURON_MODELS

Events = dict[int, jax.Array]


class State(NamedTuple):
    """What a window hands to the next.

    Attributes:
        neurons: For each population, state name to float32 [samples, *shape].
        history: For each population, its last events [longest delay, samples, *shape].
    """

    neurons: tuple[dict[str, jax.Array], ...]
    history: tuple[jax.Array, ...]


def initial_state(compiled: Compiled, samples: int) -> State:
    """Return the state before the first step, with no events in the past."""
    neurons = tuple(
        {name: jnp.array(np.broadcast_to(start, (samples, *start.shape))) for name, start in each}
        for each in (states.items() for states in compiled.initial)
    )
    history = tuple(
        jnp.zeros((plan.history, samples, *plan.shape), _event_type(plan.graded))
        for plan in compiled.program.populations
    )
    return State(neurons, history)


def run_window(
    compiled: Compiled, state: State, inputs: tuple[np.ndarray, ...]
) -> tuple[State, Outputs]:
    """Run a window of steps.

    Args:
        compiled: The network.
        state: State before the window; its buffers are given up.
        inputs: For each input population, bool or float32 [samples, steps, *shape].

    Returns:
        The state after the window, and its events.
    """
    return _run(compiled.program, compiled.neurons, compiled.synapses, state, inputs)


def window_events(
    program: Program,
    neurons: tuple[dict[str, jax.Array], ...],
    synapses: tuple[dict[str, jax.Array], ...],
    state: State,
    inputs: tuple[jax.Array, ...],
    *,
    xp: Any = jnp,
    kinds: ProjectionKinds = PROJECTIONS,
) -> tuple[State, Events]:
    """Run a window of steps under the caller's transformations.

    Args:
        program: The structure.
        neurons: Constants and bias of each population.
        synapses: Arrays of each projection.
        state: State before the window.
        inputs: For each input population, bool or float32 [samples, steps, *shape].
        xp: Array namespace of the neurons; training gives one with surrogate gradients.
        kinds: How projections are computed; training gives ones with gradients.

    Returns:
        The state after the window, and by population its events [steps, samples, *shape].
    """
    window = _traced(program, neurons, synapses, state, inputs, xp=xp, kinds=kinds)
    return _after(window, state), window.events


def _traced(
    program: Program,
    neurons: tuple[dict[str, jax.Array], ...],
    synapses: tuple[dict[str, jax.Array], ...],
    state: State,
    inputs: tuple[jax.Array, ...],
    *,
    xp: Any = jnp,
    kinds: ProjectionKinds = PROJECTIONS,
) -> _Window:
    """Return a window after all of its stages have run."""
    states = list(state.neurons)
    window = _Window(program, neurons, synapses, states, state.history, {}, {}, xp, kinds)
    for index, given in zip(program.inputs, inputs, strict=True):
        window.events[index] = jnp.moveaxis(given, 1, 0)
    samples, steps = inputs[0].shape[:2]
    for stage in program.stages:
        if stage.stepwise:
            _run_stepwise(window, stage, steps, samples)
        else:
            _run_layer(window, stage.populations[0], steps, samples)
    return window


def _after(window: _Window, state: State) -> State:
    """Return the state after a window."""
    history = tuple(
        jnp.concatenate([past, window.events[index]])[-past.shape[0] :] if past.shape[0] else past
        for index, past in enumerate(state.history)
    )
    return State(tuple(window.states), history)


def _window(
    program: Program,
    neurons: tuple[dict[str, jax.Array], ...],
    synapses: tuple[dict[str, jax.Array], ...],
    state: State,
    inputs: tuple[jax.Array, ...],
) -> tuple[State, Outputs]:
    window = _traced(program, neurons, synapses, state, inputs)
    return _after(window, state), gathered(program, window.events, window.recorded)


_run = jax.jit(_window, static_argnums=0, donate_argnums=3)


class _Window(NamedTuple):
    """The arrays of one window while it is traced.

    Attributes:
        program: The structure.
        neurons: Constants and bias of each population.
        synapses: Arrays of each projection.
        states: State of each population; replaced once it has run.
        history: Events of each population before the window.
        events: Events of each population that has run, [steps, samples, *shape].
        recorded: States after each step of each population that keeps some, [steps, samples,
            *shape] by name.
        xp: Array namespace of the neurons.
        kinds: How projections are computed.
    """

    program: Program
    neurons: tuple[dict[str, jax.Array], ...]
    synapses: tuple[dict[str, jax.Array], ...]
    states: list[dict[str, jax.Array]]
    history: tuple[jax.Array, ...]
    events: Events
    recorded: dict[int, dict[str, jax.Array]]
    xp: Any
    kinds: ProjectionKinds

    def advance(
        self, population: int, state: dict[str, jax.Array], currents: list[jax.Array], samples: int
    ) -> tuple[dict[str, jax.Array], jax.Array]:
        """Return state and events [samples, *shape] of a population after one step."""
        plan, constants = self.program.populations[population], self.neurons[population]
        model = NEURON_MODELS[plan.model]
        totals = [jnp.zeros((samples, *plan.shape), jnp.float32) for _ in model.ports]
        # Summed in the network's order, the bias last, so that all schedules agree.
        for number, current in zip(self.program.incoming(population), currents, strict=True):
            port = self.program.projections[number].port
            totals[port] = totals[port] + current
        if "bias" in constants:
            totals[0] = totals[0] + constants["bias"]
        several = len(totals) > 1
        given = dict(zip(model.ports, totals, strict=True)) if several else totals[0]
        return model.step(self.xp, constants, state, given)

    def window_currents(self, projection: int) -> jax.Array:
        """Return [steps, samples, *target shape]: currents of a source that has run.

        The steps are those in which the target works.
        """
        plan = self.program.projections[projection]
        events, past = self.events[plan.source], self.history[plan.source]
        steps, samples = events.shape[:2]
        if plan.delay:
            first = past.shape[0] - plan.delay
            events = jnp.concatenate([past, events])[first : first + steps]
        works = self.program.populations[plan.target].works
        if works:
            events, steps = events[works.first : works.stop], works.length
        rows = events.reshape(steps * samples, *events.shape[2:])
        currents = self.currents(projection, rows)
        return currents.reshape(steps, samples, *currents.shape[1:])

    def currents(self, projection: int, rows: jax.Array) -> jax.Array:
        """Return the currents of rows of events, pooling in front included."""
        plan, arrays = self.program.projections[projection], self.synapses[projection]
        if plan.pool is not None:
            rows = pool_currents(plan.pool, {}, rows)
        product = self.kinds[plan.kind].currents
        whole = {name: array for name, array in arrays.items() if name != "rest"}
        currents = _kept_apart(product(plan.geometry, whole, rows))
        if "rest" in arrays:
            rest = {**whole, "weight": arrays["rest"]}
            currents = currents + _kept_apart(product(plan.geometry, rest, rows))
        return currents


def _run_layer(window: _Window, population: int, steps: int, samples: int) -> None:
    """Run a population that is in no cycle: one product for all steps, then its neurons."""
    currents = [window.window_currents(each) for each in window.program.incoming(population)]

    kept = window.program.populations[population].recorded

    def step(state: dict[str, jax.Array], given: list[jax.Array]) -> tuple[Any, Any]:
        state, event = window.advance(population, state, given, samples)
        return state, (event, {name: state[name] for name in kept})

    works = window.program.populations[population].works
    length = works.length if works else steps
    state, (events, states) = lax.scan(step, window.states[population], currents, length=length)
    _keep(window, population, (events, states), state, steps)


def _run_stepwise(window: _Window, stage: Stage, steps: int, samples: int) -> None:
    """Run populations together step by step, their delayed events in ring buffers.

    Slot ``t % length`` of a ring holds the events of step ``t``; at the start of a window
    the steps before it lie in order.
    """
    inside = set(stage.populations)
    plans, plans_of = window.program.projections, window.program.populations
    incoming = {population: window.program.incoming(population) for population in stage.populations}
    external = {
        each: window.window_currents(each)
        for projections in incoming.values()
        for each in projections
        if plans[each].source not in inside
    }

    def step(carry: Any, given: Any) -> tuple[Any, Any]:
        states, rings = dict(carry[0]), carry[1]
        time, currents = given
        now: Events = {}
        for population in stage.populations:
            arriving = [
                currents[each] if each in currents else _internal(window, each, now, rings, time)
                for each in incoming[population]
            ]
            states[population], now[population] = window.advance(
                population, states[population], arriving, samples
            )
        kept = {
            population: {name: states[population][name] for name in plans_of[population].recorded}
            for population in stage.populations
        }
        return (states, _remember(rings, now, time)), (now, kept)

    states = {population: window.states[population] for population in inside}
    rings = {each: window.history[each] for each in inside if window.history[each].shape[0]}
    # All of them work in the same steps, see ``chipletsim.network.spans``.
    works = plans_of[stage.populations[0]].works
    length = works.length if works else steps
    time = jnp.arange(length, dtype=jnp.int32)
    (states, _), (events, kept) = lax.scan(step, (states, rings), (time, external))
    for population in stage.populations:
        gave = (events[population], kept[population])
        _keep(window, population, gave, states[population], steps)


def _keep(
    window: _Window,
    population: int,
    gave: tuple[jax.Array, dict[str, jax.Array]],
    state: dict[str, jax.Array],
    steps: int,
) -> None:
    """Note the events, recorded states and last state of a population."""
    works, (events, recorded) = window.program.populations[population].works, gave
    window.events[population] = placed(events, works, steps)
    window.recorded[population] = {
        name: held(values, window.states[population][name], works, steps)
        for name, values in recorded.items()
    }
    window.states[population] = state


def _internal(
    window: _Window, projection: int, now: Events, rings: Events, time: jax.Array
) -> jax.Array:
    """Return the current of a projection between populations that run together."""
    plan = window.program.projections[projection]
    if not plan.delay:
        return window.currents(projection, now[plan.source])
    ring = rings[plan.source]
    slot = (time - plan.delay) % ring.shape[0]
    events = lax.dynamic_index_in_dim(ring, slot, keepdims=False)
    return window.currents(projection, events)


def _remember(rings: Events, now: Events, time: jax.Array) -> Events:
    return {
        index: lax.dynamic_update_index_in_dim(ring, now[index], time % ring.shape[0], 0)
        for index, ring in rings.items()
    }


def _kept_apart(currents: jax.Array) -> jax.Array:
    """Return the currents; the select keeps XLA from adding anything inside their product."""
    return jnp.where(currents == currents, currents, jnp.nan)  # noqa: PLR0124 - false for NaN


def _event_type(graded: bool) -> Any:
    return jnp.float32 if graded else jnp.bool_
