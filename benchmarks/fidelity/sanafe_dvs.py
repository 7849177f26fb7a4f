"""The DVS gesture network that SANA-FE ships, as arrays for ``chipletsim import sana-fe``.

32 x 32 neurons with a constant bias each, four 3 x 3 convolutions without padding (16, 32, 64 and
11 channels, the first with stride 2) and 11 outputs, on cores 0 to 41 of its Loihi chip, as its
tutorial has it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from chipletsim.exchange.sanafe.edges import Convolution, Pattern, dense

CORES = (1, 4, 16, 16, 4, 1)
"""Cores of each layer."""
NAMES = ("input_0", "conv2d_0", "conv2d_1", "conv2d_2", "conv2d_3", "dense_0")
SIDES = (32, 15, 13, 11, 9)
"""Rows and columns of the layers before the last."""


def write_dvs(shipped: Path, folder: Path) -> Path:
    """Write the network of ``dvs_challenge.npz``; return the .npz file.

    Args:
        shipped: That file.
        folder: Where ``dvs.npz`` and its ``case.json`` are written.
    """
    with np.load(shipped) as stored:
        given = dict(stored)
    parts = [_layer(given, number) for number in range(1, 6)]
    sizes = [1024, *(int(pattern.target.max()) + 1 for pattern, _ in parts)]
    first = np.concatenate([[0], np.cumsum(sizes)])
    source = [pattern.source + first[layer] for layer, (pattern, _) in enumerate(parts)]
    target = [pattern.target + first[layer + 1] for layer, (pattern, _) in enumerate(parts)]
    file = folder / "dvs.npz"
    np.savez(
        file,
        threshold=np.repeat(given["thresholds"].astype(float), sizes),
        bias=np.concatenate([given["inputs"], np.zeros(first[-1] - 1024)]),
        is_input=np.zeros(first[-1], np.bool_),
        core=_cores(sizes),
        src=np.concatenate(source).astype(np.int32),
        dst=np.concatenate(target).astype(np.int32),
        weight=np.concatenate([weight for _, weight in parts]),
    )
    names = {"name": "dvs_gesture", "groups": list(NAMES), "group_sizes": sizes}
    (folder / "case.json").write_text(json.dumps(names))
    return file


def _layer(given: dict[str, np.ndarray], number: int) -> tuple[Pattern, np.ndarray]:
    """Return the synapses into a layer, and the weight of each."""
    if number == 5:
        weight = given["dense1"].astype(float)
        pattern = dense(*weight.shape)
    else:
        weight = given[f"conv{number}"].astype(float)
        height, width, channels, kernels = weight.shape
        side, stride = SIDES[number - 1], 2 if number == 1 else 1
        pattern = Convolution(
            side, side, channels, height, width, kernels, stride, stride
        ).pattern()
    return pattern, weight.reshape(-1)[pattern.entry]


def _cores(sizes: list[int]) -> np.ndarray:
    """Return the core of each neuron: equal shares of a layer, the last takes what is left."""
    found, first = [], 0
    for size, count in zip(sizes, CORES, strict=True):
        found.append(first + np.minimum(np.arange(size) // (size // count), count - 1))
        first += count
    return np.concatenate(found)
