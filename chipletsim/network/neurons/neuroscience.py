"""Integrate-and-fire neurons of the standard networks of neuroscience, in volts and siemens.

Each step goes from one edge of the time grid to the next: the subthreshold equations are
advanced over the step, events that arrive act at its end, then the threshold is tested there.
A spike of step n through a delay of d steps so acts ``d dt`` later, as a transmission delay
does. Refractory neurons are held at ``v_reset`` for ``refractory / dt`` whole steps after the
step of the spike, as in NEST.
"""

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


def lif_refractory_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """Advance leaky neurons with delta synapses and an absolute refractory period.

    ``tau dv/dt = v_leak - v``, and an event adds its weight to v at once, from where it arrives
    outside the refractory period. The decay over a step is exact:
    ``v = v_leak + exp(-dt / tau) (v - v_leak) + I``. Source: Brunel, "Dynamics of sparsely
    connected networks of excitatory and inhibitory spiking neurons", J. Comput. Neurosci. 8,
    183-208 (2000), equations 1 and 2.
    """
    decayed = exact_product(xp, constants["decay"], state["v"] - constants["v_leak"])
    v = (constants["v_leak"] + decayed) + current
    fired, spike = _fire(xp, constants, v, state["left"])
    return fired, spike


def cuba_exp_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance leaky neurons with two exponential synaptic currents.

    ``tau dv/dt = (v_leak - v) + e + i`` with ``tau_excitatory de/dt = -e`` and
    ``tau_inhibitory di/dt = -i``; currents are given as the voltage that they hold at rest, and
    an event adds its weight, which may have either sign, to the current of its port. The
    subthreshold equations are linear, and their solution over a step is exact. Source: benchmark
    2 of Brette et al., "Simulation of networks of spiking neurons", J. Comput. Neurosci. 23,
    349-398 (2007), after Vogels and Abbott, J. Neurosci. 25, 10786-10795 (2005).
    """
    decayed = exact_product(xp, constants["decay"], state["v"] - constants["v_leak"])
    driven = exact_product(xp, constants["gain_excitatory"], state["e"])
    inhibited = exact_product(xp, constants["gain_inhibitory"], state["i"])
    v = ((constants["v_leak"] + decayed) + driven) + inhibited
    fired, spike = _fire(xp, constants, v, state["left"])
    e, i = _synapses(xp, constants, (state["e"], state["i"]), current)
    return {**fired, "e": e, "i": i}, spike


def coba_exp_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance leaky neurons with two exponential synaptic conductances.

    ``C dv/dt = g_leak (v_leak - v) + e (v_excitatory - v) + i (v_inhibitory - v) + current``
    with ``tau_excitatory de/dt = -e`` and ``tau_inhibitory di/dt = -i``; an event adds its
    weight to the conductance of its port. Conductances decay exactly; v follows the trapezoidal
    rule with the conductances G of the middle of the step and E, the sum of conductances times
    their potentials, ``v = (v - a v + (dt / C) E) / (1 + a)`` with ``a = dt G / (2 C)``, which is
    of second order, and bounded for any conductance. Source: benchmark 1 of Brette et al., as
    for ``cuba_exp_step``.
    """
    e = exact_product(xp, constants["half_excitatory"], state["e"])
    i = exact_product(xp, constants["half_inhibitory"], state["i"])
    conductance = (constants["g_leak"] + e) + i
    towards_e = exact_product(xp, constants["v_excitatory"], e)
    towards_i = exact_product(xp, constants["v_inhibitory"], i)
    drive = (constants["leak_drive"] + towards_e) + towards_i
    a = exact_product(xp, constants["dt_over_2c"], conductance)
    kept = state["v"] - exact_product(xp, a, state["v"])
    v = (kept + exact_product(xp, constants["dt_over_c"], drive)) / (np.float32(1) + a)
    fired, spike = _fire(xp, constants, v, state["left"])
    e, i = _synapses(xp, constants, (state["e"], state["i"]), current)
    return {**fired, "e": e, "i": i}, spike


def _synapses(
    xp: Any, constants: Constants, before: tuple[Any, Any], current: Any
) -> tuple[Any, Any]:
    """Return what both ports hold at the end of a step: what has decayed, and what arrives."""
    e = exact_product(xp, constants["decay_excitatory"], before[0]) + current["excitatory"]
    i = exact_product(xp, constants["decay_inhibitory"], before[1]) + current["inhibitory"]
    return e, i


def _fire(xp: Any, constants: Constants, v: Any, left: Any) -> tuple[State, Any]:
    """Return v and the steps left to be held, after spikes, and the spikes."""
    idle = left > np.float32(0)
    above = xp.greater(v, constants["v_threshold"])
    spike = xp.where(idle, xp.zeros_like(above), above)
    v = xp.where(idle, constants["v_reset"], v)
    v = xp.where(spike, constants["v_reset"], v)
    fewer = xp.maximum(left - np.float32(1), np.float32(0))
    return {"v": v, "left": xp.where(spike, constants["hold"], fewer)}, spike


