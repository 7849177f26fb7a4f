"""From counted packets and links to what is told of them, in seconds."""

from __future__ import annotations

from math import fsum
from typing import Any, NamedTuple

import numpy as np

from chipletsim.cost.columns import Columns
from chipletsim.cost.interconnect import Distribution, Interconnect, TimeSpent
from chipletsim.cost.latency_histogram import LatencyHistogram
from chipletsim.cost.link_history import StepHistory, TimeHistory, per_time
from chipletsim.cost.load_history import LoadHistory
from chipletsim.noc.flit_network import PortCounts
from chipletsim.package.model import Package


class RowsOfPackets(NamedTuple):
    """What packets and links did in rows, each int64 [rows]; times in ticks.

    Attributes:
        sample: Number of the sample.
        row: Number of the row in it.
        packets: Packets that entered a router.
        across: Of these, those that went to another die.
        latency: Their latencies, all together.
        source_wait: What they stood at their sources.
        network_wait: What they took beyond zero load.
        blocked: What tiles were kept from making more.
        faster: Packets that were faster than alone.
        p50: Median of the latencies.
        p95: Of 95 % of them.
        longest: The longest.
        starved: Of links. Where rows run freely, this and all that follows stands at the first row
            of each sample, and is that of the whole sample.
        starved_at_tiles: Of outputs to tiles.
        busiest: The busiest link, -1 where none was busy.
        busiest_ticks: How long it was.
    """

    sample: np.ndarray
    row: np.ndarray
    packets: np.ndarray
    across: np.ndarray
    latency: np.ndarray
    source_wait: np.ndarray
    network_wait: np.ndarray
    blocked: np.ndarray
    faster: np.ndarray
    p50: np.ndarray
    p95: np.ndarray
    longest: np.ndarray
    starved: np.ndarray
    starved_at_tiles: np.ndarray
    busiest: np.ndarray
    busiest_ticks: np.ndarray


class Gathered(NamedTuple):
    """What was gathered of all rows; times in ticks.

    Attributes:
        rows: The rows, in order.
        latency: Place to latencies of packets.
        network: Place to network latencies.
        counts: Of links, each [links].
        over_time: Histories of links: busy, waited, starved; empty where rows run freely.
        of_samples: What links did over the time of samples, where rows run freely; else None.
    """

    rows: RowsOfPackets
    latency: dict[str, LatencyHistogram]
    network: dict[str, LatencyHistogram]
    counts: PortCounts
    over_time: list[LoadHistory]
    of_samples: TimeHistory | None


class TimesOfRows(NamedTuple):
    """Times of all rows of a run, each [samples, rows].

    Attributes:
        latency_s: float64, latency of each.
        bound_s: float64, by timing `bound`.
        followed: bool, rows that are told of.
    """

    latency_s: np.ndarray
    bound_s: np.ndarray
    followed: np.ndarray

    @property
    def number(self) -> int:
        """How many rows are told of."""
        return int(self.followed.sum())

    @property
    def time_s(self) -> float:
        """Their latencies, added up."""
        return fsum(self.followed_s.ravel().tolist())

    def covered(self, size: int) -> dict[str, np.ndarray]:
        """Return columns that say of a table of how many hardware steps it tells."""
        numbers = {"steps_followed": self.number, "steps_in_all": self.followed.size}
        return {name: np.full(size, number) for name, number in numbers.items()}

    @property
    def followed_s(self) -> np.ndarray:
        """float64 [samples, rows]: latencies of the rows that are told of, 0 for others."""
        return np.where(self.followed, self.latency_s, 0.0)

    @property
    def beyond_s(self) -> np.ndarray:
        """float64 [samples, rows]: what these are beyond `bound`; rounding of equal sums is 0."""
        beyond_s = self.latency_s - self.bound_s
        some = self.followed & (np.abs(beyond_s) > 1e-12 * self.latency_s)
        return np.where(some, beyond_s, 0.0)


def interconnect(
    gathered: Gathered,
    package: Package,
    tick_s: float,
    times: TimesOfRows,
) -> Interconnect:
    """Return what is told of an interconnect.

    Args:
        gathered: Whole numbers of all rows.
        package: The package.
        tick_s: Seconds of a tick.
        times: Times of all rows.
    """
    beyond_s = fsum(times.beyond_s.ravel().tolist())
    histograms = (*gathered.latency.values(), *gathered.network.values())
    return Interconnect(
        times.number,
        times.followed.size,
        {place: _distribution(each, tick_s) for place, each in gathered.latency.items()},
        {place: _distribution(each, tick_s) for place, each in gathered.network.items()},
        max(each.resolution for each in histograms),
        _spent(gathered.rows, tick_s, times.time_s, beyond_s),
        int(gathered.rows.faster.sum()),
        _link_table(gathered.counts, package, times, tick_s),
        _step_table(gathered, package, times, tick_s),
        _latency_table(gathered.latency, times, tick_s),
        gathered.of_samples or _history(gathered, times, tick_s),
    )


