"""What a run tells of its interconnect: latencies of packets, and what links did and when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chipletsim.cost.columns import Columns

PLACES = ("all", "within_die", "across_dies")
"""Packets that are told apart: all of them, those that stay on one die, those that do not."""
SHOWN_LINKS = 5


@dataclass(frozen=True)
class Distribution:
    """Latencies of packets; all are None but the number where there are none.

    Attributes:
        packets: How many.
        mean_s: Their mean.
        p50_s: The median; as all percentiles by nearest rank: the least latency that is not below
            so large a share of all.
        p95_s: Of 95 %.
        p99_s: Of 99 %.
        max_s: The longest.
    """

    packets: int
    mean_s: float | None
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    max_s: float | None


@dataclass(frozen=True)
class TimeSpent:
    """Where the time of packets went, summed over packets, and that of tiles, links and steps.

    The first three add up to the latencies of all packets.

    Attributes:
        zero_load_s: What packets take alone, by the same model, from source to last delivery.
            Packets that are faster than alone, as others fill a frame that they would wait for,
            count with what they took.
        source_wait_s: What they stood at their source, made but not sent: behind others, kept back
            for lack of room, or for the clock.
        network_wait_s: What they took in the network beyond zero load; waking of links is in it.
        tiles_blocked_s: What tiles could not make packets, since those that they had made left no
            room for more; summed over tiles.
        starved_s: What virtual channels of links had a flit to send and no room behind the link;
            summed over channels.
        starved_at_tiles_s: Likewise, where the room is that of a tile.
        steps_s: Latencies of all steps.
        beyond_bound_s: What the steps took longer than timing `bound` has them.
    """

    zero_load_s: float
    source_wait_s: float
    network_wait_s: float
    tiles_blocked_s: float
    starved_s: float
    starved_at_tiles_s: float
    steps_s: float
    beyond_bound_s: float


@dataclass(frozen=True, eq=False)
class LinkHistory:
    """What links did over the hardware steps of a sample, summed over samples.

    Attributes:
        steps_per_bin: Hardware steps in each bin, 1 up to 256 steps; all of them where they run
            freely, and so overlap.
        time_s: float64 [bins], time of the steps of each.
        busy_s: float64 [bins, links], time that flits, or frames, took on the wire.
        waited_s: float64 [bins, links], time that flits stood in queues for the link.
        starved_s: float64 [bins, links], time of channels without room behind the link.
    """

    steps_per_bin: int
    time_s: np.ndarray
    busy_s: np.ndarray
    waited_s: np.ndarray
    starved_s: np.ndarray

    @property
    def utilisation(self) -> np.ndarray:
        """float64 [bins, links]: share of the time in which the link is busy."""
        return per_time(self.busy_s, self.time_s[:, None])

    @property
    def mean_queue(self) -> np.ndarray:
        """float64 [bins, links]: flits that wait for the link on average (Little's law)."""
        return per_time(self.waited_s, self.time_s[:, None])


@dataclass(frozen=True, eq=False)
class Interconnect:
    """What a run by timing `queue` or `cycle` tells of its interconnect.

    Latencies are of packets that enter a router, from the moment that their tile has made them
    until their tail is at the last tile that they go to; network latencies begin when their head
    leaves the tile. An event that crosses a link with an encoding is a packet up to that link and
    one behind it; the link's messages are packets of their own, of 64 of its flits at most.

    Attributes:
        packet_latency: One of `PLACES` to the latencies of its packets.
        network_latency: Likewise.
        resolution: Relative width of the bins of which percentiles are taken; 0 if they are exact.
        spent: Where time went.
        links: Table of the links over the whole run.
        steps: Table of the hardware steps of each sample.
        latencies: Table of how many packets have which latency.
        history: Links over time.
    """

    packet_latency: dict[str, Distribution]
    network_latency: dict[str, Distribution]
    resolution: float
    spent: TimeSpent
    links: Columns
    steps: Columns
    latencies: Columns
    history: LinkHistory

    def most(self, column: str, most: int = SHOWN_LINKS) -> list[dict[str, Any]]:
        """Return the rows of links in use, the largest of a column first.

        Args:
            column: Of ``links``.
            most: How many rows.
        """
        values = np.asarray(self.links[column])
        order = np.lexsort((np.arange(values.size), -values))[:most]
        return [
            {name: np.asarray(cells).tolist()[at] for name, cells in self.links.data.items()}
            for at in order.tolist()
            if values[at]
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON, but for its tables; units in the names."""
        return {
            "packet_latency": {name: asdict(each) for name, each in self.packet_latency.items()},
            "network_latency": {name: asdict(each) for name, each in self.network_latency.items()},
            "percentile_resolution": self.resolution,
            "time_spent": asdict(self.spent),
            "links_in_use": int(np.count_nonzero(self.links["flits"])),
            "busiest_links": self.most("utilisation"),
            "longest_queues": self.most("mean_queue"),
            "over_time": self._over_time(),
        }

    def _over_time(self) -> list[dict[str, Any]]:
        """Return the busiest link and the longest queue of each bin."""
        names, found = list(self.links["link"]), []
        if not names:
            return []
        busy, queue = self.history.utilisation, self.history.mean_queue
        for number in range(len(busy)):
            first, last = int(busy[number].argmax()), int(queue[number].argmax())
            found.append(
                {
                    "hardware_step": number * self.history.steps_per_bin,
                    "busiest_link": names[first] if busy[number, first] else None,
                    "utilisation": float(busy[number, first]),
                    "longest_queue": names[last] if queue[number, last] else None,
                    "mean_queue": float(queue[number, last]),
                }
            )
        return found

    def __str__(self) -> str:
        from chipletsim.tables import si

        every, spent = self.packet_latency["all"], self.spent
        if not every.packets:
            return "no packet entered a router"
        shown = [f"{every.packets:,} packets"] + [
            f"{name} {si(value or 0.0, 's')}"
            for name, value in (
                ("mean", every.mean_s), ("p50", every.p50_s), ("p95", every.p95_s),
                ("p99", every.p99_s), ("longest", every.max_s),
            )
        ]  # fmt: skip
        waits = f"waiting at the source {si(spent.source_wait_s, 's')}, in the network"
        return f"packet latency: {', '.join(shown)}; {waits} {si(spent.network_wait_s, 's')}"


def per_time(values: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Return values by time, 0 where there is none."""
    found: np.ndarray = np.divide(values, time_s, out=np.zeros_like(values), where=time_s > 0)
    return found
