"""Bitmaps: one bit for each neuron, spike or not, or for each neuron of a busy block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from chipletsim.codecs.base import LinearBits, SpikeCodec, probability_of_any

if TYPE_CHECKING:
    import numpy as np


class Bitmap(SpikeCodec):
    """One bit for each neuron and step.

    A message is N bits, those of the neurons in order.

        bits = T N, whatever the rate

    Example:
        >>> import numpy as np
        >>> Bitmap().bits(np.zeros((2, 100), bool)).tolist()
        [100, 100]
    """

    kind: Literal["bitmap"] = "bitmap"

    def _bits(self, spikes: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.full(spikes.shape[:-1], spikes.shape[-1], np.int64)

    def _linear_bits(self, neurons: int) -> LinearBits:
        return LinearBits(0, neurons)

    def _expected_bits(self, neurons: int, steps: int, rate: float) -> float:
        return steps * neurons

    def _bits_per_neuron(self, steps: int, rate: float) -> float:
        return steps


class BlockedBitmap(SpikeCodec):
    """One flag for each block of neurons, and the bitmap of blocks with a spike.

    A message is, for each block of ``block_neurons`` in order, a flag that is 1 if any of
    its neurons spikes, followed in that case by one bit for each neuron. The last block is
    shorter where the neurons do not divide evenly. A message thus tells its own end.

        bits = T sum over blocks of (1 + n (1 - (1-r)^n)), n the neurons of the block

    The table of bits per activation is ``T (1/B + 1 - (1-r)^B)``, its limit for many
    neurons and exact where B divides them.

    Example:
        Blocks of 4, 4 and 2 neurons, of which the last has a spike:

        >>> import numpy as np
        >>> spikes = np.zeros((1, 10), bool)
        >>> spikes[0, 9] = True
        >>> BlockedBitmap(block=4).bits(spikes).tolist()
        [5]
    """

    kind: Literal["blocked_bitmap"] = "blocked_bitmap"
    block_neurons: int = Field(alias="block", ge=1, description="neurons that share a flag")

    def _bits(self, spikes: np.ndarray) -> np.ndarray:
        import numpy as np

        neurons = spikes.shape[-1]
        starts = np.arange(0, neurons, self.block_neurons)
        block_bits = np.diff(starts, append=neurons).astype(np.int64)
        busy = np.logical_or.reduceat(spikes, starts, axis=-1)
        return busy @ block_bits + starts.size

    def _expected_bits(self, neurons: int, steps: int, rate: float) -> float:
        blocks, rest = divmod(neurons, self.block_neurons)
        whole = blocks * self._block_bits(self.block_neurons, rate)
        return steps * (whole + (self._block_bits(rest, rate) if rest else 0))

    def _bits_per_neuron(self, steps: int, rate: float) -> float:
        return steps * self._block_bits(self.block_neurons, rate) / self.block_neurons

    @staticmethod
    def _block_bits(neurons: int, rate: float) -> float:
        """Return the expected bits of one block of ``neurons`` in one step."""
        return 1 + neurons * probability_of_any(neurons, rate)
