"""How good a mapping is, before anything is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from chipletsim.mapping.capacity import load
from chipletsim.mapping.model import Mapping
from chipletsim.mapping.traffic import (
    Measured,
    along_routes,
    event_bits,
    event_rates,
    first_io_tile,
)

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Quality:
    """Figures of a mapping; traffic is estimated from mean rates.

    Attributes:
        strategy: Strategy that placed it.
        rates: Where the rates of the traffic come from, in words.
        slices: Number of slices.
        tiles: Tile kind to (tiles in use, tiles there are).
        neurons_across_dies: Pairs of a neuron and another die to which it sends.
        bits_between_dies: Bits per step bound for another die, one packet per such pair.
        mean_hops: Links per message, one message per destination tile.
        neuron_balance: Most neurons of a computing tile over their mean, tiles in use.
        memory_balance: The same for bits of weights; 1 where there are none.
        fetched_bits: Bits of weights kept on memory tiles.
    """

    strategy: str
    rates: str
    slices: int
    tiles: dict[str, tuple[int, int]]
    neurons_across_dies: int
    bits_between_dies: float
    mean_hops: float
    neuron_balance: float
    memory_balance: float
    fetched_bits: int

    def rows(self) -> list[tuple[str, str]]:
        """Return (what, value with unit) of every figure."""
        used = ", ".join(f"{kind} {n} of {total}" for kind, (n, total) in self.tiles.items())
        return [
            ("strategy", self.strategy),
            ("traffic", self.rates),
            ("slices", f"{self.slices:,}"),
            ("tiles in use", used),
            ("neurons sending to another die", f"{self.neurons_across_dies:,} (neuron, die) pairs"),
            ("between dies", f"{self.bits_between_dies:,.6g} bit per step"),
            ("links per message", f"{self.mean_hops:.3g}"),
            ("neurons, busiest tile", f"{self.neuron_balance:.3g} x mean"),
            ("weights, busiest tile", f"{self.memory_balance:.3g} x mean"),
            ("weights on memory tiles", f"{self.fetched_bits:,} bit"),
        ]

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.rows())
        return "\n".join(f"{name:<{width}}  {value}" for name, value in self.rows())

    def __rich__(self) -> Table:
        """Return the figures as a table for a terminal."""
        from rich.table import Table

        table = Table("mapping", "", title=None)
        for row in self.rows():
            table.add_row(*row)
        return table


def quality(mapping: Mapping, activity: Measured | None = None) -> Quality:
    """Return how good a mapping is.

    Args:
        mapping: The mapping.
        activity: Measured activity of its network; without it every neuron is taken to
            fire at one rate, which the result states.

    Raises:
        ConfigError: The activity is of another network.
    """
    rates, rates_from = event_rates(mapping.network, activity)
    populations = mapping.network.populations
    sizes = np.array([event_bits(mapping.package, item) for item in populations])
    bits = rates * np.repeat(sizes, np.diff(mapping.network.offsets))
    tiles = np.array([part.tile for part in mapping.slices], np.int64)
    dies = np.array([tile.chiplet for tile in mapping.package.tiles], np.int64)
    abroad = _reached(mapping, dies[tiles], _answer_place(mapping, dies))
    home = dies[tiles][mapping.neuron_slice()][abroad.row] == abroad.col
    asked = load(mapping)
    spilled = [part.tile != part.weight_tile for part in mapping.slices]
    return Quality(
        strategy=mapping.strategy,
        rates=rates_from,
        slices=len(mapping.slices),
        tiles=_tiles_in_use(mapping),
        neurons_across_dies=int((~home).sum()),
        bits_between_dies=float(bits[abroad.row[~home]].sum()),
        mean_hops=_mean_hops(mapping, rates, tiles),
        neuron_balance=_balance(asked.neurons, mapping),
        memory_balance=_balance(asked.memory_bits, mapping),
        fetched_bits=int(asked.slice_bits[spilled].sum()),
    )


def _answer_place(mapping: Mapping, place: np.ndarray) -> int:
    """Return the place (given per tile) to which answers go, -1 if there is no io tile."""
    exit_tile = first_io_tile(mapping.package)
    return -1 if exit_tile is None else int(place[exit_tile])


def _reached(mapping: Mapping, place: np.ndarray, answers: int) -> Any:
    """Return a coo_array [neurons, places]: which places each neuron sends to.

    Args:
        mapping: The mapping.
        place: int64 [slices], place of each slice.
        answers: Place to which answers go, -1 for none.
    """
    table, network = mapping.fan_out, mapping.network
    count = int(max(place.max(initial=0), answers)) + 1
    reached = table.reaches(place[table.block_slice], count)
    outputs = np.repeat([item.output for item in network.populations], np.diff(network.offsets))
    leaving = np.flatnonzero(outputs) if answers >= 0 else np.zeros(0, np.int64)
    entries = (np.ones(leaving.size, np.int8), (leaving, np.full(leaving.size, answers)))
    return (reached + sparse.coo_array(entries, shape=reached.shape)).tocoo()


def _mean_hops(mapping: Mapping, rates: np.ndarray, tiles: np.ndarray) -> float:
    package = mapping.package
    reached = _reached(mapping, tiles, _answer_place(mapping, np.arange(len(package.tiles))))
    hops = along_routes(package, np.ones(len(package.links)))
    routers = np.array([tile.router for tile in package.tiles], np.int64)
    senders = routers[tiles[mapping.neuron_slice()]][reached.row]
    messages = rates[reached.row]
    if not messages.sum():
        return 0.0
    return float(messages @ hops[senders, routers[reached.col]] / messages.sum())


def _balance(amount: np.ndarray, mapping: Mapping) -> float:
    """Return the largest over the mean amount of computing tiles that have any."""
    computing = [tile.parameters.computes for tile in mapping.package.tiles]
    used = amount[np.array(computing, bool) & (amount > 0)]
    return float(used.max() / used.mean()) if used.size else 1.0


def _tiles_in_use(mapping: Mapping) -> dict[str, tuple[int, int]]:
    used = {part.tile for part in mapping.slices} | {part.weight_tile for part in mapping.slices}
    counts: dict[str, tuple[int, int]] = {}
    for index, tile in enumerate(mapping.package.tiles):
        before = counts.get(tile.kind, (0, 0))
        counts[tile.kind] = (before[0] + (index in used), before[1] + 1)
    return counts
