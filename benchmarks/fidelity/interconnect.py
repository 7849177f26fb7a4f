"""Fidelity: BookSim 2's recordings of routers beside timing `cycle`, `queue` and `bound`.

* Bursts: packets whose head leaves or whose tail arrives in another cycle than recorded (`cycle`),
  and how far the last arrival is off, as a share of it.
* Packets alone in a network, in `cycle`: cycles that differ from the closed form of BookSim's
  router, 2 + the sum of L + 3 + R over the routers on the way + F - 1.
* Open loop, 40 curves of latency against load. BookSim's own packets are drawn again from its seed
  (`booksim_draws`), for as long as recorded. Once one waits for room in its source's router, the
  order of draws depends on who waits: such points of 4x4 meshes, and of hot spots in 8x8 meshes,
  are drawn cycle by cycle beside the network in plain Python (`booksim_sources`, minutes each);
  other points of 8x8 meshes and loads above saturation are measured with packets drawn by numpy,
  eight times over. There BookSim's record is one sample of many, and near saturation samples
  differ by far more than simulators. The difference of a curve is the largest relative one of its
  points up to saturation, which is the largest load with three times the latency of the least,
  among the loads of the record.

Recordings are those beside the checkout, if they are there; else the few in ``tests/data``.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.fidelity.booksim_draws import Draws, draw_packets
from benchmarks.fidelity.booksim_sources import draw_while_running
from benchmarks.harness import Row
from benchmarks.interconnect import recordings
from chipletsim.exchange.bursts.burst_file import BurstFile
from chipletsim.noc.burst_bound import bound
from chipletsim.noc.cycle import cycle
from chipletsim.noc.flit_network import Burst, Job
from chipletsim.noc.mesh import mesh_job, mesh_pattern
from chipletsim.noc.open_loop import (
    LoadPoint,
    Protocol,
    latency_curve,
    measure_load,
    saturation_rate,
)
from chipletsim.noc.queue import queue

ROOT = Path(__file__).parents[2]
CURVES = ROOT.parent / "shared" / "references" / "noc" / "curves"
KEPT = ROOT / "tests" / "data" / "booksim_curves"
PEER = "BookSim 2"
SEEDS = range(8)
BUFFER = 8
FEW = 3
"""Flits that an 8x8 mesh makes in a cycle, above which plain Python takes too long."""


def rows(quick: bool) -> list[Row]:
    """Return the figures."""
    files = [each for each, _ in recordings()]
    found = burst_rows([each for each in files if each.recorded])
    folder = CURVES if CURVES.exists() else KEPT
    curves = [Curve(path) for path in sorted(folder.glob("*.json"))]
    if quick:
        curves = [each for each in curves if each.side == 4 and "hotspot_" in each.name]
    return found + [row for curve in curves for row in curve_rows(curve)]


def burst_rows(files: list[BurstFile]) -> list[Row]:
    """Compare bursts with their records."""
    found = []
    errors: dict[str, list[float]] = {"queue": [], "bound": []}
    jobs = [each.job for each in files]
    for file, exact, near in zip(files, cycle(jobs).times, queue(jobs).times, strict=True):
        assert file.recorded is not None
        assert file.recorded.packets is not None
        record = file.recorded.packets[file.order]
        same = (exact.injected == record[:, 0]) & (exact.arrived == record[:, 1])
        last = int(record[:, 1].max())
        found += [
            Row(file.name, "packets, cycle", "packets", int(same.sum()), PEER, len(record),
                difference=int((~same).sum())),
            Row(file.name, "makespan, cycle", "cycle", int(exact.arrived.max()), PEER, last,
                difference=int(abs(exact.arrived.max() - last))),
        ]  # fmt: skip
        for name, ours in (("queue", int(near.arrived.max())), ("bound", bound(file.job).ticks)):
            off = abs(ours / last - 1)
            errors[name].append(off)
            found.append(Row(file.name, f"makespan, {name}", "cycle", ours, PEER, last,
                             difference=off))  # fmt: skip
    for name, each in errors.items():
        mean = fmean(each)
        found.append(Row(f"{len(each)} bursts", f"mean error of the makespan, {name}", "1", mean,
                         PEER, 0.0, difference=mean))  # fmt: skip
    return [*found, alone_row()]


def alone_row(side: int = 8) -> Row:
    """Compare a packet alone between all pairs of nodes with the closed form."""
    wrong = total = 0
    for flits in (1, 4):
        pairs = mesh_pattern("uniform", side)
        packets = np.column_stack([pairs, np.zeros(len(pairs), np.int64)])
        job = mesh_job(side, 4, packets, flits, BUFFER)
        jobs = [
            Job(job.network, job.flows, Burst(row[None], job.burst.processing[:1]))
            for row in job.burst.packet
        ]
        came = np.array([int(each.arrived[0]) for each in cycle(jobs).times])
        due = 2 + 5 * job.flows.routers[job.burst.packet[:, 1]] + flits - 1
        wrong += int((came != due).sum())
        total += len(due)
    case = f"{side}x{side} mesh, 1 and 4 flits"
    return Row(case, "packets alone, cycle", "packets", total - wrong, f"{PEER}, closed form",
               total, difference=wrong)  # fmt: skip


class Curve:
    """A recorded curve.

    Args:
        path: Its file.

    Attributes:
        name: Of the case.
        side: Routers of a row.
        flits: Of a packet.
        pattern: int64 [pairs, 2], source and destination.
        record: Contents of the file.
    """

    def __init__(self, path: Path) -> None:
        self.record: dict[str, Any] = json.loads(path.read_text())
        self.name, self.side = path.stem, int(self.record["topology"]["k"])
        self.flits = int(self.record["packet_flits"])
        self._channels = int(self.record["router"]["num_vcs"])
        traffic, given = self.record["traffic"].rstrip("4"), self.record["traffic_arg"]
        targets = json.loads(f"[{given[10:-2].strip('{}')}]") if traffic == "hotspot" else []
        self.pattern = mesh_pattern(traffic, self.side, targets)

    @property
    def saturation(self) -> float:
        """Largest load of the record that counts as below saturation."""
        return float(self.record["sat_rate_3x_zero_load"])

    def job(self, packets: np.ndarray) -> Job:
        """Return packets in the curve's network; int64 [packets, 3]: source, destination, cycle."""
        return mesh_job(self.side, self._channels, packets, self.flits, BUFFER)

    def redrawn(self, rate: float) -> LoadPoint | None:
        """Measure BookSim's own packets; None where one of those watched had to wait.

        That a tail had to wait behind its head is not seen.
        """
        protocol = self._as_recorded(rate)
        drawn = draw_packets(self._draws(rate), protocol.cycles)
        job = self.job(drawn[:, :3])
        (times,) = cycle([job]).times
        due = drawn[np.argsort(drawn[:, 0], kind="stable"), 3]
        point = measure_load(job, times, rate, protocol)
        waited = times.injected != due
        return None if waited[due < point.cycles].any() else point

    def replayed(self, rate: float) -> LoadPoint:
        """Measure BookSim's own packets, drawn while the network runs in plain Python, slowly."""
        protocol = self._as_recorded(rate)
        empty = self.job(np.zeros((0, 3), np.int64))
        job = self.job(draw_while_running(empty, self._draws(rate), protocol.cycles))
        (times,) = cycle([job]).times
        return measure_load(job, times, rate, protocol)

    def _as_recorded(self, rate: float) -> Protocol:
        """Return a protocol that ends when the record did: with the last period, and drained."""
        (cycles,) = (each["cycles"] for each in self.record["points"] if each["rate"] == rate)
        period = Protocol().period
        periods, drain = divmod(cycles, period)
        return Protocol(periods=periods, drain=drain + 1, steady=periods)

    def _draws(self, rate: float) -> Draws:
        choices: list[list[int]] = [[] for _ in range(self.side**2)]
        for source, target in self.pattern.tolist():
            choices[source].append(target)
        return Draws(choices, rate, self.flits)

    def drawn_anew(self, rates: list[float], protocol: Protocol) -> list[list[LoadPoint]]:
        """Measure packets of numpy's draws."""
        nothing = np.zeros((len(self.pattern), 1), np.int64)
        traffic = self.job(np.hstack([self.pattern, nothing]))
        return latency_curve(traffic, rates, seeds=tuple(SEEDS), protocol=protocol)


