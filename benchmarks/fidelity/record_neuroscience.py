"""Records what Brian2 makes of small networks of neuroscience, for the tests.

``python -m benchmarks.fidelity.record_neuroscience`` writes ``tests/data/neuroscience``: a file for
each network with its synapses, start and drive, as ``brian2_neuroscience.py`` reads them, and the
spikes that Brian2 finds in double precision.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import chipletsim as cs
from benchmarks import peers
from benchmarks.fidelity.neuroscience import Case, inputs_of, peer_arrays, specification

FOLDER = Path(__file__).parents[2] / "tests" / "data" / "neuroscience"
NEURONS = {"excitatory": 320, "inhibitory": 80}
DRIVE_HZ = 20_000.0
STEPS = {"vogels_abbott_coba": 1500, "vogels_abbott_cuba": 1500, "brunel": 500}


def main() -> None:
    """Write all files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, steps in STEPS.items():
        network = cs.load_network(_smaller(name))
        stimulated = {"stimulus": (300.0, 0.05)}
        driven = {"drive_e": (DRIVE_HZ, None), "drive_i": (DRIVE_HZ, None)}
        drive = driven if name == "brunel" else stimulated
        scheme = "trapezoidal" if name == "vogels_abbott_coba" else "exact"
        case = Case(name, network, drive, steps, scheme)
        arrays = peer_arrays(case, inputs_of(network, case.drive, steps))
        with tempfile.TemporaryDirectory() as folder:
            given, found = Path(folder) / "network.npz", Path(folder) / "spikes.npz"
            np.savez(given, **arrays)
            peers.call("brian2_neuroscience.py", given, found, turn=lambda: None)
            spikes = dict(np.load(found))
        np.savez_compressed(FOLDER / f"{name}.npz", **arrays, **spikes)
        print(f"{name}: {spikes['step'].size} spikes")


def _smaller(name: str) -> dict[str, Any]:
    """Return a shipped network of 400 neurons, with a fifth of the possible synapses."""
    spec = specification(f"networks/{name}")
    for key, population in spec["populations"].items():
        kept = NEURONS["inhibitory" if key in ("inhibitory", "drive_i") else "excitatory"]
        if key != "stimulus":
            population["shape"] = [kept]
    for projection in spec["projections"]:
        own = projection["connection"]
        if own.get("fan_in") is not None:
            own["fan_in"] = NEURONS[projection["source"]] // 5
            own["weight"] = "0.2 mV" if projection["source"] == "excitatory" else "-1 mV"
        if own.get("probability") is not None:
            own["probability"] = 0.2
    return spec


if __name__ == "__main__":
    main()
