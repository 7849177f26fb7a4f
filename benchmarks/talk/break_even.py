"""Break-even rates of spikes against dense values across one boundary, found three ways.

By closed forms written down here alone; by the exact expectations of `chipletsim.codecs`, which
tests hold against the printed tables to the last digit; and by drawing independent spikes,
encoding them with the codecs, and looking for the rate at which the bits sent are those of the
dense values. A drawn figure is the mean of several draws and its standard error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from benchmarks.harness import Row
from benchmarks.talk.output import arguments, show
from chipletsim.codecs import (
    SPIKE_CODECS,
    Bitmap,
    BlockedBitmap,
    RiceGaps,
    SpikeCodec,
    SpikeEntropy,
    fair_bits,
)
from chipletsim.codecs.base import SpikeCoding
from chipletsim.codecs.break_even import BreakEven, break_even
from chipletsim.tables import table

STEPS = (1, 4, 8, 16)
NEURONS = 4096
_HALVINGS = 40
_TIE = 1e-9


@dataclass(frozen=True)
class Line:
    """One coding of a table.

    Attributes:
        name: What it is called.
        coding: The codec or bound of chipletsim.
        bits: Closed form: bits of an activation from steps and rate.
        neurons: Neurons drawn together.
    """

    name: str
    coding: SpikeCoding
    bits: Callable[[int, float], float]
    neurons: int = NEURONS


def _events(bits: int) -> Callable[[int, float], float]:
    return lambda steps, rate: steps * rate * bits


def _codec(kind: str, **widths: str) -> SpikeCodec:
    return SPIKE_CODECS[kind].model_validate({"kind": kind} | widths)


def _blocks(size: int) -> Callable[[int, float], float]:
    return lambda steps, rate: steps * (1 / size + 1 - (1 - rate) ** size)


def _gaps(steps: int, rate: float) -> float:
    """Return bits with the best number of low bits."""
    if rate >= 1:
        return float(steps)
    silent = math.log1p(-rate)
    return min(steps * rate * (k - 1 / math.expm1(2**k * silent)) for k in range(24))


def _entropy(steps: int, rate: float) -> float:
    if rate in (0, 1):
        return 0.0
    return -steps * (rate * math.log2(rate) + (1 - rate) * math.log2(1 - rate))


LINES = (
    Line("events, 8 bit", _codec("address_events", address="8 bit"), _events(8), neurons=256),
    Line("events, 12 bit", _codec("address_events", address="12 bit"), _events(12)),
    Line("events, 16 bit", _codec("address_events", address="16 bit"), _events(16)),
    Line("a 32-bit packet a spike", _codec("address_packets", packet="32 bit"), _events(32)),
    Line("a 64-bit packet a spike", _codec("address_packets", packet="64 bit"), _events(64)),
    Line("bitmap", Bitmap(), lambda steps, rate: float(steps)),
    Line("bitmap, flags of 8", BlockedBitmap.model_validate({"block": 8}), _blocks(8)),
    Line("bitmap, flags of 32", BlockedBitmap.model_validate({"block": 32}), _blocks(32)),
    Line("bitmap, flags of 64", BlockedBitmap.model_validate({"block": 64}), _blocks(64)),
    Line("Rice-coded gaps", RiceGaps(), _gaps),
    Line("entropy bound", SpikeEntropy(), _entropy),
)
FAIR_LINES = tuple(line for line in LINES if line.name not in (
    "events, 16 bit", "a 64-bit packet a spike", "bitmap", "bitmap, flags of 64",
))  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        line: The coding.
        steps: Time steps T.
        dense_bits: Bits of a dense value.
        closed: By the closed form: a rate, ``always`` or ``never``.
        exact: By the tool's expectations.
        drawn: Mean over draws, or a word on which all draws agree.
        error: Standard error of the mean; 0 for words.
    """

    line: str
    steps: int
    dense_bits: int
    closed: BreakEven
    exact: BreakEven
    drawn: BreakEven
    error: float

    def agrees(self, errors: float = 4.0) -> bool:
        """Return whether all three are one figure, the drawn one within so many errors."""
        words = [isinstance(each, str) for each in (self.closed, self.exact, self.drawn)]
        if any(words):
            return self.closed == self.exact == self.drawn
        closed, exact, drawn = (float(each) for each in (self.closed, self.exact, self.drawn))
        return math.isclose(closed, exact, rel_tol=1e-9) and (
            abs(drawn - exact) <= errors * self.error + 1e-5 * exact
        )


def solve(bits: Callable[[float], float], dense_bits: float, peak: float) -> BreakEven:
    """Return the rate at which bits reach those of a dense value, by halving.

    Args:
        bits: From a rate to bits of an activation, never falling up to ``peak``.
        dense_bits: Bits of a dense value.
        peak: Rate with most bits.
    """
    if bits(peak) <= dense_bits * (1 + _TIE):
        # Only events whose bits grow with the rate up to it reach the dense bits there alone.
        at_peak_alone = (
            bits(peak) >= dense_bits * (1 - _TIE) and bits(0.9 * peak) < 0.95 * dense_bits
        )
        return peak if at_peak_alone and peak == 1 else "always"
    if bits(1e-12) > dense_bits:
        return "never"
    low, high = 0.0, peak
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if bits(middle) < dense_bits else (low, middle)
    return (low + high) / 2