def curve_rows(curve: Curve) -> list[Row]:
    """Compare a curve with its record."""
    below = [each for each in curve.record["points"] if each["rate"] <= curve.saturation]
    beyond = [each["rate"] for each in curve.record["points"] if each["rate"] > curve.saturation]
    protocol = Protocol()
    redrawn = {each["rate"]: curve.redrawn(each["rate"]) for each in below}
    for rate, point in redrawn.items():
        if point is None and (curve.side == 4 or rate * curve.side**2 < FEW):
            redrawn[rate] = curve.replayed(rate)
    anew = [rate for rate, point in redrawn.items() if point is None] + beyond[:1]
    drawn = dict(zip(anew, curve.drawn_anew(anew, protocol), strict=True))
    exact = [(redrawn[each["rate"]], each) for each in below if redrawn[each["rate"]]]
    near = [(mean_point(drawn[each["rate"]]), each) for each in below if each["rate"] in drawn]
    found = [
        Row(curve.name, f"loads measured with {what}", "loads", len(pairs), PEER, len(below))
        for what, pairs in (("BookSim's packets", exact), ("other packets", near))
    ]
    for what, pairs in (("BookSim's packets", exact), ("other packets", near)):
        if pairs:
            found.append(latency_row(curve.name, f"latency in open loop, {what}", pairs))
    points = [redrawn.get(rate) or mean_point(drawn[rate]) for rate in (*redrawn, *beyond[:1])]
    ours = saturation_rate(points)
    found.append(Row(curve.name, "load of saturation, cycle", "flit/node/cycle", ours, PEER,
                     curve.saturation, difference=abs(ours / curve.saturation - 1)))  # fmt: skip
    return [*found, overload_row(curve, protocol)]


