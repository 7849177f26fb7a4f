"""The slow, obvious simulation that the engine is checked against.

Plain loops over samples, steps, populations and synapses in NumPy, with equations written
here once more: it shares no step function, product or schedule with the engine, only the
rounding of weights in ``chipletsim.engine.exact``. Currents of spikes are then exact sums in
float64, rounded once to float32, and agree bit for bit with the engine's. Currents of graded
events are rounded in another order there; they agree wherever float32 sums are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.engine.exact import exact_weights
from chipletsim.engine.inputs import Inputs, prepare_inputs, prepared_fingerprint
from chipletsim.engine.reference_neurons import COUNTS, NEURONS, SPIKES, initial_state
from chipletsim.errors import ConfigError
from chipletsim.network.check import validated
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.precision import is_wide
from chipletsim.network.spans import spans

Shape = tuple[int, ...]
Values = dict[str, np.ndarray]
f32 = np.float32


def simulate_reference(network: Network, inputs: Inputs) -> Activity:
    """Return what ``simulate`` returns, slowly.

    Args:
        network: The network.
        inputs: As for ``simulate``.

    Raises:
        ConfigError: The network or the inputs have a fault, or it is in double precision.
    """
    if is_wide(network):
        raise ConfigError(f"{network.name!r} is in double precision; this reference is not")
    prepared = prepare_inputs(validated(network), inputs)
    arrays = {name: np.asarray(events) for name, events in prepared.items()}
    samples, steps = next(iter(arrays.values())).shape[:2]
    events = {
        population.name: np.zeros((samples, steps, *population.shape), _event_type(population))
        for population in network.populations
    }
    exact = replace(
        network, projections=tuple(_exact(each, network) for each in network.projections)
    )
    for sample in range(samples):
        _run_sample(
            exact,
            {name: array[sample] for name, array in arrays.items()},
            steps,
            {name: array[sample] for name, array in events.items()},
        )
    return Activity.from_spikes(
        {population.name: population.shape for population in network.populations},
        events,
        counted=[each.name for each in network.populations if _counts(each)],
        network=fingerprint(network),
        inputs=prepared_fingerprint(prepared),
    )


def _exact(projection: Projection, network: Network) -> Projection:
    """Return a projection of spikes with the weights that the engine adds up."""
    spikes = _event_type(network.population(projection.source)) is np.bool_
    return exact_weights(projection) if spikes else projection


def _run_sample(network: Network, inputs: Values, steps: int, events: Values) -> None:
    """Fill ``events``, [steps, *shape] for each population, of one sample."""
    states = {each.name: initial_state(each) for each in network.populations}
    spans_of = dict(zip(network.index, spans(network), strict=True))
    for step in range(steps):
        done: set[str] = set()
        while len(done) < len(network.populations):
            population = _next_ready(network, done)
            name = population.name
            works = spans_of[name].works
            if population.model == "input":
                events[name][step] = inputs[name][step]
            elif works is None or works.first <= step < works.stop:
                states[name]["k"] = step - works.first if works else 0
                states[name]["T"] = works.length if works else 1
                current = _currents(network, population, events, step)
                events[name][step] = NEURONS[population.model](
                    population, states[name], current, network.dt_s
                )
            done.add(name)


def _next_ready(network: Network, done: set[str]) -> Population:
    """Return a population whose same-step sources have all run."""
    for population in network.populations:
        waits = any(
            each.target == population.name and each.delay == 0 and each.source not in done
            for each in network.projections
        )
        if population.name not in done and not waits:
            return population
    raise AssertionError("a checked network has no cycle within a step")


def _currents(network: Network, population: Population, events: Values, step: int) -> Any:
    """Return float32 [*shape]: what all projections and the bias give a population.

    They come as a dict where the model has several ports.
    """
    ports = NEURON_MODELS[population.model].ports
    currents = {port: np.zeros(population.shape, f32) for port in ports}
    for projection in network.projections:
        if projection.target == population.name and step >= projection.delay:
            arriving = events[projection.source][step - projection.delay]
            port = projection.port or ports[0]
            currents[port] = currents[port] + _projected(projection, arriving, population.shape)
    if population.bias is not None:
        currents[ports[0]] = currents[ports[0]] + np.asarray(population.bias, f32)
    return currents if len(ports) > 1 else currents[ports[0]]


def _projected(projection: Projection, events: np.ndarray, target: Shape) -> np.ndarray:
    """Return float32 [*target]: the currents of events of one step."""
    if projection.pool is not None:
        events = _pool2d(projection.pool, events)
    currents = CURRENTS[type(projection.connection)](projection.connection, events)
    return currents.reshape(target).astype(f32)


def _dense(connection: Dense, events: np.ndarray) -> np.ndarray:
    total = np.zeros(connection.weight.shape[0])
    for source, event in enumerate(events.ravel()):
        total += connection.weight[:, source].astype(float) * float(event)
    return total


def _sparse(connection: Sparse, events: np.ndarray) -> np.ndarray:
    total = np.zeros(connection.n_targets)
    for source, event in enumerate(events.ravel()):
        for synapse in range(connection.indptr[source], connection.indptr[source + 1]):
            weight = float(connection.weight[synapse])
            total[connection.targets[synapse]] += weight * float(event)
    return total


def _one_to_one(connection: OneToOne, events: np.ndarray) -> np.ndarray:
    return connection.weight.astype(float) * events.ravel().astype(float)


def _conv2d(connection: Conv2d, events: np.ndarray) -> np.ndarray:
    weight, (dilation_y, dilation_x) = connection.weight, connection.dilation
    n_out, n_in, kernel_y, kernel_x = weight.shape
    (top, bottom), (left, right) = connection.padding
    planes = np.pad(events.astype(float), ((0, 0), (top, bottom), (left, right)))
    rows = list(_places(planes.shape[1], kernel_y, dilation_y, connection.stride[0]))
    columns = list(_places(planes.shape[2], kernel_x, dilation_x, connection.stride[1]))
    total = np.zeros((n_out, len(rows), len(columns)))
    targets = product(range(n_out), enumerate(rows), enumerate(columns))
    for out, (y, row), (x, column) in targets:
        first = out // (n_out // connection.groups) * n_in
        for channel, ky, kx in product(range(n_in), range(kernel_y), range(kernel_x)):
            seen = planes[first + channel, row + ky * dilation_y, column + kx * dilation_x]
            total[out, y, x] += float(weight[out, channel, ky, kx]) * seen
    return total


def _pool2d(connection: Pool2d, events: np.ndarray) -> np.ndarray:
    (kernel_y, kernel_x), (pad_y, pad_x) = connection.kernel, connection.padding
    around = ((0, 0), (pad_y, pad_y), (pad_x, pad_x))
    outside = -np.inf if connection.mode == "max" else 0.0
    planes = np.pad(events.astype(float), around, constant_values=outside)
    rows = list(_places(planes.shape[1], kernel_y, 1, connection.stride[0]))
    columns = list(_places(planes.shape[2], kernel_x, 1, connection.stride[1]))
    total = np.zeros((planes.shape[0], len(rows), len(columns)))
    for (y, row), (x, column) in product(enumerate(rows), enumerate(columns)):
        window = planes[:, row : row + kernel_y, column : column + kernel_x]
        largest = connection.mode == "max"
        total[:, y, x] = window.max(axis=(1, 2)) if largest else window.sum(axis=(1, 2))
    weight = float(np.float32(1 / (kernel_y * kernel_x))) if connection.mode == "avg" else 1.0
    return (total * weight).astype(f32)


def _places(length: int, kernel: int, dilation: int, stride: int) -> Iterator[int]:
    """Return the first input of each window along an axis."""
    return iter(range(0, length - dilation * (kernel - 1), stride))


CURRENTS: dict[type, Callable[[Any, np.ndarray], np.ndarray]] = {
    Dense: _dense,
    Conv2d: _conv2d,
    Pool2d: _pool2d,
    Sparse: _sparse,
    OneToOne: _one_to_one,
}


def _event_type(population: Population) -> type:
    graded = population.model not in SPIKES or population.value_bits > 0
    return np.float32 if graded else np.bool_


def _counts(population: Population) -> bool:
    return population.model in COUNTS and population.value_bits == 0
