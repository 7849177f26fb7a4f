"""The files of a run: result, tables, mapping, resolved configuration, figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.cost.columns import Columns
from chipletsim.cost.energy import DIE_TO_DIE, label
from chipletsim.cost.result import Result
from chipletsim.mapping.store import save_mapping
from chipletsim.report.csvs import write_csv
from chipletsim.report.figures import (
    PIP_LINE,
    LinkLoad,
    figures_available,
    write_energy_figure,
    write_load_figure,
    write_package_figure,
)
from chipletsim.report.interconnect import link_history
from chipletsim.report.interconnect_figures import write_latency_figure, write_utilisation_figure
from chipletsim.report.resolved import resolved_yaml
from chipletsim.report.summary import busiest_links
from chipletsim.spec.defaults import defaults
from chipletsim.spec.experiment import ExperimentSpec
from chipletsim.spec.load import Loaded

RESULT = "result.json"
FIGURES_MISSING = f"no figures, since matplotlib is not installed: {PIP_LINE}"


def write_tables(folder: Path, result: Result) -> None:
    """Write links, tiles, layers, steps and the interconnect as CSV, units in the column names.

    Args:
        folder: An existing folder.
        result: What `price` returned.
    """
    _write(folder / "links.csv", result.links)
    _write(folder / "tiles.csv", result.tiles)
    _write(folder / "layers.csv", result.layers)
    _write(folder / "steps.csv", result.per_step)
    if result.interconnect:
        _write(folder / "interconnect_links.csv", result.interconnect.links)
        _write(folder / "interconnect_steps.csv", result.interconnect.steps)
        _write(folder / "interconnect_latency.csv", result.interconnect.latencies)
        _write(folder / "interconnect_over_time.csv", link_history(result.interconnect))


def write_mapping_and_config(
    folder: Path, result: Result, experiment: Loaded[ExperimentSpec]
) -> None:
    """Write the mapping that was priced and the configuration it came from."""
    save_mapping(result.mapping, folder / "mapping.yaml")
    text = resolved_yaml(experiment.resolved, experiment.origins, defaults(experiment.spec))
    (folder / "config.resolved.yaml").write_text(text, encoding="utf-8")


def write_figures(folder: Path, name: str, result: Result) -> bool:
    """Draw the figures; return whether that was possible.

    Args:
        folder: An existing folder.
        name: Name of the run.
        result: What `price` returned.
    """
    if not figures_available():
        return False
    samples = max(result.samples, 1)
    energy = grouped_energy(result.energy.by_component(), samples)
    write_energy_figure(folder / "energy.png", name, energy)
    write_load_figure(folder / "link_load.png", name, link_load(result))
    per_inference = result.link_wire_bits / samples
    write_package_figure(folder / "package.png", name, result.mapping.package, per_inference)
    if result.interconnect:
        write_latency_figure(folder / "packet_latency.png", name, result.interconnect)
        write_utilisation_figure(folder / "link_utilisation.png", name, result.interconnect)
    return True


def write_result(folder: Path, summary: dict[str, Any]) -> None:
    """Write ``result.json``, the last file of a run."""
    text = json.dumps(summary, indent=2, allow_nan=False, default=_plain)
    (folder / RESULT).write_text(text + "\n", encoding="utf-8")


def grouped_energy(by_component_j: dict[str, float], samples: int) -> dict[str, float]:
    """Return joules per inference, all die-to-die links as one component."""
    grouped: dict[str, float] = {}
    for name, value in by_component_j.items():
        group = "die-to-die links" if name.startswith(DIE_TO_DIE) else label(name)
        grouped[group] = grouped.get(group, 0.0) + value / samples
    return grouped


def link_load(result: Result) -> LinkLoad:
    """Return the load of the busiest links in each hardware step, mean over samples."""
    names = tuple(link["link"] for link in busiest_links(result))
    index = {link.name: number for number, link in enumerate(result.mapping.package.links)}
    load = result.link_load_bits[:, [index[name] for name in names]].T
    return LinkLoad(names, load / max(result.samples, 1))


def _write(path: Path, columns: Columns) -> None:
    write_csv(path, list(columns.data), columns.rows())


def _plain(value: Any) -> Any:
    """Return a NumPy scalar or array as JSON knows it."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot stand in {RESULT}")
