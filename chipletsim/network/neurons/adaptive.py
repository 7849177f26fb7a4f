"""Neurons with a second, slow variable: adaptive thresholds, and Izhikevich's simple model."""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.network.neurons.base import (
    Constants,
    Event,
    NeuronModel,
    Parameter,
    State,
    exact_product,
)
from chipletsim.network.neurons.spiking import RESISTANCE


def alif_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance leaky neurons whose threshold rises with their spikes (ALIF of the LSNN).

    With the spikes z of the step before, ``b = rho b + (1 - rho) z``, the threshold is
    ``B = v_threshold + beta b``, and ``v = alpha v + (1 - alpha) r I - B z``; a spike where
    ``v > B``. ``alpha = exp(-dt / tau)``, ``rho = exp(-dt / tau_adaptation)``. Source: Bellec et
    al., "Long short-term memory and learning-to-learn in networks of spiking neurons", NeurIPS
    2018, equations 1 and 2, in the order of its published code; without its refractory period.
    (Norse's LSNN is another model, with forward Euler steps and a reset to a potential.)
    """
    b = exact_product(xp, constants["rho"], state["b"]) + exact_product(
        xp, constants["rise"], state["z"]
    )
    threshold = constants["v_threshold"] + exact_product(xp, constants["beta"], b)
    driven = exact_product(xp, constants["gain"], current)
    v = exact_product(xp, constants["alpha"], state["v"]) + driven
    v = v - exact_product(xp, threshold, state["z"])
    spike = xp.greater(v, threshold)
    z = xp.where(spike, xp.ones_like(v), xp.zeros_like(v))
    return {"v": v, "b": b, "z": z}, spike


def izhikevich_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance neurons of Izhikevich's simple model.

    ``dv/dt = 0.04 v^2 + 5 v + 140 - u + I`` and ``du/dt = a (b v - u)`` with v in mV and time in
    ms; where ``v >= v_peak``, a spike, ``v = c`` and ``u = u + d``. The step is that of the
    published program: v by two forward Euler steps of half the time step, then u by one. The
    program finds spikes at the start of a step, and so one step later than here. Source:
    Izhikevich, "Simple model of spiking neurons", IEEE Trans. Neural Networks 14, 1569-1572
    (2003).
    """
    v = state["v"]
    for _ in range(2):
        square = exact_product(xp, np.float32(0.04), exact_product(xp, v, v))
        line = exact_product(xp, np.float32(5), v)
        slope = (((square + line) + np.float32(140)) - state["u"]) + current
        v = v + exact_product(xp, constants["half_dt_ms"], slope)
    pull = exact_product(xp, constants["b"], v) - state["u"]
    u = state["u"] + exact_product(xp, constants["a_dt"], pull)
    spike = xp.greater(v, constants["below_peak"])
    raised = xp.where(spike, u + constants["d"], u)
    return {"v": xp.where(spike, constants["c"], v), "u": raised}, spike


def _alif_factors(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    alpha, rho = np.exp(-dt_s / exact["tau"]), np.exp(-dt_s / exact["tau_adaptation"])
    return {"alpha": alpha, "gain": (1 - alpha) * exact["r"], "rho": rho, "rise": 1 - rho}


def _izhikevich_factors(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    dt_ms = 1e3 * dt_s
    peak = exact["v_peak"].astype(np.float32)
    return {
        "half_dt_ms": np.array(dt_ms / 2),
        "a_dt": exact["a"] * dt_ms,
        # A float32 is above this where it is at or above the peak.
        "below_peak": np.nextafter(peak, np.float32(-np.inf)).astype(np.float64),
        "u_start": exact["b"] * exact["v_init"],
    }


ADAPTIVE_MODELS = (
    NeuronModel(
        "alif",
        {
            "tau": Parameter(None, "s", "membrane time constant", positive=True),
            "tau_adaptation": Parameter(None, "s", "time constant of the threshold", positive=True),
            "r": RESISTANCE,
            "v_threshold": Parameter(1.0, "1", "threshold of a neuron that has not spiked"),
            "beta": Parameter(None, "1", "rise of the threshold with the rate of spikes"),
        },
        {"v": None, "b": None, "z": None},
        Event.SPIKE,
        _alif_factors,
        alif_step,
    ),
    NeuronModel(
        "izhikevich",
        {
            "a": Parameter(0.02, "1", "rate of recovery, per ms"),
            "b": Parameter(0.2, "1", "how recovery follows v"),
            "c": Parameter(-65.0, "1", "v after a spike, in mV"),
            "d": Parameter(8.0, "1", "what a spike adds to recovery"),
            "v_peak": Parameter(30.0, "1", "spike at or above this v, in mV"),
            "v_init": Parameter(-65.0, "1", "v at the start, in mV; recovery starts at b v"),
        },
        {"v": "v_init", "u": "u_start"},
        Event.SPIKE,
        _izhikevich_factors,
        izhikevich_step,
    ),
)
