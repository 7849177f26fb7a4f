"""Samples that come a few at a time, so that all of them need not fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

MAX_HELD_BYTES = 1 << 30
"""Inputs up to this many bytes are read at once; larger ones in batches of samples."""
MAX_BATCH_BYTES = 1 << 28
"""Inputs that a batch of samples may take."""


class SampleStream(Protocol):
    """Samples of all input populations.

    Attributes:
        samples: Number of samples.
        steps: Steps of each.
        labels: int64 [samples], or None.
        sample_bytes: Bytes that a sample takes once it is read.
    """

    samples: int
    steps: int
    labels: np.ndarray | None
    sample_bytes: int

    def batches(self, count: int) -> Iterator[dict[str, np.ndarray]]:
        """Yield input population to [up to count, steps, neurons], from the first sample on.

        Raises:
            ConfigError: A file is damaged, or does not fit the network.
        """
        ...

    @property
    def notes(self) -> list[str]:
        """What a user should know of the samples read so far."""
        ...


def batch_of(stream: SampleStream, limit_bytes: int) -> int:
    """Return how many samples of a stream take at most ``limit_bytes``; at least 1."""
    return max(min(limit_bytes // max(stream.sample_bytes, 1), stream.samples), 1)


def parts(samples: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield first sample and number of each batch of up to ``count`` samples."""
    return ((first, min(count, samples - first)) for first in range(0, samples, count))


def held(stream: SampleStream) -> dict[str, np.ndarray]:
    """Return all samples at once: input population to [samples, steps, neurons]."""
    whole: dict[str, np.ndarray] = {}
    first = 0
    for batch in stream.batches(batch_of(stream, MAX_BATCH_BYTES)):
        for name, part in batch.items():
            if name not in whole:
                whole[name] = np.empty((stream.samples, *part.shape[1:]), part.dtype)
            whole[name][first : first + len(part)] = part
        first += len(next(iter(batch.values())))
    return whole
