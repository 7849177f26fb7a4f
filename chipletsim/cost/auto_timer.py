"""Timing `auto` of a run: the cheapest model that is good enough for each of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from chipletsim.cost.batch import Window
from chipletsim.cost.interconnect import Interconnect
from chipletsim.cost.message_timer import MessageTimer, Say
from chipletsim.cost.restart import Restartable
from chipletsim.cost.row_times import PortSums
from chipletsim.cost.rows import RowTotals
from chipletsim.cost.timed import Timed, TimedRun
from chipletsim.engine.activity import Activity
from chipletsim.engine.rates import RateActivity
from chipletsim.kernels import describe, native_functions
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import Pipeline
from chipletsim.noc.auto_timing import AUTO_FLIT_HOPS, packet_timing
from chipletsim.noc.packet_plan import PacketPlans
from chipletsim.noc.serial import TOLERANCE
from chipletsim.package.model import Package

_DRAWN = "as spikes at these rates are too many to list"


class AutoTimer(Restartable):
    """Times rows by `bound` where that is certain to do, and by `cycle` or `queue` elsewhere.

    A row is left to `bound` where `cycle` is at most `chipletsim.noc.serial.TOLERANCE` above what
    its busiest tile takes, whatever packets do, see `chipletsim.noc.serial.certain`. All others are
    followed by one model: `cycle` up to `chipletsim.noc.auto_timing.AUTO_FLIT_HOPS` flit hops, else
    `queue`. Where tiles ask memory tiles for weights, all rows are followed, as nothing is certain
    of answers. Firing rates at which spikes are too many to list, and packages that those do not
    follow, are left to `bound` as a whole.

    Args:
        mapping: Where the network lives.
        packages: Packages of the structure of the mapping's.
        pipeline: In which row a population runs.
        sample_steps: Network steps of all samples, by which the work is foreseen from the first
            window; that window's own if left out.
        say: Called with a line of text as rows are timed.
        interconnect: Whether to gather what packets and links do, in rows that are followed.
        plans: Packets of the mapping; made if left out.
    """

    def __init__(
        self,
        mapping: Mapping,
        packages: Sequence[Package],
        pipeline: Pipeline,
        sample_steps: int | None = None,
        say: Say | None = None,
        *,
        interconnect: bool = False,
        plans: PacketPlans | None = None,
    ) -> None:
        self._sample_steps = sample_steps
        self._timer: MessageTimer | None = None
        if native_functions():
            self._timer = MessageTimer(
                mapping, packages, pipeline, "auto", say, interconnect=interconnect, plans=plans
            )
            refused = self._timer.refused
        else:
            words = f"packets are followed fast by native kernels alone, and here is {describe()}"
            refused = dict.fromkeys(range(len(packages)), words)
        self._refused = [refused.get(number, "") for number in range(len(packages))]
        self._followed = np.array([not why for why in self._refused], bool)
        self._begin()

    def _begin(self) -> None:
        if self._timer:
            self._timer = self._timer.fresh()
        self._drawn = False
        self._hops: int | None = None

    def add(self, window: Window) -> None:
        """Time the rows that are complete with the next steps of all samples."""
        if isinstance(window, RateActivity):
            self._drawn = True
        elif self._timer and self._followed.any():
            self._choose(window, self._timer)
            self._timer.add(window)

    def _choose(self, window: Activity, timer: MessageTimer) -> None:
        if self._hops is None:
            self._hops = foreseen(timer.flit_hops(window), window, self._sample_steps)
            timer.follow(packet_timing(self._hops))

    def next_samples(self) -> None:
        """End the samples added so far: what is added from now on is of further samples."""
        if self._timer and self._hops is not None:
            self._timer.next_samples()

    def close(self, totals: RowTotals) -> TimedRun:
        """Return totals with the times of the models, what links did, and which models it were.

        Args:
            totals: Timed by `bound`.
        """
        count = self._followed.size
        ports: list[PortSums | None] = [None] * count
        told: list[Interconnect | None] = [None] * count
        by_bound = np.ones(totals.latency_s.shape, bool)
        if not self._timer or self._hops is None or not totals.samples:
            return TimedRun(totals, ports, self._timed(by_bound), told)
        found = self._timer.close()
        latency_s, resource = totals.latency_s.copy(), totals.resource.copy()
        at = np.flatnonzero(self._followed)
        by_bound[at] = found.by_bound
        # Both are below `cycle`, and the lower limit of a burst is within the tolerance of it.
        least = np.maximum(totals.latency_s[at], found.latency_s)
        latency_s[at] = np.where(found.by_bound, least, found.latency_s)
        resource[at] = np.where(found.by_bound, totals.resource[at], found.resource)
        for place, sums in zip(at.tolist(), self._timer.ports, strict=True):
            ports[place] = sums
        for number, place in enumerate(at.tolist()):
            times = latency_s[place], totals.latency_s[place], by_bound[place]
            told[place] = self._timer.interconnect(number, *times)
        timed = replace(totals, latency_s=latency_s, resource=resource)
        return TimedRun(timed, ports, self._timed(by_bound), told)

    def _timed(self, by_bound: np.ndarray) -> list[Timed]:
        model = packet_timing(self._hops or 0)
        found = []
        for refusal, rows in zip(self._refused, by_bound, strict=True):
            left = int(rows.sum())
            steps = {"bound": left, model: rows.size - left}
            steps = {name: number for name, number in steps.items() if number}
            name = model if model in steps else "bound"
            why = _DRAWN if self._drawn else self._why(left, rows.size - left)
            if refusal and not self._drawn:
                why = f"as {refusal.partition('; use `bound`')[0]}"
            found.append(Timed("auto", name, why, steps, forced=bool(refusal)))
        return found

    def _why(self, left: int, others: int) -> str:
        certain = f"where it is certain to be within {TOLERANCE:.0%} of `cycle`"
        if not others:
            return f"as it is certain to be within {TOLERANCE:.0%} of `cycle` in each step"
        hops = self._hops or 0
        if packet_timing(hops) == "cycle":
            why = f"as packets may meet, and some {hops:,} flit hops are few enough to follow"
        else:
            why = f"as packets may meet, and some {hops:,} flit hops are over {AUTO_FLIT_HOPS:,}"
        return f"{why}; `bound` {certain}" if left else why


def foreseen(hops: int, window: Activity, sample_steps: int | None) -> int:
    """Return the flit hops of all samples, as foreseen from the first window.

    Args:
        hops: Of the window.
        window: The window.
        sample_steps: Network steps of all samples; those of the window if left out.
    """
    steps = window.samples * window.steps
    return int(hops * ((sample_steps or steps) / max(steps, 1)))
