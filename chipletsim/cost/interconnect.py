"""What a run tells of its interconnect: latencies of packets, and what links did and when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chipletsim.cost.columns import Columns
from chipletsim.cost.link_history import MEANT, StepHistory, TimeHistory

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
        steps_s: Latencies of all steps that are told of.
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
class Interconnect:
    """What a run by timing `queue` or `cycle` tells of its interconnect.

    Latencies are of packets that enter a router, from the moment that their tile has made them
    until their tail is at the last tile that they go to; network latencies begin when their head
    leaves the tile. An event that crosses a link with an encoding is a packet up to that link and
    one behind it; the link's messages are packets of their own, of 64 of its flits at most. Of
    steps that timing `auto` left to `bound` there is nothing to tell.

    Attributes:
        steps_followed: Hardware steps of all samples that are told of.
        steps_in_all: Hardware steps of all samples.
        packet_latency: One of `PLACES` to the latencies of its packets.
        network_latency: Likewise.
        resolution: Relative width of the bins of which percentiles are taken; 0 if they are exact.
        spent: Where time went.
        faster_than_alone: Packets that were faster than alone, see `TimeSpent`.
        links: Table of the links over the whole run.
        steps: Table of the hardware steps of each sample. Where these run freely, what one is
            beyond `bound` is what it adds to that of all before it, and may be below 0.
        latencies: Table of how many packets have which latency.
        history: Links over time: by hardware steps, or by the time of samples where steps overlap.
    """

    steps_followed: int
    steps_in_all: int
    packet_latency: dict[str, Distribution]
    network_latency: dict[str, Distribution]
    resolution: float
    spent: TimeSpent
    faster_than_alone: int
    links: Columns
    steps: Columns
    latencies: Columns
    history: StepHistory | TimeHistory

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
            "steps_followed": self.steps_followed,
            "steps_in_all": self.steps_in_all,
            "packet_latency": {name: asdict(each) for name, each in self.packet_latency.items()},
            "network_latency": {name: asdict(each) for name, each in self.network_latency.items()},
            "percentile_resolution": self.resolution,
            "time_spent": asdict(self.spent),
            "packets_faster_than_alone": self.faster_than_alone,
            "links_in_use": int(np.count_nonzero(self.links["flits"])),
            "busiest_links": self.most("utilisation"),
            "longest_queues": self.most("mean_queue"),
            "over_time_meant": MEANT if isinstance(self.history, TimeHistory) else None,
            "over_time": self.history.over_time(list(self.links["link"])),
        }

    def __str__(self) -> str:
        from chipletsim.tables import si

        every, spent = self.packet_latency["all"], self.spent
        left = f" (in {self.steps_followed:,} of {self.steps_in_all:,} hardware steps)"
        left = left if self.steps_followed < self.steps_in_all else ""
        if not every.packets:
            return f"no packet entered a router{left}"
        shown = [f"{every.packets:,} packets"] + [
            f"{name} {si(value or 0.0, 's')}"
            for name, value in (
                ("mean", every.mean_s), ("p50", every.p50_s), ("p95", every.p95_s),
                ("p99", every.p99_s), ("longest", every.max_s),
            )
        ]  # fmt: skip
        waits = f"waiting at the source {si(spent.source_wait_s, 's')}, in the network"
        return f"packet latency{left}: {', '.join(shown)}; {waits} {si(spent.network_wait_s, 's')}"
