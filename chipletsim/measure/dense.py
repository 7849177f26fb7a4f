"""A dense network timed on the default device of JAX."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from math import ceil, prod
from pathlib import Path
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp

from chipletsim.errors import InfeasibleError, Shortfall, UsageError
from chipletsim.measure.power import Meter, find_meter
from chipletsim.measure.products import Product, Shape, products
from chipletsim.models.model import Model

REPEATS = 7
WINDOW_S = 1.0
"""Least time over which energy is counted; counters are updated every few milliseconds."""
TYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
_RANDOM_BYTES = 12
"""Per number of the largest array while it is drawn: random bits and what is made of them."""


@dataclass(frozen=True)
class Measured:
    """A dense network as timed here.

    Attributes:
        device: The device of JAX.
        dtype: Number type.
        batch: Samples of a run.
        kernels: Products computed in a run.
        latency_s: Median time of a run, after one to warm up.
        times_s: Times of all runs.
        energy_j: Energy of a run, with what the device takes at rest; None if unknown.
        power: What counted the energy, or why nothing did.
    """

    device: str
    dtype: str
    batch: int
    kernels: int
    latency_s: float
    times_s: tuple[float, ...]
    energy_j: float | None
    power: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {"how": "measured", **asdict(self)}


def measure_dense(
    model: Model, *, dtype: str = "fp32", batch: int = 1, repeats: int = REPEATS
) -> Measured:
    """Time the products of a dense network on the default device of JAX.

    Weights, keys and values are random and made on the device, each layer its own. The
    layers run one after another; on a CPU each is waited for, on other devices the last.

    Args:
        model: The network.
        dtype: ``fp32``, ``fp16`` or ``bf16``.
        batch: Samples of a run.
        repeats: Timed runs.

    Raises:
        UsageError: The number type or a layer cannot be measured.
        InfeasibleError: The arrays do not fit the memory of the device.
    """
    if dtype not in TYPES:
        raise UsageError(f"{dtype} is not measured; take {', '.join(TYPES)}")
    if repeats < 1:
        raise UsageError(f"repeats must be at least 1, got {repeats}")
    device = _default_device()
    made = products(model, batch)
    require_memory(model, made, dtype, available_bytes(device))
    arrays = _arrays(made, dtype)
    wait_for_each = device.platform == "cpu"

    def run() -> None:
        # Without it a GPU would round the factors of an fp32 product to tf32.
        with jax.default_matmul_precision("highest"):
            _compute(made, arrays, wait_for_each)

    run()
    times_s = tuple(_timed_s(run) for _ in range(repeats))
    meter = find_meter(device.platform, device.local_hardware_id or 0)
    energy_j, power = None, f"power not available: {meter}"
    if isinstance(meter, Meter):
        energy_j, power = _energy_j(meter, run, median(times_s)), meter.name
    return Measured(
        device=_device_name(device),
        dtype=dtype,
        batch=batch,
        kernels=sum(product.launches for product in made),
        latency_s=median(times_s),
        times_s=times_s,
        energy_j=energy_j,
        power=power,
    )


def needed_bytes(made: list[Product], dtype: str) -> int:
    """Return the bytes of the arrays of all products, and of the largest while it is drawn."""
    own = [shape for product in made for shape in product.own]
    shared = {shape for product in made for shape in product.inputs}
    results = [prod(product.outputs) for product in made]
    sizes = [prod(shape) for shape in (*own, *shared)]
    kept = sum(sizes) + 2 * max(results, default=0)
    return kept * _width(dtype) + _RANDOM_BYTES * max(sizes, default=0)


def require_memory(model: Model, made: list[Product], dtype: str, there: int | None) -> None:
    """Check that the arrays fit before any is made.

    Raises:
        InfeasibleError: They do not.
    """
    needed = needed_bytes(made, dtype)
    if there is not None and needed > there:
        raise InfeasibleError(
            [
                Shortfall(
                    f"free memory of this device for the layers of {model.name} in {dtype}",
                    needed / 1e9,
                    there / 1e9,
                    "GB",
                    "take a smaller model, a smaller batch or a narrower number type",
                )
            ]
        )


def available_bytes(device: Any) -> int | None:
    """Return the free memory of a device, or None where nothing tells it."""
    if device.platform == "cpu":
        return _free_bytes()
    stats = device.memory_stats()
    if not stats or "bytes_limit" not in stats:
        return None
    return int(stats["bytes_limit"]) - int(stats.get("bytes_in_use", 0))


def _free_bytes() -> int:
    """Return the memory of this machine that can be had without swapping."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        kibibytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
        return int(kibibytes) << 10
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _device_name(device: Any) -> str:
    """Return the name of a device; of a processor its model and the cores that are ours."""
    if device.platform != "cpu":
        return str(device.device_kind)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} threads"


def _default_device() -> Any:
    """Return the device on which JAX computes if nobody says otherwise."""
    (device,) = jnp.zeros(1).devices()
    return device


def _arrays(made: list[Product], dtype: str) -> list[tuple[Any, ...]]:
    """Return the arrays of each product, random and on the device."""
    shared: dict[Shape, Any] = {}
    keys = iter(range(1 << 30))

    def draw(shape: Shape) -> Any:
        return _random(jax.random.key(next(keys)), shape, TYPES[dtype])

    found = []
    for product in made:
        for shape in product.inputs:
            if shape not in shared:
                shared[shape] = draw(shape)
        inputs = (shared[shape] for shape in product.inputs)
        found.append((*inputs, *(draw(shape) for shape in product.own)))
    jax.block_until_ready(found)
    return found


def _compute(made: list[Product], arrays: list[tuple[Any, ...]], wait_for_each: bool) -> None:
    result = None
    for product, given in zip(made, arrays, strict=True):
        for _ in range(product.launches):
            result = product.function(*given)
            if wait_for_each:
                result.block_until_ready()
    if result is not None:
        result.block_until_ready()


@partial(jax.jit, static_argnames=("shape", "dtype"))
def _random(key: Any, shape: Shape, dtype: str) -> Any:
    return jax.random.normal(key, shape, dtype)


def _timed_s(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _energy_j(meter: Meter, run: Callable[[], None], run_s: float) -> float:
    """Return the energy of a run, counted over enough of them."""
    runs = max(1, ceil(WINDOW_S / run_s))

    def work() -> None:
        for _ in range(runs):
            run()

    return meter.energy_j(work) / runs


def _width(dtype: str) -> int:
    return int(jnp.dtype(TYPES[dtype]).itemsize)
