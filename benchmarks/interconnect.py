"""Interconnect: `cycle` and `queue` beside BookSim 2's recorded bursts, and how fast they are.

* The recordings in ``tests/data/noc`` and ``tests/data/booksim``, and those beside the checkout
  where they are: packets that leave or arrive in another cycle than recorded (`cycle`), and the
  error of the last arrival (`queue`).
* Bursts a second of an 8x8 mesh, one by one and 64 together, beside the cycles a second of
  BookSim's own record (one core of the same class of machine).
* `queue` beside `cycle` on bursts of 32,000 packets of 1, 4 and 16 flits in a 32x32 mesh.
* 64 chiplets of 16 tiles: 100 steps of 10,000 packets each under `queue`.

``--quick`` leaves the last two out.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np

import chipletsim as cs
from benchmarks.harness import Row, timed
from chipletsim.exchange.bursts.burst_file import BurstFile, read_burst
from chipletsim.noc.cycle import cycle
from chipletsim.noc.event_trees import Events
from chipletsim.noc.flit_network import Burst, Flows, Job
from chipletsim.noc.mesh import mesh_network, mesh_ways
from chipletsim.noc.package_flows import package_ways
from chipletsim.noc.package_network import package_network
from chipletsim.noc.queue import queue

ROOT = Path(__file__).parents[1]
FOLDERS = (
    ROOT / "tests" / "data" / "noc",
    ROOT / "tests" / "data" / "booksim",
    ROOT.parent / "shared" / "references" / "noc" / "burst",
)
REPEATS = 7


def rows(quick: bool) -> list[Row]:
    """Return the rows."""
    files = recordings()
    found = [*fidelity([file for file, _ in files]), *speed(files)]
    if not quick:
        found += [*(large_burst(flits) for flits in (1, 4, 16)), chiplets()]
    return found


def recordings() -> list[tuple[BurstFile, float]]:
    """Return the recorded bursts, each once, and BookSim's cycles a second, or 0."""
    paths = {path.name: path for folder in FOLDERS for path in sorted(folder.glob("*.json"))}
    speeds = [
        json.loads(path.read_text())["booksim"].get("cycles_per_s") for path in paths.values()
    ]
    return [
        (read_burst(path), speed or 0.0) for path, speed in zip(paths.values(), speeds, strict=True)
    ]


def fidelity(files: list[BurstFile]) -> list[Row]:
    """Compare packets and makespans with the records."""
    jobs = [each.job for each in files]
    wrong, errors, packets = 0, [], 0
    for each, exact, near in zip(files, cycle(jobs).times, queue(jobs).times, strict=True):
        if each.recorded is None or each.recorded.packets is None:
            continue
        record = each.recorded.packets[each.order]
        wrong += int(((exact.injected != record[:, 0]) | (exact.arrived != record[:, 1])).sum())
        errors.append(near.arrived.max() / record[:, 1].max() - 1)
        packets += len(record)
    case, error = f"{len(errors)} bursts", np.abs(errors)
    return [
        Row(case, "packets in another cycle, cycle", "packets", wrong, "BookSim 2", packets),
        Row(case, "error of the makespan, queue, mean", "1", float(error.mean())),
        Row(case, "error of the makespan, queue, worst", "1", float(error.max())),
    ]


def speed(files: list[tuple[BurstFile, float]]) -> list[Row]:
    """Compare cycles a second with those of the records."""
    found, many = [], []
    for each, theirs in files:
        if not each.name.startswith("mesh8") or not theirs or each.recorded is None:
            continue
        cycles = each.recorded.figures["makespan"] + 1
        time = timed(partial(cycle, [each.job]), REPEATS)
        ours = cycles / time.median_s
        found.append(Row(each.name, "cycle alone", "cycle/s", ours, "BookSim 2", theirs, time))
        many.append((each.job, cycles, cycles / theirs))
    if many:
        chosen = [many[number % len(many)] for number in range(64)]
        time = timed(lambda: cycle([job for job, _, _ in chosen]), REPEATS)
        cycles = sum(each for _, each, _ in chosen)
        theirs = cycles / sum(seconds for _, _, seconds in chosen)
        ours = cycles / time.median_s
        case = "64 bursts of 8x8 together"
        found.append(Row(case, "cycle", "cycle/s", ours, "BookSim 2", theirs, time))
    return found


def large_burst(flits: int, side: int = 32, packets: int = 32_000) -> Row:
    """Compare `queue` with `cycle` on uniform traffic in a mesh."""
    job = mesh(side, packets, flits)
    slow, quick = timed(lambda: cycle([job]), 3), timed(lambda: queue([job]), 3)
    case = f"{packets:,} packets of {flits}, {side}x{side} mesh"
    return Row(case, "queue", "burst/s", 1 / quick.median_s, "cycle", 1 / slow.median_s, quick)


def mesh(side: int, packets: int, flits: int) -> Job:
    """Return uniform traffic of packets of some flits in a square mesh."""
    draw = np.random.default_rng(0)
    source = np.sort(draw.integers(0, side * side, packets))
    target = (source + draw.integers(1, side * side, packets)) % (side * side)
    zeros = 0 * source
    table = np.stack([source, np.arange(packets), zeros + flits, zeros, zeros, zeros], axis=1)
    return Job(mesh_network(side, 4), mesh_ways(side, source, target), Burst(table, zeros))


def chiplets(steps: int = 100, packets: int = 10_000, fan_out: int = 16) -> Row:
    """Time steps of a package of 64 chiplets; each tile sends to a few others."""
    package = cs.load_package("packages/sixty_four_chiplets")
    network = package_network(package, (40,))
    draw, tiles = np.random.default_rng(0), len(package.tiles)
    other = [draw.choice(tiles - 1, fan_out, replace=False) for _ in range(tiles)]
    source, target = np.repeat(np.arange(tiles), fan_out), np.concatenate(other)
    target += target >= source
    ones = np.ones(source.size, np.int64)
    events = Events(package.tile_router[source], np.arange(source.size + 1), target)
    ways = package_ways(package, network, events)
    flow = np.stack([source, ways.root, ones * network.class_channels[0]], axis=1)
    flows = Flows(ways.stop, ways.branch, flow, ways.deliveries, target, ways.routers)
    jobs = []
    for _ in range(steps):
        sent = np.sort(draw.integers(0, len(flow), packets))
        zeros = np.zeros(packets, np.int64)
        table = np.stack([source[sent], sent, zeros + 1, zeros, zeros, zeros], axis=1)
        jobs.append(Job(network.network, flows, Burst(table, zeros)))
    time = timed(lambda: queue(jobs), 3)
    case = f"{tiles:,} tiles on 64 chiplets, {steps} steps of {packets:,} packets"
    return Row(case, "queue", "s", time.median_s, "target", 10.0, time)
