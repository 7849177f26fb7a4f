"""Traffic classes: neurons whose events cost the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from chipletsim.codecs import SpikeCodec
from chipletsim.cost.equal_rows import group_rows
from chipletsim.mapping.model import Mapping


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
    follows, which counts 1 in each row in which its population advances, and then a class
    per message of encoded links, which counts its bits.

    Attributes:
        neuron_class: int32 [neurons], the spike class of each neuron.
        population: int32 [classes], index of the population, of clocks and messages, too.
        tile: int32 [spike classes], the tile that sends the events.
        synapses: csr_array int64 [spike classes, blocks], synapses of one member.
        member: int64 [spike classes], one neuron of each class.
        sends_out: bool [spike classes], whether events also go to the output tile.
        messages: Messages whose bits do not follow from numbers of events and steps.
    """

    neuron_class: np.ndarray
    population: np.ndarray
    tile: np.ndarray
    synapses: Any
    member: np.ndarray
    sends_out: np.ndarray
    messages: tuple[Message, ...] = ()

    @property
    def spike_classes(self) -> int:
        """Number of spike classes."""
        return self.tile.size

    @property
    def size(self) -> int:
        """Number of classes: spike, clock and message."""
        return self.population.size

    def clock(self, population: int) -> int:
        """Return the clock class of a population."""
        return self.spike_classes + population

    def message(self, number: int) -> int:
        """Return the class of a message."""
        return self.size - len(self.messages) + number


def traffic_classes(mapping: Mapping) -> TrafficClasses:
    """Group the neurons of a mapping into traffic classes."""
    network = mapping.network
    synapses = sparse.csr_array(mapping.fan_out.synapses)
    synapses.sort_indices()
    slice_tiles = np.array([part.tile for part in mapping.slices], np.int32)
    tile = slice_tiles[mapping.neuron_slice()]
    population = np.repeat(np.arange(len(network.populations)), np.diff(network.offsets))
    neuron_class, member = group_rows(synapses, tile, population)
    outputs = np.array([p.output for p in network.populations], bool)
    clocks = np.arange(len(network.populations))
    return TrafficClasses(
        neuron_class=neuron_class.astype(np.int32),
        population=np.concatenate([population[member], clocks]).astype(np.int32),
        tile=tile[member],
        synapses=synapses[member],
        member=member,
        sends_out=outputs[population[member]],
    )
