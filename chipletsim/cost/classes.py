"""Traffic classes: neurons whose events cost the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from chipletsim.codecs import SpikeCodec
from chipletsim.mapping.equal_rows import group_rows
from chipletsim.mapping.model import Mapping
from chipletsim.network.neurons import NEURON_MODELS


class Message(NamedTuple):
    """A message whose bits follow from neither events nor steps in which a population works.

    It is sent after each step in which the population sends.

    Attributes:
        population: Index of the population.
        neurons: int64 [neurons], those whose events it carries, numbered in the population.
        codec: How spikes are written, where it matters which neurons spike, or when.
        step_bits: Bits whatever is sent.
    """

    population: int
    neurons: np.ndarray
    codec: SpikeCodec | None
    step_bits: int = 0


@dataclass(frozen=True, eq=False)
class TrafficClasses:
    """Neurons grouped by source tile, population and row of the fan-out table.

    Spike classes come first, population by population; a clock class per population
    follows, which counts 1 in each row in which its population advances; then update classes,
    population by population, which count the neurons of a slice that did work, of models that
    tell it and on tiles that price it; and last a class per message of encoded links, which
    counts its bits.

    Attributes:
        neuron_class: int32 [neurons], the spike class of each neuron.
        population: int32 [classes], index of the population, of all kinds of classes.
        tile: int32 [spike classes], the tile that sends the events.
        synapses: csr_array int64 [spike classes, blocks], synapses of one member.
        member: int64 [spike classes], one neuron of each class.
        sends_out: bool [spike classes], whether events also go to the output tile.
        updates: int32 [neurons], the update class of each neuron, numbered from 0; -1 for none.
        updated_slices: Slices that have an update class each, in the order of the classes.
        messages: Messages whose bits do not follow from numbers of events and steps.
    """

    neuron_class: np.ndarray
    population: np.ndarray
    tile: np.ndarray
    synapses: Any
    member: np.ndarray
    sends_out: np.ndarray
    updates: np.ndarray
    updated_slices: tuple[int, ...] = ()
    messages: tuple[Message, ...] = ()

    @property
    def spike_classes(self) -> int:
        """Number of spike classes."""
        return self.tile.size

    @property
    def update_classes(self) -> int:
        """Number of update classes."""
        return len(self.updated_slices)

    @property
    def size(self) -> int:
        """Number of classes: spike, clock, update and message."""
        return self.population.size

    def clock(self, population: int) -> int:
        """Return the clock class of a population."""
        return self.spike_classes + population

    def update(self, number: int) -> int:
        """Return the class of an update class that is numbered from 0."""
        return self.size - len(self.messages) - self.update_classes + number

    def message(self, number: int) -> int:
        """Return the class of a message."""
        return self.size - len(self.messages) + number


def traffic_classes(mapping: Mapping) -> TrafficClasses:
    """Group the neurons of a mapping into traffic classes."""
    network = mapping.network
    synapses = sparse.csr_array(mapping.fan_out.synapses)
    synapses.sort_indices()
    owner = mapping.neuron_slice()
    slice_tiles = np.array([part.tile for part in mapping.slices], np.int32)
    tile = slice_tiles[owner]
    population = np.repeat(np.arange(len(network.populations)), np.diff(network.offsets))
    neuron_class, member = group_rows(synapses, mapping.soma_units[owner], tile, population)
    outputs = np.array([p.output for p in network.populations], bool)
    clocks = np.arange(len(network.populations))
    updated = _updated_slices(mapping)
    updates = np.full(len(mapping.slices), -1, np.int32)
    updates[list(updated)] = np.arange(len(updated))
    working = [mapping.slices[part].population for part in updated]
    return TrafficClasses(
        neuron_class=neuron_class.astype(np.int32),
        population=np.concatenate([population[member], clocks, working]).astype(np.int32),
        tile=tile[member],
        synapses=synapses[member],
        member=member,
        sends_out=outputs[population[member]],
        updates=updates[owner],
        updated_slices=updated,
    )


def _updated_slices(mapping: Mapping) -> tuple[int, ...]:
    """Return the slices on pipeline cores whose models tell who did work, by population."""
    tiles, populations = mapping.package.tiles, mapping.network.populations
    told = [
        number
        for number, part in enumerate(mapping.slices)
        if tiles[part.tile].kind == "pipeline_core"
        and NEURON_MODELS[populations[part.population].model].tells_updates
    ]
    return tuple(sorted(told, key=lambda number: mapping.slices[number].population))
