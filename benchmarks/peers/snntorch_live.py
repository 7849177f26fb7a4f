"""Random networks of snnTorch, run by it and by chipletsim as live modules.

``python snntorch_live.py PLACES rows FIRST COUNT`` prints rows as JSON, ``... PLACES record FOLDER
SEED ...`` writes networks and spikes to files; in the environment of the peers. ``PLACES`` are
folders of chipletsim and its packages, separated as in PATH.
"""

import json
import os
import site
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

PLACES, MODE, *ARGUMENTS = sys.argv[1:]
for place in PLACES.split(os.pathsep):
    site.addsitedir(place)

import snntorch  # noqa: E402
import torch  # noqa: E402
from snntorch_random import Case, draw, forget, recorded  # noqa: E402

import chipletsim as cs  # noqa: E402

MARGIN = 1e-6
"""Membranes nearer to their threshold may be on its other side, where sums are not exact."""


def main() -> None:
    """Print rows, or record."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if MODE == "record":
        for seed in ARGUMENTS[1:]:
            record(Path(ARGUMENTS[0]) / f"random_{seed}", int(seed))
        return
    first, count = map(int, ARGUMENTS)
    found = [row for seed in range(first, first + count) for row in rows(seed)]
    print(json.dumps(found))


def converted(seed: int) -> tuple[Case, dict[str, np.ndarray], float, cs.Network]:
    """Return a case, its spikes [samples, steps, ...] by layer, their margin, and its network."""
    case = draw(seed)
    spikes, margin = recorded(case)
    forget(case.module)
    graded = bool(((case.inputs != 0) & (case.inputs != 1)).any())
    network = cs.from_snntorch(case.module, **case.options, input_bits=32 if graded else 0)
    return case, spikes, margin, network


def rows(seed: int) -> Iterator[dict[str, Any]]:
    """Return the figures of a network: spikes of each layer on both sides, and how many differ."""
    case, spikes, margin, network = converted(seed)
    activity = cs.simulate(network, case.inputs.transpose(0, 1).numpy())
    near = not case.exact and margin < MARGIN
    for name, theirs in spikes.items():
        ours = activity.spikes(name).reshape(theirs.shape)
        yield {
            "case": f"random {case.style} {seed}" + (" (rounding)" if near else ""),
            "quantity": f"spikes of {name}",
            "unit": "spikes",
            "ours": int(ours.sum()),
            "peer": f"snnTorch {snntorch.__version__}, live",
            "theirs": int(theirs.sum()),
            "difference": int((ours != theirs).sum()),
        }


def record(folder: Path, seed: int) -> None:
    """Write a network as chipletsim takes it, its inputs, and the spikes that snnTorch gives."""
    case, spikes, _, network = converted(seed)
    folder.mkdir(parents=True, exist_ok=True)
    cs.save_network(network, folder / "network.yaml")
    packed = {f"spikes__{name}": np.packbits(array) for name, array in spikes.items()}
    shapes = {f"shape__{name}": np.array(array.shape) for name, array in spikes.items()}
    inputs = case.inputs.transpose(0, 1).numpy()
    np.savez_compressed(folder / "record.npz", inputs=inputs, **packed, **shapes)
    about = {
        "seed": seed,
        "style": case.style,
        "features": sorted(set(case.features)),
        "versions": {"snntorch": snntorch.__version__, "torch": torch.__version__},
    }
    (folder / "case.json").write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
