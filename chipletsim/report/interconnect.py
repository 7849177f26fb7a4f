"""The interconnect of a run by timing `queue` or `cycle`: in the terminal, and over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from chipletsim.cost.columns import Columns
from chipletsim.cost.interconnect import Interconnect
from chipletsim.cost.link_history import TimeHistory
from chipletsim.tables import si, table

_PLACES = {"all": "all", "within_die": "within a die", "across_dies": "across dies"}
_NUMBERS = ("mean_s", "p50_s", "p95_s", "p99_s", "max_s")


def interconnect_report(told: Mapping[str, Any], samples: int) -> list[RenderableType]:
    """Return latencies of packets, where time was lost, and the busiest links.

    Args:
        told: The section ``interconnect`` of ``result.json``.
        samples: Samples of the run.
    """
    parts: list[RenderableType] = [_latency_table(told)]
    parts += [Text(f"  - {line}") for line in _covered(told)]
    parts += [Text(f"  - {line}") for line in _losses(told, samples)]
    if told["busiest_links"]:
        parts.append(_link_table(told))
        parts += [Text(f"  - {line}") for line in _queues(told)]
    return parts


def link_history(interconnect: Interconnect) -> Columns:
    """Return what each link did in each bin in which it was in use: of steps, or of time."""
    history = interconnect.history
    names = np.asarray(interconnect.links["link"], object)
    if isinstance(history, TimeHistory):
        bins, used = np.nonzero((history.busy_s > 0) | (history.flits > 0))
        return Columns(
            "links over time",
            {
                "from_s": bins * history.bin_s,
                "length_s": np.full(bins.size, history.bin_s),
                "link": names[used],
                "flits": history.flits[bins, used],
                "estimated_utilisation": history.utilisation[bins, used],
            },
        )
    bins, used = np.nonzero((history.busy_s > 0) | (history.waited_s > 0))
    return Columns(
        "links over time",
        {
            "hardware_step": bins * history.steps_per_bin,
            "hardware_steps": np.full(bins.size, history.steps_per_bin),
            "link": names[used],
            "utilisation": history.utilisation[bins, used],
            "mean_queue": history.mean_queue[bins, used],
            "starved_s": history.starved_s[bins, used],
            "steps_followed": history.followed[bins],
        },
    )


def _covered(told: Mapping[str, Any]) -> list[str]:
    """Return of how many steps all this is, where it is not of all."""
    if not _partly(told):
        return []
    followed, every = told["steps_followed"], told["steps_in_all"]
    return [
        f"all figures of the interconnect are of {followed:,} of {every:,} hardware steps, in which"
        " packets were followed; the others were left to `bound`, and nothing is told of them"
    ]


def _partly(told: Mapping[str, Any]) -> bool:
    """Return whether some steps are not told of; in folders of earlier versions all are."""
    return bool(told.get("steps_followed", 0) < told.get("steps_in_all", 0))


def _latency_table(told: Mapping[str, Any]) -> RenderableType:
    rows = [_row(name, told["packet_latency"][key]) for key, name in _PLACES.items()]
    rows.append(_row("all, in the network", told["network_latency"]["all"]))
    columns = ("packet latency", "packets", "mean", "median", "p95", "p99", "longest")
    return table("Interconnect, all inferences", columns, rows)


def _row(name: str, found: Mapping[str, Any]) -> tuple[Any, ...]:
    times = (found[key] for key in _NUMBERS)
    return (name, found["packets"], *("" if value is None else si(value, "s") for value in times))


def _losses(told: Mapping[str, Any], samples: int) -> list[str]:
    spent, packets = told["time_spent"], max(told["packet_latency"]["all"]["packets"], 1)

    def mean(key: str) -> str:
        return si(spent[key] / packets, "s")

    def each(key: str) -> str:
        return si(spent[key] / samples, "s")

    faster = told.get("packets_faster_than_alone", 0)
    alone = f" ({faster:,} packets were faster, in frames that others filled)" if faster else ""
    steps_s = spent["steps_s"]
    share = f" ({spent['beyond_bound_s'] / steps_s:.1%} of it)" if steps_s else ""
    takes = "these steps of an inference take" if _partly(told) else "an inference takes"
    lines = [
        f"of the mean {mean('zero_load_s')} are zero load{alone}, {mean('source_wait_s')} waiting"
        f" at the source and {mean('network_wait_s')} waiting in the network",
        f"back-pressure, per inference: {each('starved_s')} of channels without room behind their"
        f" link, {each('starved_at_tiles_s')} of those without room at a tile,"
        f" {each('tiles_blocked_s')} of tiles that could not make packets for want of room",
        f"{takes} {each('beyond_bound_s')}{share} longer than by `bound`: packets wait"
        " for one another, and tiles for packets",
    ]
    if resolution := told["percentile_resolution"]:
        lines.append(f"percentiles are of bins, and up to {resolution:.2%} too large")
    return lines


def _link_table(told: Mapping[str, Any]) -> RenderableType:
    links = told["busiest_links"]
    frames = any(each["frames"] for each in links)
    asleep = any(each["asleep_s"] for each in links)
    columns = ["link", "flits", "in use", "flits waiting, mean", "most queued behind it", "no room"]
    columns += ["frames full"] * frames + ["asleep"] * asleep
    rows = []
    for each in links:
        full = each["frames_full_share"]
        row = [each["link"], each["flits"], f"{each['utilisation']:.2%}"]
        row += [f"{each['mean_queue']:.4g}", each["most_queued"], si(each["starved_s"], "s")]
        row += ["" if full is None else f"{full:.1%}"] * frames
        row += [si(each["asleep_s"], "s")] * asleep
        rows.append(row)
    title = f"Busiest {len(links)} of {told['links_in_use']:,} links in use, all inferences"
    return table(title, columns, rows)


def _queues(told: Mapping[str, Any]) -> list[str]:
    """Return where queues stood, on the whole and at their worst."""
    longest = [
        f"{each['link']} ({each['mean_queue']:.3g} flits)" for each in told["longest_queues"][:3]
    ]
    lines = []
    if any(each["frames"] for each in told["busiest_links"]):
        lines.append("a link with frames is in use while they are on the wire, full or not")
    if longest:
        lines.append(f"longest queues, mean: {', '.join(longest)}")
    if meant := told.get("over_time_meant"):
        lines.append(f"steps overlap, so links over time are told by time: {meant}")
    queues = [each for each in told["over_time"] if each.get("longest_queue")]
    if queues:
        worst = max(queues, key=lambda each: each["mean_queue"])
        lines.append(
            f"at their worst from hardware step {worst['hardware_step']:,} on:"
            f" {worst['longest_queue']} ({worst['mean_queue']:.3g} flits)"
        )
    return lines
