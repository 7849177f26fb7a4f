"""Fidelity: NIR files of other frameworks, their recorded spikes beside ours.

A difference is how many spikes (or counts) differ, of all neurons, steps and samples; of the
values of readouts the largest, as a share of the largest value. Cases are those in
``tests/data/nir`` and, where it is there, in ``../shared/references/nir``.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Row
from chipletsim.engine.simulate import simulate
from chipletsim.network.load import load_network
from chipletsim.network.model import Network

ROOT = Path(__file__).parents[2]
OWN = ROOT / "tests" / "data" / "nir"
SHARED = ROOT.parent / "shared" / "references" / "nir"
_OPTIONS = {"reset": "reset", "reset_delay": "reset_delay", "spike": "spikes",
            "norm_input": "norm_input", "min_v_mem": "v_min",
            "parametric": "parametric"}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A network, what it was fed, and what its framework recorded.

    Attributes:
        name: Name of the case.
        framework: Framework that ran it.
        network: The network, as its preset reads it.
        inputs: Input population to [samples, steps, neurons].
        spikes: Population to recorded spikes or counts, [samples, steps, neurons].
        values: Population to recorded values of readouts, likewise.
        outputs: What the network returned, by output population, likewise.
    """

    name: str
    framework: str
    network: Network
    inputs: dict[str, np.ndarray]
    spikes: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]


def folders() -> dict[str, Path]:
    """Return the folder of each case that is there."""
    own = (OWN, *(OWN / name for name in ("generated", "spikingjelly", "lava")))
    places = (*own, SHARED / "generated")
    return {path.parent.name: path.parent for place in places for path in place.glob("*/case.json")}


def read_case(folder: Path) -> Case:
    """Return the case in a folder; graded inputs where what it was fed is no spikes."""
    about = json.loads((folder / "case.json").read_text())
    with np.load(folder / "io.npz") as stored:
        arrays = dict(stored)
    network = load_case(folder, about)
    inputs = {
        _population(network, key.partition("__")[2] or _input(network)): _samples_first(array)
        for key, array in arrays.items()
        if key.partition("__")[0] == "input"
    }
    graded = {name for name, array in inputs.items() if array.dtype.kind == "f"}
    populations = tuple(
        replace(p, value_bits=32) if p.name in graded else p for p in network.populations
    )
    return Case(
        folder.name,
        about["framework"],
        replace(network, populations=populations),
        inputs,
        _recorded(arrays, "spk", network),
        _recorded(arrays, "v", network),
        _outputs(arrays, network),
    )


def load_case(folder: Path, about: dict[str, Any]) -> Network:
    """Return the network of a case, read as its notes say."""
    nodes = {name: _node_options(given) for name, given in about["nodes"].items()}
    options = {"tau_scale": 1000.0} if about.get("export_dt_argument") == 0.001 else {}
    with nir_file(folder) as path:
        return load_network(
            path,
            dt=about["dt"],
            preset=about["preset"],
            options=options | about.get("options", {}),
            nodes={name: given for name, given in nodes.items() if given},
            delayed_edges=[tuple(edge) for edge in about.get("delayed_edges", [])],
        )


@contextmanager
def nir_file(folder: Path) -> Iterator[Path]:
    """Yield the file of a case, unpacked where it is kept packed."""
    packed = folder / "model.nir.gz"
    if not packed.exists():
        yield folder / "model.nir"
        return
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, f"{folder.name}.nir")
        path.write_bytes(gzip.decompress(packed.read_bytes()))
        yield path


def rows(quick: bool) -> list[Row]:
    """Return the figures of all cases, or of every fifth."""
    chosen = list(folders().values())[:: 5 if quick else 1]
    return [row for folder in chosen for row in case_rows(read_case(folder))]


def case_rows(case: Case) -> Iterator[Row]:
    """Yield the figures of one case."""
    activity = simulate(case.network, case.inputs)
    for name, expected in case.spikes.items():
        found = activity.counts(name) if name in activity.counted else activity.spikes(name)
        wrong = int(np.count_nonzero(np.asarray(found, np.int64) != expected))
        totals = int(np.sum(found, dtype=np.int64)), int(expected.sum(dtype=np.int64))
        yield _row(case, f"spikes of {name}", "spikes", totals, wrong)
    for name, expected in case.values.items():
        scale = float(np.abs(expected).max())
        most = float(np.abs(activity.values[name] - expected).max()) / (scale or 1.0)
        largest = float(np.abs(activity.values[name]).max()), scale
        yield _row(case, f"largest value of {name}", "1", largest, most)


def _row(
    case: Case, quantity: str, unit: str, figures: tuple[float, float], difference: float
) -> Row:
    """Return a row; the difference counts spikes that differ, or is a share of the largest."""
    ours, theirs = figures
    peer = f"{case.framework}, NIR file"
    return Row(case.name, quantity, unit, ours, peer, theirs, difference=difference)


def _node_options(given: dict[str, Any]) -> dict[str, Any]:
    """Return what a case says of a node, as options of its preset."""
    known = {
        _OPTIONS[key]: value
        for key, value in given.items()
        if key in _OPTIONS and value is not None
    }
    framework = given["model"].split(".")[0]
    if known.get("reset") == "value":
        known["reset"] = "zero"
    if framework == "rockpool":
        return {}
    return known


def _recorded(arrays: dict[str, np.ndarray], kind: str, network: Network) -> dict[str, np.ndarray]:
    return {
        _population(network, key.partition("__")[2]): _samples_first(array)
        for key, array in arrays.items()
        if key.partition("__")[0] == kind
    }


def _outputs(arrays: dict[str, np.ndarray], network: Network) -> dict[str, np.ndarray]:
    """Return what one output population returned; cases with several are named by their nodes."""
    ends = [p.name for p in network.populations if p.output]
    return {ends[0]: _samples_first(arrays["output"])} if "output" in arrays else {}


def _population(network: Network, node: str) -> str:
    """Return the population of a node; a recurrent layer stands for its neurons."""
    return node if node in network.index else f"{node}.lif"


def _input(network: Network) -> str:
    return next(p.name for p in network.populations if p.model == "input")


def _samples_first(array: np.ndarray) -> np.ndarray:
    """Return [steps, samples, ...] as [samples, steps, neurons]."""
    return np.moveaxis(array, 0, 1).reshape(array.shape[1], array.shape[0], -1)
