"""SANA-FE: the DVS gesture network that it ships, built as in its tutorial, run and timed.

``python sanafe_dvs.py NETWORK.npz STEPS REPEATS THREADS``, in the environment of the peers.
NETWORK.npz is ``sanafe/examples/dvs_challenge.npz`` of the wheel; THREADS is the number of
processing threads, or that of processing and of scheduler threads as ``1,1``. Prints JSON:
seconds of each call of ``SpikingChip.sim`` (without building the network, loading it or
resetting it), spikes, also of each layer, and what the chip would take.

32x32 neurons driven by a constant bias each, four 3x3 convolutions without padding (16, 32, 64
and 11 channels, the first with stride 2) and 11 outputs; all integrate without leak. Shipped
Loihi architecture, the layers on 1, 4, 16, 16, 4 and 1 cores, as in the tutorial. Timing model
``simple``; traces only in one further run, which is not timed, for the spikes of each layer.
"""

import json
import sys
import time
from typing import Any

import numpy as np
import sanafe
from sanafe import layers
from sanafe_recurrent import timed_runs

CORES = (1, 4, 16, 16, 4, 1)
"""Cores of each layer."""


def main() -> None:
    """Run the network of the file."""
    path, steps, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    started = time.perf_counter()
    chip, groups = loaded_chip(path)
    built = time.perf_counter()
    result = timed_runs(chip, steps, repeats, sys.argv[4])
    spikes = spikes_by_layer(chip, groups, steps)
    if int(spikes.sum()) != result["spikes"]:
        raise RuntimeError(f"{result['spikes']} spikes, but {spikes.sum()} in the traces")
    result["spikes_per_layer"] = spikes.sum(axis=0).tolist()
    result["spikes_per_layer_and_step"] = spikes.tolist()
    print("\n" + json.dumps(result | {"build_seconds": built - started}))


def loaded_chip(path: str) -> tuple[Any, list[Any]]:
    """Return the chip with the network on it, and the names of its layers' groups."""
    plan, network, names = plan_and_network(path)
    chip = sanafe.SpikingChip(plan)
    chip.load(network)
    return chip, names


def plan_and_network(path: str) -> tuple[Any, Any, list[Any]]:
    """Return the architecture, the network mapped to it, and the names of its layers' groups."""
    given = np.load(path)
    plan, network = sanafe.load_loihi(), sanafe.Network()
    thresholds = given["thresholds"].tolist()
    chain = [layers.Input2D(network, 32, 32, threshold=thresholds[0])]
    for number in range(1, 5):
        stride = 2 if number == 1 else 1
        options = {"stride_width": stride, "stride_height": stride, "threshold": thresholds[number]}
        chain.append(layers.Conv2D(network, chain[-1], given[f"conv{number}"], **options))
    dense = given["dense1"]
    chain.append(layers.Dense(network, chain[-1], dense.shape[1], dense, threshold=thresholds[5]))
    for neuron, bias in zip(chain[0], given["inputs"].tolist(), strict=True):
        neuron.set_attributes(model_attributes={"bias": bias})
    map_in_order(chain, plan.cores())
    return plan, network, [layer.group.get_name() for layer in chain]


def map_in_order(chain: list[Any], cores: list[Any]) -> None:
    """Map each layer to the next cores, in equal shares; the last core takes what is left."""
    first = 0
    for layer, count in zip(chain, CORES, strict=True):
        share = len(layer) // count
        for number, neuron in enumerate(layer):
            neuron.map_to_core(cores[first + min(number // share, count - 1)])
        first += count


def spikes_by_layer(chip: Any, groups: list[Any], steps: int) -> np.ndarray:
    """Return [steps, layers], spikes of a run with traces."""
    for name in groups:
        for neuron in chip.mapped_neuron_groups[name]:
            neuron.set_attributes(log_spikes=True)
    chip.reset()
    trace = chip.sim(steps, timing_model="simple", processing_threads=1, spike_trace=True)
    counts = np.zeros((steps, len(groups)), np.int64)
    order = {name: number for number, name in enumerate(groups)}
    for step, fired in enumerate(trace["spike_trace"]):
        for neuron in fired:
            counts[step, order[neuron.group_name]] += 1
    return counts


if __name__ == "__main__":
    main()
