"""All that is counted of the rows of a batch, with XLA; `native_rows` counts the same."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.cost.incidence import NETWORK_QUANTITIES, Incidence, Sizes
from chipletsim.cost.program import Counted, count
from chipletsim.cost.tile_amounts import TileAmounts

STEP_TOTALS = (
    "synaptic_operations",
    "messages",
    "packets_injected",
    "packets_delivered",
    "hops",
    "bits_on_chip",
    "bits_across_dies",
    "wire_bits_on_chip",
    "wire_bits_across_dies",
    "neuron_updates",
)
"""Totals of a row over links and tiles, in the order in which `RowNumbers` has them."""


class RowNumbers(NamedTuple):
    """Whole numbers of a batch of rows.

    Attributes:
        tiles: What happened on tiles in each row.
        wire_bits: int64 [links, rows], frames included.
        total: int64 [numbers], sums over all rows, which `counted_of` takes apart.
        steps: int64 [len(STEP_TOTALS), rows].
        busiest_bits: int64 [links], most bits on the wire in a row.
    """

    tiles: TileAmounts
    wire_bits: Any
    total: Any
    steps: Any
    busiest_bits: Any


@jax.jit
def row_numbers(direct: Any, incidence: Incidence, between: Any) -> RowNumbers:
    """Count rows with XLA.

    Args:
        direct: int64 [direct quantities, rows], what their events add by themselves.
        incidence: What each event adds.
        between: bool [links], whether they join dies.
    """
    rows = count(direct, incidence)
    tiles = rows.tiles.numbers
    parts = [getattr(rows, name) for name in NETWORK_QUANTITIES]
    parts += [tiles.reshape(-1, tiles.shape[-1]), rows.wire_bits]
    total = jnp.concatenate([part.sum(axis=1) for part in parts])
    steps = _step_totals(rows, between)
    busiest = rows.wire_bits.max(axis=1)
    return RowNumbers(rows.tiles, rows.wire_bits, total, steps, busiest)


def counted_of(total: np.ndarray, sizes: Sizes) -> Counted:
    """Return sums over rows by name.

    Args:
        total: int64 [numbers], from `RowNumbers`.
        sizes: Numbers of quantities.
    """
    stops = np.cumsum([*sizes.derived[:5], len(sizes.names) * sizes.tiles])
    *network, of_tiles, wire_bits = np.split(total[:, None], stops.tolist())
    return Counted(
        **dict(zip(NETWORK_QUANTITIES, network, strict=True)),
        wire_bits=wire_bits,
        tiles=TileAmounts(of_tiles.reshape(len(sizes.names), sizes.tiles, 1), sizes.names),
    )


def _step_totals(rows: Counted, between: Any) -> Any:
    """Return int64 [len(STEP_TOTALS), rows]."""
    across, inside = between[:, None], ~between[:, None]
    totals = {
        "synaptic_operations": rows.tiles.amount("synaptic_operations"),
        "messages": rows.tiles.amount("input_messages"),
        "packets_injected": rows.injected,
        "packets_delivered": rows.tiles.delivered,
        "hops": rows.link_packets,
        "bits_on_chip": rows.link_bits * inside,
        "bits_across_dies": rows.link_bits * across,
        "wire_bits_on_chip": rows.wire_bits * inside,
        "wire_bits_across_dies": rows.wire_bits * across,
        "neuron_updates": rows.tiles.amount("neuron_updates"),
    }
    return jnp.stack([totals[name].sum(axis=0) for name in STEP_TOTALS])
