"""The network: populations of neurons and projections between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from chipletsim.network.connections import Connection, Pool2d


@dataclass(frozen=True)
class Population:
    """Neurons of one model, or input channels.

    Attributes:
        name: Unique name.
        shape: Shape of the population, channels first for images, such as (C, H, W).
        model: Key of ``chipletsim.network.neurons.NEURON_MODELS``; ``input`` for inputs.
        parameters: Parameter name to array of ``shape`` (scalars are broadcast); float32, or
            float64 for models in double precision.
        bias: float32 of ``shape``, a current added in every step.
        output: Whether its spikes (or values) leave the package as the answer.
        value_bits: Bits of a graded event; 0 where an event is a plain spike.
        steps: Steps in which it sends, of an input that is fed once or an encoder; the others
            follow their sources, see ``chipletsim.network.spans``.
    """

    name: str
    shape: tuple[int, ...]
    model: str
    parameters: dict[str, np.ndarray] = field(default_factory=dict)
    bias: np.ndarray | None = None
    output: bool = False
    value_bits: int = 0
    steps: int | None = None

    @property
    def size(self) -> int:
        """Number of neurons."""
        return prod(self.shape)


@dataclass(frozen=True)
class Projection:
    """Synapses from one population to another.

    Attributes:
        name: Unique name.
        source: Name of the sending population.
        target: Name of the receiving population.
        connection: Which synapses there are, and their weights.
        pool: Pooling of the source's spikes before the connection, as address
            translation without synaptic operations of its own; or None.
        delay: Whole steps from spike to current; 0 acts within the step.
        port: Port of the target's model where it arrives; the first if empty.
    """

    name: str
    source: str
    target: str
    connection: Connection
    pool: Pool2d | None = None
    delay: int = 0
    port: str = ""


@dataclass(frozen=True)
class Network:
    """Populations, projections and the time step. Neurons are numbered population by population.

    Attributes:
        name: Name of the network.
        populations: All populations, inputs included.
        projections: All projections.
        dt_s: Length of a time step in seconds.
        summation_rank: int64 [neurons], a permutation: of a network in double precision, the
            order in which currents of different sources are added, the lowest first; the
            order of the neurons if None.
        scheme: How the neurons of a file that leaves it open were taken, for reports; else "".
        doubts: Why they may have been taken wrongly, each a sentence, for reports.
        caveats: What is not known of it, for reports: what its origin may do that it does not.
    """

    name: str
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    dt_s: float
    summation_rank: np.ndarray | None = None
    scheme: str = ""
    doubts: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Network({self.name!r}: {len(self.populations):,} populations, {self.neurons:,} "
            f"neurons, {len(self.projections):,} projections, dt {self.dt_s:g} s)"
        )

    @cached_property
    def index(self) -> dict[str, int]:
        """Name of a population to its index."""
        return {population.name: i for i, population in enumerate(self.populations)}

    @cached_property
    def offsets(self) -> np.ndarray:
        """int64 [populations + 1]: first neuron of each population, and the total."""
        sizes = [population.size for population in self.populations]
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    @property
    def neurons(self) -> int:
        """Number of neurons, input channels included."""
        return int(self.offsets[-1])

    def population(self, name: str) -> Population:
        """Return the population called ``name``."""
        return self.populations[self.index[name]]
