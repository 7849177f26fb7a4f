"""A tiny experiment whose every figure follows by hand; see `test_golden.py` for the sums.

Two dies in a row: on the west one an io tile at router 0 and a core at router 1, on the
east one a core. Two inputs feed two hidden neurons (a copy), those feed one output, which
needs both of them to spike.
"""

from copy import deepcopy
from pathlib import Path

import numpy as np

LINK = {"bandwidth": "10 Gb/s", "latency": "1 ns", "flit": "10 bit", "energy_per_bit": "1 pJ/bit"}
DIE_LINK = {
    "bandwidth": "1 Gb/s",
    "latency": "5 ns",
    "flit": "16 bit",
    "energy_per_bit": "2 pJ/bit",
}
ROUTER = {"latency": "2 ns", "energy_per_packet": "3 pJ/packet"}
CORE = {
    "kind": "neurocore", "neurons": 4, "synaptic_memory": "1 KiB",
    "energy_per_synaptic_op": "11 pJ/op", "time_per_synaptic_op": "4 ns/op",
    "energy_per_neuron_update": "7 pJ/op", "time_per_neuron_update": "5 ns/op",
    "energy_per_spike": "2 pJ/packet", "time_per_spike": "1 ns/packet",
    "energy_per_message": "1 pJ/packet", "time_per_message": "2 ns/packet",
}  # fmt: skip
IO = {
    "kind": "io", "neurons": 4, "energy_per_input": "5 pJ/packet",
    "energy_per_output": "6 pJ/packet", "event_rate": "1 Gpacket/s",
}  # fmt: skip
PACKAGE = {
    "name": "pair",
    "packet": {"header": "8 bit", "address": "12 bit"},
    "barrier": "100 ns",
    "static_power": "1 mW",
    "chiplet_types": {
        "west": {
            "network": {"topology": "mesh", "shape": [2, 1], "link": LINK, "router": ROUTER},
            "tiles": [{"tile": IO, "at": [[0, 0]]}, {"tile": CORE, "at": [[1, 0]]}],
        },
        "east": {
            "network": {"topology": "mesh", "shape": [1, 1], "link": LINK, "router": ROUTER},
            "tiles": [{"tile": CORE}],
        },
    },
    "chiplets": {"west": {"type": "west", "at": [0]}, "east": {"type": "east", "at": [1]}},
    "network": {"topology": "mesh", "shape": [2], "link": DIE_LINK},
}
DEVICE = {
    "name": "toy", "peak": "1 TFLOP/s", "dtype": "fp16", "memory_bandwidth": "1 Tb/s",
    "kernel_overhead": "1 us", "energy_per_flop": "2 pJ/FLOP",
    "memory_energy_per_bit": "3 pJ/bit", "idle_power": "10 W",
    "link_bandwidth": "1 Gb/s", "link_energy_per_bit": "5 pJ/bit",
}  # fmt: skip


def experiment(folder: Path) -> dict:
    """Return the contents of the experiment, whose data files are put into ``folder``."""
    np.savez(
        folder / "weights.npz",
        copy=np.eye(2, dtype=np.float32),
        both=np.ones((1, 2), np.float32),
    )
    spikes = np.array([[[1, 1], [1, 0]]], np.uint8)
    np.savez(folder / "data.npz", inputs=spikes, labels=np.zeros(1, np.int64))
    weights = str(folder / "weights.npz")
    neuron = {"model": "if", "parameters": {"r": 1.0, "v_threshold": 1.5}}
    return {
        "name": "golden",
        "package": deepcopy(PACKAGE),
        "network": {
            "name": "copy_and_join",
            "dt": "1 s",
            "populations": {
                "input": {"shape": [2], "model": "input"},
                "hidden": {**neuron, "shape": [2], "parameters": {"r": 1.0, "v_threshold": 0.5}},
                "answer": {**neuron, "shape": [1], "output": True},
            },
            "projections": [
                {
                    "source": "input", "target": "hidden",
                    "connection": {"kind": "dense", "weight": {"file": weights, "array": "copy"}},
                },
                {
                    "source": "hidden", "target": "answer",
                    "connection": {"kind": "dense", "weight": {"file": weights, "array": "both"}},
                },
            ],
        },
        "inputs": {"dataset": str(folder / "data.npz"), "steps": 2, "encoding": {"kind": "spikes"}},
        "mapping": {"place": {"hidden": {"chiplet": "west"}, "answer": {"chiplet": "east"}}},
        "baseline": {"device": DEVICE, "devices": [1, 2]},
    }  # fmt: skip
