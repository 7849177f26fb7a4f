"""The one door from a network on the host to arrays on the device.

Whatever the engine cannot run is refused here. A network becomes a ``Program``, which is
hashable and decides what is compiled, and ``Arrays``, which are its arguments: networks of
one structure and shape share one compiled program.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np

from chipletsim.engine.differentiable import differentiable_kinds
from chipletsim.engine.exact import exact_sum
from chipletsim.engine.native.formats import native_format
from chipletsim.engine.native.layout import Layout, layout
from chipletsim.engine.native.models import MODELS
from chipletsim.engine.native.product import product_arrays
from chipletsim.engine.projections import PROJECTIONS
from chipletsim.engine.structure import PopulationPlan, Program, ProjectionPlan, Stage
from chipletsim.errors import ConfigError, Problem, UsageError
from chipletsim.kernels import native_kernels, thread_count
from chipletsim.network.check import check_network
from chipletsim.network.connections import Dense, Pool2d
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS, Event
from chipletsim.network.precision import is_wide
from chipletsim.network.schedule import components
from chipletsim.network.spans import Span, Spans, spans
from chipletsim.network.synapses import connection_source_shape

Schedule = Literal["layers", "steps"]


@dataclass(frozen=True, eq=False)
class Compiled:
    """A network ready to run.

    Attributes:
        network: The network.
        program: Its structure.
        neurons: For each population, its constants and bias: float32 device arrays.
        synapses: For each projection, the arrays of its kind; for XLA, ``rest`` is the part
            of the weights that is summed apart.
        initial: For each population, state name to float32 on the host, [*shape] or, for the
            native kernels, in the order of its layout.
        exact: Whether weights of spikes are such that their sums are exact; else it is for
            training.
    """

    network: Network
    program: Program
    neurons: tuple[dict[str, Any], ...]
    synapses: tuple[dict[str, Any], ...]
    initial: tuple[dict[str, np.ndarray], ...]
    exact: bool


def compile_network(
    network: Network,
    schedule: Schedule = "layers",
    *,
    exact: bool = True,
    recorded: Mapping[str, tuple[str, ...]] | None = None,
) -> Compiled:
    """Return a network as a program and its arrays.

    It is one for the native kernels where they are in use (``chipletsim.kernels``), and for
    XLA elsewhere, where ``exact`` is off or states are recorded, and where there are dense
    layers, encoders or decoders; the spikes are the same.

    Args:
        network: The network, lowered if hardware is to change it.
        schedule: ``layers`` runs what is in no cycle over all steps at once; ``steps`` runs
            everything step by step.
        exact: Whether sums of the weights of spikes do not depend on their order
            (see ``chipletsim.engine.exact``). Off for training, which changes weights and
            takes them as they are; its projections have gradients.
        recorded: Population name to the states that are kept after each step.

    Raises:
        ConfigError: The network has a fault, or something the engine cannot run.
        UsageError: The environment asks for kernels that there are not; or values come once in
            the network, and everything is to run step by step.
    """
    problems = check_network(network) or _unsupported(network)
    if problems:
        raise ConfigError(problems)
    working = spans(network)
    if schedule == "steps" and any(each.works for each in working):
        raise UsageError(f"values come once in {network.name!r}, so it runs layer by layer alone")
    kept = recorded or {}
    natively = exact and not kept and _runs_natively(network, working)
    layouts = _layouts(network) if natively else ()
    neurons, initial = [], []
    for number, population in enumerate(network.populations):
        span = working[number].works
        constants = NEURON_MODELS[population.model].prepare(
            population.parameters,
            network.dt_s,
            steps=span and span.length,
            value_bits=population.value_bits,
        )
        start = NEURON_MODELS[population.model].initial_state(constants, population.shape)
        if population.bias is not None:
            constants["bias"] = np.asarray(population.bias, np.float32)
        if layouts:
            constants = _arranged(constants, population, layouts[number])
            start = {name: layouts[number].arranged(values) for name, values in start.items()}
        neurons.append(constants)
        initial.append(start)
    parts = [
        _native_split(each, network, layouts) if layouts else _split(each, network, exact)
        for each in network.projections
    ]
    program = Program(
        populations=tuple(
            _population_plan(network, each, own.works, kept.get(each.name, ()))
            for each, own in zip(network.populations, working, strict=True)
        ),
        projections=tuple(plan for plan, _ in parts),
        stages=_stages(network, schedule),
        layouts=layouts,
    )
    neurons_on, synapses_on = jax.device_put((tuple(neurons), tuple(part for _, part in parts)))
    return Compiled(network, program, neurons_on, synapses_on, tuple(initial), exact)


def is_graded(population: Population) -> bool:
    """Return whether a population's events are values or counts instead of spikes."""
    if population.model == "input":
        return population.value_bits > 0
    return not NEURON_MODELS[population.model].spiking


