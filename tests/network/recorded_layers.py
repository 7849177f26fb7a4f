"""Layers that other frameworks ran: their neurons, the current that reached them, what they gave.

Currents are computed here in NumPy from the recorded events and the weights in the file, so that a
neuron model can be driven without anything else of chipletsim.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import h5py
import numpy as np

DATA = Path(__file__).parents[1] / "data" / "nir"
f32 = np.float32


@dataclass(frozen=True)
class Recording:
    """A case: ``case.json``, the arrays of ``io.npz`` and the fields of the nodes of its file."""

    about: dict
    arrays: dict
    nodes: dict

    def events(self, node: str) -> np.ndarray:
        """Float64 [steps, batch, *shape]: the recorded events of a node, or the input."""
        return self.arrays["input" if node == "input" else f"spk__{node}"].astype(float)

    def current(self, weights: str, source: str, *, delay: int = 0) -> np.ndarray:
        """Float32 [steps, batch, targets]: what a node of weights makes of events."""
        node, events = self.nodes[weights], self.events(source)
        if delay:
            events = np.concatenate([np.zeros_like(events[:delay]), events[:-delay]])
        if node["weight"].ndim == 4:
            return _convolved(node, events)
        flat = events.reshape(*events.shape[:2], -1)
        return (flat @ node["weight"].astype(float).T + node.get("bias", 0.0)).astype(f32)


def _convolved(node: dict, events: np.ndarray) -> np.ndarray:
    """Float32 [steps, batch, out channels, y, x]: a convolution of stride 1."""
    assert np.all(node["stride"] == 1)
    assert np.all(node["dilation"] == 1)
    weight, (pad_y, pad_x) = node["weight"].astype(float), node["padding"]
    padded = np.pad(events, [(0, 0)] * 3 + [(pad_y, pad_y), (pad_x, pad_x)])
    height, width = (padded.shape[axis] - weight.shape[axis] + 1 for axis in (-2, -1))
    total = node["bias"].astype(float)[:, None, None]
    for y, x in np.ndindex(*weight.shape[2:]):
        seen = padded[..., y : y + height, x : x + width]
        total = total + np.einsum("oc,...cyx->...oyx", weight[:, :, y, x], seen)
    return total.astype(f32)


@cache
def recording(case: str) -> Recording:
    """Read a case."""
    folder = DATA / "generated" / case
    folder = folder if folder.is_dir() else DATA / case
    with h5py.File(folder / "model.nir") as file:
        nodes = _fields(file["node/nodes"])
    with np.load(folder / "io.npz") as arrays:
        return Recording(
            json.loads((folder / "case.json").read_text()), dict(arrays.items()), nodes
        )


def _fields(group: h5py.Group) -> dict:
    """Node name to its fields; nodes of nested graphs stand under their own names."""
    found = {}
    for name, node in group.items():
        if "nodes" in node:
            found |= _fields(node["nodes"])
        else:
            found[name] = {key: value[()] for key, value in node.items() if key != "metadata"}
    return found
