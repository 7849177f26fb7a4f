"""What a membrane does beyond a threshold: modes of reset, as parameters of neuron models."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from chipletsim.network.neurons.base import Parameter


class Reset(IntEnum):
    """Modes of reset, by the number that a parameter gives.

    ``NONE`` leaves the membrane, ``SOFT`` moves it by the threshold, ``HARD`` sets it to the
    reset potential, ``SATURATE`` holds it at the threshold where its model says so.
    """

    NONE = 0
    SOFT = 1
    HARD = 2
    SATURATE = 3


def chosen(xp: Any, mode: Any, v: Any, ways: dict[Reset, Any]) -> Any:
    """Return for each neuron the potential of its mode; ``v`` for modes that are not given."""
    after = v
    for number, potential in ways.items():
        after = xp.where(mode == float(number), potential, after)
    return after


def reset_mode(default: Reset, when: str) -> Parameter:
    """Return the parameter that chooses a mode."""
    names = ", ".join(f"{mode.value} {mode.name.lower()}" for mode in Reset)
    modes = tuple(float(mode) for mode in Reset)
    return Parameter(float(default), "1", f"reset {when}: {names}", choices=modes)
