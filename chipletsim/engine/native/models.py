"""Neuron models that the native kernels know: numbers and order of ``kernels/src/neurons.h``."""

from __future__ import annotations

from typing import NamedTuple


class NativeModel(NamedTuple):
    """How the kernels know a neuron model.

    Attributes:
        number: Its value in ``enum class Model``.
        constants: Names of its constants, in the order of its constructor.
        states: Names of its states; the first is the value of a graded one.
    """

    number: int
    constants: tuple[str, ...]
    states: tuple[str, ...]


CURRENT = 0
"""The model without state whose event is its current."""

_FIRING = ("v_threshold", "v_reset")

MODELS: dict[str, NativeModel] = {
    "if": NativeModel(1, ("gain", *_FIRING), ("v",)),
    "lif": NativeModel(2, ("dt_over_tau", "r", "v_leak", *_FIRING), ("v",)),
    "cubalif": NativeModel(
        3, ("w_in", "dt_over_tau_syn", "dt_over_tau_mem", "r", "v_leak", *_FIRING), ("v", "i")
    ),
    "li": NativeModel(4, ("dt_over_tau", "r", "v_leak"), ("v",)),
}
