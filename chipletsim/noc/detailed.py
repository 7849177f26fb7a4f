"""Timing `detailed`: messages wait for room on their route, by a queue of events in each step."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.kernels import native_kernels, thread_count
from chipletsim.noc.follow import Follower
from chipletsim.noc.message_timing import CoreMesh, MessageTiming
from chipletsim.noc.messages import MessageLists
from chipletsim.noc.padding import padded

_LEAST_BITS = 10


def detailed(lists: MessageLists, mesh: CoreMesh) -> MessageTiming:
    """Return how long each row takes.

    Semi-analytic: a message on the network counts with ``1 / (hops + 2)`` on each link of its
    route, x first, then y. One more waits while its route holds more than ``link_buffer_size``
    messages a link, for the mean time that cores take for those on the way; it is on the way
    for ``max(hops, messages along the route x that mean / links)``, and is worked on once its
    core is done with those before. Links have no bandwidth. It is the mode of that name of
    SANA-FE 2.2.9 (J. A. Boyle et al., IEEE TCAD 2025), bit for bit; equal times come in the order
    of libstdc++'s binary heap.

    Args:
        lists: Messages of the rows.
        mesh: The cores.
    """
    rows = (lists.start.size - 1) // len(mesh.place)
    if not native_kernels():
        followed = [Follower(lists, mesh, row).run() for row in range(rows)]
        latency_s = np.array([seconds for seconds, _ in followed], float)
        return MessageTiming(latency_s, np.array([cause for _, cause in followed], np.int32))
    # Calls are compiled for shapes, which lists of all but very different lengths share.
    size = 1 << max(lists.target.size.bit_length(), _LEAST_BITS)
    arguments = (
        lists.start,
        padded(lists.target, size, -1),
        padded(lists.generation_s, size, 0),
        padded(lists.processing_s, size, 0),
        mesh.place,
        mesh.hop_s,
    )
    sizes = (mesh.width, mesh.height, mesh.buffer)
    with jax.enable_x64(True):
        found = _follow(*arguments, rows=rows, sizes=sizes, threads=thread_count())
    return MessageTiming(*map(np.asarray, found))


@partial(jax.jit, static_argnames=("rows", "sizes", "threads"))
def _follow(
    *arguments: jax.Array, rows: int, sizes: tuple[int, int, int], threads: int
) -> tuple[jax.Array, jax.Array]:
    shapes = [jax.ShapeDtypeStruct((rows,), kind) for kind in (jnp.float64, jnp.int32)]
    call = jax.ffi.ffi_call("chipletsim_messages", shapes)
    latency_s, resource = call(
        *arguments, sizes=np.array(sizes, np.int64), threads=np.int64(threads)
    )
    return latency_s, resource
