"""An encoder behind one population, and a decoder on each die that it sends to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.hybrid.code import CODES, Code
from chipletsim.mapping.capacity import check
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.check import validated
from chipletsim.network.connections import OneToOne
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS, Role
from chipletsim.network.spans import aligned, spans


@dataclass(frozen=True)
class Crossing:
    """A population whose values cross to other dies.

    Attributes:
        source: Its name.
        dies: Index of a receiving die to names of the projections that end there alone.
        reason: Why no encoder can stand behind it; empty where one can.
    """

    source: str
    dies: dict[int, tuple[str, ...]]
    reason: str = ""


def crossings(mapping: Mapping) -> tuple[Crossing, ...]:
    """Return the populations whose values cross to other dies, in the network's order."""
    network, sending = mapping.network, spans(mapping.network)
    homes = _dies(mapping)
    found = []
    for population, own in zip(network.populations, sending, strict=True):
        if NEURON_MODELS[population.model].role in (Role.ENCODER, Role.NEURON):
            continue
        if not population.value_bits:
            continue
        dies: dict[int, tuple[str, ...]] = {}
        apart = True
        for each in network.projections:
            away = homes[each.target] - homes[population.name]
            if each.source == population.name and away:
                apart = apart and len(homes[each.target]) == 1
                die = min(away)
                dies[die] = (*dies.get(die, ()), each.name)
        if dies:
            reason = "" if apart else "a population that reads it spans several dies"
            found.append(Crossing(population.name, dies, reason or _unfit(population, own.sends)))
    return tuple(found)


def insert(mapping: Mapping, crossing: Crossing, code: str, steps: int, ceiling: float) -> Mapping:
    """Return the mapping with spikes in place of the values that cross.

    An encoder stands behind the population, on its own dies; a decoder on each die that the
    values go to. Tiles that state the cost of conversion hardware are taken before others.
    Values that now come earlier than those they meet wait, see ``aligned``.

    Args:
        mapping: Where the network is.
        crossing: What crosses.
        code: Key of `CODES`.
        steps: Steps T over which a value is spread.
        ceiling: Value that gives most spikes; larger ones are clipped to it.

    Raises:
        ConfigError: The network that comes out is not sound.
        InfeasibleError: No tile has room.
    """
    network, names = mapping.network, _Names(mapping, crossing)
    population = network.population(crossing.source)
    made = _converters(population, names, CODES[code], steps, ceiling)
    moved = {name: names.decoders[die] for die, each in crossing.dies.items() for name in each}
    projections = tuple(
        replace(each, source=moved.get(each.name, each.source)) for each in network.projections
    )
    one = OneToOne(np.ones(population.size, np.float32))
    links = [Projection(f"{population.name}>{names.encoder}", population.name, names.encoder, one)]
    links += [
        Projection(f"{names.encoder}>{each.name}", names.encoder, each.name, one)
        for each in made[1:]
    ]
    changed = replace(
        network,
        populations=(*network.populations, *made),
        projections=(*projections, *links),
    )
    changed = validated(aligned(changed))
    slices = (*mapping.slices, *_slices(mapping, changed, crossing, names))
    result = Mapping(
        changed, mapping.package, slices, mapping.strategy, mapping.seed, mapping.rates
    )
    check(result)
    return result


class _Names:
    """Names of what is inserted."""

    def __init__(self, mapping: Mapping, crossing: Crossing) -> None:
        self.encoder = f"{crossing.source}.encoder"
        chiplets = mapping.package.chiplets
        self.decoders = {
            die: f"{crossing.source}.decoder.{chiplets[die].name}" for die in crossing.dies
        }
        taken = {self.encoder, *self.decoders.values()} & set(mapping.network.index)
        if taken:
            message = f"there is a population {min(taken)!r} already"
            raise ConfigError([Problem(message, f"populations.{crossing.source}")])


def _dies(mapping: Mapping) -> dict[str, set[int]]:
    """Return population name to the dies it is on."""
    homes: dict[str, set[int]] = {each.name: set() for each in mapping.network.populations}
    for part in mapping.slices:
        name = mapping.network.populations[part.population].name
        homes[name].add(mapping.package.tiles[part.tile].chiplet)
    return homes


def _unfit(population: Population, sends: object) -> str:
    """Return why values of a population cannot be encoded, or nothing."""
    if sends is None or getattr(sends, "length", 0) != 1:
        return "its values come in many steps, and an encoder takes one"
    if population.model == "linear":
        return "its values have a sign, and spikes have none"
    return ""


def _converters(
    population: Population, names: _Names, code: Code, steps: int, ceiling: float
) -> list[Population]:
    """Return the encoder, and the decoder of each die."""
    given = population.parameters.get("step", np.asarray(2.0**-population.value_bits))
    encoder = Population(
        names.encoder,
        population.shape,
        code.encoder,
        {"ceiling": np.asarray(ceiling, np.float32)},
        steps=steps,
    )
    decoders = [
        Population(
            name,
            population.shape,
            code.decoder,
            {"step": given, "gain": np.asarray(code.gain(ceiling, steps), np.float32)},
            value_bits=population.value_bits,
        )
        for name in names.decoders.values()
    ]
    return [encoder, *decoders]


def _slices(mapping: Mapping, network: Network, crossing: Crossing, names: _Names) -> list[Slice]:
    """Return the slices of what is inserted: encoders beside their neurons, decoders whole."""
    source = mapping.network.index[crossing.source]
    number = network.index[names.encoder]
    made = []
    for part in mapping.slices:
        if part.population == source:
            tile = _tile_near(mapping, part.tile)
            made.append(Slice(number, part.box, tile, tile))
    box = tuple((0, length) for length in network.population(crossing.source).shape)
    for die, projections in crossing.dies.items():
        targets = {mapping.network.index[_target(mapping, name)] for name in projections}
        reader = next(part.tile for part in mapping.slices if part.population in targets)
        tile = _tile_near(mapping, reader)
        made.append(Slice(network.index[names.decoders[die]], box, tile, tile))
    return made


def _target(mapping: Mapping, projection: str) -> str:
    return next(each.target for each in mapping.network.projections if each.name == projection)


def _tile_near(mapping: Mapping, tile: int) -> int:
    """Return a tile on the same die that converts: the tile itself, or else the first.

    Where none converts, the tile itself if it computes, or else the first that does.
    """
    tiles = mapping.package.tiles
    die = [index for index, each in enumerate(tiles) if each.chiplet == tiles[tile].chiplet]
    computing = [index for index in die if tiles[index].parameters.computes]
    converting = [
        index
        for index in computing
        if tiles[index].parameters.converts and tiles[index].kind != "io"
    ]
    able = converting or [index for index in computing if tiles[index].kind != "io"]
    if tile in able or not able:
        return tile
    return able[0]
