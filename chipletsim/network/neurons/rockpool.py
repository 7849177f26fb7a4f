"""Neurons in the order of operations of Rockpool.

Source: Rockpool 3.1.0, ``LIFNeuronTorch`` and ``LIFTorch``. Decays are exponential, a neuron sends
as many spikes a step as its membrane holds thresholds, and each takes one threshold off.
"""

from __future__ import annotations

from typing import Any

from chipletsim.network.neurons.base import (
    Constants,
    Event,
    NeuronModel,
    Parameter,
    State,
    exact_product,
    no_factors,
    whole_thresholds,
)
from chipletsim.network.neurons.snntorch import ALPHA, BETA


def rockpool_lif_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``LIFNeuronTorch``: ``v = beta v + I``, ``z = floor(v/th)`` where v >= th, ``v -= z th``."""
    v = exact_product(xp, constants["beta"], state["v"]) + current
    v, count = _spikes(xp, constants, v)
    return {"v": v}, count


def rockpool_cubalif_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``LIFTorch``: ``i = alpha (i + I)``, ``v = beta v + i``; spikes as ``rockpool_lif``."""
    i = exact_product(xp, state["i"] + current, constants["alpha"])
    v = exact_product(xp, constants["beta"], state["v"]) + i
    v, count = _spikes(xp, constants, v)
    return {"i": i, "v": v}, count


def _spikes(xp: Any, constants: Constants, v: Any) -> tuple[Any, Any]:
    """Return ``v`` after its reset, and the spikes.

    A membrane above 0 and below its threshold holds none, so this is Rockpool's v >= th.
    """
    count, spent = whole_thresholds(xp, v, constants["v_threshold"])
    return v - exact_product(xp, spent, constants["v_threshold"]), count


_THRESHOLD = Parameter(1.0, "1", "potential of one spike", positive=True)

ROCKPOOL_MODELS = (
    NeuronModel(
        "rockpool_lif",
        {"beta": BETA, "v_threshold": _THRESHOLD},
        {"v": None},
        Event.COUNT,
        no_factors,
        rockpool_lif_step,
    ),
    NeuronModel(
        "rockpool_cubalif",
        {"alpha": ALPHA, "beta": BETA, "v_threshold": _THRESHOLD},
        {"i": None, "v": None},
        Event.COUNT,
        no_factors,
        rockpool_cubalif_step,
    ),
)
