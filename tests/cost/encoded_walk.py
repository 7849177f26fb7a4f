"""The oracle of encoded links: who crosses which link, and what the codec makes of it."""

from __future__ import annotations

from collections import defaultdict
from math import ceil

import numpy as np
from walker import Walk

from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping


class EncodedWalk(Walk):
    """Walks packets, and writes what crosses encoded links as messages instead."""

    def __init__(
        self,
        mapping: Mapping,
        activity: Activity,
        works: dict | None = None,
        sends: dict | None = None,
    ) -> None:
        """Walk; ``sends`` names (first, stop) of populations that do not send in every step."""
        self.encoded: set[int] = set()
        self.sends = sends or {}
        super().__init__(mapping, activity, works)
        for (link, name), neurons in self.crossing().items():
            self.write(link, name, sorted(neurons), activity)

    def codec(self, link: int, item):
        encoding = self.package.links[link].spec.encoding
        if encoding is None:
            return None
        return encoding.values if item.value_bits else encoding.spikes

    def event(self, item, neuron, when):
        links = range(len(self.package.links))
        self.encoded = {link for link in links if self.codec(link, item)}
        super().event(item, neuron, when)
        self.encoded = set()

    def fetch(self, place, bits, when, asks):
        own, self.encoded = self.encoded, set()
        super().fetch(place, bits, when, asks)
        self.encoded = own

    def add(self, what, where, when, amount=1):
        if what != "link_bits" or where not in self.encoded:
            super().add(what, where, when, amount)

    def crossing(self) -> dict[tuple[int, str], set[int]]:
        """Return the neurons of each population that have a target behind each encoded link."""
        found = defaultdict(set)
        router = self.package.tile_router
        outside = [tile.kind for tile in self.package.tiles].index("io")
        for item in self.network.populations:
            for neuron in range(item.size):
                home = self.mapping.slices[self.slice_of(item.name, neuron)].tile
                tiles = {outside} if item.output else set()
                for number, edge in enumerate(self.network.projections):
                    if edge.source == item.name:
                        for synapses in self.tables[number].get(neuron, []):
                            parts = {self.slice_of(edge.target, target) for target, _ in synapses}
                            tiles |= {self.mapping.slices[part].tile for part in parts}
                for tile in tiles - {home}:
                    for link in self.package.route(int(router[home]), int(router[tile])):
                        if self.codec(link, item):
                            found[link, item.name].add(neuron)
        return found

    def write(self, link: int, name: str, neurons: list[int], activity: Activity) -> None:
        item = self.network.population(name)
        shown = activity.values[name] if item.value_bits else activity.spikes(name)
        for sample in range(activity.samples):
            first, stop = self.sends.get(name, (0, activity.steps))
            bits = self.codec(link, item).bits(shown[sample][first:stop, neurons])
            for step in range(first, stop):
                self.add("link_bits", link, self.row(name, sample, step), int(bits[step - first]))

    def table(self, what: str, places: int, samples: int, rows: int) -> np.ndarray:
        """Return int64 [places, samples x rows]."""
        table = np.zeros((places, samples * rows), np.int64)
        for (name, where, sample, row), amount in self.counts.items():
            if name == what:
                table[where, sample * rows + row] += amount
        return table


def on_the_wire(spec, bits: int) -> int:
    """Return bits in whole frames, or if the link encodes, in whole flits."""
    if spec.frame:
        return ceil(bits / spec.frame.payload_bits) * spec.frame.total_bits
    return ceil(bits / spec.flit_bits) * spec.flit_bits if spec.encoding else bits
