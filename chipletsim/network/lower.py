"""What hardware makes of a network: weights clipped to the precision of its tiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import frexp, prod

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.model import Network, Projection

FULL_BITS = 24
"""From this precision on weights stay as they are: float32 has 24 bits of mantissa. So do those of
networks in double precision, in which nothing is rounded to float32 either."""


@dataclass(frozen=True)
class PrecisionChange:
    """What clipping did to the weights of a projection.

    Attributes:
        projection: Name of the projection.
        bits: Precision of its weights.
        step: Distance between neighbouring values, a power of two.
        largest_error: Largest change of a weight.
        changed: Number of weights that changed.
        weights: Number of weights.
    """

    projection: str
    bits: int
    step: float
    largest_error: float
    changed: int
    weights: int

    def __str__(self) -> str:
        return (
            f"{self.projection}: {self.changed:,} of {self.weights:,} weights rounded to "
            f"{self.bits} bit, step {self.step:.3g}, by at most {self.largest_error:.3g}"
        )


def lower(network: Network, weight_bits: Mapping[str, int]) -> Network:
    """Return the network as tiles of limited weight precision compute it.

    Weights become fixed-point numbers (see ``quantise``), one step for each projection, so
    sums of them are exact in float32 in any order while they stay below 2^24 steps. An average
    in front of a quantised connection is folded into its weights for the same reason. Biases,
    thresholds, time constants and membranes keep their precision.

    Args:
        network: The network.
        weight_bits: Bits by projection name; projections left out, or with 24 bits or
            more, stay as they are.

    Returns:
        The lowered network; ``network`` itself if nothing changes.

    Raises:
        ConfigError: A name is no projection, or a precision is below 1.
    """
    _check(network, weight_bits)
    lowered = tuple(
        _lower_projection(projection, weight_bits.get(projection.name, FULL_BITS))
        for projection in network.projections
    )
    if all(new is old for new, old in zip(lowered, network.projections, strict=True)):
        return network
    return replace(network, projections=lowered)


def precision_changes(
    network: Network, weight_bits: Mapping[str, int]
) -> tuple[PrecisionChange, ...]:
    """Return what ``lower`` changes, one entry per projection with a changed weight."""
    _check(network, weight_bits)
    changes = []
    for projection in network.projections:
        bits = weight_bits.get(projection.name, FULL_BITS)
        given = without_average(projection).connection.weights
        if bits >= FULL_BITS or not given.size:
            continue
        rounded, step = quantise(given, bits)
        error = np.abs(rounded.astype(np.float64) - given)
        changed = int(np.count_nonzero(error))
        if changed:
            change = PrecisionChange(
                projection.name, bits, step, float(error.max()), changed, given.size
            )
            changes.append(change)
    return tuple(changes)


def quantise(weights: np.ndarray, bits: int) -> tuple[np.ndarray, float]:
    """Return weights rounded to symmetric fixed point, and the step.

    Values are ``step * n`` with integers ``|n| <= 2^(bits-1) - 1`` and the least power of
    two as step that holds the largest weight; no weight moves by more than half a step.
    With one bit a weight keeps only its sign: it becomes 0 or plus or minus the power of
    two nearest to the mean magnitude.

    Args:
        weights: Array of floats, all finite; what is returned has its type.
        bits: Precision, at least 1.
    """
    largest = float(np.abs(weights).max(initial=0.0))
    if largest == 0.0:
        return weights, 1.0
    if bits == 1:
        step = 2.0 ** np.round(np.log2(np.abs(weights[weights != 0]).mean(dtype=np.float64)))
        return (np.sign(weights) * np.float32(step)).astype(weights.dtype), float(step)
    levels = 2 ** (bits - 1) - 1
    mantissa, exponent = frexp(largest / levels)
    step = 2.0 ** (exponent - (mantissa == 0.5))
    return (np.rint(weights.astype(np.float64) / step) * step).astype(weights.dtype), step


def without_average(projection: Projection) -> Projection:
    """Return the projection with an average in front turned into a sum and smaller weights.

    Args:
        projection: The projection; returned itself where no average is in front.
    """
    if projection.pool is None or projection.pool.mode == "sum":
        return projection
    size = prod(projection.pool.kernel)
    weights = (projection.connection.weights.astype(np.float64) / size).astype(np.float32)
    return replace(
        projection,
        pool=replace(projection.pool, mode="sum"),
        connection=projection.connection.with_weights(weights),
    )


def _check(network: Network, weight_bits: Mapping[str, int]) -> None:
    known = {projection.name for projection in network.projections}
    problems = [
        Problem(f"there is no projection {name!r}", f"weight_bits.{name}")
        for name in weight_bits
        if name not in known
    ] + [
        Problem(f"precision must be at least 1 bit, got {bits}", f"weight_bits.{name}")
        for name, bits in weight_bits.items()
        if bits < 1
    ]
    if problems:
        raise ConfigError(problems)


def _lower_projection(projection: Projection, bits: int) -> Projection:
    """Return the projection at ``bits``; itself if that changes nothing."""
    if bits >= FULL_BITS or not projection.connection.weights.size:
        return projection
    folded = without_average(projection)
    given = folded.connection.weights
    rounded, _ = quantise(given, bits)
    if folded is projection and np.array_equal(rounded, given):
        return projection
    return replace(folded, connection=folded.connection.with_weights(rounded))
