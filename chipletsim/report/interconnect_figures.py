"""Figures of the interconnect: latencies of packets, and links over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from chipletsim.cost.interconnect import Interconnect
from chipletsim.cost.link_history import StepHistory, TimeHistory
from chipletsim.report.figures import COLOURS, new_figure, plain_axes, save_figure, scale_of
from chipletsim.tables import si

MOST_LINKS = 24
_BARS = 48
_PLACES = {"within_die": "within a die", "across_dies": "across dies"}


def write_latency_figure(path: Path, name: str, interconnect: Interconnect) -> None:
    """Draw how many packets have which latency, within dies and across them, on a log axis.

    Args:
        path: PNG file to write.
        name: Name of the run, for the title.
        interconnect: What the run tells.
    """
    figure = new_figure(8.0, 4.2)
    axes = figure.add_subplot()
    values_s = np.asarray(interconnect.latencies["packet_latency_up_to_s"])
    scale, unit = scale_of(float(values_s.max(initial=0.0)), "s")
    edges = latency_edges(values_s)
    below = np.zeros(edges.size - 1)
    for (place, label), colour in zip(_PLACES.items(), COLOURS, strict=False):
        counts, _ = np.histogram(
            values_s, edges, weights=interconnect.latencies[f"packets_{place}"]
        )
        if counts.any():
            axes.bar(
                edges[:-1] * scale, counts, np.diff(edges) * scale, bottom=below, align="edge",
                color=colour, label=label,
            )  # fmt: skip
        below += counts
    every = interconnect.packet_latency["all"]
    for label, value_s, style in (("median", every.p50_s, "-"), ("p99", every.p99_s, ":")):
        if value_s is not None:
            shown = f"{label} {si(value_s, 's')}"
            axes.axvline(value_s * scale, color="0.2", linestyle=style, linewidth=1.0, label=shown)
    axes.set_xscale("log")
    axes.set_xlabel(f"packet latency, from made to last delivery ({unit})")
    axes.set_ylabel("packets")
    axes.set_title(f"{name}: latency of {every.packets:,} packets", loc="left")
    if every.packets:
        axes.legend(fontsize=8, frameon=False)
    plain_axes(axes, grid="y")
    save_figure(figure, path)


def latency_edges(values_s: np.ndarray) -> np.ndarray:
    """Return float64 [bars + 1]: edges of bars around all values, evenly apart on a log axis."""
    some = values_s[values_s > 0]
    least = float(some.min()) * 0.98 if some.size else 1e-9
    most = float(some.max()) * 1.02 if some.size else 1e-8
    edges = np.geomspace(least, most, _BARS + 1)
    if values_s.size and values_s.min() <= 0:
        edges[0] = 0.0
    return edges


def write_utilisation_figure(path: Path, name: str, interconnect: Interconnect) -> None:
    """Draw the utilisation of the busiest links over time, the busiest at the top.

    Args:
        path: PNG file to write.
        name: Name of the run, for the title.
        interconnect: What the run tells.
    """
    utilisation = np.asarray(interconnect.links["utilisation"])
    order = np.lexsort((np.arange(utilisation.size), -utilisation))
    shown = [at for at in order.tolist() if utilisation[at]][:MOST_LINKS]
    figure = new_figure(8.0, 1.8 + 0.24 * max(len(shown), 4))
    axes = figure.add_subplot()
    history = interconnect.history
    bins = len(history.time_s)
    width, label = _bins(history)
    estimated = ", estimated" if isinstance(history, TimeHistory) else ""
    if shown and bins:
        image = axes.imshow(
            _percent(history)[:, shown].T, aspect="auto", interpolation="nearest",
            cmap="cividis", vmin=0, extent=(0, bins * width, len(shown) - 0.5, -0.5),
        )  # fmt: skip
        figure.colorbar(image, ax=axes, label=f"time in use{estimated} (%)")
        axes.set_yticks(range(len(shown)), [interconnect.links["link"][at] for at in shown])
        axes.tick_params(labelsize=8)
    axes.set_xlabel(label)
    used = int(np.count_nonzero(interconnect.links["flits"]))
    axes.set_title(f"{name}: {len(shown)} busiest of {used:,} links in use", loc="left")
    axes.xaxis.get_major_locator().set_params(integer=isinstance(history, StepHistory))
    save_figure(figure, path)


def _bins(history: StepHistory | TimeHistory) -> tuple[float, str]:
    """Return how wide a bin is drawn, and what the axis shows."""
    if isinstance(history, TimeHistory):
        scale, unit = scale_of(len(history.time_s) * history.bin_s, "s")
        return history.bin_s * scale, f"time since an inference began ({unit})"
    label = "hardware step of an inference"
    blank = not history.followed.all()
    return history.steps_per_bin, f"{label} (blank: left to `bound`)" if blank else label


def _percent(history: StepHistory | TimeHistory) -> np.ndarray:
    """Return float64 [bins, links]: percent of the time in use; NaN in bins not told of."""
    percent = 100 * history.utilisation
    if isinstance(history, StepHistory):
        percent[history.followed == 0] = np.nan
    return percent
