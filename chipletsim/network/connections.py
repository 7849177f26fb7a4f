"""Connections: which synapses a projection has, and their weights.

A connection kind is one class here with a line in ``CONNECTIONS``, and one function
in ``chipletsim.engine.projections`` that turns spikes into currents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Dense:
    """Every source neuron to every target neuron; both flattened in C order.

    Attributes:
        weight: float32 [targets, sources].
    """

    weight: np.ndarray


@dataclass(frozen=True)
class Conv2d:
    """Cross-correlation of [C, H, W] planes, as in NIR and PyTorch.

    Attributes:
        weight: float32 [out channels, in channels / groups, kernel y, kernel x].
        stride: (y, x).
        padding: ((top, bottom), (left, right)) zeros.
        dilation: (y, x).
        groups: Channel groups.
    """

    weight: np.ndarray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


@dataclass(frozen=True)
class Pool2d:
    """Sum or average over windows of each channel of a [C, H, W] plane.

    Attributes:
        kernel: (y, x).
        stride: (y, x).
        padding: (y, x) zeros on both sides; an average counts them.
        mode: ``sum`` (weight 1) or ``avg`` (weight 1 / window size).
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    mode: Literal["sum", "avg"] = "sum"


@dataclass(frozen=True)
class Sparse:
    """Synapses listed by source neuron (compressed rows).

    Attributes:
        indptr: int64 [sources + 1].
        targets: int32 [synapses], target neuron of each synapse, flattened in C order.
        weight: float32 [synapses].
        n_targets: Number of target neurons.
    """

    indptr: np.ndarray
    targets: np.ndarray
    weight: np.ndarray
    n_targets: int


@dataclass(frozen=True)
class OneToOne:
    """Neuron i to neuron i, both flattened in C order.

    Attributes:
        weight: float32 [neurons].
    """

    weight: np.ndarray


Connection = Dense | Conv2d | Pool2d | Sparse | OneToOne
