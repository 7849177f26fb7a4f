"""Entropies: the fewest bits that any code of independent spikes can take on average."""

from __future__ import annotations

from math import log
from typing import ClassVar, Literal

from chipletsim.codecs.base import SpikeCoding


class SpikeEntropy(SpikeCoding):
    """The bound for codes that keep every spike at its step.

        bits = N T H2(r), H2(r) = -r log2 r - (1-r) log2 (1-r)

    Example:
        >>> SpikeEntropy().expected_bits(neurons=10, steps=4, rate=0.5)
        40.0
    """

    peak_rate: ClassVar[float] = 0.5

    kind: Literal["spike_entropy"] = "spike_entropy"

    def _expected_bits(self, neurons: int, steps: int, rate: float) -> float:
        return neurons * self._bits_per_neuron(steps, rate)

    def _bits_per_neuron(self, steps: int, rate: float) -> float:
        from scipy.special import entr

        return steps * float(entr(rate) + entr(1 - rate)) / log(2)


class CountEntropy(SpikeCoding):
    """The bound for codes that keep only how often each neuron spiked in a window.

    bits = N times the entropy of Binomial(T, r), at most N ceil(log2(T + 1))
    """

    peak_rate: ClassVar[float] = 0.5

    kind: Literal["count_entropy"] = "count_entropy"

    def _expected_bits(self, neurons: int, steps: int, rate: float) -> float:
        return neurons * self._bits_per_neuron(steps, rate)

    def _bits_per_neuron(self, steps: int, rate: float) -> float:
        import numpy as np
        from scipy.special import entr, gammaln, xlog1py, xlogy

        spikes = np.arange(steps + 1)
        silent = steps - spikes
        # Logarithms keep the binomial coefficients of long windows within range.
        ways = gammaln(steps + 1) - gammaln(spikes + 1) - gammaln(silent + 1)
        share = np.exp(ways + xlogy(spikes, rate) + xlog1py(silent, -rate))
        return float(entr(share).sum()) / log(2)
