"""Biases of nodes, as currents of the populations that they reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import NamedTuple

import numpy as np

from chipletsim.network.connections import Shape
from chipletsim.network.nir.chain import Chain


class Biases(NamedTuple):
    """What is added to a population's current.

    Attributes:
        values: float32, from step 0 on.
        late: float32, from step ``steps`` on.
        steps: float32, the first step of ``late``, 0 where there is none.
    """

    values: np.ndarray
    late: np.ndarray
    steps: np.ndarray


def gathered(
    ways: Iterable[tuple[Chain, str, int]], shapes: Mapping[str, Shape]
) -> dict[str, Biases]:
    """Return the biases of each population: every node, on every way behind it, counts once.

    Ways that do not fit their population are left out: the network's checks name them.

    Args:
        ways: Chains, the populations where they end, and the steps that they act late.
        shapes: Shape of each population.

    Raises:
        ValueError: A neuron has biases that begin in different steps; the message names it.
    """
    added: dict[tuple[str, tuple[str, ...]], tuple[np.ndarray, np.ndarray]] = {}
    for chain, target, late in ways:
        if chain.bias is not None and prod(chain.shape) == prod(shapes[target]):
            shape = shapes[target]
            behind = chain.nodes[chain.nodes.index(chain.bias.node) :]
            steps = _spread(chain.bias.steps + late, chain.shape, shape)
            added[target, behind] = (_spread(chain.bias.values, chain.shape, shape), steps)
    totals: dict[str, Biases] = {}
    for (target, _), (values, steps) in sorted(added.items(), key=lambda item: item[0]):
        found = totals.get(target)
        totals[target] = _sum(found or _none(values.shape), values, steps, target)
    return totals


def _none(shape: Shape) -> Biases:
    zero = np.zeros(shape, np.float32)
    return Biases(zero, zero, zero)


def _sum(total: Biases, values: np.ndarray, steps: np.ndarray, target: str) -> Biases:
    later = (steps > 0) & (values != 0)
    if np.any(later & (total.late != 0) & (total.steps != steps)):
        raise ValueError(
            f"{target!r} receives biases that begin in different steps; put delays in front of"
            " nodes with a bias"
        )
    return Biases(
        total.values + np.where(later, 0, values).astype(np.float32),
        total.late + np.where(later, values, 0).astype(np.float32),
        np.where(later, steps, total.steps).astype(np.float32),
    )


def _spread(values: np.ndarray, signal: Shape, shape: Shape) -> np.ndarray:
    """Return numbers of a signal as an array of the target's shape."""
    return np.broadcast_to(values, signal).reshape(shape)
