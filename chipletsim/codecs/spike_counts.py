"""Spike counts: how often each neuron spiked in a window, and not when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from chipletsim.codecs.base import SpikeCodec, check_whole

if TYPE_CHECKING:
    import numpy as np


def fair_bits(steps: int) -> int:
    """Return ``ceil(log2(T + 1))``: the bits of a number of spikes in T steps.

    It is the width of dense activations that carry as much as T steps of rate coding
    (Yan et al., arXiv 2409.08290).

    Example:
        >>> [fair_bits(steps) for steps in (1, 4, 8, 16)]
        [1, 3, 4, 5]

    Raises:
        UsageError: ``steps`` is no whole number of at least 1.
    """
    check_whole("steps", steps)
    return int(steps).bit_length()


class SpikeCounts(SpikeCodec):
    """The number of spikes of each neuron, once for a whole window.

    The message after the last step is, for each neuron in order, its number of spikes in
    ``q = ceil(log2(T + 1))`` bits; earlier messages are empty. Spike times are lost.

        bits = N q, whatever the rate

    Example:
        >>> import numpy as np
        >>> SpikeCounts().bits(np.zeros((4, 10), bool)).tolist()
        [0, 0, 0, 30]
    """

    kind: Literal["spike_counts"] = "spike_counts"

    def _bits(self, spikes: np.ndarray) -> np.ndarray:
        import numpy as np

        steps, neurons = spikes.shape[-2:]
        bits = np.zeros(spikes.shape[:-1], np.int64)
        bits[..., -1] = neurons * fair_bits(steps)
        return bits

    def _expected_bits(self, neurons: int, steps: int, rate: float) -> float:
        return neurons * fair_bits(steps)

    def _bits_per_neuron(self, steps: int, rate: float) -> float:
        return fair_bits(steps)
