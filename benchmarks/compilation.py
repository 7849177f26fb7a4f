"""Compilation: what a first result waits for in a new process, and in the next one.

Each case simulates a network and prices it on a package, twice, in a process of its own. The
time of compilation is that of the first round less that of the second: tracing, XLA, and
measuring when to multiply. "Cold" starts with nothing kept on disk; "kept" is the next process,
which finds there what JAX compiled (``chipletsim`` keeps it for all commands; scripts do where
``JAX_COMPILATION_CACHE_DIR`` says so). Beside each stands the most that it is meant to take.
Networks are built, mapped and brought into the form of the kernels before, in both rounds.
Figures are medians of processes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import chipletsim as cs
from benchmarks import workloads
from benchmarks.harness import Row, Timing
from benchmarks.train_mnist import NETWORK_FILE
from chipletsim.mapping.model import Mapping
from chipletsim.network.nir.reader import read_nir

COLD_S, KEPT_S = 5, 1
REPEATS = 3
Case = Callable[[], tuple[Mapping, np.ndarray]]


def rows(quick: bool) -> list[Row]:
    """Return the time of each case, cold and kept."""
    found = []
    for case in list(CASES)[: 1 if quick else None]:
        times: dict[str, list[float]] = {"cold": [], "kept": []}
        for _ in range(1 if quick else REPEATS):
            with tempfile.TemporaryDirectory() as folder:
                for own in times.values():
                    own.append(_in_process(case, folder))
        for (when, own), most in zip(times.items(), (COLD_S, KEPT_S), strict=True):
            timing = Timing(statistics.median(own), min(own), max(own), len(own))
            quantity = f"compilation, {when}"
            found.append(Row(case, quantity, "s", timing.median_s, "at most", most, timing))
    return found


def _in_process(case: str, folder: str) -> float:
    settings = {
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    words = [sys.executable, "-m", "benchmarks.compilation", case]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, **settings},
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def compilation_s(case: str) -> float:
    """Return the time of a first round of a case less that of a second."""
    mapping, inputs = CASES[case]()
    simulator = cs.Simulator(mapping.network, mapping=mapping)
    times = []
    for _ in range(2):
        start = time.perf_counter()
        cs.price(simulator.run(inputs), mapping)
        times.append(time.perf_counter() - start)
    return times[0] - times[1]


def _recurrent() -> tuple[Mapping, np.ndarray]:
    network = workloads.recurrent(4_000, 80)
    package = workloads.four_dies(4_000, 8)
    return cs.map_network(network, package, strategy="sequential"), np.zeros((1, 200, 1), bool)


def _layers() -> tuple[Mapping, np.ndarray]:
    network, inputs = workloads.layered(1, 100, 0.05)
    return cs.map_network(network, workloads.loihi_like(8), strategy="sequential"), inputs


def _convolutional() -> tuple[Mapping, np.ndarray]:
    network, inputs = workloads.convolutional(1, 100, 0.02)
    return cs.map_network(network, workloads.loihi_like(8), strategy="sequential"), inputs


def _shipped() -> tuple[Mapping, np.ndarray]:
    network = read_nir(NETWORK_FILE, dt_s=1e-3)
    package = cs.load_package("packages/loihi1")
    inputs = np.random.default_rng(0).random((8, 16, 1, 28, 28)) < 0.1
    return cs.map_network(network, package, strategy="sequential"), inputs


CASES: dict[str, Case] = {
    "recurrent 4,000 x 80 on four dies": _recurrent,
    "784-1024-1024-10 on a Loihi": _layers,
    "conv 2x34x34, 32 5x5, 64 3x3, 512, 10 on a Loihi": _convolutional,
    "MNIST on a shipped Loihi": _shipped,
}


if __name__ == "__main__":
    print(json.dumps(compilation_s(sys.argv[1])))
