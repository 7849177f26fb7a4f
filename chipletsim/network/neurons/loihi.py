"""Leaky integrate-and-fire neurons as SANA-FE steps them for Loihi, in double precision.

The model is ``leaky_integrate_fire`` of SANA-FE 2.2.9: Boyle et al., "SANA-FE: Simulating
Advanced Neuromorphic Architectures for Fast Exploration", IEEE TCAD (2025). Its order of
operations was established by running it, and is reproduced bit for bit.
"""

from __future__ import annotations

from typing import Any

from chipletsim.network.neurons.base import Constants, Event, NeuronModel, Parameter, State
from chipletsim.network.neurons.resets import Reset, chosen, reset_mode

_FRACTION = 64.0
"""Membranes keep six bits of fraction from step to step."""
_LEAST = -(2.0**31)
"""What conversion to 32 bits gives for numbers out of their range, on x86."""


def loihi_lif_step(
    xp: Any, constants: Constants, state: State, current: Any, arrived: Any
) -> tuple[State, Any, Any]:
    """Advance Loihi's leaky neurons.

    Before the step, ``updated = |v| > 0 or arrived or |bias| > 0 or force_update``. In all
    steps but the first ``u *= input_decay`` and ``v *= leak_decay``. The membrane is cut to
    multiples of 1/64, see ``cut_to_fraction``. Unless refractory, ``v += bias``, ``u += I``,
    ``v += u``; a spike where ``v > threshold``, with its reset, then
    ``r = refractory_delay``; and the reverse reset where ``v < reverse_threshold``. Input that
    arrives while refractory is lost. Last, ``r = max(0, r - 1)``: a delay of d blocks d - 1
    steps. A neuron that spikes did work.
    """
    bias, r = constants["bias"], state["r"]
    updated = (xp.abs(state["v"]) > 0) | arrived | (xp.abs(bias) > 0)
    updated = updated | (constants["force_update"] != 0)
    later = state["later"] != 0
    u = xp.where(later, state["u"] * constants["input_decay"], state["u"])
    v = xp.where(later, state["v"] * constants["leak_decay"], state["v"])
    v = cut_to_fraction(xp, v)
    free = r == 0
    u = xp.where(free, u + current, u)
    v = xp.where(free, (v + bias) + u, v)
    threshold, reverse = constants["threshold"], constants["reverse_threshold"]
    spike = free & (v > threshold)
    ways = {Reset.SOFT: v - threshold, Reset.HARD: constants["reset"]}
    v = xp.where(spike, chosen(xp, constants["reset_mode"], v, ways), v)
    below = free & (v < reverse)
    ways = {
        Reset.SOFT: v - reverse,
        Reset.HARD: constants["reverse_reset"],
        Reset.SATURATE: reverse,
    }
    v = xp.where(below, chosen(xp, constants["reverse_reset_mode"], v, ways), v)
    r = xp.maximum(xp.where(spike, constants["refractory_delay"], r) - 1.0, 0.0)
    return {"v": v, "u": u, "r": r, "later": xp.ones_like(v)}, spike, updated | spike


def cut_to_fraction(xp: Any, v: Any) -> Any:
    """Return ``int32(64 v) / 64``, the conversion towards zero.

    Numbers that 32 bits cannot hold become -2^31, as x86 converts them, so that a membrane
    of 2^25 or more turns into -2^25.
    """
    scaled = v * _FRACTION
    held = (scaled > _LEAST - 1.0) & (scaled < -_LEAST)
    # An integer has no negative zero: adding zero takes away the sign of one.
    return (xp.where(held, xp.trunc(scaled), _LEAST) + 0.0) / _FRACTION


LOIHI_MODELS = (
    NeuronModel(
        "loihi_lif",
        {
            "threshold": Parameter(0.0, "1", "spike above this potential"),
            "leak_decay": Parameter(1.0, "1", "factor of the membrane from step to step"),
            "input_decay": Parameter(0.0, "1", "factor of the current from step to step"),
            "bias": Parameter(0.0, "1", "added to the membrane in every step"),
            "reset": Parameter(0.0, "1", "potential after a spike, where reset is hard"),
            "reverse_threshold": Parameter(0.0, "1", "reverse reset below this potential"),
            "reverse_reset": Parameter(0.0, "1", "potential after a hard reverse reset"),
            "refractory_delay": Parameter(
                0.0, "1", "steps from a spike to the next input that counts", whole=True
            ),
            "force_update": Parameter(
                0.0, "1", "whether it does work in every step, 0 or 1", choices=(0.0, 1.0)
            ),
            "reset_mode": reset_mode(Reset.HARD, "after a spike"),
            "reverse_reset_mode": reset_mode(Reset.NONE, "below the reverse threshold"),
            "potential": Parameter(0.0, "1", "potential before the first step"),
        },
        {"v": "potential", "u": None, "r": None, "later": None},
        Event.SPIKE,
        lambda exact, dt_s: {},
        loihi_lif_step,
        precision="float64",
        tells_updates=True,
    ),
)
