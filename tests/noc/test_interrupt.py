"""Ctrl-C ends a call of the burst kernels: between two bursts, and in the midst of one."""

import subprocess
import sys

import pytest
from chipletsim.kernels import describe, native_kernels

SETUP = """
import os, signal, threading
import numpy as np
from chipletsim.kernels import thread_count
from chipletsim.noc import burst_kernels
from chipletsim.noc.cycle import cycle
from chipletsim.noc.flit_network import Burst, Job
from chipletsim.noc.mesh import mesh_network, mesh_ways
from chipletsim.noc.queue import queue

def uniform(packets):
    draw = np.random.default_rng(0)
    source = np.sort(draw.integers(0, 64, packets))
    target = (source + draw.integers(1, 64, packets)) % 64
    zeros = 0 * source
    table = np.stack([source, np.arange(packets), zeros + 1, zeros, zeros, zeros], axis=1)
    return Job(mesh_network(8, 4), mesh_ways(8, source, target), Burst(table, zeros))

cycle([uniform(400)])
native, left = burst_kernels.native_function, []

def watched(name):
    def call(networks, bursts, results, threads):
        results[2][:] = -7
        left.append(results[2])
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        native(name)(networks, bursts, results, threads)
    return call

burst_kernels.native_function = watched
"""

# Ten thousand bursts of a millisecond, of which some tenths of a second are run. What is left of
# them keeps the number that stood there; each thread leaves one in its midst at most.
MANY = """
job = uniform(400)
try:
    cycle([job] * 10_000)
except KeyboardInterrupt:
    done = int((left[0] == 0).sum())
    untouched = int((left[0] == -7).sum())
    print("stopped", 0 < done, 0 < untouched, done + untouched >= 10_000 - thread_count())
"""


# One burst, which keeps the times of packets that it did not come to.
ONE = """
job = uniform(1_000_000)
times = []
make = burst_kernels.burst_table
burst_kernels.burst_table = lambda *args: times.append(make(*args)) or times[-1]
try:
    MODEL([job])
except KeyboardInterrupt:
    arrived = times[0].arrived
    print("stopped", (arrived >= 0).any(), (arrived < 0).any())
"""


def printed(program: str) -> list[str]:
    if not native_kernels():
        pytest.skip(f"no native kernels: {describe()}")
    command = [sys.executable, "-c", SETUP + program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_a_call_ends_between_two_bursts() -> None:
    assert printed(MANY) == ["stopped", "True", "True", "True"]


@pytest.mark.parametrize("model", ["cycle", "queue"])
def test_a_burst_ends_in_its_midst(model: str) -> None:
    assert printed(ONE.replace("MODEL", model)) == ["stopped", "True", "True"]
