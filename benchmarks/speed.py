"""Speed: whole simulations beside those of other simulators.

Each case runs the same network in chipletsim and in a peer (`make peers` installs them), ours
before and after the peer's, in one go on one machine. Only simulating is timed: networks are
built, loaded and compiled before, on both sides. Figures are medians; the spread is (slowest -
fastest) / median. A synaptic event is a spike at a synapse.

* ``recurrent``: `benchmarks.workloads.recurrent` on 16 neurocores on four dies, Activity and
  counts of every packet and bit on every link in every step included, beside Brian2 in C++
  standalone mode, the better of one and two threads, float32, without monitors and without any
  hardware. Once with the weights as they are, once with the 8 bits of a neurocore.
* ``priced``: the same kind of network on Loihi-like tiles, energy and latency of every step
  included, beside SANA-FE with timing `simple`, on the same cores, its best thread count; and
  the DVS gesture network that SANA-FE ships.
* ``layers``, ``conv``: feed-forward networks with real weights, beside snnTorch on torch's CPU
  (the fastest of a loop over steps and of two ways to take more steps at once, one or two
  threads), and Spyx.
* ``kernel``: sparse rows alone, against what the memory would allow: the bytes of a row of
  synapses, read at the bandwidth of a sum over a large array on as many threads.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import chipletsim as cs
from benchmarks import peers, workloads
from benchmarks.engine import synaptic_events
from benchmarks.harness import Row, Timing
from chipletsim.cost.price import CostStream
from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping
from chipletsim.network.model import Network

REPEATS = 7


def rows(quick: bool) -> list[Row]:
    """Return the figures of all cases."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            row
            for case in (_recurrent, _priced, _gesture, _layers, _convolutional)
            for row in case(Path(folder), quick)
        ]


def _recurrent(folder: Path, quick: bool) -> list[Row]:
    sizes = ((4_000, 80, 2_000), (20_000, 200, 500), (100_000, 200, 200))
    found = []
    for neurons, fan_out, steps in sizes[:1] if quick else sizes:
        network = workloads.recurrent(neurons, fan_out)
        file = folder / f"recurrent_{neurons}.npz"
        _write_recurrent(file, network, steps)

        def peer(file: Path = file) -> list[dict[str, Any]]:
            return [
                peers.call("brian2_recurrent.py", file, str(threads), folder / f"{threads}")
                for threads in (1, 2)
            ]

        for bits in (32, 8):
            mapping = cs.map_network(
                network, workloads.four_dies(neurons, bits), strategy="sequential"
            )
            run = _counted_run(mapping, steps)
            case = f"recurrent {neurons:,} x {fan_out}, {_weights(bits)}"
            found.append(_compare(case, run, peer, "Brian2"))
    return found
