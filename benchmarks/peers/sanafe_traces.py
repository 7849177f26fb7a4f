"""SANA-FE: everything that it tells of a run, step by step, for comparison.

``python sanafe_traces.py ARCHITECTURE.yaml NETWORK.yaml STEPS OUT.npz`` runs a network file;
``python sanafe_traces.py dvs DVS.npz STEPS OUT.npz`` the DVS gesture network of
``sanafe_dvs.py``. In the environment of the peers. OUT.npz holds ``groups`` and ``sizes``,
``raster`` (bool) and ``potentials`` (float64) [steps, neurons], group by group, counters and
energies of each step, and the latency of each step with the timing models simple and detailed.

Each run has a process of its own: a chip that is reset does not feed its inputs again. Messages
of a neuron are sent in the order of the addresses of their cores in memory, which timing detailed
depends on; so the holes of the heap are filled before the chip is made, and cores then stand in
the order of their numbers. ``ascending`` tells whether they did.
"""

import contextlib
import csv
import ctypes
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sanafe

COUNTERS = ("fired", "updated", "hops", "spikes")
ENERGIES = ("synapse_energy", "dendrite_energy", "soma_energy", "network_energy", "total_energy")
Arrays = dict[str, np.ndarray]


def main() -> None:
    """Run the network of the command line and write the file."""
    first, second, steps, out = sys.argv[1:5]
    found: Arrays = {}
    for run in (spikes_and_costs, messages, detailed):
        found |= apart(run, (first, second, int(steps)))
    np.savez_compressed(out, **found)
    print("\n" + json.dumps({"fired": int(found["fired"].sum()), "steps": int(steps)}))


def apart(run: Callable[..., Arrays], arguments: tuple[Any, ...]) -> Arrays:
    """Return what a function returns in a process of its own."""
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    process = context.Process(target=lambda: results.put(run(*arguments)))
    process.start()
    found = results.get()
    process.join()
    return found


def spikes_and_costs(first: str, second: str, steps: int) -> Arrays:
    """Return spikes, potentials, counters, energies, and the latency of timing simple."""
    chip, sizes = chip_of(first, second)
    run = run_of(chip, steps, "simple", spike_trace=True, potential_trace=True, perf_trace=True)
    start = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    raster = np.zeros((steps, sum(sizes.values())), np.bool_)
    for step, fired in enumerate(run["spike_trace"]):
        for neuron in fired:
            raster[step, start[neuron.group_name] + neuron.neuron_offset] = True
    perf = run["perf_trace"]
    return {
        "groups": np.array(list(sizes)),
        "sizes": np.array(list(sizes.values())),
        "raster": raster,
        "potentials": np.array(run["potential_trace"], np.float64),
        **{name: np.array(perf[name]) for name in (*COUNTERS, *ENERGIES)},
        "latency_simple": np.array(perf["sim_time"]),
    }


def messages(first: str, second: str, steps: int) -> Arrays:
    """Return messages of each step, which only the file has."""
    chip, _ = chip_of(first, second)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "perf.csv"
        run_of(chip, steps, "simple", perf_trace=str(file))
        with file.open() as lines:
            return {"packets": np.array([int(row["packets"]) for row in csv.DictReader(lines)])}


def detailed(first: str, second: str, steps: int) -> Arrays:
    """Return the latency of timing detailed, and whether messages went to cores in order."""
    chip, _ = chip_of(first, second)
    run = run_of(chip, steps, "detailed", perf_trace=True, message_trace=True)
    sent: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    for step, messages in enumerate(run["message_trace"]):
        for each in messages:
            if not each["placeholder"]:
                key = (step, each["src_neuron_group_id"], each["src_neuron_offset"])
                sent.setdefault(key, []).append((each["mid"], each["dest_core_id"]))
    cores = [[core for _, core in sorted(each)] for each in sent.values()]
    return {
        "latency_detailed": np.array(run["perf_trace"]["sim_time"]),
        "ascending": np.array(all(each == sorted(each) for each in cores)),
    }


def chip_of(first: str, second: str) -> tuple[Any, dict[str, int]]:
    """Return a chip with the network, and the size of each of its groups."""
    if first == "dvs":
        import sanafe_dvs

        return loaded(*sanafe_dvs.plan_and_network(second)[:2])
    plan = sanafe.load_arch(first)
    return loaded(plan, sanafe.load_net(second, plan))


def loaded(plan: Any, network: Any) -> tuple[Any, dict[str, int]]:
    """Return a chip with a network that tells spikes and potentials."""
    sizes = {}
    for name, group in network.groups.items():
        neurons = list(group)
        for neuron in neurons:
            neuron.set_attributes(log_spikes=True, log_potential=True)
        sizes[name] = len(neurons)
    fill_holes()
    chip = sanafe.SpikingChip(plan)
    chip.load(network)
    return chip, sizes


def fill_holes() -> None:
    """Take memory of every size until all of it comes from the end of the heap."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
    libc.malloc.argtypes, libc.sbrk.argtypes = [ctypes.c_size_t], [ctypes.c_ssize_t]
    sizes = [1 << 16, *range(1 << 15, 4096, -2048), *range(4096, 1024, -256), *range(1024, 0, -16)]
    for size in sizes:
        end, beyond = libc.sbrk(0), 0
        while beyond < 16:  # several in a row, as small ones are kept aside
            beyond = beyond + 1 if libc.malloc(size) >= end else 0


def run_of(chip: Any, steps: int, timing: str, **traced: Any) -> dict[str, Any]:
    """Return what ``SpikingChip.sim`` does."""
    with contextlib.redirect_stdout(sys.stderr):
        return chip.sim(steps, timing_model=timing, processing_threads=1, **traced)


if __name__ == "__main__":
    main()
