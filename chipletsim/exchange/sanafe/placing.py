"""Which core, unit and model each neuron of SANA-FE gets, and in which order they work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.exchange.sanafe.architecture import Architecture, Core, Unit, split_range
from chipletsim.exchange.sanafe.package import IN_DENDRITE, Kind, core_fault, default_dendrites
from chipletsim.exchange.sanafe.snn import Snn
from chipletsim.exchange.sanafe.source import Notes, near

MOST_TOLD = 8
"""Neurons that one message names."""


@dataclass(frozen=True)
class Placing:
    """Neurons on cores.

    Attributes:
        rank: int64 [neurons]: order in which neurons work: core by core, as they were mapped.
        model: Soma model of each neuron, str [neurons].
        soma: Soma unit of each neuron, without its index.
        synapse: Synapse unit that reads the synapses of each neuron.
        delays: bool [neurons]: whether its dendrite delays events.
        family: int64 [neurons]: equal for neurons whose cores have synapse units of the same
            names; 0 for groups whose neurons all use the first of their core.
        dendrites: Dendrite unit of each kind of core.
    """

    rank: np.ndarray
    model: np.ndarray
    soma: np.ndarray
    synapse: np.ndarray
    delays: np.ndarray
    family: np.ndarray
    dendrites: dict[Kind, Unit]


def place(architecture: Architecture, snn: Snn, notes: Notes) -> Placing:
    """Resolve the units of all neurons.

    Args:
        architecture: The architecture.
        snn: The network.
        notes: Takes what comes out otherwise.

    Raises:
        ConfigError: Neurons have no core, or units that are not there or have no counterpart.
    """
    _all_mapped(snn)
    kinds = _kinds(architecture, snn.places.core)
    problems: list[Problem] = []
    somas = _Resolver(architecture, snn, kinds, "soma", problems)
    synapses = _Resolver(architecture, snn, kinds, "synapse", problems)
    dendrites = _Resolver(architecture, snn, kinds, "dendrite", problems)
    chosen = default_dendrites(architecture) | _dendrites(dendrites, problems)
    problems += _core_problems(architecture, kinds, chosen)
    problems += _full_cores(architecture, snn)
    if problems:
        raise ConfigError(problems)
    _note_shared_inputs(snn, somas, notes)
    order = np.lexsort((snn.places.order, snn.places.core))
    rank = np.empty(snn.neurons, np.int64)
    rank[order] = np.arange(snn.neurons)
    inside = {kind: _core(architecture, kind).buffer == IN_DENDRITE for kind in chosen}
    delays = np.array([inside[kind] for kind in kinds.list], np.bool_)[kinds.number]
    _note_mixed_delays(snn, synapses.each("name")[delays], delays, notes)
    return Placing(
        rank,
        somas.each("model"),
        somas.each("name"),
        synapses.each("name"),
        delays,
        _families(architecture, snn, kinds, synapses.each("name")),
        chosen,
    )


def _all_mapped(snn: Snn) -> None:
    missing = np.flatnonzero(snn.places.core < 0)
    if missing.size:
        names = ", ".join(snn.neuron(int(number)) for number in missing[:MOST_TOLD])
        more = f" and {missing.size - MOST_TOLD:,} more" if missing.size > MOST_TOLD else ""
        message = f"no core is given for {missing.size:,} neurons: {names}{more}"
        raise ConfigError([Problem(message, "mappings")])


@dataclass(frozen=True)
class _Kinds:
    """Kind of core of each neuron: ``list[number[neuron]]``."""

    list: list[Kind]
    number: np.ndarray


def _kinds(architecture: Architecture, core: np.ndarray) -> _Kinds:
    tile = np.searchsorted(architecture.first_cores, core, side="right") - 1
    within = core - architecture.first_cores[tile]
    number = np.zeros(core.size, np.int64)
    kinds: list[Kind] = []
    for index, each in enumerate(architecture.tiles):
        of_core = np.repeat(np.arange(len(each.cores)), [core.count for core in each.cores])
        here = architecture.tile_kinds[tile] == index
        number[here] = len(kinds) + of_core[within[here]]
        kinds += [(index, kind) for kind in range(len(each.cores))]
    return _Kinds(kinds, number)


def _core(architecture: Architecture, kind: Kind) -> Core:
    return architecture.tiles[kind[0]].cores[kind[1]]


class _Resolver:
    """Units of one section that neurons use, by kind of core and name.

    Attributes:
        found: Kind of core and unit, of each pair that is in use.
        neuron: Pair of each neuron.
    """

    def __init__(
        self,
        architecture: Architecture,
        snn: Snn,
        kinds: _Kinds,
        section: str,
        problems: list[Problem],
    ) -> None:
        names, name = np.unique(snn.places.units[section].astype(str), return_inverse=True)
        pairs, first, neuron = np.unique(
            kinds.number * names.size + name, return_index=True, return_inverse=True
        )
        self.neuron = neuron
        self.found: list[tuple[Kind, Unit]] = []
        told: set[tuple[Kind, str]] = set()
        for pair, example in zip(pairs.tolist(), first.tolist(), strict=True):
            kind = kinds.list[pair // names.size]
            given = str(names[pair % names.size])
            units = _core(architecture, kind).units[section]
            unit, fault = _find(units, given)
            replicated = (kind, split_range(given)[0])
            if fault and replicated not in told:
                told.add(replicated)
                core = snn.places.core[example]
                message = f"{section} unit of {snn.neuron(example)} on core {core}: {fault}"
                problems.append(Problem(message, "mappings"))
            self.found.append((kind, unit))

    def each(self, what: str) -> np.ndarray:
        """Return an attribute of the unit of each neuron, as text."""
        values = np.array([str(getattr(unit, what)) for _, unit in self.found])
        return values[self.neuron] if values.size else np.zeros(0, "U1")


def _find(units: tuple[Unit, ...], given: str) -> tuple[Unit, str]:
    """Return the unit of a name, and what is wrong with it; the first unit for no name."""
    if not given:
        return units[0], units[0].fault
    name, index, last = split_range(given)
    known = {unit.name: unit for unit in units}
    if name not in known:
        return units[0], f"there is no {given!r}{near(name, list(known))}"
    unit = known[name]
    if unit.first is None or unit.last is None:
        fault = f"{name!r} is a single unit, without an index" if index is not None else ""
        return unit, fault or unit.fault
    if index is None or index != last:
        return unit, f"{name!r} is replicated; give an index, such as `{name}[{unit.first}]`"
    if not unit.first <= index <= unit.last:
        return unit, f"{name!r} goes from {unit.first} to {unit.last}, there is no {given!r}"
    return unit, unit.fault


def _families(
    architecture: Architecture, snn: Snn, kinds: _Kinds, synapse: np.ndarray
) -> np.ndarray:
    units = [
        tuple(unit.name for unit in _core(architecture, kind).units["synapse"])
        for kind in kinds.list
    ]
    known = {names: number for number, names in enumerate(dict.fromkeys(units))}
    family = np.array([known[names] for names in units], np.int64)[kinds.number]
    default = np.array([names[0] for names in units])[kinds.number] == synapse
    for first, stop in zip(snn.firsts[:-1].tolist(), snn.firsts[1:].tolist(), strict=True):
        if default[first:stop].all():
            family[first:stop] = 0
    return family


def _dendrites(resolver: _Resolver, problems: list[Problem]) -> dict[Kind, Unit]:
    """Return the dendrite unit that neurons use on each kind of core."""
    chosen: dict[Kind, Unit] = {}
    for kind, unit in resolver.found:
        other = chosen.setdefault(kind, unit)
        if (other.model, other.costs) != (unit.model, unit.costs):
            message = (
                f"neurons on cores alike use the dendrite units {other.name!r} and {unit.name!r}; "
                "a core has one here"
            )
            problems.append(Problem(message, "mappings"))
    return chosen


def _core_problems(
    architecture: Architecture, kinds: _Kinds, dendrites: dict[Kind, Unit]
) -> Iterator[Problem]:
    """Yield a problem for each kind of core in use that has no counterpart."""
    for number in np.unique(kinds.number).tolist():
        kind = kinds.list[number]
        core = _core(architecture, kind)
        if fault := core_fault(core, dendrites[kind]):
            yield Problem(f"cores {core.name!r}: {fault}", "architecture")


def _full_cores(architecture: Architecture, snn: Snn) -> Iterator[Problem]:
    """Yield a problem for each core that has more neurons than it holds."""
    used = np.bincount(snn.places.core, minlength=architecture.cores)
    for core in np.flatnonzero(used).tolist():
        most = architecture.core(core).neurons
        if used[core] > most:
            yield Problem(f"core {core} holds {most:,} neurons, not {used[core]:,}", "mappings")


def _note_mixed_delays(snn: Snn, units: np.ndarray, delays: np.ndarray, notes: Notes) -> None:
    """Note cores with delays whose neurons use several synapse units."""
    cores = snn.places.core[delays]
    several = np.unique(np.stack([cores.astype(str), units], axis=1), axis=0).shape[0]
    if several > np.unique(cores).size:
        notes.differ(
            "cores with delays use several synapse units: each synapse has its own delay here, "
            "while SANA-FE 2.2.9 takes that of another unit's synapse of the same number"
        )


def _note_shared_inputs(snn: Snn, somas: _Resolver, notes: Notes) -> None:
    """Note input units that several neurons share."""
    inputs = np.flatnonzero(somas.each("model") == "input")
    given = snn.places.units["soma"].astype(str)[inputs]
    pairs = np.char.add(np.char.add(snn.places.core[inputs].astype(str), "/"), given)
    times = np.unique(pairs, return_counts=True)[1]
    if np.any(times > 1):
        notes.differ(
            f"{int(times[times > 1].sum()):,} input neurons share an input unit with others: each "
            "has its own spikes here, while SANA-FE 2.2.9 keeps one spike train in a unit, from "
            "which its neurons take turns"
        )
