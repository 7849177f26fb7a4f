"""What a box of a population needs of a tile: the demands that capacities bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from chipletsim.network.connections import Box, Sparse
from chipletsim.network.connections.boxes import box_slices
from chipletsim.network.matrices import block_matrix
from chipletsim.network.model import Network, Projection
from chipletsim.network.synapses import projection_fan_out, projection_stored_weights
from chipletsim.tiles import Crossbar, TileParameters

if TYPE_CHECKING:
    from chipletsim.mapping.model import Mapping


def incoming(network: Network, population: int) -> list[Projection]:
    """Return the projections into a population."""
    name = network.populations[population].name
    return [edge for edge in network.projections if edge.target == name]


def index_bits(parameters: TileParameters) -> int:
    """Return the bits of a target index beside each weight of a sparse projection.

    ``ceil(log2(neurons of the tile))``: a listed synapse must say which neuron of the
    tile it excites; the source is known from the list it stands in.
    """
    return max(parameters.neurons - 1, 0).bit_length()


def stored_bits(
    network: Network, population: int, boxes: list[Box], parameters: TileParameters
) -> np.ndarray:
    """Return int64 [boxes]: bits of weights that each box stores on a tile of this kind.

    ``weights x weight_bits`` over all projections into the box. A convolution's kernel is
    stored once per box where the kind shares weights, else once per synapse; a weight of
    a sparse projection takes `index_bits` more. A crossbar keeps whole matrices, zeros of a
    sparse projection included, in arrays of which each holds one, see `Crossbar.stored_bits`.

    Args:
        network: The network.
        population: Index of the population.
        boxes: Boxes of its shape.
        parameters: Kind of the tile, with its precision.
    """
    shared = parameters.shares_weights
    total = np.zeros(len(boxes), np.int64)
    for projection in incoming(network, population):
        if isinstance(parameters, Crossbar):
            total += [_array_bits(network, projection, box, parameters) for box in boxes]
            continue
        listed = isinstance(projection.connection, Sparse)
        entry_bits = parameters.weight_bits + (index_bits(parameters) if listed else 0)
        weights = projection_stored_weights(projection, network, boxes, shared=shared)
        total += weights * entry_bits
    return total


def _array_bits(network: Network, projection: Projection, box: Box, parameters: Crossbar) -> int:
    """Return the bits of the arrays of a crossbar that a projection into a box takes."""
    matrix = block_matrix(network, projection, box)
    copies = matrix.groups if parameters.shares_weights else matrix.groups * matrix.positions
    return copies * parameters.stored_bits(matrix.rows, matrix.columns)


def slice_bits(mapping: Mapping) -> np.ndarray:
    """Return int64 [slices]: bits of weights of each slice, in its tile's precision."""
    total = np.zeros(len(mapping.slices), np.int64)
    alike: dict[tuple[int, TileParameters], list[int]] = {}
    for number, part in enumerate(mapping.slices):
        parameters = mapping.package.tiles[part.tile].parameters
        alike.setdefault((part.population, parameters), []).append(number)
    for (population, parameters), numbers in alike.items():
        boxes = [mapping.slices[number].box for number in numbers]
        total[numbers] = stored_bits(mapping.network, population, boxes, parameters)
    return total


class FanIn:
    """Counts the distinct source neurons of boxes of one population.

    Sparse projections are sorted by target once, since a box may be asked for many times.
    """

    def __init__(self, network: Network, population: int) -> None:
        self._network = network
        self._shape = network.populations[population].shape
        self._projections = incoming(network, population)
        sources = {edge.source for edge in self._projections}
        self.most = sum(network.population(source).size for source in sources)
        self._by_target: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def count(self, box: Box) -> int:
        """Return how many neurons have a synapse in the box, each counted once."""
        reached: dict[str, np.ndarray] = {}
        for projection in self._projections:
            size = self._network.population(projection.source).size
            seen = reached.setdefault(projection.source, np.zeros(size, bool))
            seen[self._sources(projection, box)] = True
        return sum(int(seen.sum()) for seen in reached.values())

    def _sources(self, projection: Projection, box: Box) -> np.ndarray:
        if isinstance(projection.connection, Sparse) and projection.pool is None:
            return self._listed_sources(projection, projection.connection, box)
        table = projection_fan_out(projection, self._network, [box])
        return np.flatnonzero(np.diff(table.indptr))

    def _listed_sources(self, projection: Projection, listed: Sparse, box: Box) -> np.ndarray:
        if projection.name not in self._by_target:
            self._by_target[projection.name] = _sorted_by_target(listed)
        indptr, sources = self._by_target[projection.name]
        neurons = np.arange(listed.n_targets).reshape(self._shape)[box_slices(box)].ravel()
        if neurons[-1] - neurons[0] + 1 == neurons.size:
            return sources[indptr[neurons[0]] : indptr[neurons[-1] + 1]]
        return np.concatenate([sources[indptr[neuron] : indptr[neuron + 1]] for neuron in neurons])


def _sorted_by_target(listed: Sparse) -> tuple[np.ndarray, np.ndarray]:
    """Return indptr [targets + 1] and the source of each synapse, ordered by target."""
    shape = (listed.indptr.size - 1, listed.n_targets)
    ones = np.ones(listed.targets.size, np.int8)
    columns = sparse.csr_array((ones, listed.targets, listed.indptr), shape=shape).tocsc()
    return columns.indptr, columns.indices
