"""Poisson sources: random input spikes, or numbers of them, drawn window by window."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from chipletsim.engine.compile import is_graded
from chipletsim.errors import UsageError
from chipletsim.network.model import Network

_BLOCK = 64
"""Steps that are drawn from one generator; windows are cut from such blocks."""
_TABLE_BITS = 14
_RARE = 2.0**-33
"""Numbers that are rarer are not drawn: a draw has 32 bits."""
_LARGEST_MEAN = 1e5


@dataclass(frozen=True, eq=False)
class PoissonSource:
    """Inputs of a population, each channel an independent Poisson process cut into steps.

    It stands for an array [samples, steps, *channels], of which ``source[samples, steps]`` are
    drawn, whatever else has been drawn before, so that no more than a window is held at once.
    With ``counts`` an entry is the number of events of a step, which is Poisson; without, it is
    whether there is a spike, with the probability that keeps the rate. A seed gives the same
    events on every machine.

    Attributes:
        shape: (samples, steps, *channels).
        mean: Mean number of events of a channel in a step.
        counts: Whether entries are float32 numbers instead of bools.
        seed: Seed of NumPy's PCG64.
        name: Population that it feeds; draws depend on it.
        active: First step with events, and the one behind the last.
        first_sample: Number of its first sample, in a source of which it is a part.
    """

    shape: tuple[int, ...]
    mean: float
    counts: bool
    seed: int
    name: str
    active: tuple[int, int]
    first_sample: int = 0

    def __post_init__(self) -> None:
        most = _LARGEST_MEAN if self.counts else 1.0
        if not 0 <= self.mean <= most:
            raise UsageError(f"a mean of {self.mean:g} a step is not between 0 and {most:g}")

    @property
    def dtype(self) -> np.dtype:
        """Type of its entries."""
        return np.dtype(np.float32 if self.counts else np.bool_)

    @property
    def identity(self) -> str:
        """All that decides its entries, as text."""
        given = (self.mean, self.counts, self.seed, self.name, self.active, self.first_sample)
        return f"poisson {given!r}"

    @property
    def largest(self) -> int:
        """Largest number of events in a step."""
        return self._thresholds.size if self.counts else 1

    def of_samples(self, first: int, count: int) -> PoissonSource:
        """Return the source of ``count`` samples from ``first`` on, or of as many as there are."""
        samples = len(range(self.shape[0])[first : first + count])
        shape = (samples, *self.shape[1:])
        return replace(self, shape=shape, first_sample=self.first_sample + first)

    def __getitem__(self, part: tuple[slice, slice]) -> np.ndarray:
        """Return the entries of some samples and steps, as slices without a stride."""
        samples, steps = (
            range(*of.indices(length)) for of, length in zip(part, self.shape[:2], strict=True)
        )
        drawn = np.zeros((len(samples), len(steps), *self.shape[2:]), self.dtype)
        first, stop = max(steps.start, self.active[0]), min(steps.stop, self.active[1])
        if first >= stop:
            return drawn
        for row, sample in enumerate(samples):
            for block in range(first // _BLOCK, -(-stop // _BLOCK)):
                low, high = max(first, block * _BLOCK), min(stop, (block + 1) * _BLOCK)
                entries = self._block(self.first_sample + sample, block)[
                    low - block * _BLOCK : high - block * _BLOCK
                ]
                drawn[row, low - steps.start : high - steps.start] = entries
        return drawn

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all entries."""
        return np.asarray(self[:, :], dtype)

    def _block(self, sample: int, block: int) -> np.ndarray:
        """Return the entries of the steps of a block, [steps, *channels]."""
        key = [self.seed, zlib.crc32(self.name.encode()), sample, block]
        generator = np.random.Generator(np.random.PCG64(key))
        shape = (_BLOCK, *self.shape[2:])
        draws = generator.integers(0, 2**32, prod(shape), np.uint32)
        if not self.counts:
            return (draws < self.mean * 2.0**32).reshape(shape)
        table = self._table
        counts = table[draws >> (32 - _TABLE_BITS)]
        unsure = np.flatnonzero(counts < 0)
        counts[unsure] = np.searchsorted(self._thresholds, draws[unsure], side="right")
        return counts.reshape(shape)

    @cached_property
    def _thresholds(self) -> np.ndarray:
        """uint32 [n]: a draw at or above entry k gives more than k events."""
        if self.mean == 0:
            return np.zeros(0, np.uint32)
        k = np.arange(1, int(self.mean + 12 * self.mean**0.5 + 30))
        logs = np.concatenate([[0.0], np.cumsum(np.log(self.mean / k))]) - self.mean
        below = np.cumsum(np.exp(logs))
        kept = below[1 - below > _RARE]
        return np.minimum(np.rint(kept * 2.0**32), 2**32 - 1).astype(np.uint32)

    @cached_property
    def _table(self) -> np.ndarray:
        """float32 [2^bits]: the number that all draws of these first bits give, or -1."""
        width = 2 ** (32 - _TABLE_BITS)
        first = np.arange(2**_TABLE_BITS, dtype=np.int64) * width
        thresholds = self._thresholds.astype(np.int64)
        low = np.searchsorted(thresholds, first, side="right")
        high = np.searchsorted(thresholds, first + width - 1, side="right")
        return np.where(low == high, low, -1).astype(np.float32)


def poisson_source(
    network: Network,
    name: str,
    rate_hz: float,
    *,
    steps: int,
    samples: int = 1,
    seed: int = 0,
    start_s: float = 0.0,
    stop_s: float | None = None,
) -> PoissonSource:
    """Return Poisson inputs of a population: spikes, or numbers of events where it is graded.

    Args:
        network: The network.
        name: An input population.
        rate_hz: Mean number of events of a channel in a second.
        steps: Time steps.
        samples: Samples.
        seed: Seed; each population and sample draws events of its own.
        start_s: When the events begin, rounded to a step.
        stop_s: When they end; at the end if None.

    Raises:
        UsageError: There is no such input population, the events end before they begin, or
            spikes of that rate would come more than once in a step.

    Example:
        drive = poisson_source(network, "drive", 20e3, steps=10_000)
        activity = simulate(network, {"drive": drive})
    """
    known = [each.name for each in network.populations if each.model == "input"]
    if name not in known:
        raise UsageError(f"there is no input population {name!r}; there are: {', '.join(known)}")
    if stop_s is not None and stop_s <= start_s:
        raise UsageError(f"must stop after its start at {start_s:g} s, not at {stop_s:g} s")
    population = network.population(name)
    mean, counts = rate_hz * network.dt_s, is_graded(population)
    if mean > 1 and not counts:
        raise UsageError(
            f"{rate_hz:g} Hz are {mean:g} spikes a step of {network.dt_s:g} s; give the"
            " population value_bits, so that it sends their number"
        )
    first = round(start_s / network.dt_s)
    stop = steps if stop_s is None else min(round(stop_s / network.dt_s), steps)
    shape = (samples, steps, *population.shape)
    return PoissonSource(shape, mean, counts, seed, name, (first, stop))
