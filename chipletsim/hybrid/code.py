"""Codes of a boundary: the encoder and decoder of each, and how many events values give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Code:
    """A way to send values of 0 to a ceiling as spikes in T steps.

    Attributes:
        encoder: Its neuron model, with the parameter ``ceiling``.
        decoder: The neuron model that undoes it.
        gain: ``gain(ceiling, steps)``, factor of the decoder's sum.
        spikes: ``spikes(share, steps)``, spikes of values given as shares of the ceiling.
    """

    encoder: str
    decoder: str
    gain: Callable[[float, int], float]
    spikes: Callable[[np.ndarray, int], np.ndarray]


def _rate_spikes(share: np.ndarray, steps: int) -> np.ndarray:
    return np.clip(np.ceil(steps * share - 0.5), 0, steps)


def _latency_spikes(share: np.ndarray, steps: int) -> np.ndarray:
    return (share > 1 / (2 * steps)).astype(float)


CODES: dict[str, Code] = {
    "rate": Code(
        "encode_rate", "decode_rate", lambda ceiling, steps: ceiling / steps, _rate_spikes
    ),
    "latency": Code(
        "encode_latency", "decode_latency", lambda ceiling, steps: ceiling, _latency_spikes
    ),
}
"""Codes by name; to add one, write its encoder and decoder and add a line."""
