"""Spiking neurons and integrators: NIR's differential equations, one forward-Euler step at a time.

The equations are those of NIR: Pedersen et al., "Neuromorphic intermediate
representation: A unified instruction set for interoperable brain-inspired computing",
Nature Communications 15, 8122 (2024).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
    no_factors,
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
    spike, v = fire(xp, constants, v)
    return {"v": v}, spike


def lif_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance leaky neurons: ``tau dv/dt = (v_leak - v) + r I`` (NIR ``LIF``).

    Forward Euler: ``v += (dt / tau) ((v_leak - v) + r I)``; a spike where
    ``v > v_threshold``, then ``v = v_reset``.
    """
    v = leak(xp, constants, constants["dt_over_tau"], state["v"], current)
    spike, v = fire(xp, constants, v)
    return {"v": v}, spike


def cubalif_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance current-based leaky neurons (NIR ``CubaLIF``).

    ``tau_syn di/dt = w_in I - i`` and ``tau_mem dv/dt = (v_leak - v) + r i``. Forward
    Euler, the current first: ``i += (dt / tau_syn) (w_in I - i)``, then
    ``v += (dt / tau_mem) ((v_leak - v) + r i)``; a spike where ``v > v_threshold``, then
    ``v = v_reset``.
    """
    i = _synaptic(xp, constants, state["i"], current)
    v = leak(xp, constants, constants["dt_over_tau_mem"], state["v"], i)
    spike, v = fire(xp, constants, v)
    return {"i": i, "v": v}, spike


def li_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance leaky integrators: ``tau dv/dt = (v_leak - v) + r I`` (NIR ``LI``).

    Forward Euler as for ``lif_step``, without spikes; the value ``v`` is the graded output.
    """
    v = leak(xp, constants, constants["dt_over_tau"], state["v"], current)
    return {"v": v}, v


def i_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance integrators: ``dv/dt = r I`` (NIR ``I``), as ``if_step``, without spikes."""
    v = state["v"] + exact_product(xp, constants["gain"], current)
    return {"v": v}, v


def cubali_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance current-based leaky integrators (NIR ``CubaLI``): CubaLIF without spikes."""
    i = _synaptic(xp, constants, state["i"], current)
    v = leak(xp, constants, constants["dt_over_tau_mem"], state["v"], i)
    return {"i": i, "v": v}, v


def threshold_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Spike where the current itself is above the threshold (NIR ``Threshold``)."""
    return state, xp.greater(current, constants["threshold"])


def _synaptic(xp: Any, constants: Constants, i: Any, current: Any) -> Any:
    """Return ``i + (dt / tau_syn) (w_in I - i)``."""
    drive = exact_product(xp, constants["w_in"], current) - i
    return i + exact_product(xp, constants["dt_over_tau_syn"], drive)


def leak(xp: Any, constants: Constants, factor: Any, v: Any, current: Any) -> Any:
    """Return ``v + factor ((v_leak - v) + r current)``, each product rounded."""
    drive = (constants["v_leak"] - v) + exact_product(xp, constants["r"], current)
    return v + exact_product(xp, factor, drive)


def fire(xp: Any, constants: Constants, v: Any) -> tuple[Any, Any]:
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

TAU = Parameter(None, "s", "membrane time constant", positive=True, at_least_dt=True)
LI = {"tau": TAU, "r": RESISTANCE, "v_leak": LEAK}
LIF = {**LI, **FIRING}
CUBALI = {
    "tau_syn": replace(TAU, meaning="synaptic time constant"),
    "tau_mem": TAU,
    "r": RESISTANCE,
    "v_leak": LEAK,
    "w_in": Parameter(1.0, "1", "gain of the synaptic input"),
}
CUBALIF = {**CUBALI, **FIRING}
_INTEGRATOR = {"r": Parameter(1.0, "1/s", "gain of the input current")}
_THRESHOLD = {"threshold": Parameter(1.0, "1", "spike where the current is above it")}
_GATED = {"i": None, "v": "v_leak"}


def _integrated(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    return {"gain": dt_s * exact["r"]}


_BOTH = ratio_to_dt("tau_syn", "tau_mem")

SPIKING_MODELS = (
    NeuronModel("input", {}, {}, Event.SPIKE, no_factors, input_step, Role.INPUT),
    NeuronModel("if", {**_INTEGRATOR, **FIRING}, {"v": None}, Event.SPIKE, _integrated, if_step),
    NeuronModel("lif", LIF, {"v": "v_leak"}, Event.SPIKE, ratio_to_dt("tau"), lif_step),
    NeuronModel("cubalif", CUBALIF, _GATED, Event.SPIKE, _BOTH, cubalif_step),
    NeuronModel("li", LI, {"v": "v_leak"}, Event.VALUE, ratio_to_dt("tau"), li_step),
    NeuronModel("i", _INTEGRATOR, {"v": None}, Event.VALUE, _integrated, i_step),
    NeuronModel("cubali", CUBALI, _GATED, Event.VALUE, _BOTH, cubali_step),
    NeuronModel("threshold", _THRESHOLD, {}, Event.SPIKE, no_factors, threshold_step),
)
