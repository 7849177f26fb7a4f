"""The figure of language models: bits, energy and time of a token over dies and devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.talk.language_systems import (
    DENSE_GATHERED,
    DENSE_SUMS,
    GAPS,
    GAPS_SUMS,
    PACKETS,
    Line,
)


def draw(found: Sequence[Line], path: Path) -> None:
    """Draw bits, energy and time of a token over the number of dies or devices.

    Args:
        found: All lines.
        path: File to write.
    """
    from matplotlib.figure import Figure

    models = list(dict.fromkeys(each.model for each in found))
    figure = Figure(figsize=(15, 5 * len(models)), layout="constrained")
    axes = figure.subplots(len(models), 3, squeeze=False)
    panels = (
        ("bits over the dearest boundary, bit", "boundary_bits"),
        ("energy of a token, J", "energy_j"),
        ("time of a token, s", "latency_s"),
    )
    for row, model in zip(axes, models, strict=True):
        for axis, (label, field) in zip(row, panels, strict=True):
            for (name, marker, colour), curve in _curves(found, model):
                devices = [each.devices for each in curve]
                values = [getattr(each, field) for each in curve]
                axis.plot(devices, values, marker=marker, color=colour, label=name)
            axis.set(xscale="log", yscale="log", xlabel="dies, or devices", ylabel=label)
            axis.set_title(model)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    figure.savefig(path, dpi=130)


def _curves(found: Sequence[Line], model: str) -> Iterator[tuple[tuple[str, str, str], list[Line]]]:
    """Yield name, marker and colour of curves, with their lines."""
    wanted = (
        ("UCIe advanced", DENSE_SUMS, "o", "#0072B2"),
        ("UCIe advanced", DENSE_GATHERED, "s", "#56B4E9"),
        ("UCIe advanced", GAPS_SUMS, "v", "#CC79A7"),
        ("UCIe advanced", GAPS, "^", "#009E73"),
        ("UCIe advanced", PACKETS, "D", "#E69F00"),
        ("board SerDes", DENSE_GATHERED, "x", "#999999"),
        ("board SerDes", GAPS, "+", "#D55E00"),
        ("H100", "int8, tensor 8", "P", "#000000"),
    )
    for system, version, marker, colour in wanted:
        curve = [
            each
            for each in found
            if each.model == model and system in each.system and each.version.startswith(version)
        ]
        if curve:
            yield (f"{system}: {version}", marker, colour), curve