def held_start(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    """Return where v starts, at ``v_leak`` unless it is given, and the steps of refractoriness."""
    start, rest = exact["v_init"], exact["v_leak"]
    return {
        "v_start": np.where(np.isnan(start), rest, start),
        "hold": np.rint(exact["refractory"] / dt_s),
    }


def _delta_factors(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    return {"decay": np.exp(-dt_s / exact["tau"]), **held_start(exact, dt_s)}


def _current_factors(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    factors = {"decay": np.exp(-dt_s / exact["tau"]), **held_start(exact, dt_s)}
    for port in PORTS:
        tau = exact[f"tau_{port}"]
        factors[f"decay_{port}"] = np.exp(-dt_s / tau)
        factors[f"gain_{port}"] = exponential_gain(dt_s / exact["tau"], dt_s / tau)
    return factors


def exponential_gain(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return what a unit of decaying current adds to v in a step.

    The solution of ``dv/dt = a (i - v)``, ``di/dt = -b i`` from v = 0, i = 1 after one step:
    ``a (exp(-a) - exp(-b)) / (b - a)``, and ``a exp(-a)`` where a = b.

    Args:
        a: Step over the time constant of the membrane.
        b: Step over the time constant of the current.
    """
    apart = np.where(b == a, 1.0, b - a)
    ratio = np.where(b == a, 1.0, -np.expm1(-apart) / apart)
    return a * np.exp(-a) * ratio


def _conductance_factors(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    dt_over_c = dt_s / exact["capacitance"]
    factors = {
        "dt_over_c": dt_over_c,
        "dt_over_2c": dt_over_c / 2,
        "leak_drive": exact["g_leak"] * exact["v_leak"] + exact["current"],
        **held_start(exact, dt_s),
    }
    for port in PORTS:
        ratio = dt_s / exact[f"tau_{port}"]
        factors[f"decay_{port}"] = np.exp(-ratio)
        factors[f"half_{port}"] = np.exp(-ratio / 2)
    return factors


PORTS = ("excitatory", "inhibitory")
"""Names of the synapses of ``cuba_exp`` and ``coba_exp``, which differ in their constants."""

_TAU = {"tau": Parameter(None, "s", "membrane time constant", positive=True)}
_LEAK = {"v_leak": Parameter(None, "V", "potential that v decays to")}
_SYNAPSES = {
    "tau_excitatory": Parameter(None, "s", "time constant of port `excitatory`", positive=True),
    "tau_inhibitory": Parameter(None, "s", "time constant of port `inhibitory`", positive=True),
}
_FIRING = {
    "v_threshold": Parameter(None, "V", "spike above this potential"),
    "v_reset": Parameter(None, "V", "potential after a spike"),
    "refractory": Parameter(0.0, "s", "time at `v_reset` after a spike", whole_steps=True),
    "v_init": Parameter(float("nan"), "V", "potential at the start; `v_leak` if left out"),
}

NEUROSCIENCE_MODELS = (
    NeuronModel(
        "lif_refractory",
        {**_TAU, **_LEAK, **_FIRING},
        {"v": "v_start", "left": None},
        Event.SPIKE,
        _delta_factors,
        lif_refractory_step,
        current_unit="V",
    ),
    NeuronModel(
        "cuba_exp",
        {
            **_TAU,
            **_LEAK,
            **_SYNAPSES,
            **_FIRING,
            "e_init": Parameter(0.0, "V", "current of port `excitatory` at the start"),
            "i_init": Parameter(0.0, "V", "current of port `inhibitory` at the start"),
        },
        {"v": "v_start", "e": "e_init", "i": "i_init", "left": None},
        Event.SPIKE,
        _current_factors,
        cuba_exp_step,
        ports=PORTS,
        current_unit="V",
    ),
    NeuronModel(
        "coba_exp",
        {
            "capacitance": Parameter(None, "F", "capacitance of the membrane", positive=True),
            "g_leak": Parameter(None, "S", "conductance of the leak", positive=True),
            **_LEAK,
            "v_excitatory": Parameter(None, "V", "reversal potential of port `excitatory`"),
            "v_inhibitory": Parameter(None, "V", "reversal potential of port `inhibitory`"),
            **_SYNAPSES,
            **_FIRING,
            "current": Parameter(0.0, "A", "constant current into the neuron"),
            "e_init": Parameter(0.0, "S", "conductance of port `excitatory` at the start"),
            "i_init": Parameter(0.0, "S", "conductance of port `inhibitory` at the start"),
        },
        {"v": "v_start", "e": "e_init", "i": "i_init", "left": None},
        Event.SPIKE,
        _conductance_factors,
        coba_exp_step,
        ports=PORTS,
        current_unit="S",
    ),
)
