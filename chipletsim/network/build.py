"""From a network file to a network: arrays read or drawn, defaults filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.check import check_network, unknown_name
from chipletsim.network.connections import Connection
from chipletsim.network.draw import make_array, read_array
from chipletsim.network.edge_list import read_edges
from chipletsim.network.make_connection import Ends, make_connection, make_pool
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS, Event, Parameter
from chipletsim.network.numbers import Float, Numbers, plain_number
from chipletsim.network.steps import delay_steps
from chipletsim.spec.network import (
    ArrayFileSpec,
    NetworkSpec,
    PopulationSpec,
    ProjectionSpec,
    SparseSpec,
)

GRADED_BITS = 32
"""Bits of a graded event where nothing is said: a float32."""

Made = TypeVar("Made")


def build_network(spec: NetworkSpec, folder: Path, dt_s: float | None = None) -> Network:
    """Return the network that a file describes.

    Args:
        spec: The validated file.
        folder: Folder that its file paths are relative to.
        dt_s: Time step in seconds, in place of the file's.

    Raises:
        ConfigError: With every fault found; paths are those of the network file.
    """
    dt_s = spec.dt_s if dt_s is None else dt_s
    build = _Build(folder, dt_s)
    populations = {
        name: build.population(name, section) for name, section in spec.populations.items()
    }
    projections = [
        projection
        for number, section in enumerate(spec.projections)
        for projection in build.projections(f"projections.{number}", section, populations)
    ]
    rank = build.summation_rank(spec, tuple(populations.values()))
    network = Network(spec.name, tuple(populations.values()), tuple(projections), dt_s, rank)
    found = [_in_file(problem, spec) for problem in check_network(network)]
    known = {problem.path for problem in build.problems}
    problems = build.problems + [problem for problem in found if problem.path not in known]
    if problems:
        raise ConfigError(problems)
    return network


def _in_file(problem: Problem, spec: NetworkSpec) -> Problem:
    """Return a problem with the file's path: projections by number instead of name."""
    for number, section in enumerate(spec.projections):
        prefix = f"projections.{_name(section)}"
        if problem.path == prefix or problem.path.startswith((f"{prefix}.", f"{prefix}@")):
            return replace(problem, path=f"projections.{number}{problem.path[len(prefix) :]}")
    return problem


def _name(section: ProjectionSpec) -> str:
    return section.name or f"{section.source}>{section.target}"


def parameter_value(model: str, name: str, value: float | str) -> float:
    """Return a parameter given as a number, or as text with a unit where it has one.

    Raises:
        ValueError: The model has no such parameter; or the unit is missing, unknown, or of
            another dimension.
    """
    if model not in NEURON_MODELS:
        return 0.0  # the model itself is the fault
    known = NEURON_MODELS[model].parameters
    if known and name not in known:
        raise ValueError(unknown_name(f"{model} parameter", name, list(known)))
    return plain_number(value, known[name].unit if name in known else "1")


def _current_unit(model: str) -> str:
    known = NEURON_MODELS.get(model)
    return "1" if known is None else known.current_unit


def default_value_bits(model: str) -> int:
    """Return the bits of an event of ``model``: 0 for spikes and counts, 32 for graded values."""
    known = NEURON_MODELS.get(model)
    return GRADED_BITS if known is not None and known.event is Event.VALUE else 0


def known_parameters(model: str) -> Mapping[str, Parameter]:
    """Return the parameters of ``model``; none where there is no such model."""
    known = NEURON_MODELS.get(model)
    return {} if known is None else known.parameters


def model_dtype(model: str) -> Float:
    """Return the NumPy type of the parameters of ``model``, and of the weights to it."""
    known = NEURON_MODELS.get(model)
    return np.float32 if known is None else known.dtype


