"""Encoders and decoders: values to events at one end of a boundary, and back at the other.

An encoder takes a value once, in the first of its ``steps`` T steps, and sends spikes in all of
them. A decoder adds up what arrives in those steps, and sends the value in the last. The delta
pair works in every step: it sends what has changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.network.neurons.base import (
    Constants,
    Event,
    NeuronModel,
    Parameter,
    Role,
    State,
    Timing,
    exact_product,
    no_factors,
)
from chipletsim.network.neurons.dense import STEP, level_factors, rounded
from chipletsim.network.neurons.spiking import LIF, lif_step, ratio_to_dt


def encode_rate_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """Spike in proportion to the value, evenly spread.

    In each step ``v += x``; a spike where ``v > ceiling / 2``, then ``v -= ceiling``. After T
    steps a value x from 0 to ``ceiling`` has given ``T x / ceiling`` spikes, rounded, half down.
    """
    x = state["x"] + current
    v = state["v"] + x
    spike = xp.greater(v, exact_product(xp, constants["ceiling"], np.float32(0.5)))
    v = xp.where(spike, v - constants["ceiling"], v)
    return {"x": x, "v": v}, spike


def encode_lif_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Drive a leaky neuron with the value as a constant current; see ``lif_step``."""
    x = state["x"] + current
    after, spike = lif_step(xp, constants, {"v": state["v"]}, x)
    return {"x": x, **after}, spike


def encode_latency_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """Spike once, the earlier the larger the value.

    The spike comes in the first step k, from 0, in which ``x > ceiling (1 - (k + 1/2) / T)``,
    so that ``ceiling (1 - k / T)`` is the nearest value that a step stands for. Values of at
    most ``ceiling / (2 T)`` send nothing.
    """
    x = state["x"] + current
    late = exact_product(xp, state["k"] + np.float32(0.5), constants["inverse_steps"])
    threshold = exact_product(xp, constants["ceiling"], np.float32(1) - late)
    above = xp.greater(x, threshold)
    spike = xp.where(xp.greater(state["sent"], np.float32(0.5)), xp.zeros_like(above), above)
    sent = xp.where(spike, xp.ones_like(state["sent"]), state["sent"])
    return {"x": x, "k": state["k"] + np.float32(1), "sent": sent}, spike


def encode_delta_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """Send the change of the value since it was last sent, where it is above the threshold.

    The event is ``step clip(round((x - sent) / step))`` where ``|x - sent| > threshold``, else
    none; ``sent`` adds up the events, as the decoder does.
    """
    change = current - state["sent"]
    above = xp.greater(xp.abs(change), constants["threshold"])
    event = xp.where(above, rounded(xp, constants, change, signed=True), xp.zeros_like(change))
    return {"sent": state["sent"] + event}, event


def decode_rate_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """Add up the currents of all steps; in the last one send ``gain`` times their sum, as ReLU.

    With synapses of weight ``ceiling / T`` and gain 1 it undoes ``encode_rate``. With those of
    a layer in front, it is that layer, computed by additions.
    """
    return _collected(xp, constants, state, current)


def decode_latency_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """Add up currents, those of step k times ``1 - k / T``; else as ``decode_rate_step``.

    With synapses of weight ``ceiling`` and gain 1 it undoes ``encode_latency``.
    """
    early = np.float32(1) - exact_product(xp, state["k"], constants["inverse_steps"])
    return _collected(xp, constants, state, exact_product(xp, current, early))


def decode_delta_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """Add up all changes, and send the sum in every step, as ReLU."""
    v = state["v"] + current
    return {"v": v}, rounded(xp, constants, v, signed=False)


def _collected(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    v, k = state["v"] + current, state["k"] + np.float32(1)
    value = rounded(xp, constants, exact_product(xp, v, constants["gain"]), signed=False)
    last = k >= constants["last"]
    return {"v": v, "k": k}, xp.where(last, value, xp.zeros_like(value))


def _per_step(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    return {"inverse_steps": 1 / exact["steps"]}


def _collecting(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    last = {"last": exact["steps"] - 0.5}  # steps are counted in float32
    return {**level_factors(exact, dt_s), **_per_step(exact, dt_s), **last}


_CEILING = {"ceiling": Parameter(1.0, "1", "value that gives most spikes", positive=True)}
_GAIN = {"gain": Parameter(1.0, "1", "factor of the sum"), **STEP}

CONVERSION_MODELS = (
    NeuronModel(
        "encode_rate",
        _CEILING,
        {"x": None, "v": None},
        Event.SPIKE,
        no_factors,
        encode_rate_step,
        Role.ENCODER,
        Timing.HOLDS,
    ),
    NeuronModel(
        "encode_lif",
        LIF,
        {"x": None, "v": "v_leak"},
        Event.SPIKE,
        ratio_to_dt("tau"),
        encode_lif_step,
        Role.ENCODER,
        Timing.HOLDS,
    ),
    NeuronModel(
        "encode_latency",
        _CEILING,
        {"x": None, "k": None, "sent": None},
        Event.SPIKE,
        _per_step,
        encode_latency_step,
        Role.ENCODER,
        Timing.HOLDS,
    ),
    NeuronModel(
        "encode_delta",
        {"threshold": Parameter(0.0, "1", "least change that is sent"), **STEP},
        {"sent": None},
        Event.VALUE,
        level_factors,
        encode_delta_step,
        Role.ENCODER,
    ),
    NeuronModel(
        "decode_rate",
        _GAIN,
        {"v": None, "k": None},
        Event.VALUE,
        _collecting,
        decode_rate_step,
        Role.DECODER,
        Timing.COLLECTS,
    ),
    NeuronModel(
        "decode_latency",
        _GAIN,
        {"v": None, "k": None},
        Event.VALUE,
        _collecting,
        decode_latency_step,
        Role.DECODER,
        Timing.COLLECTS,
    ),
    NeuronModel(
        "decode_delta",
        STEP,
        {"v": None},
        Event.VALUE,
        level_factors,
        decode_delta_step,
        Role.DECODER,
    ),
)
