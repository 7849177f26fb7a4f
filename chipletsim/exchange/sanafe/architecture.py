"""SANA-FE's architecture file: tiles, their cores, and the units of each core.

``architecture: {name, attributes, tile: [{name, attributes, core: [{name, attributes, axon_in,
synapse, dendrite, soma, axon_out}]}]}``; a name such as ``core[0..3]`` stands for four alike.
Cores are numbered tile by tile; tile n stands at ``x = n // height``, ``y = n % height``.
The meaning of each key is that of SANA-FE 2.2.9, as found by running it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

_RANGE = re.compile(r"(.*?)\[([0-9]{1,9})(?:\.\.([0-9]{1,9}))?\]")
COSTS = {
    "synapse": ("process_spike",),
    "dendrite": ("update",),
    "soma": ("access_neuron", "update_neuron", "spike_out"),
}
"""Section to the events that its units price, ``energy_EVENT`` and ``latency_EVENT``."""
MODELS = {
    "synapse": ("current_based",),
    "dendrite": ("accumulator", "accumulator_with_delay"),
    "soma": ("leaky_integrate_fire", "truenorth", "input"),
}
"""Section to the models that have a counterpart here."""
DIRECTIONS = ("north", "east", "south", "west")
MAX_CORES = 1 << 20


@dataclass(frozen=True)
class Cost:
    """What one event costs."""

    energy_j: float
    latency_s: float


@dataclass(frozen=True)
class Unit:
    """A unit of a core, or several alike that differ in their index.

    Attributes:
        name: Name without its range.
        first: First index; None where the name has no range.
        last: Last index.
        model: What it computes.
        costs: Event to cost, the events of ``COSTS``.
        fault: Why it has no counterpart here; empty if it has one.
    """

    name: str
    first: int | None
    last: int | None
    model: str
    costs: dict[str, Cost]
    fault: str = ""

    @property
    def count(self) -> int:
        """How many units it stands for."""
        return 1 if self.first is None or self.last is None else self.last - self.first + 1


@dataclass(frozen=True)
class Core:
    """Cores that are alike.

    Attributes:
        name: Name without its range.
        count: Cores of this kind in their tile.
        buffer: Unit before which the time-step buffer stands, and whether it is inside it.
        neurons: Most neurons.
        message_in: Cost of a message that arrives.
        message_out: Cost of a message that is sent.
        units: Section (``synapse``, ``dendrite``, ``soma``) to its units in order.
    """

    name: str
    count: int
    buffer: tuple[str, bool]
    neurons: int
    message_in: Cost
    message_out: Cost
    units: dict[str, tuple[Unit, ...]]


@dataclass(frozen=True)
class Tile:
    """Tiles that are alike: ``hops`` has the cost of a hop by direction."""

    name: str
    count: int
    hops: dict[str, Cost]
    cores: tuple[Core, ...]


@dataclass(frozen=True)
class Architecture:
    """An architecture file.

    Attributes:
        name: Its name.
        width: Tiles along x.
        height: Tiles along y.
        link_buffer: Messages that a link holds.
        barrier_s: Time of the synchronisation of a step by number of tiles in use.
        tiles: Kinds of tiles in order.
    """

    name: str
    width: int
    height: int
    link_buffer: int
    barrier_s: dict[int, float]
    tiles: tuple[Tile, ...]

    @cached_property
    def tile_kinds(self) -> np.ndarray:
        """int64 [tiles]: kind of each tile, an index into ``tiles``."""
        return np.repeat(np.arange(len(self.tiles)), [tile.count for tile in self.tiles])

    @cached_property
    def first_cores(self) -> np.ndarray:
        """int64 [tiles + 1]: number of the first core of each tile, and the total."""
        cores = [sum(core.count for core in tile.cores) for tile in self.tiles]
        counts = np.repeat(cores, [tile.count for tile in self.tiles])
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @property
    def cores(self) -> int:
        """Number of cores."""
        return int(self.first_cores[-1])

    def core(self, number: int) -> Core:
        """Return the kind of a core."""
        tile = int(np.searchsorted(self.first_cores, number, side="right")) - 1
        return self.cores_of(tile)[number - int(self.first_cores[tile])]

    def cores_of(self, tile: int) -> list[Core]:
        """Return the cores of a tile in order."""
        kinds = self.tiles[int(self.tile_kinds[tile])].cores
        return [core for core in kinds for _ in range(core.count)]


def split_range(name: str) -> tuple[str, int | None, int | None]:
    """Return a name without its range, and the first and last index of the range.

    >>> split_range("core[0..3]"), split_range("input[7]"), split_range("soma")
    (('core', 0, 3), ('input', 7, 7), ('soma', None, None))
    """
    found = _RANGE.fullmatch(name)
    if found is None:
        return name, None, None
    first = int(found[2])
    return found[1], first, int(found[3]) if found[3] else first
