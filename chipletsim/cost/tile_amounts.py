"""Whole numbers of tiles, by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.tiles import EVENT_NAMES, TileEvents


@partial(jax.tree_util.register_dataclass, data_fields=["numbers"], meta_fields=["names"])
@dataclass(frozen=True, eq=False)
class TileAmounts:
    """What happened on the tiles in each row, or in all of them with a last axis of 1.

    Attributes:
        numbers: int64 [quantities, tiles, rows], in the order of ``names``; in one array, which
            compiles faster than many.
        names: Quantities that there are; all others are 0. Those of a single unit of a tile
            are called as `of_unit` says.
    """

    numbers: Any
    names: tuple[str, ...]

    def amount(self, name: str) -> Any:
        """Return a quantity by name, int64 [tiles, rows]."""
        if name not in self.names:
            xp = np if isinstance(self.numbers, np.ndarray) else jnp
            return xp.zeros(self.numbers.shape[1:], np.int64)
        return self.numbers[self.names.index(name)]

    @property
    def delivered(self) -> Any:
        """int64 [tiles, rows]: packets that reach each tile over its router."""
        over_routers = self.amount("input_messages") - self.amount("own_messages")
        return over_routers + self.amount("memory_packets")

    def events_of(self, members: Any) -> TileEvents:
        """Return the events of some tiles, each int64 [rows, members]."""
        # One gather for all quantities: each takes JAX milliseconds to trace.
        chosen = self.numbers[:, members].swapaxes(1, 2)
        xp = np if isinstance(chosen, np.ndarray) else jnp
        found = dict(zip(self.names, chosen, strict=True))
        none = xp.zeros(chosen.shape[1:], np.int64)
        of_units = {
            (name.partition("/")[0], int(name.partition("/")[2])): amount
            for name, amount in found.items()
            if "/" in name
        }
        plain = {name: found.get(name, none) for name in EVENT_NAMES}
        return TileEvents(**plain, of_units=of_units)
