"""From a network of SANA-FE on its cores to a network, a mapping and inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.exchange.sanafe.package import Chip
from chipletsim.exchange.sanafe.placing import Placing
from chipletsim.exchange.sanafe.snn import PARAMETERS, Snn
from chipletsim.exchange.sanafe.source import Notes
from chipletsim.mapping.capacity import check
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.mapping.units import check_units, unit_names
from chipletsim.network.check import validated
from chipletsim.network.connections import Sparse
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS

MODELS = {"leaky_integrate_fire": "loihi_lif", "truenorth": "truenorth", "input": "input"}
"""Soma model of SANA-FE to ours."""
MAX_DELAY = 5
"""Longest delay of SANA-FE's dendrites."""
DT_S = 1e-3
"""Time step; SANA-FE's equations know none, and nothing depends on it."""


@dataclass(frozen=True)
class Layout:
    """Populations, and where each neuron is in them.

    Attributes:
        names: Name of each population.
        models: Soma model of each, as SANA-FE names it.
        members: Neurons of each population, in the order in which they work.
        population: int64 [neurons]: population of each neuron.
        position: int64 [neurons]: place of each neuron in its population.
    """

    names: list[str]
    models: list[str]
    members: list[np.ndarray]
    population: np.ndarray
    position: np.ndarray


def lay_out(snn: Snn, placing: Placing) -> Layout:
    """Return the populations: one for each group, or several where its neurons' models differ.

    A group on cores with synapse units of different names is several, too.
    """
    layout = Layout([], [], [], np.zeros(snn.neurons, np.int64), np.zeros(snn.neurons, np.int64))
    for group, first in zip(snn.groups, snn.firsts.tolist(), strict=False):
        neurons = np.arange(first, first + group.size)
        own = list(
            zip(placing.model[neurons].tolist(), placing.family[neurons].tolist(), strict=True)
        )
        kinds = list(dict.fromkeys(own))
        for number, (model, family) in enumerate(kinds):
            chosen = (placing.model[neurons] == model) & (placing.family[neurons] == family)
            members = neurons[chosen]
            members = members[np.argsort(placing.rank[members])]
            layout.population[members] = len(layout.names)
            layout.position[members] = np.arange(members.size)
            layout.members.append(members)
            layout.models.append(model)
            layout.names.append(_part_name(group.name, kinds, number))
    return layout


def _part_name(group: str, kinds: list[tuple[str, int]], number: int) -> str:
    """Return the name of a population of a group."""
    if len(kinds) == 1:
        return group
    model = kinds[number][0]
    alike = [index for index, kind in enumerate(kinds) if kind[0] == model]
    return f"{group}.{model}" + (f".{alike.index(number)}" if len(alike) > 1 else "")


def make_network(
    snn: Snn, placing: Placing, layout: Layout, notes: Notes
) -> tuple[Network, dict[str, np.ndarray]]:
    """Return the network, and by projection the place of each synapse in the file.

    Raises:
        ConfigError: It has a fault.
    """
    if not snn.neurons:
        raise ConfigError([Problem("the network has no neurons", "network.groups")])
    populations = tuple(
        Population(name, (members.size,), MODELS[model], _parameters(snn, members, model, notes))
        for name, model, members in zip(layout.names, layout.models, layout.members, strict=True)
    )
    rank = np.concatenate([placing.rank[members] for members in layout.members])
    made = _projections(snn, placing, layout, notes)
    wide = any(each.model != "input" for each in populations)
    network = Network(
        snn.name,
        populations,
        tuple(projection for projection, _ in made),
        DT_S,
        summation_rank=rank if wide else None,
    )
    return validated(network), {projection.name: listed for projection, listed in made}


def _parameters(snn: Snn, members: np.ndarray, model: str, notes: Notes) -> dict[str, np.ndarray]:
    """Return the parameters of a population; those at their defaults are left out."""
    known = NEURON_MODELS[MODELS[model]].parameters
    found: dict[str, np.ndarray] = {}
    for name, all_values in snn.values.items():
        raw = all_values[members]
        given = ~np.isnan(raw)
        if not given.any():
            continue
        if name not in PARAMETERS[model]:
            if name != "random_mask":
                notes.leave(f"`{name}` of neurons of model {model}", "the model does not read it")
            continue
        if name not in known:  # rates of inputs, which become spikes
            continue
        default = known[name].default or 0.0
        values = raw.copy()
        values[~given] = default
        if np.any(values != values[0]):
            found[name] = values
        elif values[0] != default:
            found[name] = np.array(values[0])
    return found


def _projections(
    snn: Snn, placing: Placing, layout: Layout, notes: Notes
) -> list[tuple[Projection, np.ndarray]]:
    """Return a projection for each pair of populations, synapse unit and delay, and its synapses.

    Those are int64 [synapses], the number of each in the file.
    """
    synapses = snn.synapses
    _check_targets(snn, placing)
    delay = _delays(snn, placing, notes)
    units, unit = np.unique(placing.synapse, return_inverse=True)
    count, most = len(layout.names), int(delay.max(initial=0)) + 1
    pair = layout.population[synapses.source] * count + layout.population[synapses.target]
    key = (pair * units.size + unit[synapses.target]) * most + delay
    place = layout.position[synapses.source]
    # Stable, so that synapses of one source keep their order.
    order = np.argsort(key * snn.neurons + place, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1)).tolist()
    made = []
    for start, stop in zip(starts, [*starts[1:], key.size], strict=True):
        part = order[start:stop]
        rest, steps = divmod(int(key[start]), most)
        rest, number = divmod(rest, units.size)
        source, target = divmod(rest, count)
        listed = Sparse(
            _starts(place[part], layout.members[source].size),
            layout.position[synapses.target[part]].astype(np.int32),
            synapses.weight[part],
            layout.members[target].size,
        )
        name = _name(layout, (source, target), str(units[number]), placing, steps)
        ends = layout.names[source], layout.names[target]
        made.append((Projection(name, *ends, listed, delay=steps), part))
    return made


