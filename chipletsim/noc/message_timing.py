"""What a timing model that follows single messages is given, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.noc.message_plan import MessagePlan
from chipletsim.noc.messages import MessageLists
from chipletsim.package.model import Package


class CoreMesh(NamedTuple):
    """Where cores stand, and what their hops take.

    Attributes:
        width: Routers along x.
        height: Routers along y.
        buffer: Messages that a link holds.
        place: int64 [cores, 2], x and y.
        hop_s: float64 [cores, 4], of a hop of messages that a core sends, east, west, north
            and south.
    """

    width: int
    height: int
    buffer: int
    place: np.ndarray
    hop_s: np.ndarray


class MessageTiming(NamedTuple):
    """How long steps take, without a barrier, and why.

    Attributes:
        latency_s: float64 [rows].
        resource: int32 [rows], what bounds a row: a core that works on messages it received (its
            number), one that makes messages (number of cores + its number), or nothing
            (twice the number of cores).
    """

    latency_s: np.ndarray
    resource: np.ndarray


MessageModel = Callable[[MessageLists, CoreMesh], MessageTiming]


def flat_mesh(plan: MessagePlan, hop_s: np.ndarray) -> CoreMesh:
    """Return cores without places, for models that know of no network.

    Args:
        plan: Of the mapping.
        hop_s: float64 [cores, 4].
    """
    return CoreMesh(1, 1, 1, np.zeros((plan.tile.size, 2), np.int64), hop_s)


def core_mesh(plan: MessagePlan, package: Package, hop_s: np.ndarray) -> CoreMesh:
    """Return the mesh of a package of one die.

    Args:
        plan: Of a mapping to the package.
        package: The package.
        hop_s: float64 [cores, 4].

    Raises:
        ConfigError: It has several dies, or is no mesh, or does not say what its links hold.
    """
    spec = next(iter(package.spec.chiplet_types.values()))
    if len(package.chiplets) == 1:
        spec = package.spec.chiplet_types[package.chiplets[0].type]
    network = spec.network
    message = ""
    if len(package.chiplets) > 1:
        message = f"follows messages in one die, but the package has {len(package.chiplets)}"
    elif network.topology != "mesh":
        message = f"follows messages in a mesh, but the topology is {network.topology}"
    elif network.link_buffer_size is None:
        message = (
            "needs `link_buffer_size` of the on-chip network, the messages that a link holds; "
            "timing `simple` does without"
        )
    if message or network.link_buffer_size is None:
        raise ConfigError([Problem(f"timing `detailed` {message}", "timing")])
    routers = [package.routers[package.tiles[tile].router].at for tile in plan.tile.tolist()]
    place = np.array([(*at, 0)[:2] for at in routers], np.int64)
    width, height = (place.max(axis=0) + 1).tolist()
    return CoreMesh(width, height, network.link_buffer_size, place, hop_s)
