"""Square meshes with routes along x, then along y, and traffic on them.

Node n is at router n, which stands in column ``n % side`` and row ``n // side``. Ports are those of
BookSim 2: +x, -x, +y, -y, node.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from chipletsim.errors import UsageError
from chipletsim.noc.flit_network import ALL_CHANNELS, NO_PEER, Burst, FlitNetwork, Flows, Job

PORTS = 5
_NODE = 4
_TURNS = ((1, 0, 1), (-1, 0, 0), (0, 1, 3), (0, -1, 2))
"""Of each port: step in x, step in y, port of the way back."""


@cache
def mesh_network(side: int, channels: int, buffer_flits: int = 8) -> FlitNetwork:
    """Return a mesh whose links, and ways between nodes and routers, take a cycle.

    Args:
        side: Routers of a row, and rows.
        channels: Virtual channels of each port.
        buffer_flits: Flits that each holds.
    """
    count = side * side
    at = np.arange(count)
    x, y = at % side, at // side
    port = np.tile(np.array([NO_PEER, 2, 2, 1, buffer_flits], np.int64), (PORTS * count, 1))
    for number, (dx, dy, back) in enumerate(_TURNS):
        inside = (x + dx >= 0) & (x + dx < side) & (y + dy >= 0) & (y + dy < side)
        port[PORTS * at[inside] + number, 0] = PORTS * (at[inside] + dx + side * dy) + back
    port[PORTS * at + _NODE, 0] = -1 - at
    ones = np.ones(count, np.int64)
    router = np.stack([PORTS * at, ones, ones], axis=1)
    node = np.stack([PORTS * at + _NODE, buffer_flits * ones, 0 * at, ones, 2 * ones], axis=1)
    return FlitNetwork(router, port, node, channels)


@cache
def mesh_flows(side: int) -> Flows:
    """Return the ways between all nodes of a mesh; that from s to d is number ``s * nodes + d``."""
    nodes = side * side
    return mesh_ways(side, *np.divmod(np.arange(nodes * nodes), nodes))


def mesh_ways(side: int, source: np.ndarray, target: np.ndarray) -> Flows:
    """Return ways through a mesh, one from each of some nodes to another.

    Args:
        side: Routers of a row, and rows.
        source: int64 [ways].
        target: int64 [ways].
    """
    dx, dy = target % side - source % side, target // side - source // side
    routers = abs(dx) + abs(dy) + 1
    last = np.cumsum(routers)
    first = np.repeat(last - routers, routers)
    step = np.arange(last[-1]) - first  # of the way, from 0
    of = np.repeat(np.arange(source.size), routers)
    along_x = step < abs(dx)[of]
    port = np.where(along_x, np.where(dx[of] > 0, 0, 1), np.where(dy[of] > 0, 2, 3))
    following = np.arange(1, last[-1] + 1)
    port[last - 1], following[last - 1] = _NODE, -1
    any_channel = np.full(last[-1], ALL_CHANNELS)
    flow = np.stack([source, last - routers, np.full(source.size, ALL_CHANNELS)], axis=1)
    return Flows(
        np.arange(last[-1] + 1),
        np.stack([port, following, any_channel], axis=1),
        flow,
        np.ones(source.size, np.int64),
        target,
        routers,
    )


def mesh_job(
    side: int, channels: int, packets: np.ndarray, flits: int, buffer_flits: int = 8
) -> Job:
    """Return packets on a mesh.

    Args:
        side: Routers of a row, and rows.
        channels: Virtual channels of each port.
        packets: int64 [packets, 3]: source, destination, cycle before which each does not leave;
            those of a source in the order of sending.
        flits: Of each packet.
        buffer_flits: Flits that a virtual channel holds.
    """
    source, target, ready = packets[np.argsort(packets[:, 0], kind="stable")].T
    nothing = np.zeros(len(packets), np.int64)
    columns = [source, source * side * side + target, nothing + flits, ready, nothing, nothing]
    burst = Burst(np.stack(columns, axis=1), nothing)
    return Job(mesh_network(side, channels, buffer_flits), mesh_flows(side), burst)


def mesh_pattern(name: str, side: int, targets: Sequence[int] = ()) -> np.ndarray:
    """Return int64 [pairs, 2]: source and destination, of which each node draws its own evenly.

    Args:
        name: ``uniform``: all nodes, the source itself too. ``transpose``: (x, y) to (y, x).
            ``neighbor``: (x, y) to (x + 1, y + 1), around the rim. ``hotspot``: `targets`.
        side: Routers of a row, and rows.
        targets: Nodes of a hot spot.

    Raises:
        UsageError: There is no such pattern.
    """
    nodes = side * side
    at = np.arange(nodes)
    x, y = at % side, at // side
    single = {
        "transpose": x * side + y,
        "neighbor": (y + 1) % side * side + (x + 1) % side,
    }
    many = {"uniform": at, "hotspot": np.asarray(targets, np.int64)}
    if name in single:
        return np.stack([at, single[name]], axis=1)
    if name in many and many[name].size:
        return np.stack([np.repeat(at, many[name].size), np.tile(many[name], nodes)], axis=1)
    known = ", ".join(sorted({*single, *many}))
    raise UsageError(f"no traffic pattern `{name}` with {len(targets)} targets; there are: {known}")
