"""Rows of a mapping as bursts of packets on one package."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import jax
import numpy as np

from chipletsim.cost.constants import constants_of
from chipletsim.cost.incidence import TrafficModel, traffic_model
from chipletsim.cost.packet_report import PacketCounter
from chipletsim.cost.program import route_times_of
from chipletsim.cost.row_busy import RowBusy
from chipletsim.cost.row_messages import RowMessages
from chipletsim.cost.row_times import PortSums, RowTimes
from chipletsim.mapping.model import Mapping
from chipletsim.noc.alone import Alone
from chipletsim.noc.encoded_rows import LinkMessages
from chipletsim.noc.fetches import cut
from chipletsim.noc.flit_hops import flit_hops
from chipletsim.noc.flit_network import Burst, BurstTimes, Job, PortCounts
from chipletsim.noc.free_bursts import step_ends
from chipletsim.noc.job_checks import check_jobs
from chipletsim.noc.messages import MessageLists, RowEvents, message_lists
from chipletsim.noc.package_network import whole_ticks
from chipletsim.noc.packet_bursts import packet_jobs, row_timing
from chipletsim.noc.packet_plan import PacketPlans
from chipletsim.noc.packet_times import PacketTimes, packet_times
from chipletsim.noc.serial import certain, plan_ticks
from chipletsim.noc.whole_steps import with_whole_steps
from chipletsim.package.model import Package


class RowJobs(NamedTuple):
    """Bursts of rows.

    Attributes:
        rows: int64 [jobs], rows that have to be followed, by number.
        jobs: Their bursts.
        least: int64 [rows], least ticks of each other row.
    """

    rows: np.ndarray
    jobs: list[Job]
    least: np.ndarray


class Shared:
    """What the packages of one structure share.

    Args:
        mapping: Where the network lives.
        plans: Its packets.
    """

    def __init__(self, mapping: Mapping, plans: PacketPlans) -> None:
        self._mapping, self.plans = mapping, plans

    @cached_property
    def messages(self) -> RowMessages:
        """What links that encode send."""
        return RowMessages(self._mapping, self.model.classes, self.plans.messages.neuron)

    @cached_property
    def model(self) -> TrafficModel:
        """Traffic of the mapping."""
        return traffic_model(self._mapping)


class PackageRows:
    """Makes bursts of rows, and reads their times and counts.

    Args:
        mapping: Where the network lives.
        package: Of the structure of the mapping's.
        shared: What packages of that structure share.
        spares_bound: See `PacketRows`.

    Attributes:
        tiles: What the lists of messages depend on.
        most_packets: Packets of a row in which each neuron sends one event, if weights are fetched
            or links encode; else 1. If there are more parts of weights, times tiles, it is these.
        packets: Packets of the mapping on the package.

    Raises:
        ConfigError: The models do not follow a tile in use, or what else is on the package.
        UsageError: They do not follow a packet, with ``spares_bound``; else they say so later.
    """

    def __init__(
        self,
        mapping: Mapping,
        package: Package,
        shared: Shared,
        *,
        spares_bound: bool,
    ) -> None:
        self.packets = packet_times(mapping, package, shared.plans)
        self._package = package
        self._barrier_s = package.spec.barrier_of(mapping.routers_in_use)
        plan = shared.plans.messages
        self._tile = plan.tile
        whole = np.flatnonzero(self.packets.whole_steps[plan.tile])
        self._whole_cores = whole[np.isin(whole, np.concatenate([plan.core, plan.axon_core]))]
        self._busy = RowBusy(shared.model, package, plan.neuron) if self._whole_cores.size else None
        self.tiles = tuple(tile.parameters for tile in package.tiles), id(self.packets.plan)
        # What energy depends on and `bound` does not tell has to be followed.
        plain = not any(
            link.spec.frame or link.spec.sleep or link.spec.encoding for link in package.links
        )
        self._lone: np.ndarray | None = None
        self._messages = shared.messages if self.packets.network.encoded.size else None
        self._silence = _silence(shared.model, package, self.packets) if self._messages else None
        if spares_bound:
            check_jobs([self._each_packet_once()])
        self.most_packets = self._most_packets()
        asks = self.packets.fetches.back.size > 0
        if spares_bound and plain and not asks and not package.spec.runs_freely:
            self._lone = plan_ticks(self.packets, package)

    def _most_packets(self) -> int:
        """Return the attribute of that name."""
        packets = self.packets
        plan, streams = packets.plan, packets.plan.fetched.streams[:, 3]
        if not (packets.fetches.back.size or streams.size or self._messages):
            return 1
        fetched = cut(streams, self._package.spec.packet).packets.sum()
        fetched += packets.fetches.counts.sum()
        stretches = 0
        if self._messages:
            most_bits = self._messages.most_bits[packets.network.encoded]
            stretch_bits = packets.stretches.most * packets.stretches.flit_bits
            stretches = (-(-most_bits // stretch_bits)).sum()
        gates = (packets.parts + 1) * len(packets.network.network.node)
        return int(max(plan.flow.size + fetched + stretches, gates))

    def _each_packet_once(self) -> Job:
        """Return a burst of all packets that any neuron may send."""
        packets, plan = self.packets, self.packets.plan
        routed = np.flatnonzero(plan.flow >= 0)
        flow, kind = plan.flow[routed], packets.kind[routed]
        rows = np.zeros((routed.size, 6), np.int64)
        rows[:, 0], rows[:, 1], rows[:, 2] = plan.flows.flow[flow, 0], flow, packets.flits[kind]
        order = np.argsort(rows[:, 0], kind="stable")
        nothing = np.zeros(int(plan.flows.deliveries[flow].sum()), np.int64)
        burst = Burst(rows[order], nothing, kind=kind[order])
        return Job(packets.network.network, plan.flows, burst)

    def counter(self, timing: str) -> PacketCounter:
        """Return what gathers packets and links of rows by a model, none as yet."""
        return PacketCounter(self.packets, Alone(self.packets, timing), self._package)

    def flit_hops(self, events: np.ndarray, steps: int) -> int:
        """Return flits times routers of the packets of events, at most.

        Args:
            events: int64 [neurons], in the order of the message plan.
            steps: Steps of all samples, in which weights are sent unasked.
        """
        return flit_hops(self.packets, self._package, events, steps)

    def listed(self, events: RowEvents) -> MessageLists:
        """Return the messages of rows."""
        lists = message_lists(self.packets.plan.messages, self.packets.times, events)
        if self._busy is None:
            return lists
        busy_s = np.zeros((len(events.spikes), self._tile.size))
        whole = self._whole_cores
        busy_s[:, whole] = self._busy.of(events)[:, self._tile[whole]]
        return with_whole_steps(lists, self.packets, self._package, events.works, busy_s)

    def jobs(self, lists: MessageLists, events: RowEvents) -> RowJobs:
        """Return the bursts of rows.

        Args:
            lists: Messages of the rows, from ``listed``.
            events: What the neurons of the plan did.
        """
        jobs = packet_jobs(lists, self.packets, self._sent(events))
        least = np.zeros(len(jobs), np.int64)
        followed = np.ones(len(jobs), bool)
        if self._lone is not None:
            for number, job in enumerate(jobs):
                limits = certain(job, self._lone)
                if limits is not None:
                    least[number], followed[number] = limits.least, False
        rows = np.flatnonzero(followed)
        return RowJobs(rows, [jobs[row] for row in rows.tolist()], least)

    def _sent(self, events: RowEvents) -> LinkMessages | None:
        """Return what links that encode send in rows; None if there are no such links."""
        if self._messages is None or self._silence is None:
            return None
        bits = self._messages.bits(events)[:, self.packets.network.encoded]
        return LinkMessages(bits, *self._silence)

    def times(self, jobs: RowJobs, done: Sequence[BurstTimes]) -> RowTimes:
        """Return the times of rows, each [rows]; of free-running ones [samples, rows].

        Args:
            jobs: The bursts.
            done: What they did.

        Raises:
            InfeasibleError: Packets wait for one another forever.
        """
        timed = row_timing(jobs.jobs, done, self.packets)
        if self._package.spec.runs_freely:
            return self._free_times(jobs.jobs, done, timed.resource)
        latency_s = jobs.least * (self.packets.network.network.tick_s or 1.0)
        resource = np.zeros(jobs.least.size, np.int32)
        latency_s[jobs.rows], resource[jobs.rows] = timed.latency_s, timed.resource
        by_bound = np.ones(jobs.least.size, bool)
        by_bound[jobs.rows] = False
        return RowTimes(latency_s + self._barrier_s, resource, by_bound)

    def _free_times(
        self, jobs: list[Job], done: Sequence[BurstTimes], resource: np.ndarray
    ) -> RowTimes:
        """Return the times of free-running rows, each [samples, rows].

        Each row takes from the end of all before it to its own, and is bounded by what bounds its
        sample.

        Args:
            jobs: Burst of all rows of each sample.
            done: What they did.
            resource: int32 [samples], what bounds each.
        """
        both = zip(jobs, done, strict=True)
        ends = np.array([step_ends(job, times) for job, times in both], np.int64)
        tick_s = self.packets.network.network.tick_s or 1.0
        latency_s = np.diff(ends, axis=1, prepend=0) * tick_s
        of_rows = np.repeat(resource[:, None], ends.shape[1], axis=1)
        return RowTimes(latency_s, of_rows, np.zeros(ends.shape, bool))

    def sums(self, counts: PortCounts | None) -> PortSums:
        """Return what links did.

        Args:
            counts: What happened at the ports of the network; None for nothing.
        """
        ports = self.packets.network.link_port
        if counts is None:
            nothing = np.zeros(ports.size, np.int64)
            return PortSums(nothing, nothing, 0.0)
        tick_s = self.packets.network.network.tick_s or 1.0
        return PortSums(counts.frames[ports], counts.asleep[ports], tick_s)


def _silence(
    model: TrafficModel, package: Package, packets: PacketTimes
) -> tuple[np.ndarray, np.ndarray]:
    """Return int64 [links that encode] twice: ticks up to a link and behind it if nothing comes.

    A message without events waits until the first one could have come, and what is behind the link
    knows of it as late as of an event: both as timing `bound` has them.
    """
    with jax.enable_x64(True):
        found = route_times_of(model.incidence, constants_of(package, 0.0))
    tick_s = packets.network.network.tick_s or 1.0
    links = packets.network.encoded
    wait, tell = (whole_ticks(np.asarray(each)[links], tick_s) for each in found)
    return wait, tell