def is_counted(population: Population) -> bool:
    """Return whether a neuron may have several spikes in a step, each an event of its own.

    With ``value_bits`` a count is one graded event instead.
    """
    return NEURON_MODELS[population.model].event is Event.COUNT and not population.value_bits


def _unsupported(network: Network) -> list[Problem]:
    if is_wide(network):
        message = "networks in double precision can be simulated, but not trained"
        return [Problem(message, "populations")]
    return [
        Problem(
            f"the engine cannot run connections of type {type(projection.connection).__name__}",
            f"projections.{projection.name}.connection",
        )
        for projection in network.projections
        if type(projection.connection) not in PROJECTIONS
    ]


def _runs_natively(network: Network, working: tuple[Spans, ...]) -> bool:
    """Return whether the native kernels can run a network: neurons that run in every step."""
    known = {each.model for each in network.populations} <= {"input", *MODELS} and not any(
        isinstance(each.connection, Pool2d) and each.connection.mode == "max"
        for each in network.projections
    )
    return known and not any(each.works for each in working) and native_kernels()


def _population_plan(
    network: Network, population: Population, works: Span | None, recorded: tuple[str, ...]
) -> PopulationPlan:
    delays = [each.delay for each in network.projections if each.source == population.name]
    return PopulationPlan(
        shape=tuple(population.shape),
        model=population.model,
        graded=is_graded(population),
        history=max(delays, default=0),
        works=works,
        recorded=recorded,
    )


def _split(
    projection: Projection, network: Network, exact: bool
) -> tuple[ProjectionPlan, dict[str, Any]]:
    kind = type(projection.connection)
    spikes = not is_graded(network.population(projection.source))
    projection, low = exact_sum(projection) if exact and spikes else (projection, None)
    shapes = (
        connection_source_shape(projection, network),
        tuple(network.population(projection.target).shape),
    )
    kinds = PROJECTIONS if exact else differentiable_kinds()
    geometry, arrays = kinds[kind].split(projection.connection, *shapes)
    if low is not None:
        _, rest = PROJECTIONS[kind].split(projection.connection.with_weights(low), *shapes)
        arrays["rest"] = rest["weight"]
    return _projection_plan(projection, network, geometry), arrays


def _layouts(network: Network) -> tuple[Layout, ...]:
    """Return how the native kernels number the neurons of each population."""
    incoming: dict[str, list[type]] = {each.name: [] for each in network.populations}
    for each in network.projections:
        incoming[each.target].append(type(each.connection))
    return tuple(
        layout(tuple(each.shape), incoming=incoming[each.name], threads=thread_count())
        for each in network.populations
    )


def _arranged(
    constants: dict[str, np.ndarray], population: Population, own: Layout
) -> dict[str, np.ndarray]:
    """Return constants as the native kernels read them: one for all neurons, or one for each."""
    bias = {
        name: own.arranged(np.broadcast_to(values, population.shape))
        for name, values in constants.items()
        if name == "bias"
    }
    others = {name: values for name, values in constants.items() if name != "bias"}
    if all(values.size == 1 for values in others.values()):
        return {name: values.reshape(1) for name, values in others.items()} | bias
    return {
        name: own.arranged(np.broadcast_to(values, population.shape))
        for name, values in others.items()
    } | bias


def _native_split(
    projection: Projection, network: Network, layouts: tuple[Layout, ...]
) -> tuple[ProjectionPlan, dict[str, Any]]:
    source = network.population(projection.source)
    pair = (layouts[network.index[projection.source]], layouts[network.index[projection.target]])
    geometry, arrays = native_format(
        projection,
        tuple(source.shape),
        tuple(network.population(projection.target).shape),
        pair,
        graded=is_graded(source),
    )
    plan = _projection_plan(projection, network, geometry)
    if isinstance(projection.connection, Dense) and not is_graded(source):
        arrays |= product_arrays(projection, geometry, arrays, pair[1])
    return plan, arrays


def _projection_plan(
    projection: Projection, network: Network, geometry: Hashable
) -> ProjectionPlan:
    ports = NEURON_MODELS[network.population(projection.target).model].ports
    return ProjectionPlan(
        source=network.index[projection.source],
        target=network.index[projection.target],
        delay=projection.delay,
        pool=projection.pool,
        kind=type(projection.connection),
        geometry=geometry,
        port=ports.index(projection.port) if projection.port else 0,
    )


def _stages(network: Network, schedule: Schedule) -> tuple[Stage, ...]:
    """Return the schedule of all populations but the inputs."""
    inputs = {i for i, each in enumerate(network.populations) if each.model == "input"}
    order = [part for part in components(network) if not inputs.issuperset(part.populations)]
    if schedule == "steps" and order:
        return (Stage(tuple(index for part in order for index in part.populations), True),)
    return tuple(Stage(part.populations, part.cyclic) for part in order)
