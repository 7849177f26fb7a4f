"""Explicit lists of synapses: columns of a file to connections, one for each delay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import prod

import numpy as np

from chipletsim.network.connections import Sparse
from chipletsim.network.draw import listed_by_source
from chipletsim.network.edge_files import Columns, read_columns
from chipletsim.network.make_connection import Ends, require_countable, sparse_weights
from chipletsim.network.numbers import QUANTITIES
from chipletsim.network.steps import whole_steps
from chipletsim.spec.network import SparseSpec
from chipletsim.units import parse_quantity

NAMES = ("source", "target", "weight", "delay")


@dataclass(frozen=True, eq=False)
class DelayedSynapses:
    """Synapses of one delay.

    Attributes:
        delay: Whole steps; None where the list states no delays.
        synapses: The synapses.
    """

    delay: int | None
    synapses: Sparse


def read_edges(spec: SparseSpec, ends: Ends, dt_s: float) -> list[DelayedSynapses]:
    """Return the synapses of an edge list, by delay in rising order.

    Args:
        spec: A section with ``edges``.
        ends: What they join.
        dt_s: Time step in seconds.

    Raises:
        ValueError: The file is missing or broken, with the line or row of the first fault.
    """
    require_countable(ends)
    columns = read_columns(ends.folder / str(spec.edges), spec.edge_population)
    named = _by_meaning(columns)
    source = _neurons(columns, named["source"], prod(ends.source))
    target = _neurons(columns, named["target"], prod(ends.target))
    weight = _weights(columns, named.get("weight"), spec, ends, source.size)
    delay = _delays(columns, named.get("delay"), dt_s)
    sizes = prod(ends.source), prod(ends.target)
    if delay is None:
        return [DelayedSynapses(None, _synapses(source, target, weight, sizes))]
    found = []
    for steps in np.unique(delay).tolist():
        chosen = np.flatnonzero(delay == steps)
        synapses = _synapses(source[chosen], target[chosen], weight[chosen], sizes)
        found.append(DelayedSynapses(steps, synapses))
    return found


def _synapses(
    source: np.ndarray, target: np.ndarray, weight: np.ndarray, sizes: tuple[int, int]
) -> Sparse:
    listed, order = listed_by_source(source, target, *sizes)
    return listed.with_weights(weight[order])


def _by_meaning(columns: Columns) -> Mapping[str, str]:
    """Return what the columns stand for, each by its name in the file.

    Raises:
        ValueError: A column is unknown, missing, or there twice.
    """
    named: dict[str, str] = {}
    for column in columns.values:
        meaning = column.split("_", 1)[0] if column.startswith(("weight_", "delay_")) else column
        if meaning not in NAMES:
            close = get_close_matches(column, NAMES, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(NAMES)}"
            raise ValueError(f"{columns.path} has a column `{column}`; {hint}")
        if meaning in named:
            both = f"`{named[meaning]}` and `{column}`"
            raise ValueError(f"{columns.path} has both {both}; keep one of them")
        named[meaning] = column
    if missing := [name for name in ("source", "target") if name not in named]:
        have = ", ".join(columns.values) or "none"
        raise ValueError(f"{columns.path} has no column `{missing[0]}`; its columns are: {have}")
    return named


def _neurons(columns: Columns, column: str, count: int) -> np.ndarray:
    """Return int64 numbers of neurons below ``count``."""
    values = columns.values[column]
    columns.require((values >= 0) & (values < count), column, f"a neuron from 0 to {count - 1:,}")
    return _whole(columns, column)


def _whole(columns: Columns, column: str) -> np.ndarray:
    values = columns.values[column]
    columns.require(values == np.rint(values), column, "a whole number")
    return values.astype(np.int64)


def _weights(
    columns: Columns, column: str | None, spec: SparseSpec, ends: Ends, count: int
) -> np.ndarray:
    """Return float32 weights in the unit of the target's port."""
    if column is None:
        if spec.weight is None:
            raise ValueError(f"{columns.path} has no column `weight`; add one, or give `weight`")
        return sparse_weights(spec, ends, (count,))
    if spec.weight is not None:
        raise ValueError(f"{columns.path} has a column `{column}`; remove `weight`")
    values = columns.values[column].astype(np.float64)
    unit = column.partition("_")[2] or spec.weight_unit or ""
    if not unit and ends.numbers.unit in QUANTITIES:
        raise ValueError(
            f"{columns.path}: weights are quantities in {ends.numbers.unit} here; name the unit, as"
            f" `weight_m{ends.numbers.unit}` for the column or with `weight_unit`"
        )
    scale = _scale(columns, column, unit, ends.numbers.unit) if unit else 1.0
    with np.errstate(over="ignore"):  # infinite, and refused as such
        weights = (values * scale).astype(np.float32)
    columns.require(np.isfinite(weights), column, "a number that float32 can hold")
    return weights


def _delays(columns: Columns, column: str | None, dt_s: float) -> np.ndarray | None:
    """Return int64 delays in steps; None without such a column."""
    if column is None:
        return None
    columns.require(columns.values[column] >= 0, column, "a delay of at least 0")
    unit = column.partition("_")[2]
    if not unit:
        return _whole(columns, column)
    times = columns.values[column].astype(np.float64) * _scale(columns, column, unit, "s")
    steps, whole = whole_steps(times, dt_s)
    columns.require(whole, column, f"a whole number of time steps of {dt_s:g} s")
    return steps


def _scale(columns: Columns, column: str, unit: str, wanted: str) -> float:
    """Return what 1 of a unit is in another."""
    if wanted not in QUANTITIES:
        raise ValueError(f"{columns.path}: `{column}` has a unit, but weights here have none")
    try:
        return parse_quantity(f"1 {unit}", wanted)
    except ValueError as error:
        raise ValueError(f"{columns.path}: `{column}`: {error}") from None
