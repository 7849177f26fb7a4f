"""The equations of all neuron models once more, for ``chipletsim.engine.reference``.

One step of one population of one sample in NumPy, written apart from the models' own steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.engine.reference_frameworks import COUNTING, GRADED, SPIKING, Neuron
from chipletsim.engine.reference_neuroscience import NEUROSCIENCE, START
from chipletsim.network.model import Population
from chipletsim.network.neurons.late import LATE_NAMES

Values = dict[str, Any]
"""State of a population: arrays, the step ``k`` of its span, and the length ``T`` of it."""
f32 = np.float32


def initial_state(population: Population) -> Values:
    """Return the state of a population before its first step."""
    rest = _parameter(population, "v_leak", 0.0).astype(f32)
    if population.model in START:
        return START[population.model](population)
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
    _current_based_integrator(population, state, current, dt_s)
    return _fire(population, state)


def _leaky_integrator(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """LI: as LIF, without spikes; the event is v."""
    _leak(population, state, current, dt_s, "tau")
    return state["v"]


def _integrator(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """I: ``v += dt r I``; the event is v."""
    state["v"] = state["v"] + (dt_s * _parameter(population, "r", 1.0)).astype(f32) * current
    return state["v"]


def _current_based_integrator(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """CubaLI: as CubaLIF, without spikes; the event is v."""
    factor = (dt_s / _parameter(population, "tau_syn")).astype(f32)
    scaled = _parameter(population, "w_in", 1.0).astype(f32) * current
    state["i"] = state["i"] + factor * (scaled - state["i"])
    _leak(population, state, state["i"], dt_s, "tau_mem")
    return state["v"]


def _above_threshold(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """Threshold: the current itself."""
    return current > _parameter(population, "threshold", 1.0).astype(f32)


def _leaky_exact(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """LIF solved over the step."""
    _leaky_integrator_exact(population, state, current, dt_s)
    return _fire(population, state)


def _leaky_integrator_exact(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """LI solved over the step: ``v += (1 - exp(-dt / tau)) ((v_leak - v) + r I)``."""
    _approach(population, state, current, _share(population, "tau", dt_s))
    return state["v"]


def _current_based_exact(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """CubaLIF solved over the step, by the difference of two exponentials."""
    mem, syn = _parameter(population, "tau_mem"), _parameter(population, "tau_syn")
    decays = np.exp(-dt_s / syn) - np.exp(-dt_s / mem)
    overlap = (_parameter(population, "r", 1.0) * syn / (syn - mem) * decays).astype(f32)
    target = _parameter(population, "w_in", 1.0).astype(f32) * current
    apart = state["i"] - target
    _approach(population, state, target, _share(population, "tau_mem", dt_s))
    state["v"] = state["v"] + overlap * apart
    state["i"] = state["i"] + _share(population, "tau_syn", dt_s) * (target - state["i"])
    return _fire(population, state)


def _passed_on(
    population: Population, state: Values, current: np.ndarray, dt_s: float
) -> np.ndarray:
    """The current itself."""
    return current


def _later(neuron: Neuron) -> Neuron:
    """Return a neuron with a current that is added from some step on."""

    def step(population: Population, state: Values, current: np.ndarray, dt_s: float) -> np.ndarray:
        bias = _parameter(population, "late_bias", 0.0).astype(f32)
        begun = state["n"] >= _parameter(population, "late_steps", 0.0)
        state["n"] = state["n"] + 1
        return neuron(population, state, np.where(begun, current + bias, current), dt_s)

    return step


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
    _approach(population, state, current, (dt_s / _parameter(population, tau)).astype(f32))


def _share(population: Population, tau: str, dt_s: float) -> np.ndarray:
    return (-np.expm1(-dt_s / _parameter(population, tau))).astype(f32)


def _approach(
    population: Population, state: Values, current: np.ndarray, factor: np.ndarray
) -> None:
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


NEURONS: dict[str, Neuron] = {
    **NEUROSCIENCE,
    "if": _integrate_and_fire,
    "lif": _leaky,
    "cubalif": _current_based,
    "li": _leaky_integrator,
    "i": _integrator,
    "cubali": _current_based_integrator,
    "threshold": _above_threshold,
    "lif_exact": _leaky_exact,
    "cubalif_exact": _current_based_exact,
    "li_exact": _leaky_integrator_exact,
    "current": _passed_on,
    **SPIKING,
    **GRADED,
    **COUNTING,
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
NEURONS |= {
    f"{name}_late": _later(neuron) for name, neuron in NEURONS.items() if name in LATE_NAMES
}
SPIKES = {
    *("input", "if", "lif", "cubalif", "threshold", "lif_exact", "cubalif_exact"),
    *SPIKING,
    *NEUROSCIENCE,
    *("encode_rate", "encode_lif", "encode_latency"),
}
SPIKES |= {f"{name}_late" for name in SPIKES & set(LATE_NAMES)}
COUNTS = set(COUNTING)
