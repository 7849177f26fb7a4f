"""When tiles are kept from making packets, since those that they made leave no room for more."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Made(NamedTuple):
    """Packets as nodes make them, and work that ends in none, each int64 [packets]; in ticks.

    Attributes:
        node: Which node makes it.
        start: When it begins.
        end: When it is made.
        step: Of the network.
        available: Before when it could not be begun, as it waits for others; else 0.
    """

    node: np.ndarray
    start: np.ndarray
    end: np.ndarray
    step: np.ndarray
    available: np.ndarray


class Worked(NamedTuple):
    """Work of nodes on what comes, each int64 [deliveries]; in ticks.

    Attributes:
        node: Which node works.
        start: When it begins.
        end: When it is done.
    """

    node: np.ndarray
    start: np.ndarray
    end: np.ndarray


class Blocked(NamedTuple):
    """Times in which nodes are blocked, each int64 [times]; by node, then in order.

    Attributes:
        node: Which node.
        start: From when.
        end: Until when.
        step: Of the packet that there was no room for.
    """

    node: np.ndarray
    start: np.ndarray
    end: np.ndarray
    step: np.ndarray


def blocked(made: Made, worked: Worked) -> Blocked:
    """Return when nodes do nothing between packets of a step.

    A node begins a packet as soon as it is free and there is room for it. So what is between two
    packets of one step, and is not work on what came, is time in which there is no room, from when
    some packet of that step could have been begun.

    Args:
        made: Packets, in any order.
        worked: Work of nodes that do one thing at a time; that of others does not matter.
    """
    packets = made.node.size
    node, start, end = (
        np.concatenate(pair)
        for pair in ((made.node, worked.node), (made.start, worked.start), (made.end, worked.end))
    )
    order = np.lexsort((end, start, node))
    node, start, end = node[order], start[order], end[order]
    makes = order < packets
    if not makes.any():
        return Blocked(node[:0], start[:0], end[:0], made.step[:0])
    place = np.flatnonzero(makes)
    step = made.step[order[place]]
    earliest = _earliest(node[place], step, made.available[order[place]])
    follows = np.zeros(place.size, bool)  # a packet of the same node and step
    follows[1:] = (node[place[1:]] == node[place[:-1]]) & (step[1:] == step[:-1])
    coming = np.minimum(np.searchsorted(place, np.arange(node.size)), place.size - 1)
    awaited = (
        follows[coming] & (node[place[coming]] == node) & (place[coming] >= np.arange(node.size))
    )
    before = np.maximum(np.append(0, end[:-1]), earliest[coming])
    found = awaited & (start > before)
    return Blocked(node[found], before[found], start[found], step[coming[found]])


def _earliest(node: np.ndarray, step: np.ndarray, available: np.ndarray) -> np.ndarray:
    """Return when the first of each packet and those behind it of its node and step is available.

    Args:
        node: int64 [packets].
        step: int64 [packets].
        available: int64 [packets].
    """
    if not available.any():
        return available
    order = np.lexsort((np.arange(node.size), step, node))[::-1]
    changes = (np.diff(node[order], prepend=-1) != 0) | (np.diff(step[order], prepend=-1) != 0)
    group = np.cumsum(changes)
    # A least value so far starts anew in each group, as those of later groups lie lower.
    span = int(available.max()) + 1
    found = np.empty_like(available)
    found[order] = np.minimum.accumulate(available[order] - group * span) + group * span
    return found
