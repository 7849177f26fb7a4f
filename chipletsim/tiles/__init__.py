"""Tile kinds: what a tile can hold, and what its events cost."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from chipletsim.tiles.base import (
    EVENT_NAMES,
    MessageTimes,
    NeuronTimes,
    TileCost,
    TileEvents,
    TileParameters,
    of_unit,
)
from chipletsim.tiles.crossbar import Crossbar
from chipletsim.tiles.io import Io
from chipletsim.tiles.memory import Memory
from chipletsim.tiles.neurocore import Neurocore
from chipletsim.tiles.npu import Npu
from chipletsim.tiles.pipeline_core import PipelineCore

TILE_KINDS: dict[str, type[TileParameters]] = {
    "neurocore": Neurocore,
    "crossbar": Crossbar,
    "npu": Npu,
    "pipeline_core": PipelineCore,
    "memory": Memory,
    "io": Io,
}

if TYPE_CHECKING:
    TileSpec = TileParameters
else:
    TileSpec = Annotated[reduce(or_, TILE_KINDS.values()), Field(discriminator="kind")]

__all__ = [
    "EVENT_NAMES",
    "TILE_KINDS",
    "Crossbar",
    "Io",
    "Memory",
    "MessageTimes",
    "Neurocore",
    "NeuronTimes",
    "Npu",
    "PipelineCore",
    "TileCost",
    "TileEvents",
    "TileParameters",
    "TileSpec",
    "of_unit",
]
