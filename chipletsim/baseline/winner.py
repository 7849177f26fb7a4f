"""Where spikes beat dense activations across one boundary: in bits, in energy, in time.

Per activation and inference of T steps at rate r, with B(T, r) expected bits of the codec and
b bits of a dense activation:

* bits: spikes win iff ``B < b``, up to the rate of `chipletsim.codecs.break_even`;
* energy: iff ``e_link > T (e_enc + r e_add) / (b - B)``, e_link the price of a payload bit,
  which is that of a bit on the wire times what frames add;
* time: iff their whole frames, and a barrier after each step if there is one, take less time
  than those of the dense activations.

Expectations are those for many activations. Only the boundary counts: computing is taken to
cost the same with spikes as with values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group, RenderableType

from chipletsim.baseline.crossing import (
    BoundarySpec,
    dense_time_s,
    payload_energy_j_per_bit,
    spike_time_s,
)
from chipletsim.baseline.roofline import assumption_lines
from chipletsim.codecs.break_even import BreakEven, break_even
from chipletsim.codecs.conversion import least_link_energy_j_per_bit
from chipletsim.errors import UsageError
from chipletsim.spec.load import load_spec
from chipletsim.spec.overrides import Overrides
from chipletsim.tables import render, si, table

STEPS = (1, 4, 8, 16)
RATES = tuple(float(rate) for rate in np.logspace(-3, 0, 61))
_NOTES = (
    "expected bits for many activations that spike independently; computing costs both the same;"
    " always: at most as many bits at every rate, a tie included",
    "energy: bits on the wire with frames, and converters at both ends; a rate below the one"
    " shown saves energy",
    "time: whole frames at the bandwidth, latency on both sides; steps share frames and overlap"
    " unless flushed or held by a barrier",
)


@dataclass(frozen=True, eq=False)
class Winner:
    """Where spikes win; print it, or draw it with `write_winner_figure`.

    Attributes:
        boundary: The boundary.
        steps: Time steps T.
        rates: float [rates], spikes per neuron and step.
        spike_bits: float [steps, rates], expected bits of an activation.
        least_link_energy_j_per_bit: float [steps, rates], price of a payload bit above which
            spikes save energy; infinite where they save no bits.
        spike_energy_j: float [steps, rates], of all activations, converters included.
        spike_time_s: float [steps, rates].
        dense_energy_j: The same for dense activations.
        dense_time_s: The same for dense activations.
        break_even_rates: For each number of steps the rate below which spikes save bits.
        energy_break_even_rates: The same for energy.
    """

    boundary: BoundarySpec
    steps: tuple[int, ...]
    rates: np.ndarray
    spike_bits: np.ndarray
    least_link_energy_j_per_bit: np.ndarray
    spike_energy_j: np.ndarray
    spike_time_s: np.ndarray
    dense_energy_j: float
    dense_time_s: float
    break_even_rates: tuple[BreakEven, ...]
    energy_break_even_rates: tuple[BreakEven, ...]

    @property
    def wins_bits(self) -> np.ndarray:
        """Whether spikes take fewer bits: bool [steps, rates]."""
        return self.spike_bits < self.boundary.dense_bits

    @property
    def wins_energy(self) -> np.ndarray:
        """Whether spikes take less energy: bool [steps, rates]."""
        return payload_energy_j_per_bit(self.boundary.link) > self.least_link_energy_j_per_bit

    @property
    def wins_time(self) -> np.ndarray:
        """Whether spikes take less time: bool [steps, rates]."""
        return self.spike_time_s < self.dense_time_s

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON; what is infinite becomes None."""
        least = self.least_link_energy_j_per_bit.tolist()
        return {
            "activations": self.boundary.activations,
            "dense_bits": self.boundary.dense_bits,
            "codec": self.boundary.codec.kind,
            "payload_energy_j_per_bit": payload_energy_j_per_bit(self.boundary.link),
            "steps": list(self.steps),
            "rates": self.rates.tolist(),
            "spike_bits_per_activation": self.spike_bits.tolist(),
            "least_link_energy_j_per_bit": [
                [each if isfinite(each) else None for each in row] for row in least
            ],
            "spike_energy_j": self.spike_energy_j.tolist(),
            "spike_time_s": self.spike_time_s.tolist(),
            "dense_energy_j": self.dense_energy_j,
            "dense_time_s": self.dense_time_s,
            "break_even_rates": list(self.break_even_rates),
            "energy_break_even_rates": list(self.energy_break_even_rates),
            "wins_bits": self.wins_bits.tolist(),
            "wins_energy": self.wins_energy.tolist(),
            "wins_time": self.wins_time.tolist(),
        }

    def __rich__(self) -> RenderableType:
        boundary = self.boundary
        columns = ("steps", "rate, bits", "rate, energy", "grid rates that win in time")
        rows = [
            (
                f"{steps}",
                _shown(self.break_even_rates[number]),
                _shown(self.energy_break_even_rates[number]),
                f"{int(self.wins_time[number].sum())} of {self.rates.size}",
            )
            for number, steps in enumerate(self.steps)
        ]
        title = (
            f"{boundary.activations:,} activations, {boundary.codec.kind} against "
            f"{boundary.dense_bits} bit: spikes win below"
        )
        parts: list[RenderableType] = [table(title, columns, rows)]
        if self.rates.size * len(self.steps) <= 40:
            parts.append(self._points())
        return Group(*parts, *assumption_lines(_NOTES))

    def __str__(self) -> str:
        return render(self)

    def _points(self) -> RenderableType:
        rows = []
        for i, steps in enumerate(self.steps):
            for j, rate in enumerate(self.rates):
                won = {
                    "bits": self.wins_bits[i, j],
                    "energy": self.wins_energy[i, j],
                    "time": self.wins_time[i, j],
                }
                rows.append(
                    (
                        f"{steps}",
                        f"{rate:g}",
                        f"{self.spike_bits[i, j]:.4g}",
                        _energy_per_bit(self.least_link_energy_j_per_bit[i, j]),
                        si(self.spike_energy_j[i, j], "J"),
                        si(self.spike_time_s[i, j], "s"),
                        ", ".join(name for name, wins in won.items() if wins) or "nothing",
                    )
                )
        dense = (f"{self.boundary.dense_bits}", "-", si(self.dense_energy_j, "J"))
        rows.append(("dense", "-", *dense, si(self.dense_time_s, "s"), ""))
        columns = ("steps", "rate", "bits", "least link energy", "energy", "time", "spikes win in")
        return table("Per inference; bits of one activation", columns, rows)


