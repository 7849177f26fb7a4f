"""What a network must satisfy before anything else looks at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from itertools import chain

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.connections import Shape
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS, Event, Parameter
from chipletsim.network.precision import precision_problems
from chipletsim.network.schedule import find_cycle, projection_edges
from chipletsim.network.spans import find_spans
from chipletsim.network.steps import whole_steps

MAX_DELAY = 2**20
"""Most steps from spike to current: a bound against delays given in another unit."""


def validated(network: Network, file: str | None = None) -> Network:
    """Return ``network`` if it is sound.

    Args:
        network: Any network.
        file: File it was read from, for the messages.

    Raises:
        ConfigError: With every fault found.
    """
    problems = check_network(network)
    if problems:
        raise ConfigError([replace(problem, file=file) for problem in problems])
    return network


def check_network(network: Network) -> list[Problem]:
    """Return every fault of a network, populations first."""
    problems = list(_repeated_names(network))
    if not 0 < network.dt_s < np.inf:
        problems.append(Problem(f"time step must be positive, got {network.dt_s} s", "dt"))
    for population in network.populations:
        problems += _check_population(population, network.dt_s)
    for projection in network.projections:
        problems += _check_projection(projection, network)
    problems = problems or precision_problems(network)
    return problems or _same_step_cycle(network) or find_spans(network)[1]


def unknown_name(what: str, name: str, known: list[str]) -> str:
    """Return the message for a name that does not exist, with the nearest one that does."""
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(known) or 'none'}"
    return f"there is no {what} `{name}`; {hint}"


def _repeated_names(network: Network) -> Iterator[Problem]:
    names = {
        "populations": [population.name for population in network.populations],
        "projections": [projection.name for projection in network.projections],
    }
    for what, given in names.items():
        for name, times in Counter(given).items():
            if times > 1:
                yield Problem(f"{times} {what} are called {name!r}; names must be unique", what)
    if not network.populations:
        yield Problem("a network needs at least one population", "populations")


def _check_population(population: Population, dt_s: float) -> Iterator[Problem]:
    path = f"populations.{population.name}"
    if not population.shape or any(length < 1 for length in population.shape):
        yield Problem(f"shape must hold numbers of at least 1, got {population.shape}", path)
        return
    model = NEURON_MODELS.get(population.model)
    if model is None:
        message = unknown_name("neuron model", population.model, list(NEURON_MODELS))
        yield Problem(message, f"{path}.model")
        return
    for name in population.parameters:
        if name not in model.parameters:
            message = unknown_name(f"{model.name} parameter", name, list(model.parameters))
            yield Problem(message, f"{path}.parameters.{name}")
    for name, parameter in model.parameters.items():
        problem = _parameter_problem(population, name, parameter, dt_s)
        if problem:
            yield Problem(problem, f"{path}.parameters.{name}")
    yield from _check_currents_and_events(population, path, model.event)


def _parameter_problem(
    population: Population, name: str, parameter: Parameter, dt_s: float
) -> str | None:
    value = population.parameters.get(name)
    if value is None:
        missing = parameter.default is None
        return f"missing: {population.model} needs it ({parameter.meaning})" if missing else None
    return _array_problem(value, population.shape) or _value_problem(value, parameter, dt_s)


def _value_problem(value: np.ndarray, parameter: Parameter, dt_s: float) -> str | None:
    """Return what is wrong with finite values of a parameter, or None."""
    if parameter.positive and not np.all(value > 0):
        return f"must be greater than 0 {parameter.unit}, the least is {np.min(value):g}"
    if parameter.whole_steps:
        return _whole_steps_problem(value, dt_s)
    if parameter.whole and not np.all((value >= 0) & (value == np.floor(value))):
        return f"must be whole numbers of at least 0 ({parameter.meaning})"
    if parameter.choices and not np.all(np.isin(value, parameter.choices)):
        known = ", ".join(f"{choice:g}" for choice in parameter.choices)
        return f"must be one of {known} ({parameter.meaning})"
    # Rounded as the engine rounds the ratio, since tau = dt may have been rounded itself.
    if parameter.at_least_dt and np.float32(dt_s / np.min(value).astype(np.float64)) > 1:
        return (
            f"the least is {np.min(value):g} s, shorter than the time step of {dt_s:g} s, so that "
            "forward Euler would overshoot; give a shorter step, check the unit of the constant, "
            "or name the `preset` of the framework that wrote a NIR file"
        )
    return None


def _whole_steps_problem(value: np.ndarray, dt_s: float) -> str | None:
    """Return what is wrong with times that must be whole steps, or None."""
    if np.any(value < 0):
        return f"must not be below 0 s, the least is {np.min(value):g}"
    _, whole = whole_steps(value, dt_s)
    if not np.all(whole):
        first = np.ravel(value)[np.argmin(np.ravel(whole))]
        return f"{first:g} s is no whole number of time steps of {dt_s:g} s"
    return None


def _check_currents_and_events(
    population: Population, path: str, event: Event
) -> Iterator[Problem]:
    if population.bias is not None:
        problem = _array_problem(population.bias, population.shape)
        if population.model == "input":
            problem = "input channels take no current"
        if problem:
            yield Problem(problem, f"{path}.bias")
    if not 0 <= population.value_bits <= 32:
        message = f"must lie in 0..32, got {population.value_bits}"
        yield Problem(message, f"{path}.value_bits")
    elif population.steps is not None and population.steps < 1:
        yield Problem(f"must be at least 1, got {population.steps}", f"{path}.steps")
    elif event is Event.VALUE and not population.value_bits:
        message = f"events of {population.model} are graded; give their bits, such as 32"
        yield Problem(message, f"{path}.value_bits")


def _array_problem(value: np.ndarray, shape: Shape) -> str | None:
    """Return what is wrong with a parameter array, or None."""
    try:
        np.broadcast_to(value, shape)
    except ValueError:
        return f"shape {list(np.shape(value))} does not broadcast to {list(shape)}"
    if not np.all(np.isfinite(value)):
        return "holds NaN or infinite values"
    return None


def _check_projection(projection: Projection, network: Network) -> Iterator[Problem]:
    path = f"projections.{projection.name}"
    names = list(network.index)
    ends = {"source": projection.source, "target": projection.target}
    unknown = {end: name for end, name in ends.items() if name not in network.index}
    for end, name in unknown.items():
        yield Problem(unknown_name("population", name, names), f"{path}.{end}")
    if not np.all(np.isfinite(projection.connection.weights)):
        yield Problem("weights hold NaN or infinite values", f"{path}.connection.weight")
    if not 0 <= projection.delay <= MAX_DELAY:
        message = f"must lie in 0..{MAX_DELAY:,} steps, got {projection.delay:,}"
        yield Problem(message, f"{path}.delay")
    if unknown:
        return
    if network.population(projection.target).model == "input":
        yield Problem("input channels take no projections", f"{path}.target")
    else:
        yield from _check_port(projection, network, path)
        yield from _check_shapes(projection, network, path)


def _check_port(projection: Projection, network: Network, path: str) -> Iterator[Problem]:
    model = NEURON_MODELS.get(network.population(projection.target).model)
    if model is None:
        return  # the model itself is the fault
    if projection.port and projection.port not in model.ports:
        message = unknown_name(f"{model.name} port", projection.port, list(model.ports))
        yield Problem(message, f"{path}.port")
    if model.current_unit == "S" and np.any(projection.connection.weights < 0):
        least = float(np.min(projection.connection.weights))
        message = f"conductances must not be below 0 S, the least is {least:g}"
        yield Problem(message, f"{path}.connection.weight")


def _check_shapes(projection: Projection, network: Network, path: str) -> Iterator[Problem]:
    source = network.population(projection.source).shape
    target = network.population(projection.target).shape
    if projection.pool is not None:
        message = projection.pool.window_problem(source)
        if projection.pool.mode == "max":
            message = "a maximum is a connection of its own, not one in front of another"
        if message:
            yield Problem(f"from {projection.source!r}: {message}", f"{path}.pool")
            return
        source = projection.pool.target_shape(source)
    message = projection.connection.problem(source, target)
    if message:
        ends = f"{projection.source!r} to {projection.target!r}"
        yield Problem(f"{ends}: {message}", f"{path}.connection")


def _same_step_cycle(network: Network) -> list[Problem]:
    """Return the fault of a cycle that acts within one step, or nothing."""
    cycle = find_cycle(len(network.populations), projection_edges(network, same_step=True))
    if not cycle:
        return []
    names = [network.populations[index].name for index in chain(cycle, cycle[:1])]
    path = " > ".join(names)
    message = f"the cycle {path} holds no delay; give one of its projections `delay: 1`"
    return [Problem(message, "projections")]
