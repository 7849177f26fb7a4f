"""A timed burst as figures: latencies, what was lost where, the busiest links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from chipletsim.exchange.bursts.burst_file import BurstFile
from chipletsim.exchange.bursts.recorded import KEY
from chipletsim.noc.burst_timing import TimedBurst
from chipletsim.noc.flit_network import delivery_starts
from chipletsim.report.burst_record import Comparison, compare
from chipletsim.tables import render, table

DIGITS = 6


@dataclass(frozen=True)
class BurstReport:
    """What came of a burst; print it.

    Attributes:
        file: The burst file.
        timed: Its times.
        shown_links: Busiest links that are printed.
    """

    file: BurstFile
    timed: TimedBurst
    shown_links: int = 8

    @property
    def figures(self) -> dict[str, int | float]:
        """Figures of all packets by name, times in cycles, as records have them.

        Means have six digits, or those of whole cycles if that is more; percentiles are the
        latencies that stand at floor(share * number) when sorted.
        """
        packet, ready = self._deliveries()
        latency = self.timed.arrived - ready
        network = self.timed.arrived - self.timed.injected[packet]
        ordered = np.sort(latency)
        return {
            "makespan": self.timed.makespan,
            "mean_packet_latency": _as_recorded(_mean(latency)),
            "p50": int(ordered[len(ordered) * 50 // 100]),
            "p95": int(ordered[len(ordered) * 95 // 100]),
            "p99": int(ordered[len(ordered) * 99 // 100]),
            "max_latency": int(ordered[-1]),
            "mean_network_latency": _as_recorded(_mean(network)),
            "flits": int(self.file.job.burst.packet[:, 2].sum()),
            "flit_hops": int(self.timed.flits.sum()),
        }

    @property
    def losses(self) -> dict[str, int | float | None]:
        """Where the time of packets goes: parts of their mean latency, and flits without room."""
        packet, ready = self._deliveries()
        least = self.timed.bound
        alone = least.arrived - least.injected[packet]
        at_source = self.timed.injected[packet] - ready
        network = self.timed.arrived - self.timed.injected[packet]
        counts = self.timed.counts
        copied = len(least.arrived) > len(least.injected)
        return {
            "mean_zero_load_latency": _mean(alone),
            "mean_wait_at_source": _mean(at_source),
            "mean_wait_in_network": _mean(network - alone),
            "waited_flit_cycles": None if counts is None else int(counts.waited.sum()),
            # Of copies that share links, zero load is known one by one alone.
            "waited_flit_cycles_zero_load": None if copied else int(least.waited.sum()),
            "starved_channel_cycles": None if counts is None else int(counts.starved.sum()),
        }

    @property
    def bounded_by(self) -> str:
        """What the burst's lower bound comes from."""
        least, file = self.timed.bound, self.file
        if least.port is not None:
            flits = int(self.timed.flits[least.port])
            return f"{file.outputs[least.port]}, over which {flits:,} flits go"
        if least.node is not None:
            return f"node {least.node}, which sends a flit a cycle"
        if least.packet is None:
            return "nothing"
        return f"packet {int(file.order[least.packet])} of the file, if nothing is in its way"

    @property
    def links(self) -> list[dict[str, Any]]:
        """Outputs that send flits, the busiest first."""
        counts, makespan = self.timed.counts, self.timed.makespan
        network = self.file.job.network
        used = np.flatnonzero(self.timed.flits)
        busy = self.timed.flits * network.port[:, 3]
        found = []
        for port in used[np.argsort(-busy[used], kind="stable")].tolist():
            peer = int(network.port[port, 0])
            row: dict[str, Any] = {
                "link": self.file.outputs[port],
                "flits": int(self.timed.flits[port]),
                "utilisation": float(min(busy[port] / makespan, 1.0)),
            }
            if counts is not None:
                row["mean_queue"] = float(counts.waited[port] / makespan)
                row["most_queued"] = int(counts.most_queued[peer]) if peer >= 0 else None
                row["starved"] = int(counts.starved[port])
            found.append(row)
        return found

    @property
    def comparison(self) -> Comparison | None:
        """How it compares to what was recorded; None if nothing was."""
        if self.file.recorded is None:
            return None
        return compare(self.file.recorded, self.packets(), self.figures)

    def packets(self) -> list[list[Any]]:
        """Return when heads left and tails came, and routers visited, in the order of the file.

        Of a packet for several nodes, arrivals and routers are lists in the order of these.
        """
        job = self.file.job
        starts = delivery_starts(job.flows, job.burst).tolist()
        first = np.concatenate([[0], np.cumsum(job.flows.deliveries)])
        packet, _ = self._deliveries()
        rank = np.arange(len(packet)) - np.array(starts)[packet]
        routers = job.flows.routers[first[job.burst.packet[packet, 1]] + rank].tolist()
        injected, arrived = self.timed.injected.tolist(), self.timed.arrived.tolist()
        found: list[list[Any]] = [[]] * len(injected)
        for row, place in enumerate(self.file.order.tolist()):
            own = slice(starts[row], starts[row + 1])
            ends = [arrived[own], routers[own]]
            if starts[row + 1] - starts[row] == 1:
                ends = [each[0] for each in ends]
            found[place] = [injected[row], *ends]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        compared = self.comparison
        return {
            "name": self.file.name,
            "timing": self.timed.timing,
            "why": self.timed.why,
            "exact": self.timed.exact,
            **self.figures,
            **self.losses,
            "bound": self.timed.bound.ticks,
            "bounded_by": self.bounded_by,
            KEY: self.packets(),
            "links": self.links,
            **({} if compared is None else {"recorded": compared.to_dict()}),
        }

    def __rich__(self) -> RenderableType:
        network = self.file.job.network
        packets = len(self.file.job.burst.packet)
        title = (
            f"{self.file.name}: {packets:,} packets on {len(network.router):,} routers,"
            f" timing {self.timed.timing}"
        )
        return Group(
            table(title, ("cycles", ""), self._rows()),
            *([self._link_table()] if self.shown_links else []),
            *(Text(f"- {each}") for each in self._notes()),
        )

    def __str__(self) -> str:
        return render(self)

    def _deliveries(self) -> tuple[np.ndarray, np.ndarray]:
        """Return int64 [deliveries] twice: packet, and cycle before which it does not leave."""
        job = self.file.job
        starts = delivery_starts(job.flows, job.burst)
        packet = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        return packet, job.burst.packet[packet, 3]

    def _rows(self) -> list[tuple[str, Any]]:
        figures, losses = self.figures, self.losses
        rows: list[tuple[str, Any]] = [
            ("makespan", figures["makespan"]),
            ("  no schedule is faster than", self.timed.bound.ticks),
            ("packet latency, mean", _shown(figures["mean_packet_latency"])),
            ("  zero load", _shown(losses["mean_zero_load_latency"])),
            ("  waiting at the source", _shown(losses["mean_wait_at_source"])),
            ("  waiting in the network", _shown(losses["mean_wait_in_network"])),
            ("packet latency, median", figures["p50"]),
            ("packet latency, p95", figures["p95"]),
            ("packet latency, p99", figures["p99"]),
            ("packet latency, longest", figures["max_latency"]),
            ("network latency, mean", _shown(figures["mean_network_latency"])),
        ]
        if self.timed.counts is not None:
            waited = int(self.timed.counts.waited.sum())
            alone = losses["waited_flit_cycles_zero_load"]
            beyond = "" if alone is None else " beyond zero load"
            rows += [
                (f"in queues{beyond}, flit cycles", int(waited - (alone or 0))),
                ("no room behind a link, channel cycles", losses["starved_channel_cycles"]),
            ]
        return [*rows, ("flits", figures["flits"]), ("flit hops", figures["flit_hops"])]

    def _link_table(self) -> RenderableType:
        links = self.links
        title = f"Busiest {min(self.shown_links, len(links)):,} of {len(links):,} links in use"
        columns = ["link", "flits", "in use"]
        if self.timed.counts is not None:
            columns += ["flits waiting, mean", "most queued behind it", "no room, cycles"]
        rows = []
        for each in links[: self.shown_links]:
            row = [each["link"], each["flits"], f"{each['utilisation']:.1%}"]
            if self.timed.counts is not None:
                most = "" if each["most_queued"] is None else each["most_queued"]
                row += [f"{each['mean_queue']:.2f}", most, each["starved"]]
            rows.append(row)
        return table(title, columns, rows)

    def _notes(self) -> list[str]:
        timed = self.timed
        notes = [f"timing {timed.timing}: {timed.why}", f"the bound is that of {self.bounded_by}"]
        if timed.timing == "bound" and not timed.exact:
            notes.append("packets meet: all times here are the least that they can be")
        if timed.timing == "queue":
            notes.append("`queue` reserves links packet by packet; `cycle` is exact")
            if early := int((timed.arrived < timed.bound.arrived).sum()):
                notes.append(
                    f"{early:,} arrivals are sooner than those of `bound`: `queue` is off where"
                    " packets of several flits pass slow links or small buffers"
                )
        compared = self.comparison
        return notes if compared is None else [*notes, *compared.lines()]


def _mean(values: np.ndarray) -> float:
    return int(values.sum()) / len(values)


def _as_recorded(mean: float) -> float:
    """Return a mean with six digits, but not less than whole cycles: it is within its extremes."""
    return float(f"{mean:.0f}") if mean >= 10**DIGITS else float(f"{mean:.{DIGITS}g}")


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:,.6g}"