def draw(
    line: Line, steps: int, dense_bits: int, rng: np.random.Generator, samples: int
) -> BreakEven:
    """Return the break-even rate of spikes that are drawn and encoded.

    A neuron spikes in a step where its number, drawn once, is below the rate; so bits of all
    rates are those of one draw, and halving finds where they reach the dense ones.
    """
    numbers = rng.random((samples, steps, line.neurons))
    activations = samples * line.neurons

    def bits(rate: float) -> float:
        spikes = numbers < rate
        if not isinstance(line.coding, SpikeCodec):
            return _entropy(steps, float(spikes.mean()))
        return float(line.coding.bits(spikes).sum()) / activations

    return solve(bits, dense_bits, line.coding.peak_rate)


def cell(line: Line, steps: int, dense_bits: int, *, draws: int, activations: int) -> Cell:
    """Return one cell.

    Args:
        line: The coding.
        steps: Time steps T.
        dense_bits: Bits of a dense value.
        draws: How many rates are drawn.
        activations: Neurons times samples of a draw, at least.
    """
    rng = np.random.default_rng([steps, dense_bits, *line.name.encode()])
    samples = max(1, activations // line.neurons)
    found = [draw(line, steps, dense_bits, rng, samples) for _ in range(draws)]
    closed = solve(lambda rate: line.bits(steps, rate), dense_bits, line.coding.peak_rate)
    exact = break_even(line.coding, steps, dense_bits)
    if isinstance(found[0], str):
        agreed = found[0] if len(set(found)) == 1 else math.nan
        return Cell(line.name, steps, dense_bits, closed, exact, agreed, 0.0)
    rates = np.array(found, float)
    error = float(rates.std(ddof=1) / math.sqrt(draws))
    return Cell(line.name, steps, dense_bits, closed, exact, float(rates.mean()), error)


def cells(*, quick: bool) -> tuple[list[Cell], list[Cell]]:
    """Return the cells against 8 bits, and against the fair width of a count of T spikes."""
    draws, activations = (8, NEURONS) if quick else (32, 4 * NEURONS)
    against_8 = [
        cell(line, steps, 8, draws=draws, activations=activations)
        for line in LINES
        for steps in STEPS
    ]
    fair = [
        cell(line, steps, fair_bits(steps), draws=draws, activations=activations)
        for line in FAIR_LINES
        for steps in STEPS
    ]
    return against_8, fair


def shown(found: list[Cell], title: str) -> Table:
    """Return a table of cells: closed form, the tool's expectation, and what was drawn."""
    heads = [f"T = {steps}" for steps in STEPS]
    lines = dict.fromkeys(each.line for each in found)
    rows = [(line, *(_three(each) for each in found if each.line == line)) for line in lines]
    return table(title, ("rate r* per step: closed, exact, drawn", *heads), rows)


def _three(each: Cell) -> str:
    if isinstance(each.drawn, str):
        return f"{_short(each.closed)}, {_short(each.exact)}, {each.drawn}"
    return f"{_short(each.closed)}, {_short(each.exact)}, {each.drawn:.4f} ± {each.error:.1g}"


def _short(value: BreakEven) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def findings(against_8: list[Cell], fair: list[Cell]) -> list[str]:
    """Return how well the three ways agree."""
    every = [*against_8, *fair]
    numbers = [each for each in every if not isinstance(each.exact, str)]
    worst = max(
        abs(float(each.drawn) - float(each.exact)) / each.error
        for each in numbers
        if each.error > 0
    )
    closest = max(abs(float(each.closed) / float(each.exact) - 1) for each in numbers)
    agreeing = sum(each.agrees() for each in every)
    return [
        f"All three agree in {agreeing} of {len(every)} cells, drawn rates within four standard"
        f" errors; the farthest is {worst:.1f} errors away.",
        f"Closed forms and exact expectations differ by {closest:.1g} at most, relatively.",
    ]


def rows(found: list[Cell]) -> list[Row]:
    """Return cells that are rates as rows: the drawn or exact rate beside the closed form."""
    return [
        Row(f"{each.line}, T={each.steps}, {each.dense_bits} bit dense", quantity,
            "spikes/neuron/step", float(ours), "closed form", float(each.closed))
        for each in found
        if not any(isinstance(value, str) for value in (each.closed, each.exact, each.drawn))
        for quantity, ours in (("exact", each.exact), ("drawn", each.drawn))
    ]  # fmt: skip


def main() -> None:
    """Run the command."""
    chosen = arguments("break_even", __doc__, figure=False)
    against_8, fair = cells(quick=chosen.quick)
    show(
        "talk.break_even",
        [
            shown(against_8, "Break-even rate against 8-bit dense values"),
            shown(fair, "Break-even rate against the fair width, 1, 3, 4 and 5 bits"),
        ],
        findings(against_8, fair),
        rows([*against_8, *fair]),
        chosen.json,
    )


if __name__ == "__main__":
    main()
