"""SANA-FE, in its own compiled kernel: the recurrent network of a file, run and timed.

``python sanafe_recurrent.py NETWORK.npz ARCHITECTURE.yaml THREADS``, in the environment of the
peers. THREADS is the number of processing threads, or that of processing and of scheduler
threads as ``1,1``. Prints JSON: seconds of each call of ``SpikingChip.sim`` (without building
the network, loading it or resetting it), spikes, and what the chip would take.

The file holds ``neurons``, ``targets`` (sorted by source, the same number each), ``weights``,
``bias`` and ``core`` (its number in the chip) of each neuron, ``leak`` and ``threshold`` (one or
one each), ``steps``, ``repeats`` and maybe ``synapse_unit``, a name in the architecture.

Neurons are ``leaky_integrate_fire`` with hard reset to 0, synapses take a step. Timing model
``simple``, no traces: the fastest that there is. The progress line that SANA-FE prints costs
nothing worth counting.
"""

import json
import sys
import time
from typing import Any

import numpy as np
import sanafe
from turns import wait_for_turn


def main() -> None:
    """Run the network of the file."""
    path, architecture, threads = sys.argv[1:4]
    given = np.load(path)
    started = time.perf_counter()
    chip = loaded_chip(given, architecture)
    built = time.perf_counter()
    result = timed_runs(chip, int(given["steps"]), int(given["repeats"]), threads)
    print("\n" + json.dumps(result | {"build_seconds": built - started}))


def loaded_chip(given: Any, architecture: str) -> Any:
    """Return the chip with the network of the file on it."""
    neurons = int(given["neurons"])
    chip_plan = sanafe.load_arch(architecture)
    unit = (
        {"default_synapse_hw_name": str(given["synapse_unit"])} if "synapse_unit" in given else {}
    )
    network = sanafe.Network()
    group = network.create_neuron_group("neurons", neurons, **unit)
    sources = np.repeat(np.arange(neurons), given["targets"].size // neurons)
    pairs = list(zip(sources.tolist(), given["targets"].tolist(), strict=True))
    group.connect_neurons_sparse(group, {"weight": given["weights"].tolist()}, pairs)
    attributes = {"bias": "bias", "leak_decay": "leak", "threshold": "threshold"}
    values = {
        name: np.broadcast_to(given[key], neurons).astype(float).tolist()
        for name, key in attributes.items()
    }
    cores = chip_plan.cores()
    for number, core in enumerate(given["core"].tolist()):
        neuron = group[number]
        neuron.set_attributes(
            model_attributes={name: each[number] for name, each in values.items()}
        )
        neuron.map_to_core(cores[core])
    chip = sanafe.SpikingChip(chip_plan)
    chip.load(network)
    return chip


def timed_runs(chip: Any, steps: int, repeats: int, threads: str) -> dict[str, Any]:
    """Return seconds of repeated runs from rest, and the totals of the last.

    Args:
        chip: Chip with a network.
        steps: Steps of each run.
        repeats: Timed runs, after one that is not.
        threads: Processing threads, or processing and scheduler threads with a comma.
    """
    processing, scheduler = (*map(int, threads.split(",")), 0)[:2]
    seconds, runs = [], []
    for _ in range(repeats + 1):
        wait_for_turn()
        chip.reset()
        start = time.perf_counter()
        run = chip.sim(
            steps,
            timing_model="simple",
            processing_threads=processing,
            scheduler_threads=scheduler,
        )
        seconds.append(time.perf_counter() - start)
        runs.append(run)
    if len({run["neurons_fired"] for run in runs}) > 1:
        raise RuntimeError("runs from rest differ in their spikes")
    return {
        "seconds": seconds[1:],
        "spikes": runs[-1]["neurons_fired"],
        "synaptic_events": runs[-1]["spikes"],
        "packets": runs[-1]["packets_sent"],
        "updated": runs[-1]["neurons_updated"],
        "energy_J": runs[-1]["energy"]["total"],
        "energy_parts_J": dict(runs[-1]["energy"]),
        "simulated_s": runs[-1]["sim_time"],
        "steps": steps,
        "threads": {"processing": processing, "scheduler": scheduler},
    }


if __name__ == "__main__":
    main()
