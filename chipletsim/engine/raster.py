"""Bit-packed rasters: one bit a neuron, little bit order; packing and counting them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chipletsim.engine.native.totals import native_totals
from chipletsim.kernels import native_kernels

_CHUNK = 1 << 22
"""Elements of the temporary arrays in which rasters are counted."""


def pack(events: np.ndarray) -> np.ndarray:
    """Return uint8 [..., ceil(neurons / 8)]: one bit for each non-zero of [..., neurons]."""
    return np.packbits(np.asarray(events) != 0, axis=-1, bitorder="little")


def totals(raster: np.ndarray, size: int) -> np.ndarray:
    """Return int64 [neurons]: events of each neuron."""
    rows = raster.reshape(-1, raster.shape[-1])
    if native_kernels():
        return native_totals(rows, size)
    total = np.zeros(size, np.int64)
    for part in _chunks(len(rows), 8 * raster.shape[-1]):
        bits = np.unpackbits(rows[part], axis=-1, count=size, bitorder="little")
        total += bits.sum(axis=0, dtype=np.int64)
    return total


def add_class_counts(counts: np.ndarray, raster: np.ndarray, classes: np.ndarray) -> None:
    """Add the events of one population, chunk by chunk.

    Args:
        counts: int64 [rows, n_classes], added to in place.
        raster: uint8 [rows, ceil(neurons / 8)].
        classes: int64 [neurons], class of each neuron; -1 leaves it out.
    """
    used = classes[classes >= 0]
    if not used.size:
        return
    low, span = int(used.min()), int(np.ptp(used)) + 1
    # Bits of neurons left out fall into an extra class, which is cut off again.
    local = np.where(classes >= 0, classes - low, span)
    local = np.pad(local, (0, -local.size % 8), constant_values=span).reshape(-1, 8)
    for part in _chunks(len(raster), max(span + 1, 8 * raster.shape[1])):
        row, byte = np.nonzero(raster[part])
        bits = np.unpackbits(raster[part][row, byte][:, None], axis=1, bitorder="little")
        event, bit = np.nonzero(bits)
        key = row[event] * (span + 1) + local[byte[event], bit]
        found = np.bincount(key, minlength=(part.stop - part.start) * (span + 1))
        counts[part, low : low + span] += found.reshape(-1, span + 1)[:, :span]


def count_totals(values: np.ndarray) -> np.ndarray:
    """Return int64 [neurons]: spikes of each neuron, of counts [samples, steps, neurons]."""
    return values.sum(axis=(0, 1), dtype=np.float64).astype(np.int64)


def add_value_counts(counts: np.ndarray, values: np.ndarray, classes: np.ndarray) -> None:
    """Add the spikes of one population that counts them, chunk by chunk.

    Args:
        counts: int64 [rows, n_classes], added to in place.
        values: float32 [rows, neurons], whole numbers.
        classes: int64 [neurons], class of each neuron; -1 leaves it out.
    """
    used = np.flatnonzero(classes >= 0)
    for part in _chunks(len(values), max(counts.shape[1], values.shape[1])):
        row, place = np.nonzero(values[part][:, used])
        neuron = used[place]
        np.add.at(counts[part], (row, classes[neuron]), values[part][row, neuron].astype(np.int64))


def _chunks(rows: int, width: int) -> Iterator[slice]:
    """Return slices of rows that hold at most ``_CHUNK`` elements of ``width`` a row."""
    size = max(_CHUNK // max(width, 1), 1)
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))
