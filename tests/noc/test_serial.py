"""Limits of bursts: whatever packets do, a burst ends between them."""

from __future__ import annotations

import numpy as np
import pytest
from framed_bursts import row_of_dies
from hypothesis import given, settings
from hypothesis import strategies as st
from test_package_timing import PACKAGES, case

from chipletsim.cost.fetched_weights import fetched_weights
from chipletsim.noc import serial
from chipletsim.noc.cycle import cycle
from chipletsim.noc.event_trees import Events
from chipletsim.noc.flit_network import NOWHERE, OWN_NODE, Burst, Flows, Job, delivery_starts
from chipletsim.noc.message_plan import message_plan
from chipletsim.noc.package_flows import package_ways
from chipletsim.noc.package_network import package_network
from chipletsim.noc.packet_plan import PacketPlans
from chipletsim.noc.packet_times import packet_times
from chipletsim.noc.serial import certain, lone_ticks, plan_ticks

LINK = {"bandwidth": "20 Gb/s", "latency": "2 ns", "flit": "16 bit"}
DIES = 3
SIZES = (30, 150)


def nodes_and_flows(copies: bool, processors: int, **router: object):
    """Three dies in a row; a flow between any two tiles, and one from the first to both others."""
    package = row_of_dies(LINK, DIES, routers=2, multicast=copies, **router)
    made = package_network(package, SIZES)
    network = made.network._replace(processors=np.full(DIES, processors))
    sets = [(a, [b]) for a in range(DIES) for b in range(DIES) if a != b]
    sets += [(0, [1, 2])] * copies
    source, tile = np.array([a for a, _ in sets]), np.array([b for _, own in sets for b in own])
    start = np.cumsum([0, *(len(own) for _, own in sets)])
    ways = package_ways(package, made, Events(package.tile_router[source], start, tile))
    flow = np.stack([source, ways.root, np.full(len(sets), made.class_channels[0])], axis=1)
    flows = Flows(ways.stop, ways.branch, flow, ways.deliveries, tile, ways.routers)
    return network, flows, np.array([-(-size // made.flit_bits) for size in SIZES])


def burst_of(network, flows, flits, packets, work) -> Job:
    """Packets as (flow, or a node's own, kind, ticks of making), and ticks of work for each node.

    They may be for the node itself, or for nobody.
    """
    rows = []
    for flow, kind, generation in packets:
        way = flow if flow < len(flows.flow) else (OWN_NODE, NOWHERE)[flow % 2]
        source = int(flows.flow[flow, 0]) if way >= 0 else flow % DIES
        rows.append([source, way, int(flits[kind]), 0, generation, 0, kind])
    table = np.array(sorted(rows, key=lambda row: row[0]), np.int64)
    burst = Burst(table[:, :6], np.zeros(0, np.int64), kind=table[:, 6])
    job = Job(network, flows, burst)
    return job._replace(burst=burst._replace(processing=resized(job, work)))


def resized(job: Job, work) -> np.ndarray:
    """The ticks of work over and over, for each delivery of a burst."""
    return np.resize(np.array(work), int(delivery_starts(job.flows, job.burst)[-1]))


CASES = [
    nodes_and_flows(copies=False, processors=2),
    nodes_and_flows(copies=True, processors=1, clock="0.3 GHz", buffer_flits=3),
    nodes_and_flows(copies=True, processors=2, clock=None, latency="0 ns", routing_delay=0),
]


@given(
    case=st.sampled_from(CASES),
    packets=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 1), st.sampled_from([0, 1, 500, 20_000])),
        min_size=1,
        max_size=30,
    ),
    work=st.lists(st.sampled_from([0, 1, 700, 30_000]), min_size=1, max_size=5),
)
@settings(max_examples=150, deadline=None)
def test_a_burst_ends_between_its_limits(case, packets, work) -> None:
    job = burst_of(*case, packets, work)
    lone = lone_ticks(job.network, job.flows, case[2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serial, "TOLERANCE", 1e9)
        limits = certain(job, lone)
    if limits is None:
        assert not np.concatenate([job.burst.packet[:, 4], job.burst.processing]).any()
        return
    times = cycle([job]).times[0]
    assert not times.undelivered
    end = times.end(job.burst)
    assert limits.least <= end <= limits.most
    strict = certain(job, lone)
    assert (strict == limits) == (limits.most <= 1.01 * limits.least)


def test_limits_by_hand() -> None:
    network, flows, flits = CASES[0]
    lone = lone_ticks(network, flows, flits)
    # Made in 10 ticks each; the work is a million ticks and a hundred.
    job = burst_of(network, flows, flits, [(0, 0, 10), (0, 0, 10)], [1_000_000, 100])
    assert certain(job, lone) == (1_000_100, 20 + 1_000_100 + 2 * int(lone[0, 0]))
    # Two nodes that work for as long: one may wait for the other.
    job = burst_of(network, flows, flits, [(0, 0, 10), (1, 0, 10)], [1_000_000])
    assert flows.target[0] != flows.target[1]
    assert certain(job, lone) is None
    # Without packets nodes make side by side.
    job = burst_of(network, flows, flits, [(11, 0, 500), (13, 0, 700)], [0])
    assert certain(job, lone) == (700, 700)


def test_limits_of_nodes_that_wait_by_hand() -> None:
    """The first node makes what the second waits for; what the third waits for is not known."""
    network, flows, flits = CASES[0]
    lone = lone_ticks(network, flows, flits)
    job = burst_of(network, flows, flits, [(0, 0, 10), (13, 0, 7000), (13, 0, 800_000)], [0])
    assert flows.target[0] == job.burst.packet[1, 0] == 1
    packet = job.burst.packet.copy()
    packet[2, 5] = 1
    job = job._replace(burst=job.burst._replace(packet=packet, steps=2))
    assert certain(job, lone) == (807_000, 10 + 807_000 + int(lone[0, 0]))
    end = cycle([job]).times[0].end(job.burst)
    assert end == 807_000
    packet = packet.copy()
    packet[1, 5], packet[2, 5] = 1, 1
    waits = job._replace(burst=job.burst._replace(packet=packet))
    times = cycle([waits]).times[0]
    assert times.end(job.burst) == 807_000 + int(times.arrived[0])
    assert certain(waits, lone).most >= times.end(job.burst)
    # A node that others wait for waits for another.
    both = burst_of(network, flows, flits, [(0, 0, 10), (2, 0, 10), (13, 0, 800_000)], [0])
    assert certain(both._replace(burst=both.burst._replace(steps=2)), lone) is None


@given(
    case=st.sampled_from(CASES),
    sent=st.integers(1, 20),
    others=st.lists(
        st.tuples(st.integers(2, 9), st.integers(0, 1), st.sampled_from([0, 1, 500, 20_000])),
        max_size=20,
    ),
    work=st.lists(st.sampled_from([0, 1, 700, 30_000]), min_size=1, max_size=5),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None)
def test_a_burst_in_which_nodes_wait_ends_between_its_limits(
    case, sent, others, work, seed
) -> None:
    """The first node sends in steps that others wait for, and they make work in any step."""
    rng = np.random.default_rng(seed)
    first = [(int(rng.integers(0, 2)), 0, int(rng.choice([0, 20_000]))) for _ in range(sent)]
    job = burst_of(*case, [*first, *others], work)
    packet, steps = job.burst.packet.copy(), int(rng.integers(2, 5))
    free = (packet[:, 0] == 0) | (packet[:, 1] == NOWHERE)
    packet[:, 5] = np.where(free, rng.integers(0, steps, len(packet)), steps - 1)
    packet[(packet[:, 0] == 0) & (packet[:, 1] == OWN_NODE), 5] = steps - 1
    order = np.lexsort((packet[:, 5], packet[:, 0]))
    kind = job.burst.kind[order]
    job = job._replace(burst=job.burst._replace(packet=packet[order], kind=kind, steps=steps))
    job = job._replace(burst=job.burst._replace(processing=resized(job, work)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serial, "TOLERANCE", 1e9)
        limits = certain(job, lone_ticks(job.network, job.flows, case[2]))
    if limits is None:
        assert not np.concatenate([job.burst.packet[:, 4], job.burst.processing]).any()
        return
    times = cycle([job]).times[0]
    assert not times.undelivered
    assert limits.least <= times.end(job.burst) <= limits.most


@pytest.mark.parametrize("name", PACKAGES)
def test_pairs_of_tiles_say_what_packets_do(name: str) -> None:
    mapping, _ = case(name, 5)
    package = mapping.package
    plan = message_plan(mapping)
    plans = PacketPlans(plan, fetched_weights(mapping, plan))
    packets = packet_times(mapping, package, plans)
    expected = lone_ticks(packets.network.network, packets.plan.flows, packets.flits)
    assert expected.size
    assert np.array_equal(plan_ticks(packets, package), expected)
