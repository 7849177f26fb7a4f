"""Where spikes win over time steps, rates and widths of dense activations, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.baseline.crossing import BoundarySpec
from chipletsim.baseline.winner import RATES, STEPS, winner
from chipletsim.errors import UsageError
from chipletsim.spec.load import load_spec

WIDTHS = (1, 2, 4, 8, 16)


@dataclass(frozen=True, eq=False)
class Surface:
    """Where spikes win over dense activations of several widths.

    Attributes:
        dense_bits: Bits of a dense activation.
        steps: Time steps T.
        rates: float [rates], spikes per neuron and step.
        least_link_energy_j_per_bit: float [bits, steps, rates]; infinite where no bits are saved.
        wins_bits: bool [bits, steps, rates].
        wins_energy: bool [bits, steps, rates].
        wins_time: bool [bits, steps, rates].
    """

    dense_bits: tuple[int, ...]
    steps: tuple[int, ...]
    rates: np.ndarray
    least_link_energy_j_per_bit: np.ndarray
    wins_bits: np.ndarray
    wins_energy: np.ndarray
    wins_time: np.ndarray


def surface(
    boundary: BoundarySpec | Mapping[str, Any] | str | Path,
    *,
    dense_bits: Sequence[int] = WIDTHS,
    steps: Sequence[int] = STEPS,
    rates: Sequence[float] = RATES,
) -> Surface:
    """Return where spikes win for each width of a dense activation, steps and rate.

    Args:
        boundary: As for `winner`; its own width is not used.
        dense_bits: Bits of a dense activation.
        steps: Time steps T of an inference.
        rates: Spikes per neuron and step.

    Raises:
        ConfigError: The contents are wrong.
        UsageError: A number is out of range, or the link has no price for a bit.
    """
    if not isinstance(boundary, BoundarySpec):
        boundary = load_spec(boundary, BoundarySpec).spec
    if not dense_bits or min(dense_bits) < 1 or max(dense_bits) > 64:
        raise UsageError(f"dense activations have 1 to 64 bits, got {list(dense_bits)}")
    found = [
        winner(boundary.model_copy(update={"dense_bits": width}), steps=steps, rates=rates)
        for width in dense_bits
    ]
    return Surface(
        dense_bits=tuple(dense_bits),
        steps=tuple(steps),
        rates=np.asarray(rates, np.float64),
        least_link_energy_j_per_bit=np.stack([f.least_link_energy_j_per_bit for f in found]),
        wins_bits=np.stack([each.wins_bits for each in found]),
        wins_energy=np.stack([each.wins_energy for each in found]),
        wins_time=np.stack([each.wins_time for each in found]),
    )
