"""Neurons whose bias begins after step 0, and values that are passed on.

Both arise in networks that others wrote: a bias behind a delay is missing in the first steps, and
so it is in a loop as Norse runs it; values between two linear layers have no neuron.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from chipletsim.network.neurons.base import (
    Constants,
    Event,
    NeuronModel,
    Parameter,
    State,
    Step,
    no_factors,
)


def current_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Return the current itself as the event."""
    return state, current


def with_late_bias(model: NeuronModel) -> NeuronModel:
    """Return a model with a current ``late_bias`` that begins in step ``late_steps``."""
    return replace(
        model,
        name=f"{model.name}_late",
        parameters={
            **model.parameters,
            "late_bias": Parameter(0.0, "1", "current that is added from step `late_steps` on"),
            "late_steps": Parameter(0.0, "1", "first step, counted from 0, with `late_bias`"),
        },
        states={**model.states, "k": None},
        step=_late(model.step),
    )


def _late(advance: Step) -> Step:
    def step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
        late, silent = constants["late_bias"], np.float32(0)
        begun = state["k"] >= constants["late_steps"]
        own = {name: values for name, values in state.items() if name != "k"}
        after, event = advance(xp, constants, own, current + xp.where(begun, late, silent))
        return {**after, "k": state["k"] + np.float32(1)}, event

    return step


CURRENT_MODEL = NeuronModel("current", {}, {}, Event.VALUE, no_factors, current_step)
LATE_NAMES = (
    "if", "lif", "cubalif", "li", "i", "cubali", "threshold", "current", "norse_if",
    "spyx_rlif", "spyx_rcubalif", "spikingjelly_if", "spikingjelly_lif",
    "spikingjelly_lif_whole_input", "spikingjelly_plif", "spikingjelly_plif_whole_input",
    "spikingjelly_cubalif", "lava_cubalif",
)  # fmt: skip
"""Models that NIR files may give a bias behind a delay."""


def late_models(models: Iterable[NeuronModel]) -> tuple[NeuronModel, ...]:
    """Return those of ``LATE_NAMES`` with a bias that begins later."""
    return tuple(with_late_bias(model) for model in models if model.name in LATE_NAMES)
