"""Neurons in the order of operations of Spyx.

Source: Spyx 1.0.0, ``LIF``, ``IF``, ``CuBaLIF`` and ``PSU_LIF``; Heckel & Nowotny, "Spyx: a
library for just-in-time compiled optimization of spiking neural networks" (2024). All but
``PSU_LIF`` spike from the membrane that the step before has left, so that each layer delays by a
step. ``IF`` is ``LIF`` with beta 1.
"""

from __future__ import annotations

from typing import Any

from chipletsim.network.neurons.base import (
    Constants,
    Event,
    NeuronModel,
    State,
    exact_product,
    no_factors,
)
from chipletsim.network.neurons.snntorch import ALPHA, BETA, THRESHOLD, leaky_subtract_step


def spyx_lif_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """``LIF``: ``z = H(v - th)``, then ``v = beta v + I - z th``."""
    spike = xp.greater(state["v"], constants["v_threshold"])
    v = exact_product(xp, constants["beta"], state["v"]) + current
    return {"v": xp.where(spike, v - constants["v_threshold"], v)}, spike


def spyx_cubalif_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``CuBaLIF``: ``z = H(v - th)``, ``v -= z th``, ``i = alpha i + I``, ``v = beta v + i``."""
    spike = xp.greater(state["v"], constants["v_threshold"])
    left = xp.where(spike, state["v"] - constants["v_threshold"], state["v"])
    i = exact_product(xp, constants["alpha"], state["i"]) + current
    return {"i": i, "v": exact_product(xp, constants["beta"], left) + i}, spike


def spyx_psu_lif_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``PSU_LIF``: ``v = beta v + I``, ``z = H(v - th)``, without reset or delay."""
    v = exact_product(xp, constants["beta"], state["v"]) + current
    return {"v": v}, xp.greater(v, constants["v_threshold"])


def spyx_rcubalif_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``RCuBaLIF``: as ``CuBaLIF``, but spiking from the membrane at the end of the step.

    Spyx adds the recurrent current of the very spikes that a step begins with. A step later in
    all it receives, a neuron may spike at the end of a step instead: the spikes are the same, and
    the recurrent current comes from the step before. ``RLIF`` so becomes snnTorch's ``Leaky``.
    """
    after, _ = spyx_cubalif_step(xp, constants, state, current)
    return after, xp.greater(after["v"], constants["v_threshold"])


SPYX_MODELS = (
    NeuronModel(
        "spyx_lif",
        {"beta": BETA, "v_threshold": THRESHOLD},
        {"v": None},
        Event.SPIKE,
        no_factors,
        spyx_lif_step,
    ),
    NeuronModel(
        "spyx_cubalif",
        {"alpha": ALPHA, "beta": BETA, "v_threshold": THRESHOLD},
        {"i": None, "v": None},
        Event.SPIKE,
        no_factors,
        spyx_cubalif_step,
    ),
    NeuronModel(
        "spyx_psu_lif",
        {"beta": BETA, "v_threshold": THRESHOLD},
        {"v": None},
        Event.SPIKE,
        no_factors,
        spyx_psu_lif_step,
    ),
    NeuronModel(
        "spyx_rlif",
        {"beta": BETA, "v_threshold": THRESHOLD},
        {"v": None},
        Event.SPIKE,
        no_factors,
        leaky_subtract_step,
    ),
    NeuronModel(
        "spyx_rcubalif",
        {"alpha": ALPHA, "beta": BETA, "v_threshold": THRESHOLD},
        {"i": None, "v": None},
        Event.SPIKE,
        no_factors,
        spyx_rcubalif_step,
    ),
)
