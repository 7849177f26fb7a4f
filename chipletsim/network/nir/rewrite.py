"""Populations as neuron nodes, written the way of one framework."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.model import Network, Population
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.nir.graph import NirNode
from chipletsim.network.nir.notes import CURRENT, LATE
from chipletsim.network.presets import PRESETS, Neuron, Preset, Writing
from chipletsim.network.presets.base import Part
from chipletsim.network.presets.scheme import OPTIONS_KEY, stored_options

PLAIN = ("v_leak", "v_threshold", "v_reset", "threshold")
"""Fields that are kept as float32: they are no ratios to a time step."""


@dataclass(frozen=True)
class Rewritten:
    """How the neurons of a network are written.

    Attributes:
        preset: The preset that reads them.
        options: Its options that the file notes.
        dt: Time step in the unit of the file's time constants.
        parts: Nodes of each population.
        notes: Metadata of each population's first node.
        input_delays: Steps by which each population's preset lets all inputs come later.
    """

    preset: Preset
    options: dict[str, Any]
    dt: float
    parts: dict[str, tuple[Part, ...]]
    notes: dict[str, dict[str, Any]]
    input_delays: dict[str, int]


def rewritten(network: Network) -> Rewritten:
    """Return the neurons of a network as nodes of the first preset that has them all.

    Raises:
        ConfigError: NIR has no node for a model, or no framework has them all.
    """
    problems = [
        Problem(f"NIR has no node for {population.model}", f"populations.{population.name}")
        for population in network.populations
        if not _written_somewhere(population)
    ]
    if problems:
        raise ConfigError(problems)
    problems = []
    for preset in _candidates(network):
        found, faults = _attempt(network, preset)
        if not faults:
            return found
        problems = problems or faults
    if problems:
        raise ConfigError(problems)
    models = sorted({_base(p.model) for p in network.populations if not _is_own(p)})
    raise ConfigError(
        f"a NIR file holds the neurons of one framework, and none has all of {', '.join(models)}"
    )


def _written_somewhere(population: Population) -> bool:
    return _is_own(population) or any(
        _base(population.model) in preset.write for preset in PRESETS.values()
    )


def _is_own(population: Population) -> bool:
    """Whether a population is no neuron node: an input, or values that are passed on."""
    return population.model == "input" or _base(population.model) == CURRENT


def _base(model: str) -> str:
    return model.removesuffix(LATE)


def _candidates(network: Network) -> Iterator[Preset]:
    """Yield the presets that have all models; first the one that the network was read with."""
    hint = network.scheme.split(" ")[0]
    for preset in sorted(PRESETS.values(), key=lambda each: each.name != hint):
        if all(_is_own(p) or _base(p.model) in preset.write for p in network.populations):
            yield preset


def _attempt(network: Network, preset: Preset) -> tuple[Rewritten, list[Problem]]:
    """Return the neurons as nodes of a preset, and a fault for each that is not read back."""
    options = dict(preset.options)
    noted: dict[str, Any] = {}
    if preset.fixed_dt and options["export_dt_s"] is None:
        noted = {"export_dt_s": network.dt_s}
    dt = noted.get("export_dt_s") or options["export_dt_s"] or network.dt_s
    found = Rewritten(preset, noted, dt, {}, {}, {})
    problems = []
    for population in network.populations:
        if _is_own(population):
            continue
        writing = _written(population, preset, dt)
        name = population.name
        found.parts[name] = writing.parts
        own = {key: value for key, value in writing.options.items() if options[key] != value}
        found.notes[name] = {OPTIONS_KEY: stored_options(own)} if own else {}
        looped = any(p.source == p.target == name for p in network.projections)
        node = _joined(writing.parts, preset)
        try:
            reading = preset.read[node.type](Neuron(node, dt, looped, options | noted | own))
            fault = _difference(population, reading.model, reading.parameters)
            found.input_delays[name] = reading.input_delay
        except ValueError as error:
            fault = str(error)
        if fault:
            message = f"cannot be written as {preset.name} does: {fault}"
            problems.append(Problem(message, f"populations.{name}"))
    return found, problems


def _written(population: Population, preset: Preset, dt: float) -> Writing:
    """Return a population's nodes, every field a full array."""
    model = _base(population.model)
    known = NEURON_MODELS[model].parameters
    given = {
        name: np.array(np.broadcast_to(_value(population, name), population.shape), np.float64)
        for name, parameter in known.items()
        if parameter.default is not None or name in population.parameters
    }
    writing = preset.write[model](model, given, dt)
    parts = tuple(
        Part(part.suffix, part.type, {key: _stored(key, each) for key, each in part.fields.items()})
        for part in writing.parts
    )
    return Writing(parts, writing.options)


def _value(population: Population, name: str) -> Any:
    default = NEURON_MODELS[_base(population.model)].parameters[name].default
    value = population.parameters.get(name)
    return np.float32(default) if value is None and default is not None else value


def _stored(name: str, value: Any) -> Any:
    return value.astype(np.float32) if name in PLAIN else value


def _joined(parts: tuple[Part, ...], preset: Preset) -> NirNode:
    """Return the node that a reader makes of the parts."""
    if len(parts) == 1:
        return NirNode(parts[0].type, parts[0].fields)
    fields = {key: value for part in reversed(parts) for key, value in part.fields.items()}
    return NirNode(preset.joined_type, fields)


def _difference(population: Population, model: str, parameters: dict[str, Any]) -> str | None:
    """Return what differs between a population and what is read back, or None."""
    own = _base(population.model)
    if model != own:
        return f"it would be read back as {model}"
    for name, parameter in NEURON_MODELS[own].parameters.items():
        wanted = _value(population, name)
        found = parameters.get(name, parameter.default)
        if not np.all(np.float32(wanted) == np.float32(found)):
            return f"{name} would be read back with other values"
    return None
