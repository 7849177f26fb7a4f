"""Batches of encoded samples, in an order and with shifts that a generator draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chipletsim.engine.encode import encode
from chipletsim.spec.experiment import BernoulliEncoding

Batch = tuple[np.ndarray, np.ndarray]
"""Events [samples, steps, *shape] and int32 labels [samples]."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples with labels, and how they become events.

    Attributes:
        inputs: Numbers [samples, ...], or spikes [samples, steps, ...].
        labels: int64 [samples].
        encoding: An encoding of ``chipletsim.spec.experiment``.
        steps: Time steps.
        shape: Shape of the input population.
    """

    inputs: np.ndarray
    labels: np.ndarray
    encoding: Any
    steps: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of samples."""
        return len(self.labels)

    def chosen(self, numbers: np.ndarray | slice) -> Samples:
        """Return some of the samples."""
        return replace(self, inputs=self.inputs[numbers], labels=self.labels[numbers])

    def shuffled(self, batch: int, shift: int, random: np.random.Generator) -> Iterator[Batch]:
        """Yield one epoch: every sample at most once, in a drawn order; a rest is left out.

        Args:
            batch: Samples in a batch.
            shift: Most pixels by which images move along each axis.
            random: Draws order, shifts and random encodings.
        """
        order = random.permutation(self.size)
        for start in range(0, self.size - batch + 1, batch):
            chosen = order[start : start + batch]
            inputs = self.inputs[chosen]
            if shift:
                inputs = shifted(inputs, shift, random)
            encoding = self.encoding
            if isinstance(encoding, BernoulliEncoding):
                encoding = encoding.model_copy(update={"seed": int(random.integers(2**31))})
            yield self._events(inputs, encoding), self.labels[chosen].astype(np.int32)

    def in_order(self, batch: int) -> Iterator[Batch]:
        """Yield all samples as they are; the last batch may be smaller."""
        for start in range(0, self.size, batch):
            part = slice(start, start + batch)
            events = self._events(self.inputs[part], self.encoding)
            yield events, self.labels[part].astype(np.int32)

    def events(self) -> np.ndarray:
        """Return the events of all samples, [samples, steps, neurons]."""
        coded = encode(self.inputs, self.encoding, self.steps)
        return coded.reshape(self.size, self.steps, -1)

    def _events(self, inputs: np.ndarray, encoding: Any) -> np.ndarray:
        coded = encode(inputs, encoding, self.steps)
        return coded.reshape(len(inputs), self.steps, *self.shape)


def shifted(inputs: np.ndarray, pixels: int, random: np.random.Generator) -> np.ndarray:
    """Return images moved by up to some pixels along each axis, zeros moving in.

    Args:
        inputs: [samples, channels, height, width].
        pixels: Most pixels.
        random: Draws the shifts.
    """
    height, width = inputs.shape[2:]
    padded = np.pad(inputs, ((0, 0), (0, 0), (pixels, pixels), (pixels, pixels)))
    offsets = random.integers(0, 2 * pixels + 1, (len(inputs), 2))
    return np.stack(
        [
            image[:, y : y + height, x : x + width]
            for image, (y, x) in zip(padded, offsets, strict=True)
        ]
    )
