"""Equations of other frameworks' neurons once more, for ``chipletsim.engine.reference``.

Written as the frameworks write them, with spikes as numbers 0 and 1 that are multiplied, all in
float32: apart from the models' own steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from chipletsim.engine.reference_fixed_point import lava_cuba
from chipletsim.network.model import Population

f32 = np.float32
Values = dict[str, Any]
Neuron = Callable[[Population, Values, np.ndarray, float], np.ndarray]


def _snntorch(
    population: Population,
    state: Values,
    current: np.ndarray,
    dt_s: float,
    *,
    reset: str,
    synaptic: bool = False,
    recurrent: bool = False,
    now: bool = False,
) -> np.ndarray:
    """``Leaky``, or ``Synaptic``, or ``RLeaky``, in the words of snnTorch."""
    beta, threshold = _number(population, "beta"), _number(population, "v_threshold", 1.0)
    if synaptic:
        state["i"] = _number(population, "alpha") * state["i"] + current
        current = state["i"]
    old = state["v"]
    rst = (old > threshold).astype(f32)
    if reset == "none":
        v = beta * old + current
    elif reset == "subtract":
        v = beta * old + current - rst * threshold
    elif synaptic or recurrent:
        v = (beta * old + current) * (1 - rst)
    else:
        v = beta * ((1 - rst) * old) + current
    spikes = v > threshold
    if now:
        d = spikes.astype(f32) - rst
        v = v - d * (threshold if reset == "subtract" else v)
    state["v"] = v
    return spikes


def _snntorch_alpha(
    population: Population, state: Values, current: np.ndarray, dt_s: float, *, reset: str
) -> np.ndarray:
    """``Alpha``, in the words of snnTorch."""
    threshold, beta = _number(population, "v_threshold", 1.0), _number(population, "beta")
    rst = (state["v"] > threshold).astype(f32) * f32(reset != "none")
    syn_exc = _number(population, "alpha") * state.get("e", f32(0)) + current
    syn_inh = beta * state["i"] - current
    mem = _number(population, "gain") * (syn_exc + syn_inh)
    if reset == "subtract":
        exc2, inh2, mem2 = threshold, syn_inh, -state["i"]
    else:
        exc2, inh2, mem2 = syn_exc, syn_inh, mem
    state["e"] = syn_exc - exc2 * rst
    state["i"] = syn_inh - inh2 * rst
    state["v"] = mem - mem2 * rst
    return state["v"] > threshold


def _norse_box(
    population: Population, state: Values, current: np.ndarray, dt_s: float, *, subtract: bool
) -> np.ndarray:
    """``LIFBoxCell``."""
    threshold = _number(population, "v_threshold", 1.0)
    drive = current + _number(population, "v_leak", 0.0) - state["v"]
    vd = state["v"] + _number(population, "dt_tau_inv") * drive
    z = (vd > threshold).astype(f32)
    after = vd - threshold if subtract else _number(population, "v_reset", 0.0)
    state["v"] = (1 - z) * vd + z * after
    return z > 0


def _norse_cuba(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """``LIFCell``."""
    jump = state["i"] + current
    drive = (_number(population, "v_leak", 0.0) - state["v"]) + jump
    vd = state["v"] + _number(population, "dt_tau_mem_inv") * drive
    state["i"] = jump - _number(population, "dt_tau_syn_inv") * jump
    z = (vd > _number(population, "v_threshold", 1.0)).astype(f32)
    state["v"] = (1 - z) * vd + z * _number(population, "v_reset", 0.0)
    return z > 0


def _norse_graph(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """``CubaLIF`` of a graph: the current is a leaky integrator of its own."""
    leak = _number(population, "v_leak", 0.0)
    i = state["i"] if state.get("begun") else np.full(population.shape, leak, f32)
    state["begun"] = True
    driven = (leak - i) + _number(population, "w_in", 1.0) * current
    state["i"] = i + _number(population, "dt_tau_syn_inv") * driven
    drive = _number(population, "r", 1.0) * state["i"] + leak - state["v"]
    vd = state["v"] + _number(population, "dt_tau_mem_inv") * drive
    z = (vd > _number(population, "v_threshold", 1.0)).astype(f32)
    state["v"] = (1 - z) * vd
    return z > 0


def _norse_integrator(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """``LIBoxCell``."""
    drive = (_number(population, "v_leak", 0.0) - state["v"]) + current
    state["v"] = state["v"] + _number(population, "dt_tau_inv") * drive
    return state["v"]


def _norse_if(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """``IAFCell``."""
    v = state["v"] + current
    z = (v > _number(population, "v_threshold", 1.0)).astype(f32)
    state["v"] = (1 - z) * v
    return z > 0


def _sinabs(
    population: Population,
    state: Values,
    current: np.ndarray,
    dt_s: float,
    *,
    multi: bool,
    subtract: bool,
) -> np.ndarray:
    """``LIF`` with ``MultiSpike`` or ``SingleSpike``."""
    threshold = _number(population, "v_threshold", 1.0)
    v = _exponential(population, state, current)
    z = np.trunc(np.maximum(v, 0) / threshold) if multi else (v - threshold >= 0).astype(f32)
    v = v - z * threshold if subtract else v * (z == 0)
    least = _number(population, "v_min", -np.inf)
    floor = np.where(np.isfinite(least), least, f32(0))
    state["v"] = np.where(np.isfinite(least), np.maximum(v - floor, 0) + floor, v)
    return z.astype(f32) if multi else z > 0


def _sinabs_integrator(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """``ExpLeak``."""
    state["v"] = _exponential(population, state, current)
    return state["v"]


def _exponential(population: Population, state: Values, current: np.ndarray) -> np.ndarray:
    gained = _number(population, "gain", 1.0) * current
    return _number(population, "alpha", 1.0) * state["v"] + gained


def _spyx(
    population: Population,
    state: Values,
    current: np.ndarray,
    dt_s: float,
    *,
    synaptic: bool,
    recurrent: bool = False,
) -> np.ndarray:
    """``LIF`` or ``CuBaLIF``: spikes of the membrane before the step; recurrent ones, after it."""
    beta, threshold = _number(population, "beta"), _number(population, "v_threshold", 1.0)
    z = (state["v"] > threshold).astype(f32)
    if synaptic:
        v = state["v"] - z * threshold
        state["i"] = _number(population, "alpha") * state["i"] + current
        state["v"] = beta * v + state["i"]
    else:
        state["v"] = beta * state["v"] + current - z * threshold
    return state["v"] > threshold if recurrent else z > 0


def _rockpool(
    population: Population, state: Values, current: np.ndarray, dt_s: float, *, synaptic: bool
) -> np.ndarray:
    """``LIFNeuronTorch`` or ``LIFTorch``."""
    threshold = _number(population, "v_threshold", 1.0)
    if synaptic:
        state["i"] = (state["i"] + current) * _number(population, "alpha")
        current = state["i"]
    v = state["v"] * _number(population, "beta") + current
    z = np.where(v >= threshold, np.floor(v / threshold), 0).astype(f32)
    state["v"] = v - z * threshold
    return z


def _jelly(
    population: Population,
    state: Values,
    current: np.ndarray,
    dt_s: float,
    *,
    charge: Callable[[Population, np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """``BaseNode`` of SpikingJelly: a charge, Heaviside of ``v - th``, and the hard reset."""
    reset = _number(population, "v_reset", 0.0)
    old = state["v"] if state.get("begun") else np.broadcast_to(reset, current.shape)
    state["begun"] = True
    h = charge(population, old, current, reset)
    spike = (h - _number(population, "v_threshold", 1.0) >= 0).astype(f32)
    state["v"] = spike * reset + (1 - spike) * h
    return spike > 0


def _jelly_cuba(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """``CUBALIFNode``."""
    state["i"] = state["i"] * _number(population, "alpha") + current
    beta = _number(population, "beta")
    return _jelly(population, state, state["i"], dt_s, charge=lambda own, v, i, reset: v * beta + i)


def _divided(population: Population, v: np.ndarray, x: np.ndarray, reset: np.ndarray) -> np.ndarray:
    return v + (x - (v - reset)) / _number(population, "tau_steps")


def _divided_alone(
    population: Population, v: np.ndarray, x: np.ndarray, reset: np.ndarray
) -> np.ndarray:
    return v - (v - reset) / _number(population, "tau_steps") + x


def _multiplied(
    population: Population, v: np.ndarray, x: np.ndarray, reset: np.ndarray
) -> np.ndarray:
    return v + (x - (v - reset)) * _number(population, "rate")


def _multiplied_alone(
    population: Population, v: np.ndarray, x: np.ndarray, reset: np.ndarray
) -> np.ndarray:
    return v - (v - reset) * _number(population, "rate") + x


def _number(population: Population, name: str, default: float = np.nan) -> np.ndarray:
    return np.asarray(population.parameters.get(name, default), np.float64).astype(f32)


SPIKING: dict[str, Neuron] = {
    "leaky_subtract": partial(_snntorch, reset="subtract"),
    "leaky_zero": partial(_snntorch, reset="zero"),
    "leaky_none": partial(_snntorch, reset="none"),
    "rleaky_zero": partial(_snntorch, reset="zero", recurrent=True),
    "leaky_subtract_now": partial(_snntorch, reset="subtract", now=True),
    "leaky_zero_now": partial(_snntorch, reset="zero", now=True),
    "rleaky_zero_now": partial(_snntorch, reset="zero", recurrent=True, now=True),
    "synaptic_subtract": partial(_snntorch, reset="subtract", synaptic=True),
    "synaptic_zero": partial(_snntorch, reset="zero", synaptic=True),
    "synaptic_none": partial(_snntorch, reset="none", synaptic=True),
    "synaptic_subtract_now": partial(_snntorch, reset="subtract", synaptic=True, now=True),
    "synaptic_zero_now": partial(_snntorch, reset="zero", synaptic=True, now=True),
    "alpha_subtract": partial(_snntorch_alpha, reset="subtract"),
    "alpha_zero": partial(_snntorch_alpha, reset="zero"),
    "alpha_none": partial(_snntorch_alpha, reset="none"),
    "norse_lif": partial(_norse_box, subtract=False),
    "norse_lif_subtract": partial(_norse_box, subtract=True),
    "norse_cubalif": _norse_cuba,
    "norse_import_cubalif": _norse_graph,
    "norse_if": _norse_if,
    "sinabs_subtract_single": partial(_sinabs, multi=False, subtract=True),
    "sinabs_zero_single": partial(_sinabs, multi=False, subtract=False),
    "spyx_lif": partial(_spyx, synaptic=False),
    "spyx_cubalif": partial(_spyx, synaptic=True),
    "spyx_rlif": partial(_spyx, synaptic=False, recurrent=True),
    "spyx_rcubalif": partial(_spyx, synaptic=True, recurrent=True),
    "spyx_psu_lif": partial(_snntorch, reset="none"),
    "spikingjelly_if": partial(_jelly, charge=lambda own, v, x, reset: v + x),
    "spikingjelly_lif": partial(_jelly, charge=_divided),
    "spikingjelly_lif_whole_input": partial(_jelly, charge=_divided_alone),
    "spikingjelly_plif": partial(_jelly, charge=_multiplied),
    "spikingjelly_plif_whole_input": partial(_jelly, charge=_multiplied_alone),
    "spikingjelly_cubalif": _jelly_cuba,
    "lava_cubalif": lava_cuba,
}
GRADED: dict[str, Neuron] = {
    "norse_li": _norse_integrator,
    "sinabs_li": _sinabs_integrator,
}
COUNTING: dict[str, Neuron] = {
    "sinabs_subtract_multi": partial(_sinabs, multi=True, subtract=True),
    "sinabs_zero_multi": partial(_sinabs, multi=True, subtract=False),
    "rockpool_lif": partial(_rockpool, synaptic=False),
    "rockpool_cubalif": partial(_rockpool, synaptic=True),
}
