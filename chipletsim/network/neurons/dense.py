"""Dense layers: values of few bits, without state.

Rounding to ``2^bits`` levels of a uniform step is that of quantised networks, see Jacob et
al., "Quantization and training of neural networks for efficient integer-arithmetic-only
inference", CVPR 2018. Where the step is a power of two and weights have few bits, sums of
values times weights are exact in float32, so that no order of adding changes a bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.network.neurons.base import (
    Constants,
    Event,
    NeuronModel,
    Parameter,
    Role,
    State,
    exact_product,
)


def relu_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Return rectified values: ``step clip(round(I / step), 0, 2^bits - 1)``."""
    return state, rounded(xp, constants, current, signed=False)


def linear_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Return signed values: ``step clip(round(I / step), -2^(bits-1), 2^(bits-1) - 1)``."""
    return state, rounded(xp, constants, current, signed=True)


def rounded(xp: Any, constants: Constants, values: Any, *, signed: bool) -> Any:
    """Return values rounded to a multiple of ``step``, ties to even, within the bits there are."""
    levels = xp.rint(exact_product(xp, values, constants["inverse_step"]))
    low, high = ("least", "most_signed") if signed else ("zero", "most")
    kept = xp.minimum(xp.maximum(levels, constants[low]), constants[high])
    return exact_product(xp, kept, constants["step"])


def level_factors(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    """Return ``1 / step`` and the range of levels."""
    bits = exact["value_bits"]
    return {
        "inverse_step": 1 / exact["step"],
        "zero": np.zeros(()),
        "most": 2**bits - 1,
        "least": -(2 ** (bits - 1)),
        "most_signed": 2 ** (bits - 1) - 1,
    }


STEP = {"step": Parameter(None, "1", "value of the lowest bit", positive=True)}

DENSE_MODELS = (
    NeuronModel("relu", STEP, {}, Event.VALUE, level_factors, relu_step, Role.DENSE),
    NeuronModel("linear", STEP, {}, Event.VALUE, level_factors, linear_step, Role.DENSE),
)
