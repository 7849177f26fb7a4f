"""Scale: a large random recurrent network on 64 chiplets, from mapping to price, once.

100,000 LIF neurons with 200 synapses each (20 million, delay 1), four fifths excitatory,
driven by 1,000 input channels that reach 2,000 neurons each and spike in a tenth of the
steps; 100 steps of one sample, on ``sixty_four_chiplets``. The placement is the one in
order (`sequential`): annealing is not what is measured here.

Every stage runs once, compilation included, as a user waits for it; there is no peer. Peak
memory is the resident set of the process from its start, JAX included.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import chipletsim as cs
from benchmarks.engine import lif, random_spikes, random_synapses, synaptic_events
from benchmarks.harness import Row
from chipletsim.network.model import Network, Population, Projection


def rows(quick: bool) -> list[Row]:
    """Return time and memory of every stage."""
    neurons, fan_out, steps = (10_000, 50, 20) if quick else (100_000, 200, 100)
    case = f"{neurons:,} x {fan_out}, {steps} steps"
    found: list[Row] = []

    def stage(name: str, function: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = function()
        found.append(Row(case, name, "s", time.perf_counter() - start))
        # Linux counts the resident set in KiB.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        found.append(Row(case, f"peak memory after {name}", "GiB", peak))
        return result

    network = stage("build", lambda: random_network(neurons, fan_out))
    package = stage("load package", lambda: cs.load_package("packages/sixty_four_chiplets"))
    mapping = stage("map", lambda: cs.map_network(network, package, strategy="sequential"))
    inputs = random_spikes(network, 1, steps)
    activity = stage("simulate", lambda: cs.simulate(network, inputs, mapping=mapping))
    stage("price", lambda: cs.price(activity, mapping))
    events = synaptic_events(network, activity)
    simulated = next(row.ours for row in found if row.quantity == "simulate")
    found.append(Row(case, "synaptic events, compilation included", "event/s", events / simulated))
    rate = float(activity.rates()["p1"].mean())
    found.append(Row(case, "spikes per neuron and step", "1", rate))
    return found


def random_network(neurons: int, fan_out: int) -> Network:
    """Return random neurons with ``fan_out`` synapses each, and 1,000 input channels."""
    rng = np.random.default_rng(0)
    inhibitory = neurons * fan_out // 5
    recurrent = random_synapses(rng, neurons, neurons, fan_out, largest=0.06, inhibitory=inhibitory)
    driving = random_synapses(rng, 1000, neurons, neurons // 50, largest=0.9)
    return Network(
        "scale",
        (Population("p0", (1000,), "input"), lif("p1", (neurons,))),
        (
            Projection("w1", "p0", "p1", driving),
            Projection("w2", "p1", "p1", recurrent, delay=1),
        ),
        1e-3,
    )
