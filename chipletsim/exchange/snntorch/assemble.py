"""From what a run of a module showed to a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chipletsim.exchange.snntorch.affine import Affine, alike
from chipletsim.exchange.snntorch.paths import Path, RefusedError
from chipletsim.exchange.snntorch.trace import Trace, Traces, fault
from chipletsim.network.build import default_value_bits
from chipletsim.network.check import validated
from chipletsim.network.connections import Connection, Conv2d, Pool2d, Shape
from chipletsim.network.model import Network, Population, Projection

WEIGHTS = np.float32
"""What weights are rounded to as they enter a network."""


@dataclass(frozen=True, eq=False)
class Wire:
    """A projection before it has a name.

    Attributes:
        path: Its path.
        target: Population that it leads to.
        delay: Steps from event to current.
        connection: Its connection, with float32 weights.
        pool: Pooling in front of it, or None.
    """

    path: Path
    target: str
    delay: int
    connection: Connection
    pool: Pool2d | None


def assemble(
    trace: Trace, name: str, dt_s: float, outputs: list[str], input_bits: dict[str, int]
) -> Network:
    """Return the network of a run.

    Args:
        trace: The run.
        name: Name of the network.
        dt_s: Time step in seconds.
        outputs: Populations whose events are the answer.
        input_bits: Bits of an event of each input; 0 for spikes.

    Raises:
        ConfigError: Steps differ from one another, or something has no counterpart.
    """
    steady = {each: steady_call(each, own) for each, own in trace.populations.items()}
    wires = [
        wire for target, (step, affine) in steady.items() for wire in _wires(target, step, affine)
    ]
    shapes = _shapes(trace, wires)
    inputs = [
        Population(each, shapes[each], "input", value_bits=input_bits[each])
        for each in trace.inputs
    ]
    neurons = [
        _population(each, own, steady[each][1], shapes[each], each in outputs)
        for each, own in trace.populations.items()
    ]
    network = Network(name, (*inputs, *neurons), tuple(_projections(wires)), dt_s)
    return validated(network)


def steady_call(name: str, own: Traces) -> tuple[int | None, Affine]:
    """Return the last step of a population and its current, which all others are like.

    Raises:
        ConfigError: They are not; but events of before the first step may be left out.
    """
    last = max((step for step in own.calls if step is not None), default=None)
    if last is None:
        return None, own.calls[None]
    if None in own.calls:
        raise fault("takes a signal of all steps at one time, and of each step at another", name)
    if len(own.calls) < 2:
        raise fault(
            "runs for one step alone: a module that goes through steps itself needs at least two to"
            " show what it hands on (or its states are set to zero in each step)",
            name,
        )
    affine = own.calls[last]
    for step, other in own.calls.items():
        problem = _difference(name, int(step or 0), other, last, affine)
        if problem:
            raise fault(f"is fed differently in steps {step} and {last}: {problem}", name)
    return last, affine


def _difference(name: str, step: int, one: Affine, last: int, other: Affine) -> str | None:
    """Return how the currents of two steps differ, or None."""
    here = [(path, _delay(path, step)) for path in one.paths]
    there = [(path, _delay(path, last)) for path in other.paths]
    reach = [(path, delay) for path, delay in there if delay <= step]
    kinds = [[(path.source, delay) for path, delay in each] for each in (here, reach)]
    if kinds[0] != kinds[1]:
        return f"by {_listed(kinds[0])}, and by {_listed(kinds[1])}"
    if not np.array_equal(one.constant, other.constant):
        return (
            "a constant or bias differs; one that is missing at first cannot be represented, and"
            " what a module keeps of an earlier run must be reset before"
        )
    if not all(alike(a, b) for (a, _), (b, _) in zip(here, reach, strict=True)):
        return "weights or the order of values differ"
    return None


def _listed(sent: list[tuple[str, int]]) -> str:
    """Return sources and delays in words."""
    words = [f"{source!r} {delay} steps ago" if delay else repr(source) for source, delay in sent]
    return ", ".join(words) or "nothing"


def _delay(path: Path, step: int) -> int:
    return 0 if path.step is None else step - path.step


def _wires(target: str, step: int | None, affine: Affine) -> Iterator[Wire]:
    for path in affine.paths:
        delay = 0 if step is None else _delay(path, step)
        if delay < 0:
            raise fault(f"takes events of {path.source!r} of a later step", target)
        try:
            connection, pool = path.ending()
        except RefusedError as error:
            raise fault(str(error), target) from None
        weights = connection.weights.astype(WEIGHTS)
        yield Wire(path, target, delay, connection.with_weights(weights), pool)


def _shapes(trace: Trace, wires: list[Wire]) -> dict[str, Shape]:
    """Return the shape of each population, as convolutions and poolings around it need it.

    Raises:
        ConfigError: They need different ones.
    """
    shapes = {**trace.inputs, **{name: own.shape for name, own in trace.populations.items()}}
    needed: dict[str, Shape] = {}
    for wire in wires:
        for name, shape in _needs(wire):
            if needed.setdefault(name, shape) != shape:
                wanted = f"{list(needed[name])} and as {list(shape)}"
                raise fault(f"is read as {wanted}; a population has one shape", name)
    return shapes | needed


def _needs(wire: Wire) -> Iterator[tuple[str, Shape]]:
    """Return the shapes that the ends of a wire must have."""
    path = wire.path
    spatial = isinstance(wire.connection, Conv2d | Pool2d)
    if wire.pool is not None or spatial:
        yield path.source, path.source_shape
    if isinstance(wire.connection, Conv2d | Pool2d):
        pooled = wire.pool.target_shape(path.source_shape) if wire.pool else path.source_shape
        yield wire.target, wire.connection.target_shape(pooled)


def _population(name: str, own: Traces, affine: Affine, shape: Shape, output: bool) -> Population:
    bias = affine.constant.astype(WEIGHTS).reshape(shape)
    parameters = {
        key: np.array(np.broadcast_to(values, own.shape), np.float32).reshape(shape)
        for key, values in own.neurons.parameters.items()
    }
    model = own.neurons.model
    bits = default_value_bits(model)
    return Population(name, shape, model, parameters, bias if bias.any() else None, output, bits)


def _projections(wires: list[Wire]) -> Iterator[Projection]:
    """Return wires with unique names: that of the module with the weights, where there is one."""
    ends = [f"{wire.path.source}>{wire.target}" for wire in wires]
    uses = Counter(wire.path.named_by for wire in wires)
    seen: Counter[str] = Counter()
    for wire, between in zip(wires, ends, strict=True):
        own = wire.path.named_by
        name = between if not own else own if uses[own] == 1 else f"{own}:{between}"
        seen[name] += 1
        name = name if seen[name] == 1 else f"{name}:{seen[name]}"
        yield Projection(
            name, wire.path.source, wire.target, wire.connection, wire.pool, wire.delay
        )
