"""NIR's leaky neurons solved exactly over a step, instead of by forward Euler.

The input current is held over the step. A state that decays towards a target then closes
``1 - exp(-dt / tau)`` of the distance, where forward Euler closes ``dt / tau``. See Rotter &
Diesmann, "Exact digital simulation of time-invariant linear systems with applications to neuronal
modeling", Biological Cybernetics 81 (1999). A spike comes where the membrane is above its
threshold at the end of a step, and resets it to ``v_reset`` in the same step.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from chipletsim.network.neurons.base import (
    Constants,
    Event,
    NeuronModel,
    State,
    exact_product,
)
from chipletsim.network.neurons.spiking import CUBALIF, LI, LIF, fire, leak


def lif_exact_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance leaky neurons: ``v += (1 - exp(-dt / tau)) ((v_leak - v) + r I)``."""
    v = leak(xp, constants, constants["share"], state["v"], current)
    spike, v = fire(xp, constants, v)
    return {"v": v}, spike


def li_exact_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance leaky integrators: as ``lif_exact``, without spikes; the event is v."""
    v = leak(xp, constants, constants["share"], state["v"], current)
    return {"v": v}, v


def cubalif_exact_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """Advance current-based leaky neurons, ``tau_syn di/dt = w_in I - i``.

    With ``s = 1 - exp(-dt / tau_syn)``, ``m = 1 - exp(-dt / tau_mem)`` and ``i`` the current at
    the start of the step: ``v += m ((v_leak - v) + r w_in I) + overlap (i - w_in I)``, and
    ``i += s (w_in I - i)``. The overlap is
    ``r / tau_mem integral_0^dt exp(-(dt - t) / tau_mem) exp(-t / tau_syn) dt``.
    """
    target = exact_product(xp, constants["w_in"], current)
    driven = leak(xp, constants, constants["share_mem"], state["v"], target)
    v = driven + exact_product(xp, constants["overlap"], state["i"] - target)
    spike, v = fire(xp, constants, v)
    i = state["i"] + exact_product(xp, constants["share_syn"], target - state["i"])
    return {"i": i, "v": v}, spike


def _share(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    """Return the share of the distance that a membrane closes in a step."""
    return {"share": -np.expm1(-dt_s / exact["tau"])}


def _shares(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    """Return the shares of current and membrane, and the overlap of their decays.

    The integral is ``exp(-dt / tau_mem) dt / tau_mem (exp(x) - 1) / x`` with
    ``x = dt / tau_mem - dt / tau_syn``, whose limit for equal time constants is that without the
    last fraction.
    """
    mem, syn = dt_s / exact["tau_mem"], dt_s / exact["tau_syn"]
    x = np.asarray(mem - syn)
    grown = np.divide(np.expm1(x), x, out=np.ones_like(x), where=x != 0)
    return {
        "share_mem": -np.expm1(-mem),
        "share_syn": -np.expm1(-syn),
        "overlap": exact["r"] * mem * np.exp(-mem) * grown,
    }


_LI, _LIF, _CUBALIF = (
    {name: replace(parameter, at_least_dt=False) for name, parameter in known.items()}
    for known in (LI, LIF, CUBALIF)
)

EXACT_MODELS = (
    NeuronModel("lif_exact", _LIF, {"v": "v_leak"}, Event.SPIKE, _share, lif_exact_step),
    NeuronModel(
        "cubalif_exact",
        _CUBALIF,
        {"i": None, "v": "v_leak"},
        Event.SPIKE,
        _shares,
        cubalif_exact_step,
    ),
    NeuronModel("li_exact", _LI, {"v": "v_leak"}, Event.VALUE, _share, li_exact_step),
)
