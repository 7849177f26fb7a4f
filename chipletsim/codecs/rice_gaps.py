"""Rice-coded gaps: the distance from each spike to the one before it."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from chipletsim.codecs.base import (
    SpikeCodec,
    check_spikes,
    check_width,
    probability_of_any,
    probability_of_none,
)
from chipletsim.units import PacketBits

if TYPE_CHECKING:
    import numpy as np

MAX_K = 32
"""Most low bits of a gap; gaps of 2^32 neurons are beyond any boundary."""


class RiceGaps(SpikeCodec):
    """Gaps between spikes, each in a Rice code with parameter k.

    A message is the number of spikes in ``count_bits``, then for each spike, in the order
    of neurons, its gap g: the silent neurons since the spike before it in the same step, or
    since the first neuron. A gap is ``g >> k`` ones, a zero, and the k low bits of g, in all
    ``(g >> k) + 1 + k`` bits. Neurons after the last spike cost nothing. With
    ``count_bits = 0`` the length of the message, told by the link, gives the number.

    k is known to both ends and never sent. If left out it is the one with the fewest bits,
    set once for all the spikes given: for each call of `bits` by the spikes of that call,
    for expectations by the rate.

        bits = T (count + N r (k + 1) + r sum_{m >= 1, m M < N} (N - m M) (1-r)^(m M)), M = 2^k

    as ``g >> k`` counts the m with ``g >= m M``, and neuron j (from 0) spikes after a gap of
    at least m M with probability ``r (1-r)^(m M)`` if ``j >= m M``. The limit for many
    neurons is the table's ``T r (k + 1/(1 - (1-r)^M))``.

    Example:
        Gaps of 0 and 5 with k = 2 take 0 + 1 + 2 and 1 + 1 + 2 bits:

        >>> import numpy as np
        >>> spikes = np.array([[True, False, False, False, False, False, True, False]])
        >>> RiceGaps(k=2).bits(spikes).tolist()
        [7]
        >>> RiceGaps().best_k(spikes)
        1
    """

    kind: Literal["rice_gaps"] = "rice_gaps"
    k: int | None = Field(
        None, ge=0, le=MAX_K, description="low bits of a gap sent as they are; best if left out"
    )
    count_bits: PacketBits = Field(
        0,
        alias="count",
        description="number of spikes, sent with each step; 0 if the link tells its end",
    )

    def best_k(self, spikes: np.ndarray) -> int:
        """Return the k that `bits` uses for these spikes: the given or the best one.

        Args:
            spikes: bool [..., steps, neurons].

        Raises:
            UsageError: The array is of another type or shape.
        """
        check_spikes(spikes)
        return self._best_k(_gaps(spikes)[1], spikes.shape[-1])

    def bits_by_k(self, spikes: np.ndarray) -> dict[int, int]:
        """Return the bits of all messages together for each k that may be chosen.

        Where spikes come in several parts, their sums tell the best k of all.

        Args:
            spikes: bool [..., steps, neurons].

        Raises:
            UsageError: The array is of another type or shape.
        """
        check_spikes(spikes)
        counts = prod(spikes.shape[:-1]) * self.count_bits
        by_k = self._gap_bits(_gaps(spikes)[1], spikes.shape[-1])
        return {k: bits + counts for k, bits in by_k.items()}

    def _best_k(self, gaps: np.ndarray, neurons: int) -> int:
        """Return the k with the fewest bits for all ``gaps``, the least one of several."""
        by_k = self._gap_bits(gaps, neurons)
        return min(by_k, key=lambda k: by_k[k])

    def _gap_bits(self, gaps: np.ndarray, neurons: int) -> dict[int, int]:
        """Return the bits of all ``gaps`` for each k."""
        return {k: int(((gaps >> k) + k + 1).sum()) for k in self._choices(neurons)}

    def _choices(self, neurons: int) -> Iterable[int]:
        """Return the values that k may take: beyond them no gap of ``neurons`` gets shorter."""
        return range(int(neurons - 1).bit_length() + 1) if self.k is None else (self.k,)

    def _bits(self, spikes: np.ndarray) -> np.ndarray:
        import numpy as np

        messages, gaps = _gaps(spikes)
        k = self._best_k(gaps, spikes.shape[-1])
        shape = spikes.shape[:-1]
        # Sums of weights are floats, exact here: ones of a message never exceed its neurons.
        ones = np.bincount(messages, gaps >> k, minlength=prod(shape))
        events = spikes.sum(axis=-1, dtype="int64")
        return ones.astype(np.int64).reshape(shape) + events * (k + 1) + self.count_bits

    def _expected_bits(self, neurons: int, steps: int, rate: float) -> float:
        fewest = min(_expected_of_k(k, neurons, rate) for k in self._choices(neurons))
        return steps * (self.count_bits + fewest)

    def _bits_per_neuron(self, steps: int, rate: float) -> float:
        if rate == 0:
            return 0.0
        choices = range(MAX_K + 1) if self.k is None else (self.k,)
        return steps * min(rate * (k + 1 / probability_of_any(1 << k, rate)) for k in choices)

    def _check_neurons(self, neurons: int) -> None:
        if self.count_bits:
            check_width("count", self.count_bits, neurons + 1)


def _gaps(spikes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the message and the gap of each spike.

    Args:
        spikes: bool [..., steps, neurons].

    Returns:
        Two int64 [spikes]: the row of ``spikes`` seen as [messages, neurons], and the
        silent neurons before the spike.
    """
    import numpy as np

    messages, neurons = np.divmod(np.flatnonzero(spikes), spikes.shape[-1])
    before = np.full(neurons.shape, -1, np.int64)
    same = messages[1:] == messages[:-1]
    before[1:][same] = neurons[:-1][same]
    return messages, neurons - before - 1


def _expected_of_k(k: int, neurons: int, rate: float) -> float:
    """Return the expected bits of the gaps of one step, as the class states them."""
    import numpy as np

    least_gap = np.arange(1 << k, neurons, 1 << k, dtype=np.int64)
    ones = rate * ((neurons - least_gap) * probability_of_none(least_gap, rate)).sum()
    return neurons * rate * (k + 1) + float(ones)
