"""Ctrl-C ends a call of the burst kernels between two bursts."""

import subprocess
import sys

import pytest
from chipletsim.kernels import describe, native_kernels

# Ten thousand bursts of a millisecond, of which some tenths of a second are run. What is left of
# them keeps the number that stood there.
PROGRAM = """
import os, signal, threading
import numpy as np
from chipletsim.noc import burst_kernels
from chipletsim.noc.cycle import cycle
from chipletsim.noc.flit_network import Burst, Job
from chipletsim.noc.mesh import mesh_network, mesh_ways

draw = np.random.default_rng(0)
source = np.sort(draw.integers(0, 64, 400))
target = (source + draw.integers(1, 64, 400)) % 64
zeros = 0 * source
table = np.stack([source, np.arange(400), zeros + 1, zeros, zeros, zeros], axis=1)
job = Job(mesh_network(8, 4), mesh_ways(8, source, target), Burst(table, zeros))
cycle([job])
native, left = burst_kernels.native_function, []

def watched(name):
    def call(networks, bursts, results, threads):
        results[2][:] = -7
        left.append(results[2])
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        native(name)(networks, bursts, results, threads)
    return call

burst_kernels.native_function = watched
try:
    cycle([job] * 10_000)
except KeyboardInterrupt:
    done = int((left[0] == 0).sum())
    print("stopped", 0 < done < 10_000, done + int((left[0] == -7).sum()))
"""


def test_a_call_ends_between_two_bursts() -> None:
    if not native_kernels():
        pytest.skip(f"no native kernels: {describe()}")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["stopped", "True", "10000"], done.stderr
