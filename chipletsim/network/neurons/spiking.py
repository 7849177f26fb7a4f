"""Spiking neurons and integrators: NIR's differential equations, one forward-Euler step at a time.

The equations are those of NIR: Pedersen et al., "Neuromorphic intermediate
representation: A unified instruction set for interoperable brain-inspired computing",
Nature Communications 15, 8122 (2024).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chipletsim.network.neurons.base import (
    Constants,
    NeuronModel,
    Parameter,
    Role,
    State,
    exact_product,
)


def input_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Pass the input on as the event: input channels hold no state."""
    return state, current


def if_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance integrate-and-fire neurons: ``dv/dt = r I`` (NIR ``IF``).

    Forward Euler: ``v += (dt r) I``; a spike where ``v > v_threshold``, then
    ``v = v_reset``. The gain ``dt r`` is one factor, so ``r = 1 / dt`` adds ``I`` exactly.
    """
    v = state["v"] + exact_product(xp, constants["gain"], current)
    spike, v = _fire(xp, constants, v)
    return {"v": v}, spike


def lif_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance leaky neurons: ``tau dv/dt = (v_leak - v) + r I`` (NIR ``LIF``).

    Forward Euler: ``v += (dt / tau) ((v_leak - v) + r I)``; a spike where
    ``v > v_threshold``, then ``v = v_reset``.
    """
    v = _leak(xp, constants, constants["dt_over_tau"], state["v"], current)
    spike, v = _fire(xp, constants, v)
    return {"v": v}, spike


def cubalif_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance current-based leaky neurons (NIR ``CubaLIF``).

    ``tau_syn di/dt = w_in I - i`` and ``tau_mem dv/dt = (v_leak - v) + r i``. Forward
    Euler, the current first: ``i += (dt / tau_syn) (w_in I - i)``, then
    ``v += (dt / tau_mem) ((v_leak - v) + r i)``; a spike where ``v > v_threshold``, then
    ``v = v_reset``.
    """
    drive = exact_product(xp, constants["w_in"], current) - state["i"]
    i = state["i"] + exact_product(xp, constants["dt_over_tau_syn"], drive)
    v = _leak(xp, constants, constants["dt_over_tau_mem"], state["v"], i)
    spike, v = _fire(xp, constants, v)
    return {"i": i, "v": v}, spike


def li_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance leaky integrators: ``tau dv/dt = (v_leak - v) + r I`` (NIR ``LI``).

    Forward Euler as for ``lif_step``, without spikes; the value ``v`` is the graded output.
    """
    v = _leak(xp, constants, constants["dt_over_tau"], state["v"], current)
    return {"v": v}, v


def _leak(xp: Any, constants: Constants, factor: Any, v: Any, current: Any) -> Any:
    """Return ``v + factor ((v_leak - v) + r current)``, each product rounded."""
    drive = (constants["v_leak"] - v) + exact_product(xp, constants["r"], current)
    return v + exact_product(xp, factor, drive)


def _fire(xp: Any, constants: Constants, v: Any) -> tuple[Any, Any]:
    """Return the spikes of ``v`` and ``v`` after reset in the same step."""
    spike = xp.greater(v, constants["v_threshold"])
    return spike, xp.where(spike, constants["v_reset"], v)


def ratio_to_dt(*names: str) -> Callable[[dict[str, np.ndarray], float], dict[str, np.ndarray]]:
    """Return the factors ``dt_over_NAME`` for time constants called ``names``."""
    return lambda exact, dt_s: {f"dt_over_{name}": dt_s / exact[name] for name in names}


RESISTANCE = Parameter(1.0, "1", "gain of the input current")
LEAK = Parameter(0.0, "1", "potential that v decays to, and starts from")
FIRING = {
    "v_threshold": Parameter(1.0, "1", "spike above this potential"),
    "v_reset": Parameter(0.0, "1", "potential after a spike"),
}

SPIKING_MODELS = (
    NeuronModel("input", {}, {}, True, lambda exact, dt_s: {}, input_step, Role.INPUT),
    NeuronModel(
        "if",
        {"r": Parameter(1.0, "1/s", "gain of the input current"), **FIRING},
        {"v": None},
        True,
        lambda exact, dt_s: {"gain": dt_s * exact["r"]},
        if_step,
    ),
    NeuronModel(
        "lif",
        {
            "tau": Parameter(None, "s", "membrane time constant", positive=True),
            "r": RESISTANCE,
            "v_leak": LEAK,
            **FIRING,
        },
        {"v": "v_leak"},
        True,
        ratio_to_dt("tau"),
        lif_step,
    ),
    NeuronModel(
        "cubalif",
        {
            "tau_syn": Parameter(None, "s", "synaptic time constant", positive=True),
            "tau_mem": Parameter(None, "s", "membrane time constant", positive=True),
            "r": RESISTANCE,
            "v_leak": LEAK,
            "w_in": Parameter(1.0, "1", "gain of the synaptic input"),
            **FIRING,
        },
        {"i": None, "v": "v_leak"},
        True,
        ratio_to_dt("tau_syn", "tau_mem"),
        cubalif_step,
    ),
    NeuronModel(
        "li",
        {
            "tau": Parameter(None, "s", "membrane time constant", positive=True),
            "r": RESISTANCE,
            "v_leak": LEAK,
        },
        {"v": "v_leak"},
        False,
        ratio_to_dt("tau"),
        li_step,
    ),
)
