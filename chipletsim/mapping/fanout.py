"""Where each neuron's synapses lie: the one table that traffic and capacities share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from chipletsim.network.model import Network
from chipletsim.network.synapses import projection_fan_out

if TYPE_CHECKING:
    from chipletsim.mapping.model import Slice


@dataclass(frozen=True)
class FanOut:
    """Synapses of every neuron in every block; a block is one projection into one slice.

    Blocks are ordered by projection, then by slice.

    Attributes:
        synapses: scipy.sparse.csr_array of int64 [neurons, blocks], the number of
            synapses of a source neuron in a block (pooling in front included).
        block_projection: int32 [blocks], index of the projection.
        block_slice: int32 [blocks], index of the target slice.
    """

    synapses: Any
    block_projection: np.ndarray
    block_slice: np.ndarray

    def reaches(self, destinations: np.ndarray, count: int) -> Any:
        """Return csr_array int8 [neurons, count]: 1 where a neuron has a synapse.

        Args:
            destinations: int [blocks], destination of each block, such as its slice or
                the tile of its slice; -1 leaves the block out.
            count: Number of destinations.
        """
        blocks = np.flatnonzero(destinations >= 0)
        entries = (np.ones(blocks.size, np.int32), (blocks, destinations[blocks]))
        chosen = sparse.coo_array(entries, shape=(destinations.size, count)).tocsr()
        pattern = sparse.csr_array(
            (
                np.ones(self.synapses.nnz, np.int32),
                self.synapses.indices,
                self.synapses.indptr,
            ),
            shape=self.synapses.shape,
        )
        reached = pattern @ chosen
        reached.data = np.ones(reached.nnz, np.int8)
        return reached


def fan_out(network: Network, slices: Sequence[Slice]) -> FanOut:
    """Return the synapses of every neuron of ``network`` in every block of ``slices``.

    Args:
        network: The network.
        slices: Slices that partition its populations; their tiles do not matter.
    """
    members: list[list[int]] = [[] for _ in network.populations]
    for number, part in enumerate(slices):
        members[part.population].append(number)
    targets = [members[network.index[edge.target]] for edge in network.projections]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in targets])]).astype(np.int64)
    rows = [_rows(network, source.name, slices, targets, starts) for source in network.populations]
    return FanOut(
        synapses=_stack(rows, int(starts[-1])),
        block_projection=np.repeat(np.arange(len(targets)), np.diff(starts)).astype(np.int32),
        block_slice=np.array([number for part in targets for number in part], np.int32),
    )


def _rows(
    network: Network,
    source: str,
    slices: Sequence[Slice],
    targets: list[list[int]],
    starts: np.ndarray,
) -> Any:
    """Return csr_array [neurons of source, blocks], empty beyond the source's projections."""
    parts, columns = [], []
    for number, projection in enumerate(network.projections):
        if projection.source == source and targets[number]:
            boxes = [slices[target].box for target in targets[number]]
            parts.append(projection_fan_out(projection, network, boxes))
            columns.append(np.arange(starts[number], starts[number + 1]))
    size = network.population(source).size
    if not parts:
        return sparse.csr_array((size, int(starts[-1])), dtype=np.int64)
    joined = parts[0] if len(parts) == 1 else sparse.hstack(parts, format="csr")
    indices = np.concatenate(columns)[joined.indices]
    shape = (size, int(starts[-1]))
    return sparse.csr_array((joined.data, indices, joined.indptr), shape=shape)


def _stack(rows: list[Any], blocks: int) -> Any:
    """Return the rows of all populations, one below the other."""
    if not rows:
        return sparse.csr_array((0, blocks), dtype=np.int64)
    table = sparse.vstack(rows, format="csr", dtype=np.int64)
    table.sort_indices()
    return table
