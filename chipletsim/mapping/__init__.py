"""Mapping: which neurons live on which tile, within every capacity.

Modules, in the order in which they build on each other: ``fanout`` and ``model`` say what
a mapping is; ``demand`` what a slice needs; ``cuts``, ``traffic``, ``problem``,
``placement`` and ``partition`` cut populations and find them tiles; ``strategies`` holds
the interchangeable ways to do so; ``capacity`` checks the result; ``map`` is the verb.
"""

from __future__ import annotations

from chipletsim.mapping.capacity import check
from chipletsim.mapping.fanout import FanOut, fan_out
from chipletsim.mapping.map import map_network
from chipletsim.mapping.model import Box, Mapping, Slice
from chipletsim.mapping.quality import Quality, quality
from chipletsim.mapping.store import load_mapping, mapping_hash, save_mapping
from chipletsim.mapping.strategies import PARTITIONERS

__all__ = [
    "PARTITIONERS",
    "Box",
    "FanOut",
    "Mapping",
    "Quality",
    "Slice",
    "check",
    "fan_out",
    "load_mapping",
    "map_network",
    "mapping_hash",
    "quality",
    "save_mapping",
]