def winner(
    boundary: BoundarySpec | Mapping[str, Any] | str | Path,
    *,
    steps: Sequence[int] = STEPS,
    rates: Sequence[float] = RATES,
    overrides: Overrides = (),
) -> Winner:
    """Return where spikes beat dense activations across a boundary.

    Args:
        boundary: A boundary, its contents as in a file, or a file.
        steps: Time steps T of an inference.
        rates: Spikes per neuron and step, from above 0 to 1.
        overrides: Texts ``a.b=c``, or dotted paths to values, laid over the contents.

    Raises:
        ConfigError: The contents are wrong.
        UsageError: A number is out of range, or the link has no price for a bit.

    Example:
        >>> found = winner(
        ...     {
        ...         "activations": 4096,
        ...         "link": {"use": "links/ucie_standard"},
        ...         "codec": {"kind": "address_events", "address": "12 bit"},
        ...         "conversion": {"energy_per_update": "0.5 pJ/op"},
        ...     },
        ...     steps=(4,),
        ...     rates=(0.05,),
        ... )
        >>> f"{found.least_link_energy_j_per_bit[0, 0] * 1e12:.2f} pJ/bit"
        '0.36 pJ/bit'
    """
    if not isinstance(boundary, BoundarySpec):
        boundary = load_spec(boundary, BoundarySpec, overrides).spec
    if boundary.link.energy_j_per_bit == 0:
        raise UsageError("the link has no energy_per_bit; a price per packet says nothing of bits")
    if not steps or not rates:
        raise UsageError("winner needs at least one number of steps and one rate")
    codec, conversion, width = boundary.codec, boundary.conversion, boundary.dense_bits
    shape = (len(steps), len(rates))
    bits, least, energy, time = (np.empty(shape) for _ in range(4))
    price = payload_energy_j_per_bit(boundary.link)
    for i, count in enumerate(steps):
        for j, rate in enumerate(rates):
            bits[i, j] = codec.expected_bits_per_neuron(count, rate)
            least[i, j] = least_link_energy_j_per_bit(conversion, codec, count, rate, width)
            converting = conversion.expected_j_per_neuron(count, rate)
            energy[i, j] = boundary.activations * (converting + bits[i, j] * price)
            time[i, j] = spike_time_s(boundary, bits[i, j], count)
    return Winner(
        boundary=boundary,
        steps=tuple(steps),
        rates=np.asarray(rates, np.float64),
        spike_bits=bits,
        least_link_energy_j_per_bit=least,
        spike_energy_j=energy,
        spike_time_s=time,
        dense_energy_j=boundary.activations * width * price,
        dense_time_s=dense_time_s(boundary),
        break_even_rates=tuple(break_even(codec, count, width) for count in steps),
        energy_break_even_rates=tuple(_energy_rate(boundary, count) for count in steps),
    )


def _energy_rate(boundary: BoundarySpec, steps: int) -> BreakEven:
    """Return the rate below which spikes save energy."""
    from scipy.optimize import brentq

    codec, price = boundary.codec, payload_energy_j_per_bit(boundary.link)

    def excess_j(rate: float) -> float:
        """Return by how much spikes cost more for an activation."""
        saved = boundary.dense_bits - codec.expected_bits_per_neuron(steps, rate)
        return boundary.conversion.expected_j_per_neuron(steps, rate) - saved * price

    if excess_j(codec.peak_rate) < 0:
        return "always"
    if excess_j(1e-12) >= 0:
        return "never"
    return float(brentq(excess_j, 1e-12, codec.peak_rate, xtol=1e-15, rtol=1e-14))


def _shown(rate: BreakEven) -> str:
    return rate if isinstance(rate, str) else f"{rate:.4g}"


def _energy_per_bit(energy_j_per_bit: float) -> str:
    return si(energy_j_per_bit, "J/bit") if isfinite(energy_j_per_bit) else "no bits saved"
