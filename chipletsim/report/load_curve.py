"""A network under rising loads as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from chipletsim.noc.open_loop import LoadPoint
from chipletsim.tables import render, table


@dataclass(frozen=True)
class LoadCurve:
    """Latency and throughput of a network under loads; print it.

    Attributes:
        name: Of the network.
        points: One of each load.
    """

    name: str
    points: Sequence[LoadPoint]

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as plain values for JSON; latencies in cycles, loads in flits a cycle.

        What is not stable has no latency.
        """
        found = []
        for point in self.points:
            row = point._asdict()
            if not point.stable:
                row |= dict.fromkeys(("latency_cycles", "network_latency_cycles"))
            found.append(row)
        return {"case": self.name, "timing": "cycle", "points": found}

    def __rich__(self) -> RenderableType:
        head = ["offered", "accepted", "least", "latency, cycles", "in the network", "routers"]
        lines = [
            [
                f"{point.offered:g}",
                f"{point.accepted:.4g}",
                f"{point.accepted_least:.4g}",
                f"{point.latency_cycles:.2f}" if point.stable else "unstable",
                f"{point.network_latency_cycles:.2f}" if point.stable else "",
                f"{point.routers:.3g}",
            ]
            for point in self.points
        ]
        title = f"{self.name} in open loop: flits a node and cycle, mean latency of packets"
        return table(title, head, lines)

    def __str__(self) -> str:
        return render(self)
