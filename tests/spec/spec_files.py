"""A small valid experiment that tests change."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

LINK = {"bandwidth": "64 Gb/s", "latency": "1 ns", "flit": "64 bit"}

EXPERIMENT: dict[str, Any] = {
    "name": "small",
    "package": {
        "name": "pair",
        "packet": {"header": "8 bit", "address": "32 bit"},
        "chiplet_types": {
            "core": {
                "network": {"shape": [2, 1], "link": LINK},
                "tiles": [
                    {"at": [[0, 0]], "tile": {"use": "tiles/io"}},
                    {"at": "rest", "tile": {"use": "tiles/loihi1"}},
                ],
            }
        },
        "chiplets": {
            "west": {"type": "core", "at": [0, 0]},
            "east": {"type": "core", "at": [1, 0]},
        },
        "network": {"shape": [2, 1], "link": LINK},
    },
    "network": {
        "name": "net",
        "dt": "1 ms",
        "populations": {
            "input": {"shape": [4], "model": "input"},
            "hidden": {"shape": [8], "model": "if", "output": True},
        },
        "projections": [
            {"source": "input", "target": "hidden", "connection": {"kind": "dense", "weight": 0.5}}
        ],
    },
    "inputs": {"rate_per_step": 0.5, "steps": 10},
}


def experiment() -> dict[str, Any]:
    """Return a fresh copy."""
    return deepcopy(EXPERIMENT)
