"""Figures: energy by component, link load over time, package map, break-even, training front.

Colours are those of Okabe and Ito and the cividis map, which stay apart for colour-blind
readers; every line also has a marker of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.package.model import Package
from chipletsim.report.floorplan import Floorplan, floorplan
from chipletsim.tables import si

PIP_LINE = "pip install 'chipletsim[figures]'"
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_KIND_COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#999999")
_DPI = 150


@dataclass(frozen=True)
class LinkLoad:
    """Load of some links over the hardware steps of an inference.

    Attributes:
        names: Names of the links.
        bits: float [links, steps], bits on the wire per step, mean over samples.
    """

    names: tuple[str, ...]
    bits: np.ndarray


@dataclass(frozen=True)
class WinnerCurves:
    """Where spikes begin to save energy across a boundary.

    Attributes:
        rates: float [rates], spikes per neuron and step.
        least_j_per_bit: Time steps to float [rates], least link energy; infinite for none.
        bit_limits: Time steps to the rate from which spikes save no bits, where there is one.
        link_j_per_bit: Energy of a bit of payload on the link.
    """

    rates: np.ndarray
    least_j_per_bit: Mapping[int, np.ndarray]
    bit_limits: Mapping[int, float]
    link_j_per_bit: float


def figures_available() -> bool:
    """Return whether matplotlib is installed."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def write_energy_figure(path: Path, name: str, energy_j: Mapping[str, float]) -> None:
    """Draw bars of energy per inference by component.

    Args:
        path: PNG file to write.
        name: Name of the run, for the title.
        energy_j: Component to energy per inference, in joules.
    """
    parts = sorted(energy_j.items(), key=lambda part: part[1])
    total = sum(energy_j.values())
    figure = new_figure(8.0, 1.6 + 0.36 * len(parts))
    axes = figure.add_subplot()
    scale, unit = scale_of(max(energy_j.values(), default=0.0), "J")
    values = [value * scale for _, value in parts]
    bars = axes.barh([label for label, _ in parts], values, color=COLOURS[0], height=0.7)
    labels = [
        f" {si(value, 'J', 3)} ({value / total:.1%})" if total else " 0 J" for _, value in parts
    ]
    axes.bar_label(bars, labels, fontsize=9)
    axes.set_xlim(0, 1.3 * max([*values, 1e-30]))
    axes.set_xlabel(f"energy per inference ({unit})")
    axes.set_title(f"{name}: {si(total, 'J')} per inference, by component", loc="left")
    plain_axes(axes, grid="x")
    save_figure(figure, path)


