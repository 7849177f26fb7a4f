"""Deliveries and sums as transfers: point to point, or around a ring of neighbours.

The tiles of a group stand in a ring in their order. To gather, each tile passes on to the
next, in each of P - 1 rounds, the share it got last; to reduce, a share of partial sums goes
around once and each tile adds its own. In either a tile sends P - 1 shares, all but one.
Rounds follow one another; a row stands for their mean, and is repeated for each of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.deployment.deliveries import Delivery
from chipletsim.deployment.layout import Part
from chipletsim.deployment.partition import even_bounds
from chipletsim.deployment.rows import GATHER, MOVE, REDUCE, Ends, Rows
from chipletsim.deployment.signals import (
    PARTIAL_SUMS,
    SPIKES,
    Sending,
    Signals,
    cut,
)
from chipletsim.package.model import Package


class Reader(NamedTuple):
    """Whom transfers are for.

    Attributes:
        layer: Name of the layer that reads.
        stage: Number of the stage whose time they take.
    """

    layer: str
    stage: int


class Network:
    """Turns deliveries into rows of transfers.

    Attributes:
        encoded: float64 [tiles], values encoded times steps.
        decoded: float64 [tiles], spikes decoded.
    """

    def __init__(self, package: Package, signals: Signals, rows: Rows) -> None:
        self._package, self._signals, self._rows = package, signals, rows
        self._die = np.array([tile.chiplet for tile in package.tiles], np.int64)
        self._batch = signals.plan.batch
        self._converts = signals.plan.activations == "hybrid"
        self.encoded = np.zeros(len(package.tiles))
        self.decoded = np.zeros(len(package.tiles))

    def deliver(self, delivery: Delivery, reader: Reader) -> None:
        """Add the rows by which a delivery reaches the tiles that want it."""
        source = delivery.source
        if not delivery.gathered:
            self._move(source, delivery.tiles, delivery.wanted, reader)
            return
        bounds = source.bounds
        if not np.array_equal(source.tiles, delivery.tiles):
            bounds = np.array(even_bounds(source.channels, len(delivery.tiles)))
            shares = np.stack([bounds[:-1], bounds[1:]], axis=1)
            self._move(source, delivery.tiles, shares, reader)
        self._gather(source, delivery.tiles, bounds, reader)

    def reduce(self, part: Part) -> None:
        """Add the row that sums the partial sums of a layer to shares, in every application."""
        count = len(part.tiles)
        if count < 2:
            return
        plan = self._signals.plan
        packet = self._package.spec.packet
        times = (count - 1) * self._signals.applications(part.layer)
        row = self._rows.open(part.layer.name, part.stage, REDUCE, times)
        sizes = part.shares * part.values_per_channel * self._batch
        target = np.roll(part.tiles, -1)
        for size in np.unique(sizes[sizes > 0]):
            # A tile sends every share but the one that it is the last to add to, its own.
            others = np.count_nonzero(sizes == size) - (sizes == size)
            for part_of in cut(int(size) * plan.accumulator_bits, packet):
                packets = part_of.number * others / (count - 1)
                self._rows.send(row, (part.tiles, target), packets, part_of.bits, PARTIAL_SUMS)

    def _move(self, source: Part, tiles: np.ndarray, wanted: np.ndarray, reader: Reader) -> None:
        """Send each tile the channels it wants and does not have."""
        sender, receiver, channels = _overlaps(source.bounds, wanted)
        values = channels * source.values_per_channel * self._batch
        ends = source.tiles[sender], tiles[receiver]
        away = ends[0] != ends[1]
        crosses = self._die[ends[0]] != self._die[ends[1]]
        for crossing in (False, True):
            chosen = away & (crosses == crossing)
            if not chosen.any():
                continue
            sending = self._signals.sending(source.layer, crossing)
            row = self._rows.open(reader.layer, reader.stage, MOVE, sending.times)
            here = ends[0][chosen], ends[1][chosen]
            self._post(row, here, values[chosen], 1.0, sending)
            if self._converts and sending.kind == SPIKES:
                self._convert(here, values[chosen], values[chosen], sending)

    def _gather(self, source: Part, tiles: np.ndarray, bounds: np.ndarray, reader: Reader) -> None:
        """Pass all shares around the ring."""
        count = len(tiles)
        sizes = np.diff(bounds) * source.values_per_channel * self._batch
        after = np.roll(sizes, -1)
        target = np.roll(tiles, -1)
        crosses = self._die[tiles] != self._die[target]
        for crossing in (False, True):
            chosen = crosses == crossing
            if not chosen.any():
                continue
            sending = self._signals.sending(source.layer, crossing)
            times = sending.times * (count - 1)
            row = self._rows.open(reader.layer, reader.stage, GATHER, times)
            ends = tiles[chosen], target[chosen]
            for size in np.unique(sizes[sizes > 0]):
                others = np.count_nonzero(sizes == size) - (after[chosen] == size)
                share = np.full(others.size, size)
                self._post(row, ends, share, others / (count - 1), sending)
            if self._converts and sending.kind == SPIKES:
                # What came as spikes leaves as spikes; only what a tile has as values is encoded.
                as_values = np.where(np.roll(crosses, 1), sizes, sizes.sum() - after)[chosen]
                self._convert(ends, as_values, (sizes.sum() - after)[chosen], sending)

    def _post(
        self,
        row: int,
        ends: Ends,
        values: np.ndarray,
        messages: np.ndarray | float,
        sending: Sending,
    ) -> None:
        """Add messages of so many values each."""
        messages = np.broadcast_to(messages, values.shape)
        for size in np.unique(values[values > 0]):
            same = values == size
            for part in sending.packets(int(size)):
                packets = part.number * messages[same]
                here = ends[0][same], ends[1][same]
                self._rows.send(row, here, packets, part.bits, sending.kind)

    def _convert(
        self,
        ends: Ends,
        encoded: np.ndarray,
        received: np.ndarray,
        sending: Sending,
    ) -> None:
        """Count the updates of encoders and the spikes of decoders."""
        np.add.at(self.encoded, ends[0], encoded * float(self._signals.steps))
        np.add.at(self.decoded, ends[1], received * sending.rate * sending.times)


def _overlaps(bounds: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which shares the wanted ranges overlap, and by how much.

    Args:
        bounds: int64 [shares + 1], rising.
        wanted: int64 [ranges, 2].

    Returns:
        Share, range and channels of each overlap.
    """
    low, high = wanted[:, 0], wanted[:, 1]
    first = np.searchsorted(bounds, low, side="right") - 1
    last = np.searchsorted(bounds, high, side="left")
    count = np.where(high > low, np.maximum(last - first, 0), 0)
    ranges = np.repeat(np.arange(len(wanted)), count)
    starts = np.cumsum(count) - count
    share = first[ranges] + np.arange(ranges.size) - starts[ranges]
    channels = np.minimum(bounds[share + 1], high[ranges]) - np.maximum(bounds[share], low[ranges])
    some = channels > 0
    return share[some], ranges[some], channels[some]