def _starts(source: np.ndarray, sources: int) -> np.ndarray:
    counts = np.bincount(source, minlength=sources)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _name(layout: Layout, ends: tuple[int, int], unit: str, placing: Placing, steps: int) -> str:
    """Return ``source>target``, with what tells it from others of the same pair."""
    name = f"{layout.names[ends[0]]}>{layout.names[ends[1]]}"
    members = layout.members[ends[1]]
    if np.unique(placing.synapse[members]).size > 1:
        name += f" {unit}"
    return name if steps == 1 else f"{name} after {steps}"


def _check_targets(snn: Snn, placing: Placing) -> None:
    into = (placing.model == "input")[snn.synapses.target]
    if into.any():
        first = int(np.flatnonzero(into)[0])
        source = snn.neuron(int(snn.synapses.source[first]))
        target = snn.neuron(int(snn.synapses.target[first]))
        message = (
            f"{source} -> {target}: {target} is on an input unit, which takes no current "
            f"({int(into.sum()):,} such edges)"
        )
        raise ConfigError([Problem(message, "network.edges")])


def _delays(snn: Snn, placing: Placing, notes: Notes) -> np.ndarray:
    """Return int64 [synapses]: steps from spike to current."""
    delay = snn.synapses.delay
    kept = placing.delays[snn.synapses.target] & (delay > 0)
    lost = int(((delay > 0) & ~kept).sum())
    if lost:
        why = "the dendrite of the target does not delay (model accumulator)"
        notes.leave(f"`delay` of {lost:,} synapses", why)
    if kept.any() and int(delay[kept].max()) > MAX_DELAY:
        message = f"a delay of {int(delay[kept].max())} steps; SANA-FE's most is {MAX_DELAY}"
        raise ConfigError([Problem(message, "network.edges")])
    return np.where(kept, delay, 0) + 1


def make_mapping(
    snn: Snn,
    placing: Placing,
    layout: Layout,
    network: Network,
    chip: Chip,
    *,
    listed: dict[str, np.ndarray],
) -> Mapping:
    """Return the mapping; slices are in the order in which neurons work.

    A message serves its synapses in the order of the file, which matters to the last bit of
    times where units interleave, and is told only there.

    Raises:
        ConfigError: A tile has no such unit.
        InfeasibleError: It exceeds a capacity.
    """
    tiles = chip.package.tiles
    neurons = np.argsort(placing.rank)
    core, population = snn.places.core[neurons], layout.population[neurons]
    soma = placing.soma[neurons]
    new = np.ones(neurons.size, np.bool_)
    new[1:] = (core[1:] != core[:-1]) | (population[1:] != population[:-1])
    new[1:] |= soma[1:] != soma[:-1]
    starts = np.flatnonzero(new)
    slices = []
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), neurons.size], strict=True):
        first = int(layout.position[neurons[start]])
        tile = int(chip.tiles[core[start]])
        unit = str(soma[start])
        first_unit = unit_names(tiles[tile].parameters, "soma")[0]
        slices.append(
            Slice(
                int(population[start]),
                ((first, first + stop - start),),
                tile,
                tile,
                "" if unit == first_unit else unit,
            )
        )
    mapping = Mapping(
        network,
        chip.package,
        tuple(slices),
        "sana-fe",
        0,
        synapse_units=_synapse_units(snn, placing, layout, network, chip),
        synapse_ranks=listed if _units_interleave(snn, placing) else {},
    )
    check_units(mapping)
    check(mapping)
    return mapping


def _units_interleave(snn: Snn, placing: Placing) -> bool:
    """Return whether a core has neurons of more than one synapse unit."""
    units, unit = np.unique(placing.synapse, return_inverse=True)
    pairs = np.unique(snn.places.core.astype(np.int64) * units.size + unit)
    return np.unique(pairs // units.size).size < pairs.size


def _synapse_units(
    snn: Snn, placing: Placing, layout: Layout, network: Network, chip: Chip
) -> dict[str, str]:
    """Return the synapse unit of each projection that does not use the first of its tiles."""
    first = np.array([unit_names(tile.parameters, "synapse")[0] for tile in chip.package.tiles])
    differs = placing.synapse != first[chip.tiles[snn.places.core]]
    found = {}
    for projection in network.projections:
        members = layout.members[network.index[projection.target]]
        targets = members[np.unique(_targets(projection))]
        if differs[targets].any():
            found[projection.name] = str(placing.synapse[targets[0]])
    return found


def _targets(projection: Projection) -> np.ndarray:
    connection = projection.connection
    return connection.targets if isinstance(connection, Sparse) else np.zeros(0, np.int64)
