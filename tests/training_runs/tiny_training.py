"""A training of seconds: two classes of random spikes, twenty neurons on two dies."""

from pathlib import Path
from typing import Any

import numpy as np

CHANNELS = 10


def write_samples(path: Path, samples: int, seed: int) -> None:
    """Spikes of ten channels over eight steps: one half of them is the busier one."""
    random = np.random.default_rng(seed)
    labels = np.arange(samples) % 2
    busy = (np.arange(CHANNELS) // 5)[None] == labels[:, None]
    rate = np.where(busy, 0.6, 0.1)[:, None]
    spikes = random.random((samples, 8, CHANNELS)) < rate
    np.savez(path, inputs=spikes.astype(np.uint8), labels=labels)


def training(folder: Path, **changes: Any) -> dict[str, Any]:
    """Return the contents of a training file, whose samples are put into ``folder``."""
    write_samples(folder / "samples.npz", 80, 0)
    write_samples(folder / "test.npz", 40, 1)
    neuron = {"model": "lif", "parameters": {"tau": "4 ms", "r": 4.0}}
    contents = {
        "name": "tiny",
        "package": {"use": "packages/two_dies"},
        "network": {
            "name": "twenty",
            "dt": "1 ms",
            "populations": {
                "in": {"shape": [CHANNELS], "model": "input"},
                "hidden": {**neuron, "shape": [8], "bias": 0.1},
                "out": {**neuron, "shape": [2], "output": True},
            },
            "projections": [
                _dense("in", "hidden", 1),
                _dense("hidden", "out", 2),
            ],
        },
        "mapping": {"place": {"hidden": {"chiplet": "east"}, "out": {"chiplet": "west"}}},
        "data": {
            "dataset": str(folder / "samples.npz"),
            "validation": 0.2,
            "test": {"dataset": str(folder / "test.npz")},
            "encoding": {"kind": "spikes"},
            "steps": 8,
        },
        "learn": {"thresholds": "neuron"},
        "loss": {"traffic": {"weights": [0.0, 0.002]}},
        "optimiser": {"learning_rate": 0.02, "epochs": 12, "batch": 16},
    }
    return {**contents, **changes}


def _dense(source: str, target: str, seed: int) -> dict[str, Any]:
    weight = {"normal": {"mean": 0.3, "std": 0.4}, "seed": seed}
    return {"source": source, "target": target, "connection": {"kind": "dense", "weight": weight}}
