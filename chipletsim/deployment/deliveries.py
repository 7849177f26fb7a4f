"""Which outputs of a layer have to be on which tiles, once however many layers read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.deployment.layout import ATTENTION, ELEMENTWISE, OUTSIDE, Layout, Part, heads_of
from chipletsim.models import Kind, Layer, Model


@dataclass(frozen=True, eq=False)
class Delivery:
    """Outputs of a layer for the layers of one tensor group that read them.

    Attributes:
        source: The layer that has them.
        reader: Name of the first layer that reads them there; of the source for answers
            that leave the package.
        tiles: int64 [tiles], the group.
        wanted: int64 [tiles, 2], first and last channel (left out) that each tile reads; of
            two readers that want other channels, all from the first to the last.
        gathered: Whether every tile wants all channels, so that shares go around a ring.
        works: Whether one of the readers multiplies, or answers leave.
    """

    source: Part
    reader: str
    tiles: np.ndarray
    wanted: np.ndarray
    gathered: bool
    works: bool

    @property
    def messages(self) -> np.ndarray:
        """int64 [tiles]: values that arrive as messages in one application of the source.

        All that products read, those of the own tile included; what is only added to, scaled
        or integrated is no message where it is on its tile already.
        """
        low, high = self.wanted.T
        wanted = high - low
        if not self.works and np.array_equal(self.tiles, self.source.tiles):
            bounds = self.source.bounds
            own = np.minimum(bounds[1:], high) - np.maximum(bounds[:-1], low)
            wanted = wanted - np.maximum(own, 0)
        return wanted * self.source.values_per_channel


def deliveries(model: Model, layout: Layout) -> list[Delivery]:
    """Return everything that has to be delivered, to the own tiles of a layer included.

    Layers that nobody reads are answers: they go to the io tile, where there is one.
    """
    readers: dict[tuple[str, int], list[Layer]] = {}
    for layer in model.layers:
        for name in dict.fromkeys(layer.sources + layer.delayed):
            if name in layout.parts and layer.name in layout.parts:
                readers.setdefault((name, layout.parts[layer.name].group), []).append(layer)
    found = [
        _to_group(layout.parts[name], [layout.parts[layer.name] for layer in layers])
        for (name, _), layers in readers.items()
    ]
    read = {name for name, _ in readers}
    answers = [part for name, part in layout.parts.items() if name not in read]
    if layout.door is not None:
        for part in answers:
            if part.group != OUTSIDE:
                wanted = np.array([[0, part.channels]])
                door = np.array([layout.door])
                found.append(
                    Delivery(part, part.layer.name, door, wanted, gathered=False, works=True)
                )
    return found


def _to_group(source: Part, readers: list[Part]) -> Delivery:
    wanted = [wanted_channels(reader, source) for reader in readers]
    low = np.minimum.reduce([each[:, 0] for each in wanted])
    high = np.maximum.reduce([each[:, 1] for each in wanted])
    tiles = readers[0].tiles
    everywhere = bool((low == 0).all() and (high == source.channels).all())
    return Delivery(
        source,
        readers[0].layer.name,
        tiles,
        np.stack([low, high], axis=1),
        gathered=everywhere and len(tiles) > 1,
        works=any(reader.layer.macs for reader in readers),
    )


def wanted_channels(reader: Part, source: Part) -> np.ndarray:
    """Return int64 [tiles, 2]: first and last channel of ``source`` that each tile reads."""
    layer, channels = reader.layer, source.channels
    bounds = reader.bounds
    if reader.rows is not None:
        return _ranges(reader.rows)
    if layer.kind in ATTENTION:
        return _of_heads(reader, source)
    depthwise = layer.kind is Kind.CONVOLUTION and layer.groups == channels
    if (layer.kind in ELEMENTWISE or depthwise) and channels == reader.channels:
        return _ranges(bounds)
    return np.tile(np.array([0, channels]), (len(reader.tiles), 1))


def _ranges(bounds: np.ndarray) -> np.ndarray:
    return np.stack([bounds[:-1], bounds[1:]], axis=1)


def head_ranges(reader: Part) -> np.ndarray:
    """Return int64 [tiles, 2]: first and last head of each tile of an attention layer."""
    return _ranges(reader.bounds * reader.layer.heads // reader.channels)


def kv_head_ranges(reader: Part) -> np.ndarray:
    """Return int64 [tiles, 2]: heads of keys that the heads of each tile read.

    Where queries are grouped, tiles that share a head of keys each have it.
    """
    layer, heads = reader.layer, head_ranges(reader)
    group = layer.heads // layer.kv_heads
    wanted = np.stack([heads[:, 0] // group, -(-heads[:, 1] // group)], axis=1)
    wanted[heads[:, 0] == heads[:, 1]] = 0
    return wanted


def _of_heads(reader: Part, source: Part) -> np.ndarray:
    """Return the channels of the heads that each tile has, of keys or of queries."""
    layer = reader.layer
    heads = heads_of(layer, source.layer)
    if source.channels % heads:
        return np.tile(np.array([0, source.channels]), (len(reader.tiles), 1))
    ranges = head_ranges(reader) if heads == layer.heads else kv_head_ranges(reader)
    return ranges * (source.channels // heads)
