"""Dense tiles and their weights in drawn mappings: against an array that is followed by hand.

`Array` does the work of one tile in plain Python, from the blocks that a mapping puts on it and the
times at which its packets came. It knows nothing of bursts, levels or ticks.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.cost.fetched_weights import packet_plans
from chipletsim.cost.package_rows import PackageRows, Shared
from chipletsim.mapping.model import Mapping
from chipletsim.noc import PACKET_MODELS, packet_model
from chipletsim.noc.burst_steps import follow
from chipletsim.noc.flit_network import NOWHERE, Job, delivery_nodes, delivery_starts
from chipletsim.noc.flit_steps import flit_steps
from chipletsim.noc.free_bursts import free_job, step_ends
from chipletsim.noc.messages import RowEvents
from chipletsim.noc.packet_spans import packet_spans
from chipletsim.noc.packet_steps import packet_steps
from chipletsim.package.model import Package
from chipletsim.tiles import Memory, Npu

sys.path.insert(0, str(Path(__file__).parents[1] / "cost"))
from cost_cases import (
    CROSSBAR,
    IO,
    MEMORY,
    NEUROCORE,
    NPU,
    mixed_network,
    mixed_package,
    package_of,
    random_activity,
    random_mapping,
)
from encoded_cases import SPIKES, VALUES, two_dies
from test_free_running import freely
from walker import Walk

pytestmark = pytest.mark.usefixtures("quick_programs")

TIMINGS = pytest.mark.parametrize("timing", PACKET_MODELS)
PARTS = 32
ROWS = 3


def row(clock: str) -> Package:
    """Nine tiles in a row, two of them memories; dense ones hold any number of packets."""
    dense = NPU | {"clock": clock, "output_queue": 100_000}
    memories = MEMORY, MEMORY | {"bandwidth": "20 Gb/s", "access_latency": "10 ns"}
    tiles = [IO, dense, NEUROCORE, memories[0], dense, CROSSBAR, memories[1], dense, NEUROCORE]
    network = {
        "topology": "mesh",
        "shape": [len(tiles), 1],
        "link": {"bandwidth": "32 Gb/s", "latency": "1 ns", "flit": "64 bit"},
        "router": {"latency": "4 ns", "clock": "1 GHz", "buffer_flits": 8, "multicast": True},
    }
    return package_of(
        chiplet_types={
            "die": {
                "network": network,
                "tiles": [{"at": [[x, 0]], "tile": tile} for x, tile in enumerate(tiles)],
            }
        },
        chiplets={"d": {"type": "die", "at": [0, 0]}},
        barrier="0 s",
    )


CASES = {
    "slow tiles": lambda: row("0.1 GHz"),
    "as fast as weights": lambda: row("5 GHz"),
    "fast tiles": lambda: row("500 GHz"),
    "two dies": mixed_package,
    "links that encode": lambda: two_dies({"spikes": SPIKES["gaps"], "values": VALUES["dense"]}),
}
FREE = [name for name in CASES if name != "links that encode"]
EVERY = pytest.mark.parametrize("name", CASES)


class Rows(NamedTuple):
    """Some rows of a mapping.

    Attributes:
        mapping: The mapping.
        works: bool [rows, populations].
        jobs: Burst of each.
        parts: Levels of a row before that in which neurons send.
    """

    mapping: Mapping
    works: np.ndarray
    jobs: list[Job]
    parts: int


def drawn(name: str, seed: int, *, free: bool = False) -> Rows:
    """A drawn mapping, and rows in which some populations work and some of their neurons fire."""
    network, rng = mixed_network(), np.random.default_rng(seed)
    mapping = random_mapping(network, CASES[name](), seed)
    mapping = freely(mapping) if free else mapping
    plans = packet_plans(mapping)
    rows = PackageRows(mapping, mapping.package, Shared(mapping, plans), spares_bound=False)
    works = rng.random((ROWS, len(network.populations))) < 0.7
    works[0] = True
    population = np.repeat(np.arange(works.shape[1]), np.diff(network.offsets))
    own = works[:, population[plans.messages.neuron]]
    spikes = ((rng.random(own.shape) < 0.2) & own).astype(np.int64)
    events = RowEvents(own, own, spikes, works)
    jobs = rows.jobs(rows.listed(events), events).jobs
    return Rows(mapping, works, jobs, rows.packets.parts)


class Blocks(Walk):
    """Walks dense blocks: their cycles, and the bits of those that a memory holds."""

    def __init__(self, mapping: Mapping) -> None:
        super().__init__(mapping, random_activity(mapping.network, 1, 1, 0.0, 0))

    def fetch(self, place, bits: int, when, asks: bool) -> None:
        self.bits = bits

    def of(self, works: np.ndarray, tile: int) -> tuple[int, list[tuple[int, int, int]]]:
        """Return all cycles of a tile, and memory, bits and cycles of the blocks that it is sent.

        These stand in the order of the mapping's blocks.
        """
        fan_out, total, sent = self.mapping.fan_out, 0, []
        for part, number in zip(fan_out.block_slice, fan_out.block_projection, strict=True):
            place = self.mapping.slices[part]
            if place.tile != tile or not works[place.population]:
                continue
            self.counts.clear()
            self.bits = 0
            self.dense(int(number), self.network.projections[number], int(part), (0, 0))
            cycles = self.counts["dense_cycles", tile, 0, 0]
            total += cycles
            if place.weight_tile != tile:
                sent.append((place.weight_tile, self.bits, cycles))
        return total, sent


def cut_up(bits: int, most: int) -> list[int]:
    sizes = []
    while bits > 0:
        sizes.append(min(bits, most))
        bits -= most
    return sizes


class Array:
    """One dense tile: what it does in a row, one thing after the other, in ticks."""

    def __init__(self, blocks: Blocks, tile: int, tick_s: float) -> None:
        self.blocks, self.tile = blocks, tile
        parameters = blocks.package.tiles[tile].parameters
        self.cycle = 1 / parameters.clock_hz / tick_s
        self.payload = blocks.package.spec.packet.max_payload_bits

    def ends(self, works: np.ndarray, begins: float, came: dict[int, list[int]]) -> float:
        """Return when it is done, if it begins at some time and packets came at others.

        Args:
            works: bool [populations].
            begins: When its inputs are there.
            came: When the packets of each memory came, in the order of sending.
        """
        total, sent = self.blocks.of(works, self.tile)
        shares = defaultdict(list)
        for memory, bits, cycles in sent:
            for size in cut_up(bits, self.payload):
                shares[memory].append(cycles * size / bits)
            total -= cycles if bits else 0
        parts = defaultdict(list)
        assert {memory: len(own) for memory, own in shares.items()} == {
            memory: len(times) for memory, times in came.items()
        }
        for memory, own in shares.items():
            last = min(len(own), PARTS)
            for place, (share, time) in enumerate(zip(own, came[memory], strict=True)):
                parts[place * last // len(own) - last].append((share, time))
        now = begins + total * self.cycle
        for part in sorted(parts):
            now = max(now, *(time for _, time in parts[part]))
            now += sum(share for share, _ in parts[part]) * self.cycle
        return now


def weights_came(job: Job, times, package: Package, tile: int, step: int) -> dict[int, list[int]]:
    """Return when packets that memories sent a tile unasked in a network step came."""
    node = delivery_nodes(job.flows, job.burst)
    starts = delivery_starts(job.flows, job.burst)
    found = defaultdict(list)
    answers = job.burst.after if job.burst.after is not None else np.full(len(starts) - 1, -1)
    for packet, (source, flow, *_) in enumerate(job.burst.packet.tolist()):
        mine = job.burst.network_step[packet] == step and answers[packet] < 0 and flow >= 0
        mine = mine and source < len(package.tiles)  # beyond are ends of links
        if not mine or not isinstance(package.tiles[source].parameters, Memory):
            continue
        assert starts[packet + 1] - starts[packet] == 1
        if node[starts[packet]] == tile:
            found[source].append(int(times.arrived[starts[packet]]))
    return dict(found)


def dense_tiles(package: Package) -> list[int]:
    return [at for at, each in enumerate(package.tiles) if isinstance(each.parameters, Npu)]


def made_by(job: Job, times, tile: int, step: int) -> tuple[int, list[int]]:
    """Return when a tile was done with the work of a network step, and when it made packets."""
    rows = (job.burst.packet[:, 0] == tile) & (job.burst.network_step == step)
    work = rows & (job.burst.packet[:, 1] == NOWHERE)
    return int(times.made[work].max(initial=0)), times.made[rows & ~work].tolist()


@TIMINGS
@EVERY
def test_tiles_work_as_an_array_that_waits_for_its_weights(name: str, timing: str) -> None:
    late = early = 0
    for seed in range(6):
        found = drawn(name, seed)
        package, blocks = found.mapping.package, Blocks(found.mapping)
        results = packet_model(timing)(found.jobs)
        for works, job, times in zip(found.works, found.jobs, results.times, strict=True):
            for tile in dense_tiles(package):
                came = weights_came(job, times, package, tile, 0)
                array = Array(blocks, tile, job.network.tick_s)
                expected = array.ends(works, 0, came)
                end, made = made_by(job, times, tile, 0)
                assert expected - 1e-6 <= end <= expected + PARTS + 1
                assert not made or end <= min(made)
                if came:  # outputs are made in no time, once all is there
                    last = max(max(each) for each in came.values())
                    assert not made or last <= min(made)
                    total = blocks.of(works, tile)[0] * array.cycle
                    late, early = late + (expected > total + 1), early + (total > last)
                if "output_queue" in package.tiles[tile].parameters.model_fields_set:
                    assert not made or min(made) == max(end, *([last] if came else [0]))
    assert late > 5
    assert name == "fast tiles" or early


@TIMINGS
@pytest.mark.parametrize("name", FREE)
def test_free_steps_work_as_an_array_that_waits_for_inputs_too(name: str, timing: str) -> None:
    for seed in range(4):
        found = drawn(name, seed, free=True)
        package, blocks = found.mapping.package, Blocks(found.mapping)
        job = free_job(found.jobs)
        (times,) = packet_model(timing)([job]).times
        node = delivery_nodes(job.flows, job.burst)
        counts = np.diff(delivery_starts(job.flows, job.burst))
        step_of = np.repeat(job.burst.network_step, counts)
        done = times.taken + job.burst.processing
        for tile in dense_tiles(package):
            array, before = Array(blocks, tile, job.network.tick_s), 0
            for step, works in enumerate(found.works):
                inputs = int(done[(node == tile) & (step_of < step)].max(initial=0))
                came = weights_came(job, times, package, tile, step)
                if not blocks.of(works, tile)[0]:
                    continue
                expected = array.ends(works, max(before, inputs), came)
                end, made = made_by(job, times, tile, step)
                assert end >= expected - 1e-6
                if "output_queue" in package.tiles[tile].parameters.model_fields_set:
                    assert end <= expected + PARTS + 1
                assert not made or end <= min(made)
                before = max([end, *made])


@pytest.mark.parametrize(
    ("name", "free"), [*((name, False) for name in CASES), *((name, True) for name in FREE)]
)
def test_only_what_is_sent_weights_waits_for_some(name: str, free: bool) -> None:
    """All that comes to other tiles is of the last level, which only later steps wait for.

    Those that make something of a level before are dense tiles, and the memories they wait for.
    """
    streams = 0
    for seed in range(6):
        found = drawn(name, seed, free=free)
        job = free_job(found.jobs) if free else found.jobs[0]
        tiles = found.mapping.package.tiles
        level = job.burst.packet[:, 5] % job.burst.levels
        counts = np.diff(delivery_starts(job.flows, job.burst))
        node = delivery_nodes(job.flows, job.burst)
        early = np.repeat(level < found.parts, counts)
        assert {tiles[at].kind for at in node[early].tolist()} <= {"npu"}
        sends = level < found.parts
        assert {tiles[at].kind for at in job.burst.packet[sends, 0].tolist()} <= {"npu", "memory"}
        of_npu = sends & np.isin(job.burst.packet[:, 0], dense_tiles(found.mapping.package))
        assert (job.burst.packet[of_npu, 1] == NOWHERE).all()
        assert not job.burst.processing[early].any()  # nothing waits to be taken in
        streams += int(early.sum())
        # Packets of a node stand in the order of network steps.
        node_step = job.burst.packet[:, 0] * ROWS + job.burst.network_step
        assert (np.diff(node_step) >= 0).all() or job.burst.after is not None
    assert streams


@TIMINGS
@EVERY
def test_no_step_ends_before_its_bound(name: str, timing: str) -> None:
    for seed in range(4):
        mapping = random_mapping(mixed_network(), CASES[name](), seed)
        activity = random_activity(mapping.network, 2, 3, 0.2, seed)
        for on in (mapping, *([freely(mapping)] if name in FREE else [])):
            found, bound = (cs.price(activity, on, timing=each) for each in (timing, "bound"))
            times_s = [each.latency_s for each in (found, bound)]
            if on is not mapping:
                times_s = [each.cumsum(axis=1) for each in times_s]
            assert (times_s[0] >= times_s[1] * (1 - 1e-12)).all()
            assert found.events == bound.events


@pytest.mark.parametrize(
    ("timing", "steps"), [("cycle", flit_steps), ("queue", packet_steps)], ids=PACKET_MODELS[::-1]
)
@pytest.mark.parametrize("free", [False, True])
def test_plain_simulators_agree(timing: str, steps, free: bool) -> None:
    found = drawn("as fast as weights", 5, free=free)
    jobs = [free_job(found.jobs[:2])] if free else found.jobs[:2]
    assert found.parts > 1
    native, plain = packet_model(timing)(jobs), follow(jobs, 0, 1, steps)
    for own, other in zip(native.times, plain.times, strict=True):
        for name in ("injected", "arrived", "taken", "made"):
            np.testing.assert_array_equal(getattr(own, name), getattr(other, name), name)


@TIMINGS
def test_steps_that_are_told_of_are_those_of_the_network(timing: str) -> None:
    found = drawn("as fast as weights", 2, free=True)
    assert found.parts
    job = free_job(found.jobs)
    (times,) = packet_model(timing)([job]).times
    starts = delivery_starts(job.flows, job.burst)
    ends = [0] * ROWS
    for packet in range(len(job.burst.packet)):
        step = int(job.burst.packet[packet, 5]) // (found.parts + 1)  # the last is of neurons
        did = [int(times.made[packet])]
        for delivery in range(starts[packet], starts[packet + 1]):
            did.append(int(times.taken[delivery] + job.burst.processing[delivery]))
        ends[step] = max(ends[step], *did)
    assert step_ends(job, times).tolist() == np.maximum.accumulate(ends).tolist()
    shown = packet_spans(job, times)
    assert shown.steps == ROWS
    assert {span.step for span in shown.spans} == set(range(ROWS))
    held = drawn("as fast as weights", 2).jobs[0]
    (times,) = packet_model(timing)([held]).times
    assert packet_spans(held, times).steps == 1
