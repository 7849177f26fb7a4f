"""Traffic between tiles and the memories that hold what does not fit on them."""

from __future__ import annotations

from math import prod

import numpy as np

from chipletsim.deployment.layout import Part, reads_spikes
from chipletsim.deployment.residence import Homes, Residence, keys_read
from chipletsim.deployment.rows import Rows
from chipletsim.deployment.signals import CACHE, REQUESTS, WEIGHTS, Signals
from chipletsim.models import Kind
from chipletsim.package.model import Package
from chipletsim.tiles import Npu


class Streams:
    """Adds to the rows of layers what they fetch from memories and write there.

    Dense tiles are sent all weights that do not fit in each application, once for the whole
    batch; that is known beforehand, so nothing is asked for. Event-driven tiles ask, for each
    event that adds up, for the weights it meets, each time anew (Yan et al., arXiv 2409.08290).
    Keys and values are read in each application, and those of the tokens of a pass written
    once. A write is priced as a read.
    """

    def __init__(
        self, package: Package, signals: Signals, residence: Residence, rows: Rows
    ) -> None:
        self._package, self._signals, self._rows = package, signals, rows
        self._residence = residence

    def add(self, row: int, part: Part) -> None:
        """Add what one application of a layer streams."""
        away = self._residence.weights_away[part.layer.name]
        if away.any() and part.layer.kind is not Kind.UNUSED:
            self._weights(row, part, away)
        cached = self._residence.cache_away.get(part.layer.name)
        if cached is not None and cached.any():
            self._cache(row, part, cached)

    def _weights(self, row: int, part: Part, away: np.ndarray) -> None:
        layer, bits = part.layer, away.astype(float)
        ones = np.ones(bits.size)
        if layer.kind is Kind.EMBEDDING:
            # A look-up reads a row for each token, of the part of the table that is away.
            tokens = prod(layer.outputs[:-1]) * self._signals.plan.batch
            rows = layer.weights // part.channels
            self._fetch(row, part.tiles, bits * tokens / rows, ones, WEIGHTS)
            return
        dense = np.array([isinstance(self._parameters(t), Npu) for t in part.tiles])
        eventful = ~dense & (reads_spikes(layer, self._signals.model, self._signals.plan))
        self._fetch(row, part.tiles[~eventful], bits[~eventful], ones[~eventful], WEIGHTS)
        if eventful.any():
            self._fetch_for_events(row, part, away, eventful)

    def _fetch_for_events(
        self, row: int, part: Part, away: np.ndarray, eventful: np.ndarray
    ) -> None:
        """Fetch weights event by event: as often as synaptic operations use them."""
        layer, plan = part.layer, self._signals.plan
        rate = self._signals.input_rate(layer)
        events = rate * layer.input_values * plan.batch
        if not layer.macs or not events:
            return
        uses = rate * layer.macs * plan.batch / max(layer.weights, 1)
        bits = away[eventful] * uses
        tiles = part.tiles[eventful]
        self._fetch(row, tiles, bits, np.full(tiles.size, events), WEIGHTS)
        self._ask(row, tiles[bits > 0], events)

    def _ask(self, row: int, tiles: np.ndarray, events: float) -> None:
        packet = self._package.spec.packet
        home, chosen = self._homes(tiles)
        bits = packet.header_bits + packet.address_bits
        packets = events * home.share[chosen]
        ends = home.tile[chosen], home.memory[chosen]
        self._rows.send(row, ends, packets, bits, REQUESTS)

    def _cache(self, row: int, part: Part, away: np.ndarray) -> None:
        read = keys_read(part)
        share = np.divide(away, self._residence.cache[part.layer.name],
                          out=np.zeros(away.size), where=read > 0)  # fmt: skip
        ones = np.ones(away.size)
        self._fetch(row, part.tiles, away.astype(float), ones, CACHE)
        layer = part.layer
        shape = layer.outputs if layer.kind is Kind.ATTENTION_SCORES else layer.inputs
        written = away * (shape[1] / shape[2]) * (share > 0)
        times = self._rows.rows[row].times
        self._fetch(row, part.tiles, written / times, ones / times, CACHE, writes=True)

    def _fetch(
        self,
        row: int,
        tiles: np.ndarray,
        bits: np.ndarray,
        messages: np.ndarray,
        kind: str,
        *,
        writes: bool = False,
    ) -> None:
        """Add reads of so many bits in so many messages for each tile, or writes."""
        home, chosen = self._homes(tiles)
        if not chosen.size:
            return
        of_tile = np.zeros(len(self._package.tiles))
        of_tile[tiles] = bits
        amount = of_tile[home.tile[chosen]] * home.share[chosen]
        of_tile[tiles] = messages
        number = np.where(amount > 0, of_tile[home.tile[chosen]] * home.share[chosen], 0.0)
        ends = home.memory[chosen], home.tile[chosen]
        if writes:
            ends = ends[::-1]
        each = np.divide(amount, number, out=np.zeros(amount.size), where=number > 0)
        packet = self._package.spec.packet
        full, rest = np.divmod(each, packet.max_payload_bits)
        whole = float(packet.header_bits + packet.max_payload_bits)
        self._rows.send(row, ends, full * number, whole, kind)
        self._rows.send(row, ends, (rest > 0) * number, rest + packet.header_bits, kind)
        self._rows.do(row, "memory_read_bits", home.memory[chosen], amount)
        self._rows.do(row, "memory_requests", home.memory[chosen], number)

    def _homes(self, tiles: np.ndarray) -> tuple[Homes, np.ndarray]:
        homes = self._residence.homes
        return homes, np.flatnonzero(np.isin(homes.tile, tiles))

    def _parameters(self, tile: int) -> object:
        return self._package.tiles[int(tile)].parameters