def latency_row(name: str, quantity: str, pairs: list[tuple[Any, dict[str, Any]]]) -> Row:
    """Return the mean latency of some points of a curve, and the largest relative difference."""
    ours = [point.latency_cycles for point, _ in pairs]
    theirs = [each["plat"] for _, each in pairs]
    off = max(abs(a / b - 1) for a, b in zip(ours, theirs, strict=True))
    return Row(name, quantity, "cycle", fmean(ours), PEER, fmean(theirs), difference=off)


def overload_row(curve: Curve, protocol: Protocol) -> Row:
    """Compare what is accepted far above saturation."""
    rate, theirs = curve.record["overload_offered"], curve.record["overload_accepted_mean"]
    # BookSim's own run is no longer than a period after the warm-up.
    short = protocol._replace(periods=protocol.warm_up + 1, drain=0)
    (points,) = curve.drawn_anew([rate], short)
    ours = fmean(each.accepted for each in points)
    return Row(curve.name, "accepted in overload, cycle", "flit/node/cycle", ours, PEER, theirs,
               difference=abs(ours / theirs - 1))  # fmt: skip


def mean_point(points: list[LoadPoint]) -> LoadPoint:
    """Return the mean of measurements of one load; stable if most of them are."""
    means = [fmean(each[place] for each in points) for place in range(len(LoadPoint._fields))]
    *figures, packets, cycles, stable = means
    offered, accepted, least, latency, network, routers = figures
    return LoadPoint(
        offered,
        accepted,
        least,
        latency,
        network,
        routers,
        round(packets),
        round(cycles),
        stable > 0.5,
    )
