"""Neurons of Lava once more, in whole numbers, for ``chipletsim.engine.reference``.

As in ``chipletsim.engine.reference_frameworks``, apart from the model's own step: states are
64-bit integers, shifted as ``PyLifModelBitAcc`` shifts them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.network.model import Population

MOST = 1 << 23


def lava_cuba(
    population: Population, state: dict[str, Any], current: np.ndarray, dt_s: float
) -> np.ndarray:
    """``LIF`` of Lava with the bits of Loihi."""
    parameters = population.parameters
    units = np.float32(parameters.get("units", 64.0))
    u = _shifted(state["i"], parameters.get("current_decay", 4096))
    u = u + np.trunc(units * current).astype(np.int64)
    u = np.where(u > MOST, u - 2 * MOST, np.where(u <= -MOST, u + 2 * MOST, u))
    v = _shifted(state["v"], parameters.get("voltage_decay", 0)) + u
    v = np.clip(v, -MOST + 1, MOST - 1)
    spikes = v > np.asarray(parameters["reach"]).astype(np.int64) - 1
    state["i"], state["v"] = u.astype(np.float32), np.where(spikes, 0, v).astype(np.float32)
    return spikes


def _shifted(values: np.ndarray, decay: Any) -> np.ndarray:
    """Return what a decay of 4096ths leaves of whole numbers, its bits below one cut off."""
    whole = np.asarray(values).astype(np.int64)
    product = whole * (4096 - np.asarray(decay).astype(np.int64))
    return np.sign(product) * (np.abs(product) >> 12)