def _distribution(histogram: LatencyHistogram, tick_s: float) -> Distribution:
    found = histogram.quantiles()
    seconds = (None if value is None else value * tick_s for value in found[1:])
    return Distribution(found.number, *seconds)


def _spent(rows: RowsOfPackets, tick_s: float, time_s: float, beyond_s: float) -> TimeSpent:
    latency, source, network = (
        int(each.sum()) for each in (rows.latency, rows.source_wait, rows.network_wait)
    )
    return TimeSpent(
        (latency - source - network) * tick_s,
        source * tick_s,
        network * tick_s,
        int(rows.blocked.sum()) * tick_s,
        int(rows.starved.sum()) * tick_s,
        int(rows.starved_at_tiles.sum()) * tick_s,
        time_s,
        beyond_s,
    )


def _link_table(counts: PortCounts, package: Package, times: TimesOfRows, tick_s: float) -> Columns:
    links, time_s = package.links, times.time_s
    frame_bits = [each.spec.frame.payload_bits if each.spec.frame else 0 for each in links]
    room = counts.frames * np.array(frame_bits, np.int64)
    full = per_time(counts.framed_bits.astype(float), room).tolist()
    busy_s, waited_s = counts.busy * tick_s, counts.waited * tick_s
    return Columns(
        "links under contention",
        {
            "link": [link.name for link in links],
            "between_dies": [link.between_dies for link in links],
            "flits": counts.flits,
            "busy_s": busy_s,
            "utilisation": per_time(busy_s, np.array(time_s)),
            "waited_s": waited_s,
            "mean_queue": per_time(waited_s, np.array(time_s)),
            "most_queued": counts.most_queued,
            "starved_s": counts.starved * tick_s,
            "asleep_s": counts.asleep * tick_s,
            "frames": counts.frames,
            "frames_full_share": [
                share if some else None for share, some in zip(full, room.tolist(), strict=True)
            ],
            **times.covered(len(links)),
        },
        sort_by="utilisation",
    )


def _step_table(gathered: Gathered, package: Package, times: TimesOfRows, tick_s: float) -> Columns:
    rows = gathered.rows
    names = [link.name for link in package.links]
    there = (rows.packets > 0).tolist()

    def seconds(ticks: np.ndarray) -> list[float | None]:
        """Return seconds, None of steps without packets."""
        both = zip((ticks * tick_s).tolist(), there, strict=True)
        return [value if some else None for value, some in both]

    of_links: dict[str, Any] = {
        "starved_s": rows.starved * tick_s,
        "starved_at_tiles_s": rows.starved_at_tiles * tick_s,
        "busiest_link": [names[at] if at >= 0 else "" for at in rows.busiest.tolist()],
        "busiest_link_busy_s": rows.busiest_ticks * tick_s,
    }
    if gathered.of_samples:
        of_links = {name: [None] * rows.row.size for name in of_links}
    return Columns(
        "packets of each hardware step",
        {
            "sample": rows.sample,
            "hardware_step": rows.row,
            "latency_s": times.latency_s[rows.sample, rows.row],
            "beyond_bound_s": times.beyond_s[rows.sample, rows.row],
            "packets": rows.packets,
            "packets_across_dies": rows.across,
            "mean_packet_latency_s": seconds(per_time(rows.latency.astype(float), rows.packets)),
            "p50_packet_latency_s": seconds(rows.p50),
            "p95_packet_latency_s": seconds(rows.p95),
            "max_packet_latency_s": seconds(rows.longest),
            "source_wait_s": rows.source_wait * tick_s,
            "network_wait_s": rows.network_wait * tick_s,
            "tiles_blocked_s": rows.blocked * tick_s,
            **of_links,
        },
    )


def _latency_table(
    latency: dict[str, LatencyHistogram], times: TimesOfRows, tick_s: float
) -> Columns:
    every = {place: each.bins() for place, each in latency.items()}
    values = np.unique(np.concatenate([bins for bins, _ in every.values()]))
    columns = {}
    for place, (bins, counts) in every.items():
        column = np.zeros(values.size, np.int64)
        column[np.searchsorted(values, bins)] = counts
        columns[f"packets_{place}"] = column
    upto = {"packet_latency_up_to_s": values * tick_s}
    return Columns("packets by latency", upto | columns | times.covered(values.size))


def _history(gathered: Gathered, times: TimesOfRows, tick_s: float) -> StepHistory:
    busy_s, waited_s, starved_s = (each.table() * tick_s for each in gathered.over_time)
    per_bin = gathered.over_time[0].rows_per_bin
    firsts = np.arange(0, times.followed.shape[1], per_bin)

    def of_bins(values: np.ndarray) -> np.ndarray:
        """Return the sums of rows in each bin, of values [samples, rows]."""
        of_rows = values.sum(axis=0)
        return np.add.reduceat(of_rows, firsts) if firsts.size else of_rows

    time_s, followed = of_bins(times.followed_s), of_bins(times.followed.astype(np.int64))
    return StepHistory(time_s, busy_s, per_bin, followed, waited_s, starved_s)
