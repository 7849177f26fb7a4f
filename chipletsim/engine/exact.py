"""Weights whose sums are the same in every order.

A float32 sum is rounded after each term, so its last bit depends on the order of its terms;
batch, window, schedule and device each choose one, and a membrane next to its threshold then
spikes in one of them and not in another. A sum is exact, and the same in every order, where
all terms are multiples of one step and no partial sum exceeds 2^24 steps.

So weights are split as they enter the engine, for each target neuron (each output channel of a
convolution): ``w = high + low`` with ``high`` a multiple of the least power of two as step that
keeps the target's sums exact, and ``low`` what is left, a multiple of a finer step that does
the same. Both are summed apart, exactly, and added once: the current is the exact sum, rounded
once. What lies below the finer step is rounded away: less than 2^-28 steps of ``high``, or
2^-24 of the sum of all ``|low|`` of the target, whichever is more. Weights of few bits, such as
those of a lowered network, are all ``high``, and cost nothing more.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from chipletsim.network.connections import Conv2d, Dense, Sparse
from chipletsim.network.lower import without_average
from chipletsim.network.model import Projection

MAX_TERMS = 2**23
"""Synapses per target neuron, times the inputs of a window in front, up to which this holds."""

_CHUNK = 1 << 22
"""Weights that are rounded at a time, which bounds the memory beside them."""
_MANTISSA = 2.0**24
_SMALLEST_STEP = 2.0**-126
"""Least normal float32; devices take smaller numbers for zero."""
_FINEST = 2.0**-28
"""Finest step of ``low``, in steps of ``high``: the whole sum then fits in float64 as well."""


class ExactSum(NamedTuple):
    """A projection of spikes, its weights split.

    Attributes:
        projection: The projection with weights ``high``; an average in front is folded in.
        low: float32, like the weights: what is left of them; None where nothing is.
    """

    projection: Projection
    low: np.ndarray | None


def exact_sum(projection: Projection) -> ExactSum:
    """Return a projection of a population that spikes, its weights split.

    Projections without sums of weights are left alone: one to one, and pooling, whose sums
    are small integers. Graded events times weights have no common step, and are not split.

    Args:
        projection: The projection.
    """
    if not isinstance(projection.connection, Dense | Conv2d | Sparse):
        return ExactSum(projection, None)
    projection = without_average(projection)
    connection = projection.connection
    weights = np.asarray(connection.weights, np.float32)
    most, terms = _most_terms(projection)
    steps = _coarse(projection)
    if _are_multiples(connection, weights, steps):
        return ExactSum(projection, None)
    high = _rounded(connection, weights, steps, np.empty_like(weights))
    low = weights - high  # exact: the two share their leading bits
    finer = _least_step(_totals(connection, low) * most, terms)
    _rounded(connection, low, np.maximum(finer, steps * _FINEST), low)
    exact = replace(projection, connection=connection.with_weights(high))
    return ExactSum(exact, low if low.any() else None)


def coarse_steps(projection: Projection) -> np.ndarray:
    """Return float32 [targets]: the step of which ``high`` of each target is a multiple."""
    return _coarse(without_average(projection)).reshape(-1).astype(np.float32)


def exact_weights(projection: Projection) -> Projection:
    """Return the projection with the weights that ``exact_sum`` adds up, in float64."""
    exact, low = exact_sum(projection)
    if low is None:
        return exact
    weights = exact.connection.weights.astype(np.float64) + low
    return replace(exact, connection=exact.connection.with_weights(weights))


def _coarse(projection: Projection) -> np.ndarray:
    """Return float64 [targets, 1, ...]: the least steps that keep sums of ``high`` exact."""
    most, terms = _most_terms(projection)
    connection = projection.connection
    return _least_step(_totals(connection, np.asarray(connection.weights)) * most, terms)


def _most_terms(projection: Projection) -> tuple[int, int]:
    """Return the most spikes of an input, behind a pooling in front, and of a target."""
    most = prod(projection.pool.kernel) if projection.pool else 1
    return most, _terms(projection.connection) * most


def _terms(connection: Any) -> int:
    """Return the most synapses of a target neuron."""
    if isinstance(connection, Sparse):
        return int(connection.fan_in.max(initial=0))
    return prod(connection.weight.shape[1:])


def _totals(connection: Any, weights: np.ndarray) -> np.ndarray:
    """Return float64 [targets, 1, ...]: the magnitudes of each target's weights, summed."""
    if isinstance(connection, Sparse):
        totals = np.zeros(connection.n_targets)
        for part in _parts(weights):
            magnitudes, targets = np.abs(weights[part]), connection.targets[part]
            totals += np.bincount(targets, magnitudes, connection.n_targets)
        return totals
    axes = tuple(range(1, weights.ndim))
    return np.abs(weights).sum(axis=axes, keepdims=True, dtype=np.float64)


def _are_multiples(connection: Any, weights: np.ndarray, steps: np.ndarray) -> bool:
    """Return whether float32 weights are multiples of each target's step already."""
    return all(
        np.array_equal(_rounded_part(connection, weights, steps, part), weights[part])
        for part in _parts(weights)
    )


def _rounded(
    connection: Any, weights: np.ndarray, steps: np.ndarray, out: np.ndarray
) -> np.ndarray:
    """Round float32 weights to multiples of each target's step, into ``out``, and return it."""
    for part in _parts(weights):
        out[part] = _rounded_part(connection, weights, steps, part)
    return out


def _rounded_part(
    connection: Any, weights: np.ndarray, steps: np.ndarray, part: slice
) -> np.ndarray:
    of = connection.targets[part] if isinstance(connection, Sparse) else part
    step = steps[of].astype(np.float32)
    # Dividing and multiplying by a power of two is exact.
    return np.rint(weights[part] / step) * step


def _parts(weights: np.ndarray) -> list[slice]:
    """Return slices of the first axis that hold some millions of weights each."""
    size = max(_CHUNK // max(prod(weights.shape[1:]), 1), 1)
    return [slice(first, first + size) for first in range(0, len(weights), size)]


def _least_step(totals: np.ndarray, terms: int) -> np.ndarray:
    """Return the least powers of two of which no sum exceeds 2^24, in float64.

    Rounding to the step may add half of it for each term.
    """
    bound = totals / (_MANTISSA - min(terms, MAX_TERMS) / 2)
    mantissa, exponent = np.frexp(bound)
    # frexp gives 0.5 <= mantissa < 1: a power of two is its own least step.
    step = np.ldexp(1.0, exponent - (mantissa == 0.5))
    return np.maximum(np.where(totals > 0, step, 1.0), _SMALLEST_STEP)
