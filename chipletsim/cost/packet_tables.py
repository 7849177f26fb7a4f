"""From counted packets and links to what is told of them, in seconds."""

from __future__ import annotations

from math import fsum
from typing import Any, NamedTuple

import numpy as np

from chipletsim.cost.columns import Columns
from chipletsim.cost.interconnect import (
    Distribution,
    Interconnect,
    LinkHistory,
    TimeSpent,
    per_time,
)
from chipletsim.cost.latency_histogram import LatencyHistogram
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
        over_time: Histories of links: busy, waited, starved.
        runs_freely: Whether links are told of by sample, as its rows run freely.
    """

    rows: RowsOfPackets
    latency: dict[str, LatencyHistogram]
    network: dict[str, LatencyHistogram]
    counts: PortCounts
    over_time: list[LoadHistory]
    runs_freely: bool


def interconnect(
    gathered: Gathered,
    package: Package,
    tick_s: float,
    latency_s: np.ndarray,
    bound_s: np.ndarray,
) -> Interconnect:
    """Return what is told of an interconnect.

    Args:
        gathered: Whole numbers of all rows.
        package: The package.
        tick_s: Seconds of a tick.
        latency_s: float64 [samples, rows].
        bound_s: float64 [samples, rows], by timing `bound`.
    """
    time_s = fsum(latency_s.ravel().tolist())
    beyond_s = _beyond(latency_s, bound_s)
    histograms = (*gathered.latency.values(), *gathered.network.values())
    return Interconnect(
        {place: _distribution(each, tick_s) for place, each in gathered.latency.items()},
        {place: _distribution(each, tick_s) for place, each in gathered.network.items()},
        max(each.resolution for each in histograms),
        _spent(gathered.rows, tick_s, time_s, fsum(beyond_s.ravel().tolist())),
        _link_table(gathered.counts, package, time_s, tick_s),
        _step_table(gathered, package, latency_s, beyond_s, tick_s),
        _latency_table(gathered.latency, tick_s),
        _history(gathered, latency_s, tick_s),
    )


def _beyond(latency_s: np.ndarray, bound_s: np.ndarray) -> np.ndarray:
    """Return what is beyond a bound, without the rounding of sums that are equal."""
    beyond_s = latency_s - bound_s
    return np.where(np.abs(beyond_s) <= 1e-12 * latency_s, 0.0, beyond_s)


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


def _link_table(counts: PortCounts, package: Package, time_s: float, tick_s: float) -> Columns:
    links = package.links
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
        },
        sort_by="utilisation",
    )


def _step_table(
    gathered: Gathered,
    package: Package,
    latency_s: np.ndarray,
    beyond_s: np.ndarray,
    tick_s: float,
) -> Columns:
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
    if gathered.runs_freely:
        of_links = {name: [None] * rows.row.size for name in of_links}
    return Columns(
        "packets of each hardware step",
        {
            "sample": rows.sample,
            "hardware_step": rows.row,
            "latency_s": latency_s[rows.sample, rows.row],
            "beyond_bound_s": beyond_s[rows.sample, rows.row],
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


def _latency_table(latency: dict[str, LatencyHistogram], tick_s: float) -> Columns:
    every = {place: each.bins() for place, each in latency.items()}
    values = np.unique(np.concatenate([bins for bins, _ in every.values()]))
    columns = {}
    for place, (bins, counts) in every.items():
        column = np.zeros(values.size, np.int64)
        column[np.searchsorted(values, bins)] = counts
        columns[f"packets_{place}"] = column
    return Columns("packets by latency", {"packet_latency_up_to_s": values * tick_s, **columns})


def _history(gathered: Gathered, latency_s: np.ndarray, tick_s: float) -> LinkHistory:
    busy_s, waited_s, starved_s = (each.table() * tick_s for each in gathered.over_time)
    per_bin = gathered.over_time[0].rows_per_bin
    if gathered.runs_freely:
        per_bin = max(latency_s.shape[1], 1)
    rows_s = latency_s.sum(axis=0)
    firsts = np.arange(0, rows_s.size, per_bin)
    time_s = np.add.reduceat(rows_s, firsts) if firsts.size else rows_s
    return LinkHistory(per_bin, time_s, busy_s, waited_s, starved_s)
