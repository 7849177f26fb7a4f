"""A signal on its way from one population to the next, and the synapses it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from chipletsim.network.connections import (
    Connection,
    Dense,
    OneToOne,
    Pool2d,
    Shape,
    Sparse,
)
from chipletsim.network.nir.graph import NirNode

MAX_NEURONS = 2**28
"""Most neurons of a network: a bound against files that only claim to be large."""


MAX_LISTED = 2**26
"""Most synapses that are listed one by one, where neurons of a node differ in delay."""


class StandsAloneError(Exception):
    """A node cannot be joined with those before it: their values need a place of their own."""


class Bias(NamedTuple):
    """A current that a node adds.

    Attributes:
        node: Name of the node.
        values: float32, broadcasts to the signal.
        steps: Steps by which it comes late, broadcasts to the signal.
    """

    node: str
    values: np.ndarray
    steps: np.ndarray


class Synapses(NamedTuple):
    """Synapses of one delay, as a chain ends.

    Attributes:
        connection: Which synapses, and their weights.
        pool: Pooling in front, or None.
        delay: Steps that delay nodes state; None where there is no such node.
    """

    connection: Connection
    pool: Pool2d | None
    delay: int | None


@dataclass(frozen=True)
class Chain:
    """The nodes passed since the population that sends.

    Attributes:
        source: Name of the sending population.
        shape: Shape of the signal so far.
        dt: Time step in the unit of the file's time constants.
        nodes: Names of the nodes passed.
        connection: The connection met, or None.
        pool: The pooling met before it, or None.
        bias: What is added on the way, or None.
        delay: Steps that delay nodes state for all neurons alike, or None.
        before: int64, steps that delay each value sent, in front of a dense layer; or None.
        behind: The same for each value behind a dense layer.
        channels_last: Shape (C, H, W) of a signal that was flattened in the order (H, W, C).
        plane: Shape (C, 1, L) that the source needs, where its planes have one axis.
        made: Shape (C, H, W) that a convolution or pooling gives, before any ``Flatten``.
        named_by: Node that names the projection, or None.
    """

    source: str
    shape: Shape
    dt: float
    nodes: tuple[str, ...] = ()
    connection: Connection | None = None
    pool: Pool2d | None = None
    bias: Bias | None = None
    delay: int | None = None
    before: np.ndarray | None = None
    behind: np.ndarray | None = None
    channels_last: Shape | None = None
    plane: Shape | None = None
    made: Shape | None = None
    named_by: str | None = None

    @property
    def target_shape(self) -> Shape:
        """Shape of a population that receives the signal."""
        return self.made or self.shape

    def path(self, target: str) -> tuple[str, ...]:
        """Return all nodes from the source to ``target``."""
        return (self.source, *self.nodes, target)

    def as_sent(self, values: np.ndarray) -> np.ndarray:
        """Return values of the signal, on the last axis, in the order (C, H, W) of the source."""
        if self.channels_last is None:
            return values
        return values[..., np.argsort(channels_last_order(self.channels_last))]

    def synapses(self) -> list[Synapses]:
        """Return what the chain comes to where it ends at a population.

        One entry, or one for each delay where neurons differ in it.
        """
        if self.before is None and self.behind is None and self.channels_last is None:
            return [Synapses(*self._joined(), self.delay)]
        connection = self.connection or OneToOne(np.ones(prod(self.shape), np.float32))
        if not isinstance(connection, Dense | OneToOne):
            raise ValueError(
                "a convolution is flattened as (H, W, C) here and no dense layer follows; put a"
                " dense layer behind, or permute the weights in the file"
            )
        return _by_delay(connection, self)

    def _joined(self) -> tuple[Connection, Pool2d | None]:
        if self.connection is not None:
            return self.connection, self.pool
        if self.pool is not None:
            return self.pool, None
        return OneToOne(np.ones(prod(self.shape), np.float32)), None

    @property
    def is_plain(self) -> bool:
        """Whether the signal is the source's events, unchanged and at once."""
        nothing = (self.connection, self.pool, self.before, self.behind, self.channels_last)
        return all(each is None for each in nothing) and not self.delay


def bias_of(name: str, node: NirNode, shape: Shape, default: float | None = None) -> Bias | None:
    """Return the bias of each output of the first axis; None where it is zero.

    Raises:
        ValueError: It has another length.
    """
    values = node.array("bias", default)
    if values.size not in (1, shape[0]):
        raise ValueError(f"has {values.size} biases for {shape[0]} outputs")
    full = np.broadcast_to(values.ravel(), shape[:1]).reshape(-1, *(1 for _ in shape[1:]))
    if node.type != "Affine" and not np.any(full):
        return None
    return Bias(name, full, np.zeros((), np.int64))


def by_channel(factors: np.ndarray, shape: Shape) -> np.ndarray:
    """Return the factor of each channel; StandsAloneError where they differ within one."""
    rows = factors.reshape(shape[0], -1)
    if np.any(rows != rows[:, :1]):
        raise StandsAloneError
    return rows[:, 0]


def require_reasonable(shape: Shape, others: int = 0) -> None:
    """Raise ValueError if ``shape`` holds more neurons, with ``others``, than are ever meant."""
    if prod(shape) + others > MAX_NEURONS:
        before = f" after {others:,} others" if others else ""
        raise ValueError(f"has shape {list(shape)}{before}: more than {MAX_NEURONS:,} neurons")


def channels_last_order(plane: Shape) -> np.ndarray:
    """Return int64: for each place in (H, W, C) order, its place in (C, H, W) order."""
    return np.arange(prod(plane)).reshape(plane).transpose(1, 2, 0).ravel()


def _by_delay(connection: Dense | OneToOne, chain: Chain) -> list[Synapses]:
    """Return the synapses of each delay, listed; synapses of weight zero are kept."""
    if connection.weight.size > MAX_LISTED:
        raise ValueError(
            f"{connection.weight.size:,} synapses with delays of their own would be listed; most"
            f" are {MAX_LISTED:,}"
        )
    if isinstance(connection, Dense):
        targets, sources = (axis.ravel() for axis in np.indices(connection.weight.shape))
        weight, count = connection.weight.ravel(), connection.weight.shape[0]
    else:
        count = connection.weight.size
        targets = np.arange(count)
        plane = chain.channels_last
        sources = targets if plane is None else channels_last_order(plane)
        weight = connection.weight[sources]
    steps = np.full(sources.size, chain.delay or 0)
    if chain.before is not None:
        steps += chain.before[sources]
    if chain.behind is not None:
        steps += chain.behind[targets]
    rows = int(sources.max(initial=-1)) + 1
    found = []
    for delay in np.unique(steps):
        own = np.flatnonzero(steps == delay)
        own = own[np.lexsort((targets[own], sources[own]))]
        counts = np.bincount(sources[own], minlength=rows)
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        listed = Sparse(indptr, targets[own].astype(np.int32), weight[own], count)
        found.append(Synapses(listed, chain.pool, int(delay)))
    if chain.before is None and chain.behind is None:
        return [each._replace(delay=chain.delay) for each in found]
    return found