def write_load_figure(path: Path, name: str, load: LinkLoad) -> None:
    """Draw bits per hardware step on the busiest links.

    Args:
        path: PNG file to write.
        name: Name of the run, for the title.
        load: Load of the links to show, the busiest first.
    """
    figure = new_figure(8.0, 4.2)
    axes = figure.add_subplot()
    scale, unit = scale_of(float(load.bits.max(initial=0.0)), "bit")
    steps = np.arange(load.bits.shape[1])
    for number, (label, bits) in enumerate(zip(load.names, load.bits, strict=True)):
        axes.plot(
            steps,
            bits * scale,
            label=label,
            color=COLOURS[number % len(COLOURS)],
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=4,
            markevery=max(1, steps.size // 24),
            linewidth=1.4,
        )
    axes.set_ylim(bottom=0)
    axes.set_xlabel("hardware step of an inference")
    axes.set_ylabel(f"{unit} on the wire per step, mean")
    axes.set_title(f"{name}: busiest links over time", loc="left")
    if load.names:
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
    axes.xaxis.get_major_locator().set_params(integer=True)
    plain_axes(axes, grid="both")
    save_figure(figure, path)


def write_package_figure(path: Path, name: str, package: Package, link_bits: np.ndarray) -> None:
    """Draw dies, routers and tiles, and each link in the colour of its load.

    Args:
        path: PNG file to write.
        name: Name of the run, for the title.
        package: The package.
        link_bits: float [links], bits on the wire per inference.
    """
    plan = floorplan(package)
    width, height = plan.extent
    inches = min(0.55, 13.0 / max(width, height))
    figure = new_figure(max(6.0, inches * width + 2.6), max(4.0, inches * height + 1.6))
    axes = figure.add_subplot()
    _draw_dies(axes, package, plan)
    _draw_links(figure, axes, package, plan, link_bits)
    _draw_tiles(axes, package, plan)
    axes.set_aspect("equal")
    axes.margins(0.02)
    axes.axis("off")
    axes.set_title(f"{name}: {package.name}, load of each link", loc="left")
    save_figure(figure, path)


def write_front_figure(
    path: Path, name: str, bits: np.ndarray, accuracy: np.ndarray, labels: Sequence[str]
) -> None:
    """Draw the accuracy of networks against their bits across dies.

    Args:
        path: PNG file to write.
        name: Name of the run, for the title.
        bits: float [networks], bits across dies per inference.
        accuracy: float [networks], share of right answers.
        labels: What each network is.
    """
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    scale, unit = scale_of(float(bits.max(initial=0.0)), "bit")
    axes.plot(bits * scale, 100 * accuracy, color=COLOURS[0], marker=_MARKERS[0], linewidth=1.0)
    for x, y, label in zip(bits * scale, 100 * accuracy, labels, strict=True):
        axes.annotate(label, (x, y), (4, 4), textcoords="offset points", fontsize=8)
    axes.set_xlim(left=0)
    axes.set_xlabel(f"{unit} across dies per inference, on the wire")
    axes.set_ylabel("accuracy (%)")
    axes.set_title(f"{name}: accuracy against traffic", loc="left")
    plain_axes(axes, grid="both")
    save_figure(figure, path)


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure; characters that the font lacks are drawn as boxes, without a word."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(path, dpi=_DPI)


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of a size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def plain_axes(axes: Any, grid: str) -> None:
    """Give axes the look of all figures, with a grid along ``x``, ``y`` or ``both``."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    axes.grid(axis=grid, color="0.9", linewidth=0.7)
    axes.set_axisbelow(True)


def scale_of(largest: float, unit: str) -> tuple[float, str]:
    """Return the factor and the unit that bring ``largest`` into 1 to 1000."""
    label = si(largest or 1.0, unit).split()[1]
    exponent = {"f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12}
    prefix = label.removesuffix(unit)
    return 10.0 ** -exponent.get(prefix, 0), label


def _draw_dies(axes: Any, package: Package, plan: Floorplan) -> None:
    from matplotlib.patches import FancyBboxPatch

    for chiplet, (left, bottom, width, height) in zip(package.chiplets, plan.dies, strict=True):
        axes.add_patch(
            FancyBboxPatch(
                (left, bottom), width, height, boxstyle="round,pad=0,rounding_size=0.25",
                facecolor="0.96", edgecolor="0.55", linewidth=1.0, zorder=0,
            )
        )  # fmt: skip
        title = f"{chiplet.name} ({chiplet.type})"
        axes.text(
            left + 0.15, bottom + height - 0.15, title, fontsize=9, va="top", ha="left", zorder=4,
            bbox={"facecolor": "0.96", "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip


def _draw_links(
    figure: Any, axes: Any, package: Package, plan: Floorplan, link_bits: np.ndarray
) -> None:
    """Draw both directions of a link side by side; links without traffic are pale dashes."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import LogNorm

    segments = _segments(package, plan)
    between = np.array([link.between_dies for link in package.links], bool)
    idle = link_bits <= 0
    quiet = LineCollection(list(segments[idle]), colors="0.75", linewidths=0.8, linestyles="--")
    axes.add_collection(quiet)
    if not idle.all():
        busy = link_bits[~idle]
        norm = LogNorm(busy.min(), max(busy.max(), busy.min() * 1.01))
        lines = LineCollection(
            list(segments[~idle]), cmap="cividis_r", norm=norm,
            linewidths=np.where(between[~idle], 4.0, 2.2), zorder=2,
        )  # fmt: skip
        lines.set_array(busy)
        axes.add_collection(lines)
        figure.colorbar(lines, ax=axes, shrink=0.8, label="bits on the wire per inference")
    axes.autoscale_view()


def _segments(package: Package, plan: Floorplan) -> np.ndarray:
    """Return float [links, 2, 2]: ends of each link, moved to the right of its direction."""
    pairs: dict[tuple[int, int], int] = {}
    segments = []
    for link in package.links:
        a, b = plan.routers[link.source], plan.routers[link.target]
        number = pairs.setdefault((link.source, link.target), 0)
        pairs[link.source, link.target] += 1
        along = (b - a) / max(float(np.hypot(*(b - a))), 1e-9)
        shift = (0.07 + 0.14 * number) * np.array([along[1], -along[0]])
        segments.append((a + shift + 0.2 * along, b + shift - 0.2 * along))
    return np.array(segments).reshape(-1, 2, 2)


def _draw_tiles(axes: Any, package: Package, plan: Floorplan) -> None:
    kinds = sorted({tile.kind for tile in package.tiles})
    for number, kind in enumerate(kinds):
        at = plan.routers[[tile.router for tile in package.tiles if tile.kind == kind]]
        colour = _KIND_COLOURS[number % len(_KIND_COLOURS)]
        marker = ("s", "o", "D", "^", "P", "X")[number % 6]
        axes.scatter(
            at[:, 0], at[:, 1], s=42, marker=marker, color=colour, edgecolors="0.2",
            linewidths=0.6, label=kind, zorder=3,
        )  # fmt: skip
    axes.legend(
        title="tiles (traffic keeps to the right side of a link)",
        fontsize=8,
        title_fontsize=8,
        frameon=False,
        ncols=min(len(kinds), 5),
        loc="upper left",
        bbox_to_anchor=(0.0, 0.0),
        alignment="left",
    )


def write_winner_figure(path: Path, name: str, curves: WinnerCurves) -> None:
    """Draw the link energy per bit above which spikes save energy, over the firing rate.

    Spikes win above a curve. A vertical line is where they stop to save bits; the
    horizontal one is what a bit costs on the link.

    Args:
        path: PNG file to write.
        name: What crosses the boundary, for the title.
        curves: One curve for each number of time steps.
    """
    figure = new_figure(8.0, 4.6)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_yscale("log")
    for number, (steps, least) in enumerate(curves.least_j_per_bit.items()):
        colour = COLOURS[number % len(COLOURS)]
        shown = np.isfinite(least) & (least > 0)
        marker = _MARKERS[number % len(_MARKERS)]
        every = max(1, int(shown.sum()) // 12)
        axes.plot(
            curves.rates[shown], least[shown] * 1e12, color=colour, label=f"T = {steps}",
            marker=marker, markersize=4, markevery=every, linewidth=1.4,
        )  # fmt: skip
        limit = curves.bit_limits.get(steps)
        if limit is not None:
            axes.axvline(limit, color=colour, linestyle=":", linewidth=1.0)
    if curves.bit_limits:
        axes.plot([], [], color="0.3", linestyle=":", linewidth=1.0, label="no bits saved beyond")
    axes.axhline(curves.link_j_per_bit * 1e12, color="0.3", linestyle="--", label="this link")
    axes.set_xlim(curves.rates.min(), curves.rates.max())
    axes.set_xlabel("spikes per neuron and step")
    axes.set_ylabel("least link energy (pJ/bit of payload)")
    axes.set_title(f"{name}: spikes save energy above the curve", loc="left")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
    plain_axes(axes, grid="both")
    save_figure(figure, path)
