"""Synapses: memory and time to compile them, and their kernel beside the memory's bandwidth.

* ``compiled``: a random network of one population, from the host's arrays to those of the
  kernels, in a process of its own. Bytes per synapse are those of synapses, connectivity and
  state together, beside the largest that the design allows (8 with 8-bit weights, 12 with
  float32). Peak memory is the most that the process held meanwhile beyond the network that it
  was given, over what it holds at the end; it may be 2.
* ``kernel``: currents of 100,000 targets from random spikes of 100,000 sources, 1.5 % of them
  in a row, 200 synapses each, by the sparse kernel alone. Beside it stands the rate at which
  memory could deliver the synapses of the events, of 3 or 6 bytes each: bandwidth over bytes.
  Bandwidth is that of the triad of STREAM, ``a = b + 3 c``, float64 arrays of 64 MB, on all
  threads, 24 bytes counted for each element; kernel and triad run by turns.

A kernel that adds a weight to a random target has a load, an addition and a store to do for each
synapse, in a cache that memory does not deliver to any faster; so more than half of the
bandwidth is out of reach where one core does less than one such addition in a nanosecond.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np
from chipletsim.kernels import describe, native_kernels, thread_count

from benchmarks.engine import lif
from benchmarks.harness import Row, timed_in_turn
from chipletsim.engine.compile import compile_network
from chipletsim.engine.native.formats import native_format
from chipletsim.engine.native.layout import layout
from chipletsim.engine.native.plan import run_currents
from chipletsim.network.connections import Sparse
from chipletsim.network.model import Network, Population, Projection

MOST_BYTES = {8: 8, 32: 12}
"""Bits of a weight to bytes of a synapse."""
MOST_SECONDS, MOST_PEAK = 60, 2
RATE = 0.015


def rows(quick: bool) -> list[Row]:
    """Return the figures of both.

    Raises:
        RuntimeError: There are no native kernels.
    """
    if not native_kernels():
        raise RuntimeError(f"this measures the native kernels, but they are {describe()}")
    neurons, fan_out = (20_000, 200) if quick else (500_000, 200)
    found = []
    for bits in (8, 32):
        found += _compiled(neurons, fan_out, bits)
    sources = 20_000 if quick else 100_000
    for bits in (8, 32):
        found += _kernel(sources, 200, bits)
    return found


def _compiled(neurons: int, fan_out: int, bits: int) -> list[Row]:
    words = [sys.executable, "-m", "benchmarks.synapses", *map(str, (neurons, fan_out, bits))]
    root = Path(__file__).parents[1]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=root)
    found = json.loads(done.stdout.splitlines()[-1])
    case, most = f"compiled, {neurons * fan_out / 1e6:,.0f} M synapses, {bits} bits", "at most"
    return [
        Row(case, "time", "s", found["seconds"], most, MOST_SECONDS),
        Row(case, "memory", "byte/synapse", found["bytes"], most, MOST_BYTES[bits]),
        Row(case, "peak over final memory", "1", found["peak"], most, MOST_PEAK),
    ]


def _kernel(neurons: int, fan_out: int, bits: int) -> list[Row]:
    synapses = _synapses(neurons, fan_out, bits)
    to = layout((neurons,), incoming=[Sparse], threads=thread_count())
    layouts = (to, to)
    geometry, arrays = native_format(
        Projection("w", "a", "b", synapses), (neurons,), (neurons,), layouts, graded=False
    )
    per_event = arrays["weight"].itemsize + arrays["target"].itemsize
    on_device = jax.device_put(arrays)
    active = np.random.default_rng(1).random((32, neurons), np.float32) < RATE
    bits_of = np.packbits(active, axis=1, bitorder="little")
    spikes = jax.device_put(np.pad(bits_of, ((0, 0), (0, to.words * 8 - bits_of.shape[1]))))
    events = int(active.sum()) * fan_out
    threads = thread_count()
    call = jax.jit(lambda arrays, rows: run_currents(geometry, arrays, layouts, rows, threads))
    triad = _Triad(1 << 23)
    ours, memory = timed_in_turn(
        [lambda: jax.block_until_ready(call(on_device, spikes)), triad.run], 9
    )
    limit = triad.bytes_moved / memory.median_s / per_event
    return [
        Row(
            f"kernel, {neurons:,} x {fan_out}, {bits} bits, {per_event} bytes",
            "synaptic events",
            "event/s",
            events / ours.median_s,
            f"memory at {triad.bytes_moved / memory.median_s / 1e9:.1f} GB/s",
            limit,
            ours,
        )
    ]


class _Triad:
    """STREAM's triad (McCalpin, 1995) on all threads, by NumPy in two passes over a cache.

    Args:
        size: Elements of each array.
    """

    def __init__(self, size: int) -> None:
        self._a, self._b, self._c = (np.ones(size) for _ in range(3))
        self._pool = ThreadPoolExecutor(thread_count())
        self.bytes_moved = 3 * 8 * size

    def run(self) -> None:
        """Compute it once."""
        list(self._pool.map(self._part, range(thread_count())))

    def _part(self, thread: int) -> None:
        size, chunk = self._a.size // thread_count(), 1 << 12
        for first in range(thread * size, (thread + 1) * size, chunk):
            part = slice(first, first + chunk)
            np.multiply(self._c[part], 3.0, out=self._a[part])
            np.add(self._a[part], self._b[part], out=self._a[part])


def _synapses(neurons: int, fan_out: int, bits: int) -> Sparse:
    """Return random synapses, the weights of as many bits."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, neurons, neurons * fan_out, dtype=np.int32)
    if bits == 32:
        weights = rng.random(targets.size, np.float32)
    else:
        weights = rng.integers(-127, 128, targets.size, dtype=np.int8).astype(np.float32)
        weights /= 128
    return Sparse(np.arange(neurons + 1, dtype=np.int64) * fan_out, targets, weights, neurons)


def _compile_once(neurons: int, fan_out: int, bits: int) -> dict[str, Any]:
    """Compile a network, and return time and memory."""
    nothing = Sparse(np.zeros(2, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), neurons)
    network = Network(
        "large",
        (Population("p0", (1,), "input"), lif("p1", (neurons,))),
        (
            Projection("none", "p0", "p1", nothing),
            Projection("w", "p1", "p1", _synapses(neurons, fan_out, bits), delay=1),
        ),
        1e-3,
    )
    jax.devices()
    before = _status_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark so far is forgotten
    start = time.perf_counter()
    compiled = compile_network(network)
    jax.block_until_ready(compiled.synapses)
    seconds = time.perf_counter() - start
    held = sum(
        np.asarray(array).nbytes
        for arrays in (*compiled.synapses, *compiled.neurons, *compiled.initial)
        for array in arrays.values()
    )
    peak = _status_bytes("VmHWM") - before
    return {"seconds": seconds, "bytes": held / (neurons * fan_out), "peak": peak / held}


def _status_bytes(name: str) -> int:
    """Return a line of the status that Linux keeps of this process, which is in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


if __name__ == "__main__":
    print(json.dumps(_compile_once(*map(int, sys.argv[1:]))))
