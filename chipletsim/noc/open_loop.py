"""Open loop: latency and throughput of a network under a constant load.

Every node draws in every cycle whether a packet is made, which waits in a queue without end. After
a warm-up, packets are watched for some periods; meanwhile, and until they have all come, the load
goes on. It is the measurement of BookSim 2 (N. Jiang et al., ISPASS 2013; `sim_type = latency`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from chipletsim.errors import UsageError
from chipletsim.noc.cycle import cycle
from chipletsim.noc.flit_network import Burst, BurstTimes, Job, delivery_nodes, delivery_starts


class Protocol(NamedTuple):
    """How a load is measured; what is left out is as BookSim 2 has it.

    Attributes:
        period: Cycles of a period.
        warm_up: Periods before packets are watched.
        steady: Periods in a row that have to be alike before it ends.
        periods: All periods, warm-up included, at most.
        change: Change of mean latency, and of accepted flits, of periods that are alike.
        latency_limit: Mean latency in cycles above which the network counts as unstable.
        drain: Cycles for which the load goes on at the end.
    """

    period: int = 2000
    warm_up: int = 3
    steady: int = 3
    periods: int = 10
    change: float = 0.05
    latency_limit: float = 500.0
    drain: int = 500

    @property
    def cycles(self) -> int:
        """Cycles in which packets are drawn."""
        return self.periods * self.period + self.drain


class LoadPoint(NamedTuple):
    """What a network does under a load. Cycles are those of the network's ticks.

    Attributes:
        offered: Flits that a node makes in a cycle, as asked for.
        accepted: Flits that come to a node in a cycle.
        accepted_least: The same of the node to which fewest come.
        latency_cycles: Mean from when a packet is made until its tail comes, in all copies.
        network_latency_cycles: The same from when its head leaves the node.
        routers: Mean number of routers on the way.
        packets: Copies of packets that were watched.
        cycles: In which packets were watched, and before.
        stable: Whether the latency stays below the limit.
    """

    offered: float
    accepted: float
    accepted_least: float
    latency_cycles: float
    network_latency_cycles: float
    routers: float
    packets: int
    cycles: int
    stable: bool


def draw_load(traffic: Job, rate: float, cycles: int, seed: int) -> Job:
    """Return packets that nodes draw under a load.

    Args:
        traffic: A network, and packets of which each node draws its own, evenly; nodes that have
            none are silent.
        rate: Flits that each of the others makes in a cycle on average.
        cycles: In which packets are drawn.
        seed: Of the draws.

    Raises:
        UsageError: A node would have to make more than a packet in a cycle.
    """
    table = traffic.burst.packet
    nodes = len(traffic.network.node)
    counts = np.bincount(table[:, 0], minlength=nodes)
    first = np.cumsum(counts) - counts
    flits = np.bincount(table[:, 0], table[:, 2], nodes) / np.maximum(counts, 1)
    chance = np.where(counts > 0, rate / np.maximum(flits, 1), 0.0)
    if not rate > 0 or chance.max(initial=0) > 1:
        most = float(flits[counts > 0].min(initial=np.inf))
        raise UsageError(
            f"a load is above 0 and at most a packet a node and cycle, which is {most:g} flits"
            f" here; got {rate:g}"
        )
    draw = np.random.default_rng(seed)
    # One node after the other, as the rows of a burst have to stand.
    source, ready = np.nonzero(draw.random((nodes, cycles)) < chance[:, None])
    chosen = first[source] + (draw.random(len(source)) * counts[source]).astype(np.int64)
    packet = table[chosen].copy()
    packet[:, 3] = ready
    copies = np.diff(delivery_starts(traffic.flows, Burst(packet, traffic.burst.processing[:0])))
    processing = np.zeros(int(copies.sum()), np.int64)
    kind = None if traffic.burst.kind is None else traffic.burst.kind[chosen]
    return Job(traffic.network, traffic.flows, Burst(packet, processing, kind=kind))


def measure_load(job: Job, times: BurstTimes, rate: float, protocol: Protocol) -> LoadPoint:
    """Return what a network did under a load.

    Packets are watched that come to the front of their node's queue after the warm-up, and are
    made before the last period ends. Periods are added until latency and accepted flits of all of
    them together change by no more than `change` for `steady` periods in a row.

    Args:
        job: What was drawn, by `draw_load`.
        times: When its packets went where.
        rate: The load.
        protocol: How it is measured.
    """
    return _Watch(job, times, protocol).point(rate)


class _Watch:
    """Packets of a load, copy by copy."""

    def __init__(self, job: Job, times: BurstTimes, protocol: Protocol) -> None:
        packet = job.burst.packet
        starts = delivery_starts(job.flows, job.burst)
        of = np.repeat(np.arange(len(packet)), np.diff(starts))
        first = np.cumsum(job.flows.deliveries) - job.flows.deliveries
        rank = np.arange(len(of)) - starts[of]
        self._protocol = protocol
        self._nodes = len(job.network.node)
        self._target = delivery_nodes(job.flows, job.burst)
        self._routers = job.flows.routers[first[packet[of, 1]] + rank]
        self._flits, self._made = packet[of, 2], packet[of, 3]
        self._left, self._came = times.injected[of], times.arrived
        # A packet is at the front of the queue once the one before has left, flit by flit.
        free = np.where(
            np.diff(packet[:, 0], prepend=-1) == 0,
            np.concatenate([[0], (times.injected + packet[:, 2])[:-1]]),
            0,
        )
        self._front = np.maximum(packet[:, 3], free)[of]
        self._begin = protocol.warm_up * protocol.period

    def point(self, rate: float) -> LoadPoint:
        end, stable = self._end()
        watched = (self._front >= self._begin) & (self._made < end)
        latency = (self._came - self._made)[watched]
        mean = float(latency.mean()) if latency.size else float("nan")
        accepted = self._accepted(self._begin, end)
        return LoadPoint(
            rate,
            float(accepted.mean()),
            float(accepted.min()),
            mean,
            float((self._came - self._left)[watched].mean()) if latency.size else float("nan"),
            float(self._routers[watched].mean()) if latency.size else float("nan"),
            int(watched.sum()),
            end,
            bool(stable and mean <= self._protocol.latency_limit),
        )

    def _end(self) -> tuple[int, bool]:
        """Return when the last period ends, and whether latency was below the limit till then."""
        protocol = self._protocol
        before = self._figures(self._begin - protocol.period, self._begin, from_front=0)
        alike = 0
        for number in range(protocol.warm_up + 1, protocol.periods + 1):
            end = number * protocol.period
            now = self._figures(self._begin, end, self._begin)
            if self._with_waiting(end) > protocol.latency_limit:
                return end, False
            near = all(
                abs(new - old) <= protocol.change * new
                for new, old in zip(now, before, strict=True)
            )
            alike, before = (alike + 1 if near else 0), now
            if alike == protocol.steady:
                break
        return end, True

    def _figures(self, begin: int, end: int, from_front: int) -> tuple[float, float]:
        """Return mean latency of packets that came by then, and accepted flits."""
        came = (self._came >= begin) & (self._came < end) & (self._front >= from_front)
        latency = (self._came - self._made)[came]
        mean = float(latency.mean()) if latency.size else 0.0
        return mean, float(self._accepted(begin, end).mean())

    def _with_waiting(self, end: int) -> float:
        """Return the mean latency if those on the way came now, each flit of them counted."""
        came = (self._front >= self._begin) & (self._came < end)
        waits = (self._front < end) & (self._came >= end)
        total = (self._came - self._made)[came].sum()
        total += ((end - self._made) * self._flits)[waits].sum()
        return float(total / max(came.sum() + self._flits[waits].sum(), 1))

    def _accepted(self, begin: int, end: int) -> np.ndarray:
        """Return float64 [nodes]: flits a cycle; those of a packet are taken to come in a row."""
        flits = self._flits_before(end) - self._flits_before(begin)
        return np.asarray(np.bincount(self._target, flits, self._nodes) / (end - begin))

    def _flits_before(self, cycle: int) -> np.ndarray:
        return np.clip(cycle - self._came + self._flits - 1, 0, self._flits)


def latency_curve(
    traffic: Job,
    rates: Sequence[float],
    *,
    seeds: Sequence[int] = (0,),
    protocol: Protocol | None = None,
) -> list[list[LoadPoint]]:
    """Measure a network under several loads, with timing `cycle`.

    Args:
        traffic: A network, and packets of which nodes draw; see `draw_load`.
        rates: Loads in flits a node and cycle.
        seeds: Of the draws of each load; each is a measurement of its own.
        protocol: How they are measured.

    Returns:
        For each load a point of each seed.
    """
    protocol = protocol or Protocol()
    jobs = [draw_load(traffic, rate, protocol.cycles, seed) for rate in rates for seed in seeds]
    times = iter(zip(jobs, cycle(jobs).times, strict=True))
    return [[measure_load(*next(times), rate, protocol) for _ in seeds] for rate in rates]


def saturation_rate(points: Sequence[LoadPoint], times_zero_load: float = 3.0) -> float:
    """Return the largest load that is stable with a latency of so many times that of the least.

    Args:
        points: Of rising loads, the first hardly any; the answer is one of these loads, or 0.
        times_zero_load: How many times.
    """
    limit = times_zero_load * points[0].latency_cycles
    return max((p.offered for p in points if p.stable and p.latency_cycles <= limit), default=0.0)
