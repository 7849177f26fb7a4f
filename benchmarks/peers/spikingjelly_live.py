"""Random networks of SpikingJelly, exported by it as NIR files, run by it and by chipletsim.

``python spikingjelly_live.py PLACES rows FIRST COUNT`` prints rows as JSON, ``... PLACES record
FOLDER SEED ...`` writes files, inputs, spikes and membranes, ``... PLACES slayer FILE`` what its
port of SLAYER's neuron gives; in the environment of the peers. ``PLACES`` are folders of
chipletsim and its packages, separated as in PATH.
"""

import gzip
import json
import logging
import os
import site
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

PLACES, MODE, *ARGUMENTS = sys.argv[1:]
for place in PLACES.split(os.pathsep):
    site.addsitedir(place)
logging.disable(logging.WARNING)

import torch  # noqa: E402
from loguru import logger  # noqa: E402
from spikingjelly.activation_based import lava_exchange  # noqa: E402
from spikingjelly_random import BATCH, Case, draw, draw_loops  # noqa: E402

import chipletsim as cs  # noqa: E402

USUAL_DT = 1e-4
LOOPS = 10_000
"""Seeds from this on are of graphs with loops."""


def main() -> None:
    """Print rows, or record."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logger.remove()
    if MODE == "record":
        for seed in map(int, ARGUMENTS[1:]):
            record(Path(ARGUMENTS[0]), seed)
        return
    if MODE == "slayer":
        slayer(Path(ARGUMENTS[0]))
        return
    first, count = map(int, ARGUMENTS)
    found = [row for seed in range(first, first + count) for row in rows(seed)]
    found += [row for seed in range(first, first + count // 3) for row in rows(LOOPS + seed)]
    print(json.dumps(found))


def drawn(seed: int) -> Case:
    """Return a case that has run."""
    return draw(seed) if seed < LOOPS else draw_loops(seed)


def options(case: Case) -> dict[str, Any]:
    """Return what the preset must be told: a time step that is neither in the file nor usual."""
    told = any(not each.get("decay_input", False) for each in case.models.values())
    return {} if told or case.dt == USUAL_DT else {"export_dt": f"{case.dt} s"}


def loaded(case: Case, path: Path) -> cs.Network:
    """Return the network of a case's file, graded inputs where it was fed values."""
    nodes = {
        name: {"parametric": True} for name, each in case.models.items() if "parametric" in each
    }
    network = cs.load_network(
        path, dt=1e-3, preset="spikingjelly", nodes=nodes, options=options(case)
    )
    bits = 32 if bool(((case.inputs != 0) & (case.inputs != 1)).any()) else 0
    populations = tuple(
        replace(each, value_bits=bits) if each.model == "input" else each
        for each in network.populations
    )
    return replace(network, populations=populations)


def rows(seed: int) -> Iterator[dict[str, Any]]:
    """Return the figures of a network: spikes and membranes of each layer on both sides."""
    case = drawn(seed)
    with tempfile.TemporaryDirectory() as folder:
        case.write(f"{folder}/model.nir")
        network = loaded(case, Path(folder, "model.nir"))
    activity = cs.simulate(network, _samples_first(case.inputs.numpy()), record=("v",))
    for name, theirs in case.spikes.items():
        about = {
            "case": f"random {case.style} {seed}",
            "peer": f"SpikingJelly {version('spikingjelly')}, live",
        }
        yield about | _spikes(name, activity.spikes(name), _samples_first(theirs))
        v = activity.recorded[name]["v"].reshape(BATCH, len(theirs), -1)
        yield about | _membranes(name, v, _samples_first(case.membranes[name]))


def _spikes(name: str, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    """Return spikes of both sides; the difference counts the places where they differ."""
    figures = {"ours": int(ours.sum()), "theirs": int(theirs.sum())}
    apart = int(np.count_nonzero(ours != theirs))
    return {"quantity": f"spikes of {name}", "unit": "spikes", **figures, "difference": apart}


def _membranes(name: str, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    """Return how many membranes there are; the difference counts those that are not the same."""
    apart = int(np.count_nonzero(ours != theirs))
    return {
        "quantity": f"membranes of {name}",
        "unit": "membranes",
        "ours": ours.size,
        "theirs": theirs.size,
        "difference": apart,
    }


def _samples_first(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, 0, 1).reshape(BATCH, len(array), -1)


def record(folder: Path, seed: int) -> None:
    """Write a case as those in ``tests/data/nir`` are, its file packed."""
    case = drawn(seed)
    place = folder / f"{case.style}_{seed}"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        case.write(f"{scratch}/model.nir")
        packed = gzip.compress(Path(scratch, "model.nir").read_bytes(), mtime=0)
    (place / "model.nir.gz").write_bytes(packed)
    spikes = {f"spk__{name}": each.astype(np.uint8) for name, each in case.spikes.items()}
    membranes = {f"mem__{name}": each[:, 0] for name, each in case.membranes.items()}
    inputs = case.inputs.numpy()
    whole = bool(np.all((inputs == 0) | (inputs == 1)))
    np.savez_compressed(
        place / "io.npz",
        input=inputs.astype(np.uint8 if whole else np.float32),
        **spikes,
        **membranes,
    )
    about = {
        "framework": "spikingjelly",
        "preset": "spikingjelly",
        "dt": case.dt,
        "options": options(case),
        "seed": seed,
        "nodes": case.models,
        "versions": {name: version(name) for name in ("spikingjelly", "torch", "nir", "nirtorch")},
    }
    (place / "case.json").write_text(json.dumps(about, indent=1) + "\n")


def slayer(path: Path) -> None:
    """Write what ``lava_exchange.CubaLIFNode``, a port of Lava-DL's neuron, gives for currents."""
    rng, steps, size = np.random.default_rng(1), 60, 6
    kept: dict[str, list] = {}
    for scale, current_decay in ((64, 0.3), (64, 1.0), (1024, 0.7), (4096, 1.0)):
        given = {"current_decay": current_decay, "voltage_decay": rng.uniform(0.01, 0.4)}
        threshold = int(rng.integers(scale // 2, scale)) / scale
        node = lava_exchange.CubaLIFNode(**given, v_threshold=threshold, scale=scale)
        current = rng.normal(0.1, 0.4, (steps, size)).astype(np.float32)
        with torch.no_grad():
            pairs = [
                (node(torch.from_numpy(each)).numpy(), node.voltage_state.numpy())
                for each in current
            ]
        found = {"spikes": np.stack([one for one, _ in pairs]) > 0, "current": current}
        found["voltage"] = np.stack([other for _, other in pairs])
        for name, each in {**given, **found, "scale": scale, "threshold": threshold}.items():
            kept.setdefault(name, []).append(each)
    np.savez_compressed(path, **{name: np.array(each) for name, each in kept.items()})


if __name__ == "__main__":
    main()
