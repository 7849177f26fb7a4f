"""Neurons in the order of operations of Norse.

Source: Norse 1.1.0, ``LIFBoxCell``, ``LIFCell``, ``LIBoxCell`` and ``IAFCell``; Pehle & Pedersen,
"Norse: a deep learning library for spiking neural networks" (2021). A spike resets in the same
step. ``dt / tau`` is one factor, which Norse computes as ``dt * tau_inv`` in float32.
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
)


def norse_lif_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """``LIFBoxCell``: ``v += dt/tau ((I + v_leak) - v)``; at a spike ``v = v_reset``."""
    v, spike = _boxed(xp, constants, state["v"], current)
    return {"v": xp.where(spike, constants["v_reset"], v)}, spike


def norse_lif_subtract_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``LIFBoxCell`` with ``reset_subtract``: as ``norse_lif``; at a spike ``v -= th``."""
    v, spike = _boxed(xp, constants, state["v"], current)
    return {"v": xp.where(spike, v - constants["v_threshold"], v)}, spike


def norse_cubalif_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``LIFCell``: the synaptic current is used before it decays.

    ``i += I``, ``v += dt/tau_mem ((v_leak - v) + i)``, ``i -= dt/tau_syn i``; at a spike
    ``v = v_reset``.
    """
    i = state["i"] + current
    v = _leaked(xp, constants, constants["dt_tau_mem_inv"], state["v"], i)
    spike = xp.greater(v, constants["v_threshold"])
    i = i - exact_product(xp, constants["dt_tau_syn_inv"], i)
    return {"i": i, "v": xp.where(spike, constants["v_reset"], v)}, spike


def norse_import_cubalif_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``CubaLIF`` of a NIR graph in Norse: ``LIBoxCell``, then ``LIFBoxCell``.

    ``i += dt/tau_syn ((v_leak - i) + w_in I)``, ``v += dt/tau_mem ((r i + v_leak) - v)``; at a
    spike ``v = 0``. The current leaks to ``v_leak``, too, and starts there.
    """
    gained = exact_product(xp, constants["w_in"], current)
    i = _leaked(xp, constants, constants["dt_tau_syn_inv"], state["i"], gained)
    boxed = {**constants, "dt_tau_inv": constants["dt_tau_mem_inv"]}
    v, spike = _boxed(xp, boxed, state["v"], exact_product(xp, constants["r"], i))
    return {"i": i, "v": xp.where(spike, xp.zeros_like(v), v)}, spike


def norse_li_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """``LIBoxCell``: ``v += dt/tau ((v_leak - v) + I)``; the event is v."""
    v = _leaked(xp, constants, constants["dt_tau_inv"], state["v"], current)
    return {"v": v}, v


def norse_if_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """``IAFCell``: ``v += I``, with no factor of dt; at a spike ``v = 0``."""
    v = state["v"] + current
    spike = xp.greater(v, constants["v_threshold"])
    return {"v": xp.where(spike, xp.zeros_like(v), v)}, spike


def _boxed(xp: Any, constants: Constants, v: Any, current: Any) -> tuple[Any, Any]:
    """Return ``v + dt/tau ((I + v_leak) - v)`` and its spikes."""
    drive = (current + constants["v_leak"]) - v
    v = v + exact_product(xp, constants["dt_tau_inv"], drive)
    return v, xp.greater(v, constants["v_threshold"])


def _leaked(xp: Any, constants: Constants, factor: Any, v: Any, current: Any) -> Any:
    """Return ``v + factor ((v_leak - v) + I)``."""
    return v + exact_product(xp, factor, (constants["v_leak"] - v) + current)


_MEMBRANE = Parameter(None, "1", "time step over membrane time constant", positive=True)
_SYNAPSE = Parameter(None, "1", "time step over synaptic time constant", positive=True)
_LEAK = Parameter(0.0, "1", "potential that v decays to, and starts from")
_FIRING = {
    "v_threshold": Parameter(1.0, "1", "spike above this potential"),
    "v_reset": Parameter(0.0, "1", "potential after a spike"),
}

NORSE_MODELS = (
    NeuronModel(
        "norse_lif",
        {"dt_tau_inv": _MEMBRANE, "v_leak": _LEAK, **_FIRING},
        {"v": "v_leak"},
        Event.SPIKE,
        no_factors,
        norse_lif_step,
    ),
    NeuronModel(
        "norse_lif_subtract",
        {"dt_tau_inv": _MEMBRANE, "v_leak": _LEAK, "v_threshold": _FIRING["v_threshold"]},
        {"v": "v_leak"},
        Event.SPIKE,
        no_factors,
        norse_lif_subtract_step,
    ),
    NeuronModel(
        "norse_cubalif",
        {
            "dt_tau_mem_inv": _MEMBRANE,
            "dt_tau_syn_inv": _SYNAPSE,
            "v_leak": _LEAK,
            **_FIRING,
        },
        {"i": None, "v": "v_leak"},
        Event.SPIKE,
        no_factors,
        norse_cubalif_step,
    ),
    NeuronModel(
        "norse_import_cubalif",
        {
            "dt_tau_mem_inv": _MEMBRANE,
            "dt_tau_syn_inv": _SYNAPSE,
            "r": Parameter(1.0, "1", "gain of the synaptic current"),
            "w_in": Parameter(1.0, "1", "gain of the input"),
            "v_leak": _LEAK,
            "v_threshold": _FIRING["v_threshold"],
        },
        {"i": "v_leak", "v": "v_leak"},
        Event.SPIKE,
        no_factors,
        norse_import_cubalif_step,
    ),
    NeuronModel(
        "norse_li",
        {"dt_tau_inv": _MEMBRANE, "v_leak": _LEAK},
        {"v": "v_leak"},
        Event.VALUE,
        no_factors,
        norse_li_step,
    ),
    NeuronModel(
        "norse_if",
        {"v_threshold": _FIRING["v_threshold"]},
        {"v": None},
        Event.SPIKE,
        no_factors,
        norse_if_step,
    ),
)
