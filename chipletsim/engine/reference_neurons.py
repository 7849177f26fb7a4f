"""The equations of all neuron models once more, for ``chipletsim.engine.reference``.

One step of one population of one sample in NumPy, written apart from the models' own steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chipletsim.network.model import Population

Values = dict[str, Any]
"""State of a population: arrays, the step ``k`` of its span, and the length ``T`` of it."""
f32 = np.float32


def initial_state(population: Population) -> Values:
    """Return the state of a population before its first step."""
    rest = _parameter(population, "v_leak", 0.0).astype(f32)
    return {
        "v": np.broadcast_to(rest, population.shape).copy(),
        "i": np.zeros(population.shape, f32),
        "x": np.zeros(population.shape, f32),
        "n": np.zeros(population.shape, int),
    }


def _integrate_and_fire(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """IF: ``v += dt r I``."""
    gain = (dt_s * _parameter(population, "r", 1.0)).astype(f32)
    state["v"] = state["v"] + gain * current
    return _fire(population, state)


def _leaky(population: Population, state: Values, current: np.ndarray, dt_s: float) -> np.ndarray:
    """LIF: ``v += dt / tau ((v_leak - v) + r I)``."""
    _leak(population, state, current, dt_s, "tau")
    return _fire(population, state)


def _current_based(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """CubaLIF: ``i += dt / tau_syn (w_in I - i)``, then LIF on the new i."""
    factor = (dt_s / _parameter(population, "tau_syn")).astype(f32)
    scaled = _parameter(population, "w_in", 1.0).astype(f32) * current
    state["i"] = state["i"] + factor * (scaled - state["i"])
    _leak(population, state, state["i"], dt_s, "tau_mem")
    return _fire(population, state)


def _leaky_integrator(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """LI: as LIF, without spikes; the event is v."""
    _leak(population, state, current, dt_s, "tau")
    return state["v"]


def _rectified(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """ReLU of ``2^bits`` levels."""
    return _levels(population, current, 0, 2**population.value_bits - 1)


def _signed(population: Population, state: Values, current: np.ndarray, dt_s: float) -> np.ndarray:
    """Signed values of ``2^bits`` levels."""
    half = 2 ** (population.value_bits - 1)
    return _levels(population, current, -half, half - 1)


def _levels(population: Population, values: np.ndarray, low: int, high: int) -> np.ndarray:
    step = _parameter(population, "step").astype(f32)
    return np.clip(np.rint(values / step), low, high).astype(f32) * step


def _rate_encoder(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """Spikes up to step k number ``T x / ceiling`` of k + 1 steps, rounded, half down."""
    ceiling = _parameter(population, "ceiling", 1.0).astype(f32)
    state["x"] = state["x"] + current
    due = np.ceil((state["k"] + 1) * state["x"].astype(float) / ceiling - 0.5)
    spikes = due > state["n"]
    state["n"] = state["n"] + spikes
    return spikes


def _lif_encoder(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """LIF under the value as a constant current."""
    state["x"] = state["x"] + current
    return _leaky(population, state, state["x"], dt_s)


def _latency_encoder(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """One spike in step ``round((1 - x / ceiling) T)``, none where that is T or later."""
    state["x"] = state["x"] + current
    share = state["x"].astype(float) / _parameter(population, "ceiling", 1.0)
    when = np.floor(np.maximum((1 - share) * state["T"] - 0.5, -0.5)) + 1
    return (when == state["k"]) & (when < state["T"])


def _delta_encoder(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """The change since it was last sent, where it is above the threshold."""
    change = current - state["v"]
    event = np.where(
        np.abs(change) > _parameter(population, "threshold", 0.0).astype(f32),
        _signed(population, state, change, dt_s),
        f32(0),
    )
    state["v"] = state["v"] + event
    return event


def _rate_decoder(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """The sum of all steps, in the last."""
    return _decoded(population, state, current)


def _latency_decoder(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """The sum of all steps, those of step k times ``1 - k / T``, in the last."""
    return _decoded(population, state, current * f32(1 - state["k"] / state["T"]))


def _decoded(population: Population, state: Values, current: np.ndarray) -> np.ndarray:
    state["v"] = state["v"] + current
    if state["k"] < state["T"] - 1:
        return np.zeros(population.shape, f32)
    gain = _parameter(population, "gain", 1.0).astype(f32)
    return _rectified(population, state, gain * state["v"], 1.0)


def _delta_decoder(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """The sum of all changes so far."""
    state["v"] = state["v"] + current
    return _rectified(population, state, state["v"], dt_s)


def _leak(
    population: Population, state: Values, current: np.ndarray, dt_s: float, tau: str
) -> None:
    factor = (dt_s / _parameter(population, tau)).astype(f32)
    distance = _parameter(population, "v_leak", 0.0).astype(f32) - state["v"]
    driven = distance + _parameter(population, "r", 1.0).astype(f32) * current
    state["v"] = state["v"] + factor * driven


def _fire(population: Population, state: Values) -> np.ndarray:
    spikes = state["v"] > _parameter(population, "v_threshold", 1.0).astype(f32)
    reset = np.broadcast_to(_parameter(population, "v_reset", 0.0).astype(f32), spikes.shape)
    state["v"] = np.where(spikes, reset, state["v"])
    return spikes


def _parameter(population: Population, name: str, default: float = np.nan) -> np.ndarray:
    return np.asarray(population.parameters.get(name, default), np.float64)


NEURONS: dict[str, Callable[[Population, Values, np.ndarray, float], np.ndarray]] = {
    "if": _integrate_and_fire,
    "lif": _leaky,
    "cubalif": _current_based,
    "li": _leaky_integrator,
    "relu": _rectified,
    "linear": _signed,
    "encode_rate": _rate_encoder,
    "encode_lif": _lif_encoder,
    "encode_latency": _latency_encoder,
    "encode_delta": _delta_encoder,
    "decode_rate": _rate_decoder,
    "decode_latency": _latency_decoder,
    "decode_delta": _delta_decoder,
}
SPIKES = {"input", "if", "lif", "cubalif", "encode_rate", "encode_lif", "encode_latency"}
