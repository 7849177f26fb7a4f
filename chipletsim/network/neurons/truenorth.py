"""TrueNorth's neurons as SANA-FE steps them, in double precision.

The model is ``truenorth`` of SANA-FE 2.2.9 (see ``chipletsim.network.neurons.loihi``), without
its random thresholds: they are drawn from a generator that all neurons of a process share.
"""

from __future__ import annotations

from typing import Any

from chipletsim.network.neurons.base import Constants, Event, NeuronModel, Parameter, State
from chipletsim.network.neurons.resets import Reset, chosen, reset_mode


def truenorth_step(
    xp: Any, constants: Constants, state: State, current: Any, arrived: Any
) -> tuple[State, Any, Any]:
    """Advance TrueNorth's neurons, whose leak is a number that is added.

    Before the step, ``updated = |v| > 0 or arrived or |bias| > 0 or force_update``. The leak
    moves v towards zero, and beyond it where v is smaller: ``v -= leak`` where ``v > 0``,
    ``v += leak`` where ``v < 0``; or ``v += leak`` in every step where ``leak_towards_zero``
    is 0. Then ``v += bias``, ``v += I``; a spike where ``v >= threshold``, with its reset,
    and else the reverse reset where ``v <= reverse_threshold``. A neuron that spikes did work.
    """
    before, leak, bias = state["v"], constants["leak"], constants["bias"]
    updated = (xp.abs(before) > 0) | arrived | (xp.abs(bias) > 0)
    updated = updated | (constants["force_update"] != 0)
    inward = xp.where(before > 0, before - leak, xp.where(before < 0, before + leak, before))
    v = xp.where(constants["leak_towards_zero"] != 0, inward, before + leak)
    v = (v + bias) + current
    threshold, reverse = constants["threshold"], constants["reverse_threshold"]
    spike = v >= threshold
    below = ~spike & (v <= reverse)
    forward = {
        Reset.SOFT: v - threshold,
        Reset.HARD: constants["reset"],
        Reset.SATURATE: threshold,
    }
    backward = {
        Reset.SOFT: v + reverse,
        Reset.HARD: constants["reverse_reset"],
        Reset.SATURATE: reverse,
    }
    after = xp.where(below, chosen(xp, constants["reverse_reset_mode"], v, backward), v)
    after = xp.where(spike, chosen(xp, constants["reset_mode"], v, forward), after)
    return {"v": after}, spike, updated | spike


TRUENORTH_MODELS = (
    NeuronModel(
        "truenorth",
        {
            "threshold": Parameter(0.0, "1", "spike at this potential and above"),
            "leak": Parameter(0.0, "1", "what the membrane loses, or gains, in every step"),
            "leak_towards_zero": Parameter(
                1.0, "1", "whether the leak goes towards zero, 0 or 1", choices=(0.0, 1.0)
            ),
            "bias": Parameter(0.0, "1", "added to the membrane in every step"),
            "reset": Parameter(0.0, "1", "potential after a spike, where reset is hard"),
            "reverse_threshold": Parameter(0.0, "1", "reverse reset at this potential and below"),
            "reverse_reset": Parameter(0.0, "1", "potential after a hard reverse reset"),
            "force_update": Parameter(
                0.0, "1", "whether it does work in every step, 0 or 1", choices=(0.0, 1.0)
            ),
            "reset_mode": reset_mode(Reset.HARD, "after a spike"),
            "reverse_reset_mode": reset_mode(Reset.NONE, "at the reverse threshold"),
        },
        {"v": None},
        Event.SPIKE,
        lambda exact, dt_s: {},
        truenorth_step,
        precision="float64",
        tells_updates=True,
    ),
)