class _Build:
    """One pass over a network file; faults are gathered, not raised."""

    def __init__(self, folder: Path, dt_s: float) -> None:
        self.folder = folder
        self.dt_s = dt_s
        self.problems: list[Problem] = []

    def population(self, name: str, section: PopulationSpec) -> Population:
        """Return one population, without the arrays that are at fault."""
        path = f"populations.{name}"
        parameters = {
            key: self._attempt(f"{path}.parameters.{key}", self._value, name, section, key)
            for key in section.parameters
        }
        bias = None
        if section.bias is not None:
            numbers = Numbers(unit=_current_unit(section.model))
            given = (section.bias, section.shape, self.folder, f"{name}.bias", numbers)
            bias = self._attempt(f"{path}.bias", make_array, *given)
        bits = section.value_bits
        return Population(
            name=name,
            shape=section.shape,
            model=section.model,
            parameters={key: value for key, value in parameters.items() if value is not None},
            bias=bias,
            output=section.output,
            value_bits=default_value_bits(section.model) if bits is None else bits,
            steps=section.steps,
        )

    def projections(
        self, path: str, section: ProjectionSpec, populations: dict[str, Population]
    ) -> list[Projection]:
        """Return the projections of a section, none after noting why they cannot be made.

        A list of synapses with delays of their own becomes one projection for each delay.
        """
        ends = {"source": section.source, "target": section.target}
        unknown = [
            Problem(unknown_name("population", name, list(populations)), f"{path}.{end}")
            for end, name in ends.items()
            if name not in populations
        ]
        if unknown:
            self.problems += unknown
            return []
        source, target = populations[section.source].shape, populations[section.target]
        pool = make_pool(section.pool) if section.pool else None
        if pool is not None:
            problem = pool.window_problem(source)
            if problem:
                self.problems.append(Problem(problem, f"{path}.pool"))
                return []
            source = pool.target_shape(source)
        numbers = Numbers(model_dtype(target.model), _current_unit(target.model))
        given = Ends(source, target.shape, self.folder, _name(section), numbers)
        made = self._attempt(f"{path}.connection", self._connections, section, given)
        delay = self._attempt(f"{path}.delay", delay_steps, section.delay, self.dt_s)
        if made is None or delay is None:
            return []
        return [
            Projection(
                _name(section) + ("" if own is None else f"@{own}"),
                section.source,
                section.target,
                connection,
                pool,
                delay if own is None else own,
                section.port or "",
            )
            for own, connection in made
        ]

    def _connections(
        self, section: ProjectionSpec, ends: Ends
    ) -> list[tuple[int | None, Connection]]:
        """Return the connections of a section, with delays where a file states them."""
        spec = section.connection
        if not isinstance(spec, SparseSpec) or spec.edges is None:
            return [(None, make_connection(spec, ends))]
        found = read_edges(spec, ends, self.dt_s)
        if section.delay and any(each.delay is not None for each in found):
            raise ValueError(f"{spec.edges} has a column of delays; remove `delay`")
        return [(each.delay, each.synapses) for each in found]

    def summation_rank(
        self, spec: NetworkSpec, populations: tuple[Population, ...]
    ) -> np.ndarray | None:
        """Return the order of sums, or None where it is that of the neurons."""
        if spec.summation_rank is None:
            return None
        neurons = sum(population.size for population in populations)
        given = (spec.summation_rank, neurons, self.folder)
        return self._attempt("summation_rank", _read_rank, *given)

    def _value(self, population: str, section: PopulationSpec, name: str) -> np.ndarray:
        value = section.parameters[name]
        dtype = model_dtype(section.model)
        if isinstance(value, str | float):
            with np.errstate(over="ignore"):  # infinite, and refused as such
                return np.asarray(parameter_value(section.model, name, value), dtype)
        model = NEURON_MODELS.get(section.model)
        known = None if model is None else model.parameters.get(name)
        of = Numbers(dtype, "1" if known is None else known.unit)
        return make_array(value, section.shape, self.folder, f"{population}.{name}", of)

    def _attempt(self, path: str, make: Callable[..., Made], *given: object) -> Made | None:
        """Return ``make(*given)``, or None after noting its ValueError."""
        try:
            return make(*given)
        except ValueError as error:
            self.problems.append(Problem(str(error), path))
            return None


def _read_rank(spec: ArrayFileSpec, neurons: int, folder: Path) -> np.ndarray:
    rank = read_array(folder / spec.file, spec.array, (neurons,))
    if rank.dtype.kind not in "iu":
        raise ValueError(f"{spec.file} holds {rank.dtype}, expected integers")
    return rank.astype(np.int64)
