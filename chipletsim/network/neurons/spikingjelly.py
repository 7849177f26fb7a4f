"""Neurons in the order of operations of SpikingJelly.

Source: SpikingJelly 2.0.0, ``IFNode``, ``LIFNode``, ``ParametricLIFNode`` and ``CUBALIFNode`` on
CPUs (``spikingjelly._ops``); Fang et al., "SpikingJelly: an open-source machine learning
infrastructure platform for spike-based intelligence", Science Advances 9 (2023). A neuron spikes
where its membrane reaches the threshold, ``v >= th``, and is reset to ``v_reset`` in the same step.
Membranes start at ``v_reset``. ``LIFNode`` divides by its time constant, ``ParametricLIFNode``
multiplies by the reciprocal that it learns: in float32 that is not the same.
"""

from __future__ import annotations

from typing import Any

from chipletsim.network.neurons.base import (
    Constants,
    Event,
    NeuronModel,
    Parameter,
    State,
    Step,
    exact_product,
    exact_quotient,
    no_factors,
)
from chipletsim.network.neurons.snntorch import ALPHA, BETA


def spikingjelly_if_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``IFNode``: ``v += I``."""
    return _fired(xp, constants, state["v"] + current)


def spikingjelly_lif_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``LIFNode(decay_input=True)``: ``v += (I - (v - v_reset)) / tau``."""
    v = state["v"]
    drive = current - (v - constants["v_reset"])
    return _fired(xp, constants, v + exact_quotient(xp, drive, constants["tau_steps"]))


def spikingjelly_lif_whole_input_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``LIFNode(decay_input=False)``: ``v = v - (v - v_reset) / tau + I``."""
    v = state["v"]
    leaked = v - exact_quotient(xp, v - constants["v_reset"], constants["tau_steps"])
    return _fired(xp, constants, leaked + current)


def spikingjelly_plif_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``ParametricLIFNode(decay_input=True)``: ``v += (I - (v - v_reset)) q``."""
    v = state["v"]
    drive = current - (v - constants["v_reset"])
    return _fired(xp, constants, v + exact_product(xp, drive, constants["rate"]))


def spikingjelly_plif_whole_input_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``ParametricLIFNode(decay_input=False)``: ``v = v - (v - v_reset) q + I``."""
    v = state["v"]
    leaked = v - exact_product(xp, v - constants["v_reset"], constants["rate"])
    return _fired(xp, constants, leaked + current)


def spikingjelly_cubalif_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``CUBALIFNode``: ``c = c_decay c + I``, ``v = v_decay v + c``; it decays to 0."""
    i = exact_product(xp, constants["alpha"], state["i"]) + current
    after, spike = _fired(xp, constants, exact_product(xp, constants["beta"], state["v"]) + i)
    return {"i": i, **after}, spike


def _fired(xp: Any, constants: Constants, v: Any) -> tuple[State, Any]:
    """Return the membrane after its reset, and where it spikes."""
    spike = xp.greater_equal(v, constants["v_threshold"])
    return {"v": xp.where(spike, constants["v_reset"], v)}, spike


_FIRING = {
    "v_threshold": Parameter(1.0, "1", "spike at this potential or above"),
    "v_reset": Parameter(0.0, "1", "potential after a spike, and before the first step"),
}
_TAU = {
    "tau_steps": Parameter(None, "1", "membrane time constant in steps", positive=True),
    **_FIRING,
}
_RATE = {
    "rate": Parameter(None, "1", "share of its distance that v closes in a step", positive=True),
    **_FIRING,
}


def _leaky(name: str, parameters: dict[str, Parameter], step: Step) -> NeuronModel:
    return NeuronModel(name, parameters, {"v": "v_reset"}, Event.SPIKE, no_factors, step)


SPIKINGJELLY_MODELS = (
    _leaky("spikingjelly_if", _FIRING, spikingjelly_if_step),
    _leaky("spikingjelly_lif", _TAU, spikingjelly_lif_step),
    _leaky("spikingjelly_lif_whole_input", _TAU, spikingjelly_lif_whole_input_step),
    _leaky("spikingjelly_plif", _RATE, spikingjelly_plif_step),
    _leaky("spikingjelly_plif_whole_input", _RATE, spikingjelly_plif_whole_input_step),
    NeuronModel(
        "spikingjelly_cubalif",
        {"alpha": ALPHA, "beta": BETA, **_FIRING},
        {"i": None, "v": "v_reset"},
        Event.SPIKE,
        no_factors,
        spikingjelly_cubalif_step,
    ),
)
