"""Tables, findings and rows of the claim, computed from the cases of the grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rich.table import Table

from benchmarks.harness import Row
from benchmarks.talk.costs import ENCODINGS
from benchmarks.talk.grid import (
    FAIR,
    IDEAL,
    IN_STEPS,
    PACKETS,
    RATES,
    SPIKING,
    STEPS,
    WIDTHS,
    Case,
)
from benchmarks.talk.output import factor, share
from benchmarks.talk.prices import LINKS
from chipletsim.tables import si, table

CLAIMED_ENERGY, CLAIMED_LATENCY = 5.3, 15.2
"""Nardone et al., arXiv 2501.08645, abstract: up to so much better than the baselines."""
CLEAR = 1.1
"""Gain that is more than a tie."""
EIGHT = WIDTHS.index("8 bit")
_LINKS_SHOWN = ("UCIe standard", "board SerDes", "slow serial")
SHOWN = ("8 bit", "32 bit", FAIR, PACKETS)


class Gains(NamedTuple):
    """Gains of the hybrid version over another one, in all cells of some cases.

    Attributes:
        energy: float64 [cases, steps, rates, encodings].
        latency: The same of latencies.
    """

    energy: np.ndarray
    latency: np.ndarray

    @property
    def won(self) -> np.ndarray:
        """Whether the hybrid version takes less of both."""
        return (self.energy > 1) & (self.latency > 1)

    @property
    def clear(self) -> np.ndarray:
        """Whether it takes less of both by a factor of `CLEAR`."""
        return (self.energy >= CLEAR) & (self.latency >= CLEAR)

    @property
    def headline(self) -> np.ndarray:
        """Whether both claimed factors are reached in one cell."""
        return (self.energy >= CLAIMED_ENERGY) & (self.latency >= CLAIMED_LATENCY)


def over_dense(cases: Sequence[Case], width: str) -> Gains:
    """Return the gains over the dense version with a width of values."""
    gains = np.array([case.over_dense(width) for case in cases])
    return Gains(gains[:, 0], gains[:, 1])


def over_spiking(cases: Sequence[Case], cores: str) -> Gains:
    """Return the gains over the all-spiking version on a kind of cores."""
    gains = np.array([case.over_spiking(cores) for case in cases])
    return Gains(gains[:, 0], gains[:, 1])


def of_link(cases: Sequence[Case], link: str) -> list[Case]:
    """Return the cases with a class of links."""
    return [case for case in cases if case.link == link]


def tables(cases: Sequence[Case]) -> list[Table]:
    """Return the tables of the grid."""
    return [_baselines(cases), _both(cases), _models(cases)]


def _baselines(cases: Sequence[Case]) -> Table:
    rows = []
    for link in LINKS:
        mine = of_link(cases, link)
        rows += [(link, f"dense, {width}", *_cells(over_dense(mine, width))) for width in WIDTHS]
        rows += [(link, f"spiking, {each}", *_cells(over_spiking(mine, each)))
                 for each in SPIKING]  # fmt: skip
    columns = (
        "link between dies", "hybrid against", "wins both", f"by {CLEAR}x", "most energy",
        "most latency", f"{CLAIMED_ENERGY}x energy", f"{CLAIMED_LATENCY}x latency", "both claimed",
    )  # fmt: skip
    cells = len(of_link(cases, next(iter(LINKS)))) * len(STEPS) * len(RATES) * len(ENCODINGS)
    title = (
        f"Modelled: gain of the hybrid version, other over hybrid; {cells:,} cells a line of "
        "model, dies, T, r and encoding"
    )
    return table(title, columns, rows)


def _cells(gains: Gains) -> tuple[str, ...]:
    return (
        share(float(gains.won.mean())),
        share(float(gains.clear.mean())),
        factor(float(gains.energy.max())),
        factor(float(gains.latency.max())),
        share(float((gains.energy >= CLAIMED_ENERGY).mean())),
        share(float((gains.latency >= CLAIMED_LATENCY).mean())),
        f"{int(gains.headline.sum())} cells",
    )


def _both(cases: Sequence[Case]) -> Table:
    rows = []
    for link in LINKS:
        mine = of_link(cases, link)
        for width in SHOWN:
            won = over_dense(mine, width).won
            joint = [won & over_spiking(mine, each).won for each in SPIKING]
            joint.append(over_dense(mine, width).clear & over_spiking(mine, IN_STEPS).clear)
            rows.append((link, width, *(share(float(each.mean())) for each in joint)))
    columns = ("link between dies", "dense values", *(f"and beats {each}" for each in SPIKING),
               f"{IN_STEPS}, both by {CLEAR}x")  # fmt: skip
    title = "Share of cells where the hybrid version beats both others in energy and time"
    return table(title, columns, rows)


def _models(cases: Sequence[Case]) -> Table:
    """Return the gains of each model and number of dies at one coding, link by link."""
    at = (slice(None), STEPS.index(4), RATES.index(0.05), ENCODINGS.index("packed events"))
    shown: dict[str, list[str]] = {}
    for case in cases:
        cells = shown.setdefault(f"{case.model}, {case.dies} dies", [])
        if case.link not in _LINKS_SHOWN:
            continue
        if not cells:
            energy_j, latency_s = case.dense[:, EIGHT, 0, 0]
            cells.append(f"{si(float(energy_j), 'J')}, {si(float(latency_s), 's')}")
        cells += [_pair(case.over_dense(width)[at]) for width in ("8 bit", FAIR)]
        if case.link == "board SerDes":
            cells += [_pair(case.over_spiking(cores)[at]) for cores in (IDEAL, IN_STEPS)]
    columns = ["case", "dense, 8 bit, UCIe"]
    for link in _LINKS_SHOWN:
        columns += [f"{link}: over 8 bit", "over fair"]
        if link == "board SerDes":
            columns += ["over ideal event cores", "over dense in steps"]
    title = "Energy and latency gain at T = 4, r = 0.05, packed events; UCIe: standard package"
    return table(title, columns, [(name, *cells) for name, cells in shown.items()])


def _pair(gains: np.ndarray) -> str:
    return f"{float(gains[0]):.3g}, {float(gains[1]):.3g}x"


def findings(cases: Sequence[Case]) -> list[str]:
    """Return what the grid says, in sentences with its numbers."""
    return [*_region(cases), *_headline(cases), _repeated_work(cases), _growth(cases)]


def _region(cases: Sequence[Case]) -> list[str]:
    found = []
    for width in ("8 bit", FAIR):
        won = over_dense(cases, width).won
        parts = [
            f"{share(float((won & over_spiking(cases, each).won).mean()))} of cells against {each}"
            for each in SPIKING
        ]
        joint = won & over_spiking(cases, IN_STEPS).won
        within = _extent(joint)
        found.append(
            f"Against dense values of {width} the hybrid version wins energy and time in "
            f"{share(float(won.mean()))} of all cells, by {CLEAR}x or more in "
            f"{share(float(over_dense(cases, width).clear.mean()))}, and beats the all-spiking "
            f"version as well in {', '.join(parts)}; the last lies within {within}."
        )
    return found


def _extent(won: np.ndarray) -> str:
    """Return where cells are won, in words: bool [cases, steps, rates, encodings]."""
    if not won.any():
        return "nothing"
    steps = [str(STEPS[i]) for i in np.flatnonzero(won.any(axis=(0, 2, 3)))]
    rates = [f"{RATES[i]:g}" for i in np.flatnonzero(won.any(axis=(0, 1, 3)))]
    encodings = [ENCODINGS[i] for i in np.flatnonzero(won.any(axis=(0, 1, 2)))]
    product = np.outer(STEPS, RATES)[won.any(axis=(0, 3))].max()
    return (
        f"T in {{{', '.join(steps)}}}, r in {{{', '.join(rates)}}}, T r <= {product:.3g}, and "
        f"{', '.join(encodings)}"
    )


def _headline(cases: Sequence[Case]) -> list[str]:
    found = []
    for name, gains in [
        *((f"dense values of {width}", over_dense(cases, width)) for width in SHOWN),
        *((f"all-spiking on {each}", over_spiking(cases, each)) for each in SPIKING),
    ]:
        energy, latency = (
            np.flatnonzero((each >= claimed).any(axis=(1, 2, 3)))
            for each, claimed in (
                (gains.energy, CLAIMED_ENERGY), (gains.latency, CLAIMED_LATENCY),
            )
        )  # fmt: skip
        found.append(
            f"Against {name}: {CLAIMED_ENERGY}x energy is reached with "
            f"{_links(cases, energy)}, {CLAIMED_LATENCY}x latency with {_links(cases, latency)}, "
            f"both in one cell in {int(gains.headline.sum())} of {gains.energy.size:,}"
            f"{_where(gains.headline)}."
        )
    return found


def _repeated_work(cases: Sequence[Case]) -> str:
    """Return what repeating all work in each step gives by itself."""
    latency = over_spiking(cases, IN_STEPS).latency.max(axis=(0, 2, 3))
    parts = [f"{factor(float(most))} at T = {steps}" for steps, most in
             zip(STEPS, latency, strict=True)]  # fmt: skip
    return (
        "An all-spiking version that makes all products again in each step is slower than the "
        f"hybrid one by up to {', '.join(parts)}: T itself, whatever crosses a boundary."
    )


def _links(cases: Sequence[Case], chosen: np.ndarray) -> str:
    names = dict.fromkeys(cases[number].link for number in chosen)
    return " and ".join(name for name in LINKS if name in names) or "no link"


def _where(won: np.ndarray) -> str:
    return f", within {_extent(won)}" if won.any() else ""


def _growth(cases: Sequence[Case]) -> str:
    """Return how the gain over 8-bit dense values moves with dies and with the size of models."""
    at = (0, STEPS.index(4), RATES.index(0.05), ENCODINGS.index("packed events"))
    slow = {
        (case.model, case.dies): float(case.over_dense("8 bit")[at])
        for case in of_link(cases, "slow serial")
    }
    dies = sorted({number for _, number in slow})
    more = [
        slow[model, dies[-1]] > slow[model, dies[0]]
        for model in {model for model, _ in slow}
        if {(model, dies[0]), (model, dies[-1])} <= slow.keys()
    ]
    pairs = (("resnet18", "resnet50"), ("efficientnet_b0", "efficientnet_b4"),
             ("rwkv4_169m", "rwkv4_1b5"))  # fmt: skip
    larger = [
        slow[big, number] > slow[small, number]
        for small, big in pairs
        for number in dies
        if {(small, number), (big, number)} <= slow.keys()
    ]
    sizes = f", and with the larger model on as many dies in {sum(larger)} of {len(larger)} pairs"
    return (
        "With the slow serial link, T = 4, r = 0.05 and packed events, the energy gain over 8-bit "
        f"dense values grows from {dies[0]} to {dies[-1]} dies in {sum(more)} of {len(more)} models"
        f"{sizes if larger else ''}."
    )


def rows(cases: Sequence[Case]) -> list[Row]:
    """Return each case, T and r at the encoding of least energy, against each baseline."""
    found = []
    for case in cases:
        for i, steps in enumerate(STEPS):
            for j, rate in enumerate(RATES):
                best = int(case.hybrid[0, EIGHT, i, j].argmin())
                name = f"{case.model}, {case.dies} dies, {case.link}, T={steps}, r={rate:g}"
                found += _rows_at(case, f"{name}, {ENCODINGS[best]}", (i, j), best)
    return found


def _rows_at(case: Case, name: str, at: tuple[int, int], best: int) -> list[Row]:
    peers = [
        (f"dense, {width}", WIDTHS.index(width), case.dense[:, WIDTHS.index(width), *at])
        for width in SHOWN
    ]
    peers += [
        (f"spiking, {each}", EIGHT, case.spiking[:, number, *at])
        for number, each in enumerate(SPIKING)
    ]
    return [
        Row(name, quantity, unit, float(case.hybrid[q, width, *at, best]), peer, float(theirs[q]))
        for peer, width, theirs in peers
        for q, (quantity, unit) in enumerate((("energy", "J"), ("latency", "s")))
    ]
