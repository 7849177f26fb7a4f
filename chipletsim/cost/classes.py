"""Traffic classes: neurons whose events cost the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from chipletsim.mapping.model import Mapping


@dataclass(frozen=True, eq=False)
class TrafficClasses:
    """Neurons grouped by source tile, population and row of the fan-out table.

    Spike classes come first, population by population; a clock class per population
    follows, which counts 1 in each row in which its population advances.

    Attributes:
        neuron_class: int32 [neurons], the spike class of each neuron.
        population: int32 [classes], index of the population, clock classes included.
        tile: int32 [spike classes], the tile that sends the events.
        synapses: csr_array int64 [spike classes, blocks], synapses of one member.
        member: int64 [spike classes], one neuron of each class.
        sends_out: bool [spike classes], whether events also go to the output tile.
    """

    neuron_class: np.ndarray
    population: np.ndarray
    tile: np.ndarray
    synapses: Any
    member: np.ndarray
    sends_out: np.ndarray

    @property
    def spike_classes(self) -> int:
        """Number of spike classes."""
        return self.tile.size

    @property
    def size(self) -> int:
        """Number of classes, spike and clock."""
        return self.population.size

    def clock(self, population: int) -> int:
        """Return the clock class of a population."""
        return self.spike_classes + population


def traffic_classes(mapping: Mapping) -> TrafficClasses:
    """Group the neurons of a mapping into traffic classes.

    Rows of the fan-out table are compared by two independent 64-bit hashes, and then
    entry by entry, so that a collision can never merge two different rows.
    """
    network = mapping.network
    synapses = sparse.csr_array(mapping.fan_out.synapses)
    synapses.sort_indices()
    slice_tiles = np.array([part.tile for part in mapping.slices], np.int32)
    tile = slice_tiles[mapping.neuron_slice()]
    population = np.repeat(np.arange(len(network.populations)), np.diff(network.offsets))
    seed = 0
    neuron_class, member = _group(population, tile, synapses, seed)
    while not _same_rows(synapses, member[neuron_class]):
        seed += 1
        neuron_class, member = _group(population, tile, synapses, seed)
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


def _group(
    population: np.ndarray, tile: np.ndarray, synapses: Any, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the class of each neuron and the first neuron of each class, by hash.

    The hash of a row is the sum of its entries times random odd words, modulo 2^64.
    """
    words = np.random.default_rng(seed).integers(0, 2**63, (2, synapses.shape[1]), np.uint64)
    counts = sparse.csr_array(
        (synapses.data.astype(np.uint64), synapses.indices, synapses.indptr), synapses.shape
    )
    keys = [counts @ (2 * word + np.uint64(1)) for word in words]
    order = np.lexsort((*keys, tile, population))
    changes = np.zeros(order.size, bool)
    for key in (*keys, tile, population):
        changes[1:] |= np.diff(key[order]) != 0
    neuron_class = np.empty(order.size, np.int64)
    neuron_class[order] = np.cumsum(changes)
    starts = np.flatnonzero(changes)
    return neuron_class, order[np.concatenate([[0], starts])] if order.size else order


def _same_rows(table: Any, reference: np.ndarray) -> bool:
    """Return whether each row of ``table`` equals its row ``reference``."""
    lengths = np.diff(table.indptr)
    if not np.array_equal(lengths, lengths[reference]):
        return False
    differs = np.flatnonzero(reference != np.arange(reference.size))
    mine, other = table[differs], table[reference[differs]]
    return np.array_equal(mine.indices, other.indices) and np.array_equal(mine.data, other.data)
