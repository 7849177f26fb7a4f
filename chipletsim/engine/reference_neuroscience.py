"""The equations of the models of neuroscience once more, for ``chipletsim.engine.reference``.

As in ``chipletsim.engine.reference_neurons``, written apart from the models' own steps: neurons
are loops here, each with scalars in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp, isnan
from typing import Any

import numpy as np

from chipletsim.network.model import Population

f32 = np.float32
Values = dict[str, Any]
Scalars = dict[str, np.float32]
Factors = Mapping[str, float]
Neuron = Callable[[Scalars, Factors, Any], bool]
"""One step of one neuron: changes its state, and says whether it spikes."""


def _lif_refractory(state: Scalars, p: Factors, current: np.float32) -> bool:
    rest = f32(p["v_leak"])
    decay = f32(exp(-p["dt"] / p["tau"]))
    v = rest + decay * (state["v"] - rest) + current
    return _held(state, p, v)


def _cuba_exp(state: Scalars, p: Factors, current: Mapping[str, np.float32]) -> bool:
    rest = f32(p["v_leak"])
    v = rest + f32(exp(-p["dt"] / p["tau"])) * (state["v"] - rest)
    for name, port in (("e", "excitatory"), ("i", "inhibitory")):
        tau = p[f"tau_{port}"]
        v = v + f32(_response(p["dt"], p["tau"], tau)) * state[name]
        state[name] = f32(exp(-p["dt"] / tau)) * state[name] + current[port]
    return _held(state, p, v)


def _response(dt: float, tau: float, tau_syn: float) -> float:
    """Return v after a step from 0 under a decaying current of 1 at its start.

    It is the integral of ``exp(-(dt - t) / tau) exp(-t / tau_syn) / tau`` over the step.
    """
    rate = 1 / tau_syn - 1 / tau
    if abs(rate * dt) < 1e-5:  # the closed form loses its digits
        return dt / tau * exp(-dt / tau) * (1 - rate * dt / 2)
    return (exp(-dt / tau) - exp(-dt / tau_syn)) / (rate * tau)


def _coba_exp(state: Scalars, p: Factors, current: Mapping[str, np.float32]) -> bool:
    half = {port: f32(exp(-p["dt"] / p[f"tau_{port}"] / 2)) for port in current}
    e, i = half["excitatory"] * state["e"], half["inhibitory"] * state["i"]
    total = f32(p["g_leak"]) + e + i
    drive = f32(p["g_leak"] * p["v_leak"] + p["current"])
    drive = drive + f32(p["v_excitatory"]) * e + f32(p["v_inhibitory"]) * i
    ratio = p["dt"] / p["capacitance"]
    a = f32(ratio / 2) * total
    v = (state["v"] - a * state["v"] + f32(ratio) * drive) / (f32(1) + a)
    for name, port in (("e", "excitatory"), ("i", "inhibitory")):
        state[name] = f32(exp(-p["dt"] / p[f"tau_{port}"])) * state[name] + current[port]
    return _held(state, p, v)


def _held(state: Scalars, p: Factors, v: np.float32) -> bool:
    """Keep a neuron at its reset while steps are left, else test its threshold."""
    state["v"] = v
    if state["left"] > 0:
        state["left"] = f32(state["left"] - 1)
        state["v"] = f32(p["v_reset"])
        return False
    if not v > f32(p["v_threshold"]):
        return False
    state["v"], state["left"] = f32(p["v_reset"]), f32(round(p["refractory"] / p["dt"]))
    return True


def _adaptive(state: Scalars, p: Factors, current: np.float32) -> bool:
    rho, alpha = exp(-p["dt"] / p["tau_adaptation"]), exp(-p["dt"] / p["tau"])
    spiked = state["z"]
    state["b"] = f32(rho) * state["b"] + f32(1 - rho) * spiked
    threshold = f32(p["v_threshold"]) + f32(p["beta"]) * state["b"]
    v = f32(alpha) * state["v"] + f32((1 - alpha) * p["r"]) * current
    state["v"] = v - threshold * spiked
    spike = bool(state["v"] > threshold)
    state["z"] = f32(spike)
    return spike


def _izhikevich(state: Scalars, p: Factors, current: np.float32) -> bool:
    v, u, dt_ms = state["v"], state["u"], 1e3 * p["dt"]
    for _ in range(2):
        slope = f32(0.04) * (v * v) + f32(5) * v + f32(140) - u + current
        v = v + f32(dt_ms / 2) * slope
    u = u + f32(p["a"] * dt_ms) * (f32(p["b"]) * v - u)
    spike = bool(v >= f32(p["v_peak"]))
    state["v"], state["u"] = (f32(p["c"]), u + f32(p["d"])) if spike else (v, u)
    return spike


def _stepper(neuron: Neuron, defaults: Mapping[str, float]) -> Callable[..., np.ndarray]:
    """Return the step of a population of such neurons."""

    def step(population: Population, state: Values, current: Any, dt_s: float) -> np.ndarray:
        spikes = np.zeros(population.shape, bool)
        names = [name for name in state if isinstance(state[name], np.ndarray)]
        parameters = _full(population, defaults)
        for place in np.ndindex(*population.shape):
            own = {name: state[name][place] for name in names}
            constants = {name: float(values[place]) for name, values in parameters.items()}
            given = (
                {port: values[place] for port, values in current.items()}
                if isinstance(current, dict)
                else current[place]
            )
            with np.errstate(over="ignore", invalid="ignore"):
                spikes[place] = neuron(own, {**constants, "dt": dt_s}, given)
            for name in names:
                state[name][place] = own[name]
        return spikes

    return step


def _full(population: Population, defaults: Mapping[str, float]) -> dict[str, np.ndarray]:
    return {
        name: np.broadcast_to(np.asarray(value, np.float64), population.shape)
        for name, value in {**defaults, **population.parameters}.items()
    }


_HELD = {"refractory": 0.0, "v_init": np.nan}
_DEFAULTS: dict[str, dict[str, float]] = {
    "lif_refractory": _HELD,
    "cuba_exp": {**_HELD, "e_init": 0.0, "i_init": 0.0},
    "coba_exp": {**_HELD, "e_init": 0.0, "i_init": 0.0, "current": 0.0},
    "alif": {"r": 1.0, "v_threshold": 1.0},
    "izhikevich": {"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0, "v_peak": 30.0, "v_init": -65.0},
}


def _start(population: Population) -> Values:
    """Return the state of a population before its first step."""
    p = _full(population, _DEFAULTS[population.model])
    zero = np.zeros(population.shape)
    v = p.get("v_init", zero)
    if population.model in {"lif_refractory", "cuba_exp", "coba_exp"}:
        v = np.vectorize(lambda given, rest: rest if isnan(given) else given)(v, p["v_leak"])
    states = {"v": v, "left": zero, "b": zero, "z": zero}
    states |= {"e": p.get("e_init", zero), "i": p.get("i_init", zero)}
    states["u"] = p["b"] * v if population.model == "izhikevich" else zero
    return {name: np.array(values, f32) for name, values in states.items()}


NEUROSCIENCE: dict[str, Callable[..., np.ndarray]] = {
    "lif_refractory": _stepper(_lif_refractory, _DEFAULTS["lif_refractory"]),
    "cuba_exp": _stepper(_cuba_exp, _DEFAULTS["cuba_exp"]),
    "coba_exp": _stepper(_coba_exp, _DEFAULTS["coba_exp"]),
    "alif": _stepper(_adaptive, _DEFAULTS["alif"]),
    "izhikevich": _stepper(_izhikevich, _DEFAULTS["izhikevich"]),
}
START: dict[str, Callable[[Population], Values]] = dict.fromkeys(NEUROSCIENCE, _start)
