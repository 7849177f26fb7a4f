"""What was imported from SANA-FE as files that ``chipletsim run`` takes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from chipletsim.engine.activity import Activity
from chipletsim.exchange.sanafe.imported import Imported
from chipletsim.mapping.store import save_mapping
from chipletsim.network.save import save_network

PACKAGE, NETWORK, MAPPING = "package.yaml", "network.yaml", "mapping.yaml"
EXPERIMENT, INPUTS, NEURONS, REPORT = "experiment.yaml", "inputs.npz", "neurons.npz", "report.json"
_HEADER = """\
# {name}, imported from an architecture file of SANA-FE, which states every energy and time here
# but the bandwidth of links, of which it has none.
"""


def write_files(imported: Imported, folder: Path) -> None:
    """Write package, network, mapping, inputs, an experiment, and a report.

    Args:
        imported: What was imported.
        folder: A folder that is there.
    """
    content = _yaml(imported.package_file)
    header = _HEADER.format(name=" ".join(imported.package.name.split()))
    (folder / PACKAGE).write_text(header + content, encoding="utf-8")
    report = json.dumps(imported.to_dict(), indent=2)
    (folder / REPORT).write_text(report + "\n", encoding="utf-8")
    if imported.network is None or imported.mapping is None:
        return
    save_network(imported.network, folder / NETWORK)
    save_mapping(imported.mapping, folder / MAPPING)
    np.savez_compressed(folder / NEURONS, **imported.members)  # type: ignore[arg-type]
    if imported.inputs:
        shapes = {name: (spikes.shape[2],) for name, spikes in imported.inputs.items()}
        Activity.from_spikes(shapes, imported.inputs).save(folder / INPUTS)
    (folder / EXPERIMENT).write_text(_yaml(_experiment(imported)), encoding="utf-8")


def _experiment(imported: Imported) -> dict[str, Any]:
    # Nothing feeds a network without inputs, whatever the rate.
    inputs: dict[str, Any] = {"rate_per_step": 0.0, "steps": imported.steps}
    if imported.inputs:
        inputs = {"replay": {"file": INPUTS}, "steps": imported.steps}
    return {
        "name": _plain(imported.network.name if imported.network else ""),
        "package": {"use": PACKAGE},
        "network": {"use": NETWORK},
        "inputs": inputs,
        "mapping": {"file": MAPPING},
        "timing": "detailed",
    }


def _plain(name: str) -> str:
    """Return a name that can be part of a file's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "sana_fe"


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=100)
