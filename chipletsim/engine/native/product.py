"""Dense layers at high activity: one matrix product instead of a sum of rows for each event.

A sum of the rows of active inputs takes time with their number, a product does not. The share
of active inputs above which the product is faster is measured when a network is compiled, once
for each shape and type of weights in a process. Both give the same currents.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.engine.exact import coarse_steps, exact_sum
from chipletsim.engine.native.geometry import NativeGeometry
from chipletsim.engine.native.layout import WORD, Layout
from chipletsim.engine.native.plan import run_currents
from chipletsim.kernels import thread_count
from chipletsim.network.model import Projection

_LEAST_WEIGHTS = 1 << 16
"""In smaller layers there is little to win by choosing."""
_ROWS = 256
_REPEATS = 3

Arrays = dict[str, Any]


def product_arrays(
    projection: Projection, geometry: NativeGeometry, arrays: Arrays, target: Layout
) -> Arrays:
    """Return what a dense projection of spikes needs to be multiplied; nothing if it never is.

    Args:
        projection: The projection as the network has it.
        geometry: Its geometry.
        arrays: Its arrays: the panels of weights.
        target: Layout of the target.

    Returns:
        ``product_above``, float32, the share of active inputs above which to multiply, and
        ``step``, float32 [targets], where the weights are split for it.
    """
    small = geometry.sources * target.size < _LEAST_WEIGHTS
    if small or target.channels > 1 or "map_start" in arrays:
        return {}
    split = exact_sum(projection).low is not None
    step = {"step": coarse_steps(projection)} if split else {}
    limit = product_limit(geometry, target, str(arrays["weight"].dtype), split)
    return {"product_above": np.float32(limit), **step} if limit < 1 else {}


def product_currents(
    geometry: NativeGeometry, arrays: Arrays, target: Layout, rows: jax.Array
) -> jax.Array:
    """Return float32 [rows, targets]: currents of rows of bits, uint8 [rows, bytes].

    Where weights have more bits than a float32 sum, they are split as
    ``chipletsim.engine.exact`` does, and both parts are multiplied apart: products are exact,
    and so are the sums of each part.
    """
    events = jnp.unpackbits(rows, axis=-1, count=geometry.sources, bitorder="little")
    events = events.astype(jnp.float32)
    panels = jnp.swapaxes(arrays["weight"], 1, 2)
    weight = panels.reshape(-1, geometry.sources)[: target.size].astype(jnp.float32)
    if "step" not in arrays:
        return jnp.matmul(events, weight.T) * arrays["scale"]
    step = arrays["step"][:, None]
    high = jnp.rint(weight / step) * step
    return jnp.matmul(events, high.T) + jnp.matmul(events, (weight - high).T)


def active_share(rows: jax.Array, sources: int) -> jax.Array:
    """Return the share of set bits among the sources of rows."""
    call = jax.ffi.ffi_call("chipletsim_active_share", jax.ShapeDtypeStruct((), jnp.float32))
    return call(rows, bits=np.int64(np.prod(rows.shape[:-1], dtype=np.int64) * sources))


@cache
def product_limit(geometry: NativeGeometry, target: Layout, dtype: str, split: bool) -> float:
    """Return time of the product over time of the sums with all inputs active."""
    source = Layout(geometry.sources, 1, geometry.sources)
    row = np.zeros(source.words * WORD // 8, np.uint8)
    row[: -(-source.size // 8)] = np.packbits(np.ones(source.size, np.uint8), bitorder="little")
    rows = np.tile(row, (_ROWS, 1))
    arrays: Arrays = {
        "weight": np.ones((target.words, source.size, WORD), dtype),
        "scale": np.ones(1, np.float32),
    }
    if split:
        arrays["step"] = np.ones(target.size, np.float32)
    on_device, threads = jax.device_put((arrays, rows)), thread_count()
    product = jax.jit(lambda arrays, rows: product_currents(geometry, arrays, target, rows))
    sums = jax.jit(
        lambda arrays, rows: run_currents(geometry, arrays, (source, target), rows, threads)
    )
    return _seconds(product, on_device) / _seconds(sums, on_device)


def _seconds(function: Callable[..., jax.Array], arguments: tuple[Any, ...]) -> float:
    jax.block_until_ready(function(*arguments))
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        times.append(time.perf_counter() - start)
    return min(times)
