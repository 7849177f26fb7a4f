"""Rows of traffic and work: what happens at once, and how often it is repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from chipletsim.deployment.signals import KINDS
from chipletsim.tiles import EVENT_NAMES

Ends = tuple[np.ndarray, np.ndarray]
"""Tiles that send, and tiles that receive."""
MOVE, GATHER, WORK, REDUCE = PHASES = ("move", "gather", "work", "reduce")
"""Phases of a layer: inputs brought to its tiles, gathered there, work, sums reduced."""


@dataclass(frozen=True)
class Row:
    """Something that happens at once, one row after another.

    Attributes:
        layer: Name of the layer.
        stage: Number of its stage.
        phase: One of `PHASES`.
        times: How often it is repeated for a batch, one time after another.
    """

    layer: str
    stage: int
    phase: str
    times: int


class Transfers(NamedTuple):
    """Packets from tile to tile, each of one entry for a pair and a size of packets.

    Attributes:
        row: int64 [entries].
        source: int64 [entries], tile that sends.
        target: int64 [entries], tile that receives.
        packets: float64 [entries], in one repetition of the row.
        packet_bits: float64 [entries], of each, header included.
        kind: int64 [entries], index into `signals.KINDS`.
    """

    row: np.ndarray
    source: np.ndarray
    target: np.ndarray
    packets: np.ndarray
    packet_bits: np.ndarray
    kind: np.ndarray


class Events(NamedTuple):
    """Events on tiles.

    Attributes:
        row: int64 [entries].
        quantity: int64 [entries], index into the fields of `TileEvents`.
        tile: int64 [entries].
        amount: float64 [entries], in one repetition of the row.
    """

    row: np.ndarray
    quantity: np.ndarray
    tile: np.ndarray
    amount: np.ndarray


class Rows:
    """Gathers rows, their transfers and their events.

    Attributes:
        rows: All rows so far.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._transfers: list[list[np.ndarray]] = []
        self._events: list[list[np.ndarray]] = []

    def open(self, layer: str, stage: int, phase: str, times: int) -> int:
        """Begin a row and return its number."""
        self.rows.append(Row(layer, stage, phase, times))
        return len(self.rows) - 1

    def send(self, row: int, ends: Ends, packets: Any, packet_bits: Any, kind: str) -> None:
        """Add packets of a kind of traffic; what stays on its tile or is nothing is left out."""
        index = KINDS.index(kind)
        columns = np.broadcast_arrays(row, *ends, packets, packet_bits, index)
        sent = (columns[1] != columns[2]) & (columns[3] > 0)
        if sent.any():
            self._transfers.append([column[sent] for column in columns])

    def do(self, row: int, quantity: str, tile: Any, amount: Any) -> None:
        """Add events of one quantity on tiles."""
        number = EVENT_NAMES.index(quantity)
        columns = np.broadcast_arrays(row, number, tile, np.asarray(amount, float))
        happens = columns[3] > 0
        if happens.any():
            self._events.append([column[happens] for column in columns])

    def transfers(self) -> Transfers:
        """Return all transfers."""
        return Transfers(*_columns(self._transfers, (int, int, int, float, float, int)))

    def events(self) -> Events:
        """Return all events."""
        return Events(*_columns(self._events, (int, int, int, float)))


def _columns(parts: list[list[np.ndarray]], types: tuple[type, ...]) -> list[np.ndarray]:
    if not parts:
        return [np.zeros(0, each) for each in types]
    joined = (np.concatenate(column) for column in zip(*parts, strict=True))
    return [column.astype(each) for column, each in zip(joined, types, strict=True)]
