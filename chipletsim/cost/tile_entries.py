"""Entries of quantities of tiles: what one event of a class adds on which tile."""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.cost.entries import Entries

TILE_QUANTITIES = (
    "synaptic_operations",
    "input_messages",
    "output_spikes",
    "neuron_updates",
    "dense_operations",
    "weight_reads",
    "dense_cycles",
    "memory_read_bits",
    "memory_requests",
    "encoder_updates",
    "decoder_additions",
    "neuron_accesses",
    "neuron_spikes",
    "output_messages",
    "hops_east",
    "hops_west",
    "hops_north",
    "hops_south",
    "encoder_loads",
    "own_messages",
    "memory_packets",
)
"""Quantities that tiles may have: fields of `TileEvents`, and three for conservation: values that
arrive at encoders in conversion hardware, messages that stay on their tile, and packets of
memory traffic delivered to a tile."""


class TileEntries:
    """Gathers entries of tile quantities; a quantity is numbered ``name x tiles + tile``.

    Attributes:
        names: Those of `TILE_QUANTITIES` that there are, or of single units of a tile (`of_unit`),
            in the order of their numbers.
        parts: The entries.
    """

    def __init__(self, tiles: int) -> None:
        self.tiles = tiles
        self.names: list[str] = []
        self.parts: list[Entries] = []

    def add(self, name: str, traffic_class: Any, tile: Any, weight: Any) -> None:
        """Add ``weight`` of the quantity ``name`` on ``tile`` per event of a class."""
        of_class, quantity, weight = np.broadcast_arrays(
            np.atleast_1d(traffic_class),
            np.atleast_1d(tile).astype(np.int32),
            np.atleast_1d(weight),
        )
        if not weight.size:
            return
        assert name.partition("/")[0] in TILE_QUANTITIES  # noqa: S101 - a name of this room
        if name not in self.names:
            self.names.append(name)
        quantity = quantity + np.int32(self.names.index(name) * self.tiles)
        self.parts.append(Entries(of_class, quantity, weight))
