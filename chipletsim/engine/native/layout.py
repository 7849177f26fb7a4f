"""How the neurons of a population are numbered inside the native kernels.

Targets of a convolution are numbered position by position, the channels of one side by side,
so that an event adds whole vectors; all others keep their order. Blocks of neurons belong to
one thread each, and targets are counted from the start of theirs, in 16 bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import lcm, prod

import numpy as np

from chipletsim.network.connections import Conv2d, Dense

WORD = 64
"""Neurons in a word of a raster; a panel of a dense product."""
_MOST_IN_BLOCK = 1 << 16
_LEAST_IN_BLOCK = 1 << 9
"""Of sparse synapses."""
_BLOCKS_OF_THREAD = 4
"""Of others."""


@dataclass(frozen=True)
class Layout:
    """Order and blocks of a population.

    Attributes:
        size: Number of neurons.
        channels: Channels that stand side by side; 1 where neurons keep their order.
        block: Neurons in a block, at most 2^16: whole words and, where they fit, whole positions.
    """

    size: int
    channels: int
    block: int

    @property
    def words(self) -> int:
        """Words of a row of a raster."""
        return -(-self.size // WORD)

    @property
    def padded(self) -> int:
        """Neurons of whole words."""
        return self.words * WORD

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.size // self.block)

    @property
    def order(self) -> np.ndarray:
        """int64 [size]: the neuron that stands at each place."""
        return np.arange(self.size).reshape(self.channels, -1).T.ravel()

    @property
    def place(self) -> np.ndarray:
        """int64 [size]: the place at which each neuron stands."""
        return np.arange(self.size).reshape(-1, self.channels).T.ravel()

    def arranged(self, values: np.ndarray) -> np.ndarray:
        """Return [padded]: values of the neurons in the order of their places, then zeros."""
        flat = np.asarray(values).reshape(-1)
        return np.pad(
            flat if self.channels == 1 else flat[self.order], (0, self.padded - self.size)
        )


def layout(shape: tuple[int, ...], *, incoming: Iterable[type], threads: int) -> Layout:
    """Return the layout of a population.

    Rows of synapses get shorter with smaller blocks, so sparse ones have one for each thread.
    Others have several, so that a thread which the system puts aside leaves less undone.

    Args:
        shape: Its shape.
        incoming: Types of the connections that project to it.
        threads: Threads that share its blocks.
    """
    size, kinds = prod(shape), set(incoming)
    channels = shape[0] if Conv2d in kinds else 1
    unit = lcm(WORD, channels)
    if unit > _MOST_IN_BLOCK:
        unit = WORD
    if kinds and kinds <= {Dense, Conv2d}:
        wanted = -(-size // (threads * _BLOCKS_OF_THREAD))
    else:
        wanted = max(-(-size // threads), _LEAST_IN_BLOCK)
    return Layout(size, channels, min(-(-wanted // unit), _MOST_IN_BLOCK // unit) * unit)
