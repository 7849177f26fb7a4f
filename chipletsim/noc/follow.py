"""One step of timing `detailed` in Python: what ``kernels/src/messages.h`` does, to the same bits.

It stands in where there are no native kernels, and where more is asked than how long a step takes.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from chipletsim.noc.message_timing import CoreMesh
from chipletsim.noc.messages import MessageLists


class _Flight(NamedTuple):
    received_s: float
    processing_s: float
    route: list[int]


class Follower:
    """Follows the messages of a row through the mesh.

    Args:
        lists: Messages of some rows.
        mesh: The cores.
        row: Number of the row.
    """

    def __init__(self, lists: MessageLists, mesh: CoreMesh, row: int) -> None:
        cores = len(mesh.place)
        self._cores, self._mesh = cores, mesh
        first, stop = lists.start[row * cores], lists.start[(row + 1) * cores]
        self._start = (lists.start[row * cores : (row + 1) * cores + 1] - first).tolist()
        self._target = lists.target[first:stop].tolist()
        self._generation_s = lists.generation_s[first:stop].tolist()
        self._processing_s = lists.processing_s[first:stop].tolist()
        self._place, self._hop_s = mesh.place.tolist(), mesh.hop_s.tolist()
        self._density = [0.0] * (4 * mesh.width * mesh.height + cores)
        self._finished_s = [0.0] * cores
        self._waiting: list[deque[_Flight]] = [deque() for _ in range(cores)]
        self._busy: set[int] = set()  # targets for which some message waits
        self._mean_s, self._count = 0.0, 0
        self._last_s, self._cause = 0.0, 2 * cores

    def run(self) -> tuple[float, int]:
        """Return the time of the row, and what bounds it as `MessageTiming` numbers it."""
        queue: list[tuple[float, int]] = []
        following = list(self._start[:-1])
        for core in range(self._cores):
            if following[core] < self._start[core + 1]:
                message = following[core]
                _push(queue, (self._generation_s[message], core))
                self._makes(core, self._target[message], 0.0, self._generation_s[message])
        while queue:
            sent_s, core = _pop(queue)
            self._reach(sent_s, self._cores + core)
            self._leave(sent_s)
            message = following[core]
            following[core] += 1
            if self._target[message] >= 0:
                sent_s = self._enter(core, message, sent_s)
            if following[core] < self._start[core + 1]:
                message = following[core]
                next_s = sent_s + self._generation_s[message]
                _push(queue, (next_s, core))
                self._makes(core, self._target[message], sent_s, self._generation_s[message])
                self._reach(next_s, self._cores + core)
        return self._last_s, self._cause

    def _makes(self, core: int, target: int, start_s: float, length_s: float) -> None:
        """Is told that a core makes a message to a target, -1 for nowhere."""

    def _sends(self, core: int, target: int, made_s: float, sent_s: float, at_s: float) -> None:
        """Is told when a message was made and sent, and when it will be at its target."""

    def _takes(self, core: int, target: int, free_s: float, at_s: float, work_s: float) -> None:
        """Is told when a target was free for a message that is there, and its work on it."""

    def _reach(self, time_s: float, cause: int) -> None:
        if time_s > self._last_s:
            self._last_s, self._cause = time_s, cause

    def _leave(self, now_s: float) -> None:
        """Take messages that were received off the network: by core, first in, first out."""
        for core in sorted(self._busy):
            own = self._waiting[core]
            while own and own[0].received_s <= now_s:
                flight = own.popleft()
                for link in flight.route:
                    self._density[link] -= 1.0 / (len(flight.route) + 1)
                if self._count > 1:
                    self._mean_s += (self._mean_s - flight.processing_s) / (self._count - 1)
                self._count -= 1
            if not own:
                self._busy.discard(core)

    def _enter(self, core: int, message: int, sent_s: float) -> float:
        """Put a message on the network; return when it was sent, for which it may have waited."""
        target, processing_s = self._target[message], self._processing_s[message]
        route, least_s = self._route(core, target)
        along = 0.0
        for link in route:
            along += self._density[link]
        room, made_s = len(route) * self._mesh.buffer, sent_s
        if along > room:
            sent_s += (along - room) * self._mean_s
        network_s = max(least_s, along * self._mean_s / len(route))
        before_s = self._finished_s[target]
        received_s = max(before_s, sent_s + network_s)
        finished_s = max(before_s + processing_s, sent_s + network_s + processing_s)
        self._finished_s[target] = finished_s
        self._sends(core, target, made_s, sent_s, sent_s + network_s)
        self._takes(core, target, before_s, sent_s + network_s, processing_s)
        for link in route:
            self._density[link] += 1.0 / (len(route) + 1)
        self._mean_s += (processing_s - self._mean_s) / (self._count + 1)
        self._count += 1
        self._waiting[target].append(_Flight(received_s, processing_s, route))
        self._busy.add(target)
        self._reach(finished_s, target)
        return sent_s

    def _route(self, core: int, target: int) -> tuple[list[int], float]:
        """Return the entries that a route touches, x first, and the least time it takes."""
        (x, y), (to_x, to_y) = self._place[core], self._place[target]
        along_x, along_y = (0 if to_x > x else 1), (2 if to_y > y else 3)
        hop_s = self._hop_s[core]
        least_s = abs(to_x - x) * hop_s[along_x] + abs(to_y - y) * hop_s[along_y]
        width = self._mesh.width
        # The core's own link at the source; then at each router the direction it was reached in,
        # but along x the one it is left in, which is the same until the turn.
        route = [4 * width * self._mesh.height + core]
        while x != to_x:
            x += 1 if to_x > x else -1
            route.append(4 * (y * width + x) + along_x)
        while y != to_y:
            y += 1 if to_y > y else -1
            route.append(4 * (y * width + x) + along_y)
        return route, least_s


def _push(heap: list[tuple[float, int]], event: tuple[float, int]) -> None:
    """Add an event; equal times stand as ``std::push_heap`` of libstdc++ puts them."""
    heap.append(event)
    _rise(heap, len(heap) - 1)


def _pop(heap: list[tuple[float, int]]) -> tuple[float, int]:
    """Take the earliest event; equal times as ``std::pop_heap`` of libstdc++ leaves them."""
    first, last = heap[0], heap.pop()
    size, hole = len(heap), 0
    if not size:
        return first
    while 2 * hole + 1 < size:
        child = 2 * hole + 2
        if child == size or heap[child][0] > heap[child - 1][0]:
            child -= 1
        heap[hole] = heap[child]
        hole = child
    heap[hole] = last
    _rise(heap, hole)
    return first


def _rise(heap: list[tuple[float, int]], hole: int) -> None:
    event = heap[hole]
    while hole and heap[(hole - 1) // 2][0] > event[0]:
        heap[hole] = heap[(hole - 1) // 2]
        hole = (hole - 1) // 2
    heap[hole] = event
