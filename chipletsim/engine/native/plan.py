"""Writes down what a kernel call is to do, in the order in which ``plan.h`` reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.engine.native.geometry import KINDS, NativeGeometry
from chipletsim.engine.native.layout import WORD, Layout
from chipletsim.engine.native.models import CURRENT, MODELS
from chipletsim.engine.structure import Program, Stage

NONE = -1
"""Number of a buffer that is not there."""


class _Result(NamedTuple):
    """The number of a result, which follow the arguments."""

    number: int


class Call:
    """Integers, arguments and results of one call, as they are put together.

    Args:
        function: Name of the kernel.
    """

    def __init__(self, function: str = "chipletsim_stage") -> None:
        self._function = function
        self._integers: list[int | _Result] = []
        self._arguments: list[jax.Array] = []
        self._results: list[jax.ShapeDtypeStruct] = []
        self._aliases: dict[int, int] = {}

    def add(self, *integers: int | _Result) -> None:
        """Add plain integers, or numbers of buffers."""
        self._integers += integers

    def add_float(self, value: float) -> None:
        """Add the bits of a float32."""
        self._integers.append(int(np.float32(value).view(np.int32)))

    def argument(self, array: jax.Array | None) -> int:
        """Return the number of an argument; the same for the same array."""
        if array is None:
            return NONE
        for number, known in enumerate(self._arguments):
            if known is array:
                return number
        self._arguments.append(array)
        return len(self._arguments) - 1

    def result(
        self, shape: tuple[int, ...], dtype: Any, *, over: jax.Array | None = None
    ) -> _Result:
        """Return the number of a new result, which takes the place of an argument if asked to."""
        self._results.append(jax.ShapeDtypeStruct(shape, dtype))
        if over is not None:
            self._arguments.append(over)
            self._aliases[len(self._arguments) - 1] = len(self._results) - 1
        return _Result(len(self._results) - 1)

    def run(self, threads: int) -> Sequence[jax.Array]:
        """Call the kernel and return its results."""
        first = len(self._arguments)
        plan = [
            first + each.number if isinstance(each, _Result) else each for each in self._integers
        ]
        call = jax.ffi.ffi_call(self._function, self._results, input_output_aliases=self._aliases)
        return call(*self._arguments, plan=np.array(plan, np.int64), threads=np.int64(threads))


class Window(NamedTuple):
    """The arrays of one window while it is traced; events are those of ``Program.layouts``.

    Attributes:
        program: The structure.
        neurons: Constants and bias of each population.
        synapses: Arrays of each projection.
        states: State of each population; replaced once it has run.
        history: Events of each population before the window, [samples, past, row].
        events: Events of each population that has run, [samples, steps, row].
    """

    program: Program
    neurons: tuple[dict[str, jax.Array], ...]
    synapses: tuple[dict[str, jax.Array], ...]
    states: list[dict[str, jax.Array]]
    history: tuple[jax.Array, ...]
    events: dict[int, jax.Array]


Stepped = tuple[dict[int, jax.Array], dict[int, dict[str, jax.Array]]]
"""Events and states of populations, by index."""


def run_stage(
    window: Window, stage: Stage, threads: int, currents: dict[int, jax.Array] | None = None
) -> Stepped:
    """Return the events of the populations of a stage, and their states after the window.

    Args:
        window: The window, with the events of all populations that run before.
        stage: The stage.
        threads: Most threads to use.
        currents: By projection, float32 [samples, steps, targets] that are known already.
    """
    call, program, known = Call(), window.program, currents or {}
    incoming = {each: program.incoming(each) for each in stage.populations}
    sources = list(stage.populations) + sorted(
        {program.projections[each].source for number in incoming for each in incoming[number]}
        - set(stage.populations)
    )
    samples, steps = window.events[program.inputs[0]].shape[:2]
    call.add(samples, steps, int(stage.stepwise), len(sources))
    own = {each: _events_of(call, window, each, samples, steps) for each in stage.populations}
    for each in sources:
        _add_source(call, window, each, own.get(each))
    call.add(len(stage.populations))
    for each in stage.populations:
        _add_population(call, window, each, own[each])
        call.add(len(incoming[each]))
        for number in incoming[each]:
            plan = program.projections[number]
            call.add(plan.port)
            if number in known:
                call.add(KINDS["currents"], call.argument(known[number]))
                continue
            add_projection(call, plan.geometry, window.synapses[number])
            call.add(sources.index(plan.source), plan.delay)
    results = iter(call.run(threads))
    events = {each: next(results) for each in stage.populations}
    states = {
        each: {name: next(results) for name in MODELS[program.populations[each].model].states}
        for each in stage.populations
    }
    return events, states


def run_currents(
    geometry: NativeGeometry,
    arrays: dict[str, jax.Array],
    layouts: tuple[Layout, Layout],
    rows: jax.Array,
    threads: int,
) -> jax.Array:
    """Return float32 [rows, targets]: the currents of rows of events, of one projection.

    Args:
        geometry: Geometry of the projection.
        arrays: Its arrays.
        layouts: Layouts of source and target.
        rows: Bits, uint8 [rows, bytes], or values, float32 [rows, sources].
        threads: Most threads to use.
    """
    call, (source, target) = Call(), layouts
    graded = rows.dtype == jnp.float32
    # Each row is a sample of one step, whose events are its currents.
    call.add(len(rows), 1, 0, 1, source.size, int(graded), 0, call.argument(rows), NONE)
    currents = call.result((len(rows), target.size), jnp.float32)
    uniform, constants, states, projections, port = 1, 0, 0, 1, 0
    call.add(1, target.size, target.block, CURRENT, uniform, constants, NONE, states)
    call.add(NONE, currents, projections, port)
    add_projection(call, geometry, arrays)
    call.add(0, 0)
    return call.run(threads)[0]


def dense_layer(program: Program, stage: Stage) -> int | None:
    """Return the projection of a stage that is one dense layer of spikes of the same step."""
    incoming = program.incoming(stage.populations[0])
    if stage.stepwise or len(incoming) != 1:
        return None
    plan = program.projections[incoming[0]]
    plain = plan.geometry.kind == "dense" and not (plan.delay or plan.geometry.with_values)
    return incoming[0] if plain and plan.pool is None else None


def event_shape(program: Program, population: int, samples: int, steps: int) -> tuple[int, ...]:
    """Return the shape of the events of a population: bytes of its bits, or its values."""
    layout = program.layouts[population]
    graded = program.populations[population].graded
    return (samples, steps, layout.size if graded else layout.words * WORD // 8)


def event_type(program: Program, population: int) -> Any:
    """Return the type of the events of a population."""
    return jnp.float32 if program.populations[population].graded else jnp.uint8


def _events_of(call: Call, window: Window, population: int, samples: int, steps: int) -> _Result:
    shape = event_shape(window.program, population, samples, steps)
    return call.result(shape, event_type(window.program, population))


def _add_source(call: Call, window: Window, population: int, own: _Result | None) -> None:
    plan = window.program.populations[population]
    past = window.history[population]
    call.add(window.program.layouts[population].size, int(plan.graded), plan.history)
    call.add(own if own is not None else call.argument(window.events[population]))
    call.add(call.argument(past if plan.history else None))


def _add_population(call: Call, window: Window, population: int, events: _Result) -> None:
    plan, layout = window.program.populations[population], window.program.layouts[population]
    model, constants = MODELS[plan.model], window.neurons[population]
    uniform = all(constants[name].shape == (1,) for name in model.constants)
    call.add(layout.size, layout.block, model.number, int(uniform), len(model.constants))
    call.add(*(call.argument(constants[name]) for name in model.constants))
    call.add(call.argument(constants.get("bias")), len(model.states))
    for name in model.states:
        state = window.states[population][name]
        call.add(call.result(state.shape, jnp.float32, over=state))
    call.add(*((NONE, events) if plan.graded else (events, NONE)))


def add_projection(call: Call, geometry: NativeGeometry, arrays: dict[str, jax.Array]) -> None:
    """Add all of a projection but its source and delay."""
    call.add(KINDS[geometry.kind], geometry.numbers, int(geometry.with_values))
    call.add(call.argument(arrays.get("map_start")), call.argument(arrays.get("map_number")))
    call.add(geometry.largest, geometry.pooled)
    call.add_float(geometry.pooled_weight)
    call.add(call.argument(arrays["scale"]))
    call.add(geometry.sources, call.argument(arrays["weight"]))
    if geometry.kind == "sparse":
        call.add(*(call.argument(arrays[name]) for name in ("block_start", "row_start", "target")))
    call.add(*geometry.shape)
