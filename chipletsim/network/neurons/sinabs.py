"""Neurons in the order of operations of Sinabs.

Source: Sinabs 3.1.3, ``LIF``, ``IAF`` and ``ExpLeak`` with the activation functions
``MultiSpike`` and ``SingleSpike`` and the resets ``MembraneSubtract`` and ``MembraneReset``.
A membrane decays by ``alpha = exp(-1 / tau)`` a step, ``tau`` in steps (``IAF``: 1); ``gain`` is
``1 - alpha`` with ``norm_input``, else 1. The reset comes in the step of the spikes.
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
    Step,
    exact_product,
    no_factors,
    whole_thresholds,
)


def sinabs_subtract_multi_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``MultiSpike``, ``MembraneSubtract``: ``z = trunc(v / th)`` where v > 0, then ``v -= z th``.

    Both steps from ``v = alpha v + gain I`` on, as in all models of this file; last,
    ``v = max(v - v_min, 0) + v_min`` where there is a ``v_min``.
    """
    v = _charged(xp, constants, state, current)
    count, spent = whole_thresholds(xp, v, constants["v_threshold"])
    left = v - exact_product(xp, spent, constants["v_threshold"])
    return {"v": _clipped(xp, constants, left)}, count


def sinabs_zero_multi_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``MultiSpike``, ``MembraneReset``: ``z = trunc(v / th)`` where v > 0; v = 0 where z > 0."""
    v = _charged(xp, constants, state, current)
    count, spent = whole_thresholds(xp, v, constants["v_threshold"])
    left = xp.where(spent > 0, xp.zeros_like(v), v)
    return {"v": _clipped(xp, constants, left)}, count


def sinabs_subtract_single_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``SingleSpike``, ``MembraneSubtract``: a spike where ``v >= th``, then ``v -= th``."""
    v = _charged(xp, constants, state, current)
    spike = xp.greater_equal(v, constants["v_threshold"])
    left = xp.where(spike, v - constants["v_threshold"], v)
    return {"v": _clipped(xp, constants, left)}, spike


def sinabs_zero_single_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``SingleSpike``, ``MembraneReset``: a spike where ``v >= th``, then ``v = 0``."""
    v = _charged(xp, constants, state, current)
    spike = xp.greater_equal(v, constants["v_threshold"])
    return {"v": _clipped(xp, constants, xp.where(spike, xp.zeros_like(v), v))}, spike


def sinabs_li_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """``ExpLeak``: ``v = alpha v + gain I``; the event is v."""
    v = _charged(xp, constants, state, current)
    return {"v": v}, v


def _charged(xp: Any, constants: Constants, state: State, current: Any) -> Any:
    """Return ``alpha v + gain I``, each product rounded."""
    kept = exact_product(xp, constants["alpha"], state["v"])
    return kept + exact_product(xp, constants["gain"], current)


def _clipped(xp: Any, constants: Constants, v: Any) -> Any:
    """Return ``max(v - v_min, 0) + v_min`` where there is a least potential, else ``v``."""
    above = xp.maximum(v - constants["v_min"], xp.zeros_like(v)) + constants["v_min"]
    return xp.where(constants["clips"] > 0, above, v)


def _least(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    """Return whether there is a least potential, and a finite one where there is none."""
    clips = np.isfinite(exact["v_min"])
    return {"clips": clips.astype(float), "v_min": np.where(clips, exact["v_min"], 0.0)}


_CHARGE = {
    "alpha": Parameter(1.0, "1", "factor by which the membrane decays in a step"),
    "gain": Parameter(1.0, "1", "gain of the input current"),
}
_FIRE = {
    "v_threshold": Parameter(1.0, "1", "potential of one spike", positive=True),
    "v_min": Parameter(-np.inf, "1", "least potential; none where left out"),
}


def _spiking(name: str, event: Event, step: Step) -> NeuronModel:
    return NeuronModel(name, {**_CHARGE, **_FIRE}, {"v": None}, event, _least, step)


SINABS_MODELS = (
    _spiking("sinabs_subtract_multi", Event.COUNT, sinabs_subtract_multi_step),
    _spiking("sinabs_subtract_single", Event.SPIKE, sinabs_subtract_single_step),
    _spiking("sinabs_zero_multi", Event.COUNT, sinabs_zero_multi_step),
    _spiking("sinabs_zero_single", Event.SPIKE, sinabs_zero_single_step),
    NeuronModel("sinabs_li", _CHARGE, {"v": None}, Event.VALUE, no_factors, sinabs_li_step),
)
