"""What each packet takes if it is alone: zero load, as the timing model itself has it."""

from __future__ import annotations

import numpy as np

from chipletsim.kernels import native_functions
from chipletsim.noc import packet_model
from chipletsim.noc.burst_kernels import run_singly
from chipletsim.noc.flit_network import Burst, Job
from chipletsim.noc.packet_times import PacketTimes

_JOBS = 4096
"""Bursts of one packet each that are run at once."""


class Alone:
    """Tells how long packets take alone, and runs each kind of packet once.

    A packet alone still waits for its own copies where their ways part, for the frames of links to
    leave, and for the clocks of routers; but never for a link to be woken. Clocks that differ make
    it depend on the tick in which it leaves, up to a common multiple of their cycles.

    Args:
        packets: Packets of a mapping.
        timing: Name of the timing model.
    """

    def __init__(self, packets: PacketTimes, timing: str) -> None:
        self._packets, self._timing = packets, timing
        network = packets.network.network
        if network.links is not None:
            links = network.links.copy()
            links[:, 3] = -1  # awake
            network = network._replace(links=links)
        self._network = network
        cycle = network.router[:, 1]
        self._period = int(np.lcm.reduce(cycle)) if cycle.size else 1
        flow = packets.plan.flows.flow
        ways, self._way = np.unique(flow[:, :2], axis=0, return_inverse=True)
        self._way = self._way.reshape(-1)
        self._flow = np.zeros(len(ways), np.int64)  # one of each way
        self._flow[self._way[::-1]] = np.arange(len(flow))[::-1]
        self._known = np.zeros(0, np.int64)
        self._ticks = np.zeros(0, np.int64)

    def ticks(self, flow: np.ndarray, kind: np.ndarray, injected: np.ndarray) -> np.ndarray:
        """Return int64 [packets]: ticks from leaving the source to the arrival of the last tail.

        Args:
            flow: int64 [packets], flow of each.
            kind: int64 [packets], its size by number.
            injected: int64 [packets], tick in which its head leaves its node.
        """
        kinds = self._packets.flits.size
        keys = (self._way[flow] * kinds + kind) * self._period + injected % self._period
        distinct, number = np.unique(keys, return_inverse=True)
        self._learn(np.setdiff1d(distinct, self._known, assume_unique=True))
        found: np.ndarray = self._ticks[np.searchsorted(self._known, distinct)][number.reshape(-1)]
        return found

    def _learn(self, keys: np.ndarray) -> None:
        if not keys.size:
            return
        known = np.concatenate([self._known, keys])
        parts = [self._run(keys[at : at + _JOBS]) for at in range(0, keys.size, _JOBS)]
        ticks = np.concatenate([self._ticks, *parts])
        order = np.argsort(known)
        self._known, self._ticks = known[order], ticks[order]

    def _run(self, keys: np.ndarray) -> np.ndarray:
        """Return int64 [keys]: what packets take that are run one by one."""
        packets, flows = self._packets, self._packets.plan.flows
        at, leaves = np.divmod(keys, self._period)
        way, kind = np.divmod(at, packets.flits.size)
        flow = self._flow[way]
        zeros = np.zeros_like(flow)
        rows = np.stack(
            [flows.flow[flow, 0], flow, packets.flits[kind], leaves, zeros, zeros], axis=1
        )
        if native_functions():
            return run_singly(self._timing, self._network, flows, rows, kind)
        return self._follow(rows, kind)

    def _follow(self, rows: np.ndarray, kind: np.ndarray) -> np.ndarray:
        """Return the same in Python."""
        flows = self._packets.plan.flows
        jobs = []
        for row, size in zip(rows, kind, strict=True):
            nothing = np.zeros(int(flows.deliveries[row[1]]), np.int64)
            jobs.append(Job(self._network, flows, Burst(row[None], nothing, kind=size[None])))
        times = packet_model(self._timing)(jobs).times
        return np.array([each.arrived.max() - each.injected[0] for each in times], np.int64)
