"""The figure of the claim: maps of steps and rates for each class of links, and a tornado."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.talk.grid import FAIR, RATES, STEPS, Case
from benchmarks.talk.prices import LINKS
from benchmarks.talk.sensitivity import Tornado

_BARS = 14
_FULL = 8
"""Gain at which the colours end."""
_LOW, _HIGH = "#0072B2", "#E69F00"


def draw(cases: Sequence[Case], tornado: Tornado, path: Path) -> None:
    """Draw the maps of the largest convolutional case, and the bars, to a file.

    Args:
        cases: Cases of the grid.
        tornado: Bars about one case.
        path: File to write.
    """
    from matplotlib.figure import Figure

    named = tornado.case.split(",")[0]
    dies = max(case.dies for case in cases)
    chosen = {case.link: case for case in cases if (case.model, case.dies) == (named, dies)}
    figure = Figure(figsize=(15, 14), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    maps, bars = parts
    maps.suptitle(
        f"{named} on {dies} dies: energy of the dense version over the hybrid one, best encoding;"
        " hatched where the hybrid one is slower"
    )
    axes = maps.subplots(2, len(LINKS), sharex=True, sharey=True)
    for row, width in zip(axes, ("8 bit", FAIR), strict=True):
        for axis, link in zip(row, LINKS, strict=True):
            image = _map(axis, chosen[link].over_dense(width))
            axis.set_title(f"{link}\ndense: {width}", fontsize=10)
        row[0].set_ylabel("time steps T")
    for axis in axes[-1]:
        axis.set_xlabel("rate r, spikes per value and step")
    ticks = [1 / _FULL, 0.25, 0.5, 1, 2, 4, _FULL]
    bar = maps.colorbar(image, ax=axes, label="energy gain, x", shrink=0.8, ticks=ticks)
    bar.ax.set_yticklabels([f"{tick:g}" for tick in ticks])
    bar.ax.minorticks_off()
    _tornado(bars, tornado)
    figure.savefig(path, dpi=130)


def _map(axis: Any, gains: np.ndarray) -> Any:
    """Draw the gains of the encoding of most energy gain: float64 [2, steps, rates, encodings]."""
    from matplotlib.colors import LogNorm
    from matplotlib.patches import Rectangle

    best = gains[0].argmax(axis=-1)[..., None]
    energy, latency = (np.take_along_axis(each, best, axis=-1)[..., 0] for each in gains)
    image = axis.imshow(
        energy, norm=LogNorm(1 / _FULL, _FULL), cmap="RdBu", origin="lower", aspect="auto"
    )
    for (i, j), value in np.ndenumerate(energy):
        axis.text(
            j,
            i,
            f"{value:.2g}",
            ha="center",
            va="center",
            fontsize=9,
            color="white" if max(value, 1 / value) > _FULL / 2 else "black",
        )
        if latency[i, j] < 1:
            axis.add_patch(
                Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, hatch="///", edgecolor="0.4", lw=0)
            )
    axis.set_xticks(range(len(RATES)), [f"{rate:g}" for rate in RATES])
    axis.set_yticks(range(len(STEPS)), [str(steps) for steps in STEPS])
    return image


def _tornado(figure: Any, found: Tornado) -> None:
    figure.suptitle(found.case)
    axes = figure.subplots(1, 2)
    titles = ("energy, dense / hybrid, x", "latency, dense / hybrid, x")
    for ratio, (axis, title) in enumerate(zip(axes, titles, strict=True)):
        bars = sorted(found.bars, key=lambda bar: -bar.span(ratio))[:_BARS][::-1]
        base = found.base[ratio]
        for place, bar in enumerate(bars):
            for value, colour in ((bar.low[ratio], _LOW), (bar.high[ratio], _HIGH)):
                axis.barh(place, value - base, left=base, color=colour)
        axis.set_yticks(range(len(bars)), [bar.name for bar in bars], fontsize=8)
        axis.axvline(base, color="black", lw=1)
        axis.axvline(1.0, color="0.5", lw=1, ls="--")
        axis.set_xlabel(title)
    axes[0].barh(0, 0, color=_LOW, label="first value")
    axes[0].barh(0, 0, color=_HIGH, label="second value")
    axes[0].legend(loc="lower right")
