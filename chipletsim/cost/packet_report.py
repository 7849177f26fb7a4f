"""Counting what packets and links do in the rows of a run, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from chipletsim.cost.interconnect import PLACES, Interconnect
from chipletsim.cost.latency_histogram import LatencyHistogram, nearest_ranks
from chipletsim.cost.load_history import LoadHistory
from chipletsim.cost.packet_tables import Gathered, RowsOfPackets, TimesOfRows, interconnect
from chipletsim.cost.restart import Restartable
from chipletsim.cost.sample_history import SampleHistory
from chipletsim.noc.alone import Alone
from chipletsim.noc.blocked import Made, Worked, blocked
from chipletsim.noc.burst_kernels import BurstResults, PacketModel
from chipletsim.noc.flit_network import (
    OWN_NODE,
    Job,
    PortCounts,
    available,
    delivery_nodes,
    kinds_of,
    one_by_one,
)
from chipletsim.noc.packet_times import PacketTimes
from chipletsim.package.model import Package

MOST_BINS = 256
"""Bins of the history of links, at most."""
_NUMBERS = 1 << 22
"""Counts of ports in rows that are followed at once."""


class _Packets(NamedTuple):
    """Packets of rows that entered a router, each int64 [packets]; row by row.

    Times in which tiles were blocked, and packets that were faster than alone, are int64 [rows].
    """

    row: np.ndarray
    flow: np.ndarray
    latency: np.ndarray
    source_wait: np.ndarray
    network_wait: np.ndarray
    blocked: np.ndarray
    faster: np.ndarray


class _Rows(NamedTuple):
    """Rows of bursts.

    Attributes:
        sample: int64 [rows], number of the sample.
        row: int64 [rows], number of the row in it.
        first: int64 [bursts], first row of each burst.
        burst: int64 [packets], burst of each packet.
        step: int64 [packets], number of the row of each in its burst.
    """

    sample: np.ndarray
    row: np.ndarray
    first: np.ndarray
    burst: np.ndarray
    step: np.ndarray


class PacketCounter(Restartable):
    """Gathers rows as they are timed, and tells of them at the end.

    What is kept grows by a dozen numbers with each row of each sample, and by no more.

    Args:
        packets: Packets of a mapping.
        alone: What they take alone.
        package: The package.
    """

    def __init__(self, packets: PacketTimes, alone: Alone, package: Package) -> None:
        self._packets, self._alone, self._package = packets, alone, package
        flows, network = packets.plan.flows, packets.network.network
        router = network.port_router[network.node[:, 0]]
        die = np.array([each.chiplet for each in package.routers], np.int64)[router]
        owner = np.repeat(np.arange(len(flows.flow)), flows.deliveries)
        self._across = np.zeros(len(flows.flow), bool)
        np.logical_or.at(self._across, owner, die[flows.target] != die[flows.flow[owner, 0]])
        ports = len(network.port)
        self.most_rows = max(1, _NUMBERS // (max(ports, 1) * len(PortCounts._fields)))
        self._begin()

    def _begin(self) -> None:
        links = len(self._package.links)
        self._latency = {place: LatencyHistogram() for place in PLACES}
        self._network = {place: LatencyHistogram() for place in PLACES}
        self._counts = np.zeros((len(PortCounts._fields), links), np.int64)
        self._over_time = [LoadHistory(links, MOST_BINS) for _ in range(3)]
        self._samples: SampleHistory | None = None
        if self._package.spec.runs_freely:
            self._samples = SampleHistory(self._packets.network, MOST_BINS)
        self._rows: list[RowsOfPackets] = []

    def run(
        self, samples: np.ndarray, rows: np.ndarray, jobs: Sequence[Job], model: PacketModel
    ) -> BurstResults:
        """Run the bursts of rows, add these, and return what the bursts did.

        Args:
            samples: int64 [bursts], number of the sample of each.
            rows: int64 [bursts], number of the row of each, or of its first, in its sample.
            jobs: The bursts, all on the network and flows of the packets.
            model: What runs them.
        """
        run = self._samples.run if self._samples else _with_counts
        results = run(jobs, model)
        self._add(samples, rows, jobs, results)
        return results

    def _add(
        self, samples: np.ndarray, rows: np.ndarray, jobs: Sequence[Job], results: BurstResults
    ) -> None:
        these = _rows(samples, rows, jobs)
        found = self._followed(jobs, results, these)
        across = self._across[found.flow]
        for place, chosen in zip(PLACES, (slice(None), ~across, across), strict=True):
            self._latency[place].add(found.latency[chosen])
            self._network[place].add((found.latency - found.source_wait)[chosen])
        each = self._links(results.each)
        largest = PortCounts._fields.index("most_queued")
        most = np.maximum(self._counts[largest], each.most_queued.max(axis=0, initial=0))
        self._counts += np.stack([of_links.sum(axis=0) for of_links in each])
        self._counts[largest] = most
        if not self._samples:
            over_time = each.busy, each.waited, each.starved
            for history, of_links in zip(self._over_time, over_time, strict=True):
                history.add(rows, of_links)
        tiles = results.each[:, self._packets.network.tile_port]
        at_tiles = tiles[..., PortCounts._fields.index("starved")].sum(axis=1)
        self._rows.append(self._row_numbers(these, found, each, at_tiles))

    def _followed(self, jobs: Sequence[Job], results: BurstResults, rows: _Rows) -> _Packets:
        """Return what the packets of rows did."""
        flows = self._packets.plan.flows
        table = np.concatenate([job.burst.packet for job in jobs])
        row = rows.first[rows.burst] + rows.step
        kind = np.concatenate([kinds_of(job.burst) for job in jobs])
        made = np.concatenate([each.made for each in results.times])
        injected = np.concatenate([each.injected for each in results.times])
        arrived = np.concatenate([each.arrived for each in results.times])
        flow = table[:, 1]
        counts = np.where(flow >= 0, _of(flows.deliveries, flow), flow == OWN_NODE)
        some = counts > 0
        last = np.zeros(flow.size, np.int64)
        if some.any():
            last[some] = np.maximum.reduceat(arrived, (np.cumsum(counts) - counts)[some])
        sent = np.flatnonzero(flow >= 0)
        flow, injected, last = flow[sent], injected[sent], last[sent]
        # Packets are faster than alone where others fill a frame that they would wait for.
        beyond = last - injected - self._alone.ticks(flow, kind[sent], injected)
        begins = np.maximum(made, table[:, 3])[sent]
        waits = injected - begins, np.maximum(beyond, 0)
        full = self._blocked(jobs, results, table, rows)
        faster = np.bincount(row[sent][beyond < 0], minlength=rows.row.size)
        return _Packets(row[sent], flow, last - begins, *waits, full, faster)

    def _blocked(
        self, jobs: Sequence[Job], results: BurstResults, table: np.ndarray, rows: _Rows
    ) -> np.ndarray:
        """Return int64 [rows]: ticks that tiles were blocked."""
        turns, nodes = one_by_one(self._packets.network.network), len(self._package.tiles)
        made = np.concatenate([each.made for each in results.times])
        places = rows.burst * nodes + table[:, 0]
        empty = np.zeros(0, np.int64)
        work = Worked(empty, empty, empty)
        if turns.any():
            node = [delivery_nodes(job.flows, job.burst) for job in jobs]
            at = np.repeat(np.arange(len(jobs)), [each.size for each in node])
            taken = np.concatenate([each.taken for each in results.times])
            ends = taken + np.concatenate([job.burst.processing for job in jobs])
            own = np.concatenate(node)
            one = turns[own]
            work = Worked((at * nodes + own)[one], taken[one], ends[one])
        begins = np.concatenate(
            [available(*each) for each in zip(jobs, results.times, strict=True)]
        )
        of_tiles = table[:, 0] < nodes
        makes = Made(places, made - table[:, 4], made, rows.step, begins)
        found = blocked(Made(*(each[of_tiles] for each in makes)), work)
        row = rows.first[found.node // nodes] + found.step
        return _sums(row, found.end - found.start, rows.row.size)

    def _links(self, each: np.ndarray) -> PortCounts:
        """Return the counts of links, [rows, links]; what is queued is that behind each."""
        network = self._packets.network
        of_links = each[:, network.link_port]
        behind = each[:, network.network.port[network.link_port, 0]]
        found = PortCounts(*np.moveaxis(of_links, 2, 0))
        return found._replace(most_queued=PortCounts(*np.moveaxis(behind, 2, 0)).most_queued)

    def _row_numbers(
        self, rows: _Rows, found: _Packets, each: PortCounts, at_tiles: np.ndarray
    ) -> RowsOfPackets:
        count = rows.row.size

        def at_first(values: np.ndarray) -> np.ndarray:
            """Return numbers of bursts as those of their first rows."""
            whole = np.zeros(count, np.int64)
            whole[rows.first] = values
            return whole

        order = np.lexsort((found.latency, found.row))
        latency, group = found.latency[order], found.row[order]
        p50, p95, longest = (nearest_ranks(latency, group, count, share) for share in (50, 95, 100))
        busiest = each.busy.argmax(axis=1) if each.busy.shape[1] else np.zeros(count, np.int64)
        ticks = each.busy.max(axis=1, initial=0)
        return RowsOfPackets(
            rows.sample,
            rows.row,
            np.bincount(found.row, minlength=count),
            np.bincount(found.row[self._across[found.flow]], minlength=count),
            _sums(found.row, found.latency, count),
            _sums(found.row, found.source_wait, count),
            _sums(found.row, found.network_wait, count),
            found.blocked,
            found.faster,
            p50,
            p95,
            longest,
            at_first(each.starved.sum(axis=1)),
            at_first(at_tiles),
            at_first(np.where(ticks > 0, busiest, -1)),
            at_first(ticks),
        )

    def close(
        self, latency_s: np.ndarray, bound_s: np.ndarray, followed: np.ndarray
    ) -> Interconnect:
        """Return what is to be told of the rows that were added.

        Args:
            latency_s: float64 [samples, rows].
            bound_s: float64 [samples, rows], by timing `bound`.
            followed: bool [samples, rows], those that were added.
        """
        empty = [np.zeros(0, np.int64)] * len(RowsOfPackets._fields)
        parts = [empty, *self._rows]
        rows = RowsOfPackets(*(np.concatenate(each) for each in zip(*parts, strict=True)))
        order = np.lexsort((rows.row, rows.sample))
        counts, tick_s = PortCounts(*self._counts), self._packets.network.network.tick_s or 1.0
        for history in self._over_time:
            history.reach(followed.shape[1] - 1)
        gathered = Gathered(
            RowsOfPackets(*(each[order] for each in rows)),
            self._latency,
            self._network,
            counts,
            self._over_time,
            self._samples.close(counts, tick_s) if self._samples else None,
        )
        times = TimesOfRows(latency_s, bound_s, followed)
        return interconnect(gathered, self._package, tick_s, times)


def _with_counts(jobs: Sequence[Job], model: PacketModel) -> BurstResults:
    """Run bursts of single rows."""
    return model(jobs, each=True)


def _rows(samples: np.ndarray, rows: np.ndarray, jobs: Sequence[Job]) -> _Rows:
    """Return the rows of bursts, by the sample and the first row of each."""
    counts = np.array([job.burst.network_steps for job in jobs], np.int64)
    first = np.cumsum(counts) - counts
    of = np.repeat(np.arange(counts.size), counts)
    packets = np.repeat(np.arange(counts.size), [len(job.burst.packet) for job in jobs])
    step = [job.burst.network_step for job in jobs]
    of_packets = np.concatenate([np.zeros(0, np.int64), *step])
    return _Rows(samples[of], rows[of] + np.arange(of.size) - first[of], first, packets, of_packets)


def _of(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the values at some places, anything where these are negative."""
    return values[np.maximum(at, 0)] if values.size else np.zeros_like(at)


def _sums(group: np.ndarray, values: np.ndarray, groups: int) -> np.ndarray:
    found = np.zeros(groups, np.int64)
    np.add.at(found, group, values)
    return found
