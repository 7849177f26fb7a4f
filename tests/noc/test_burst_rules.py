"""What routers do, by hand and in closed form, whatever computes it."""

import numpy as np
import pytest
from burst_cases import Features, random_job
from chain_cases import array, burst, chain, paths, send
from chipletsim.kernels import CHOICE, describe, native_kernels
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.noc.cycle import cycle
from chipletsim.noc.flit_network import Burst, FlitNetwork, Flows, Job
from chipletsim.noc.queue import queue

SEEDS = st.integers(0, 2**32 - 1)
BOTH = pytest.mark.parametrize("model", [cycle, queue], ids=["cycle", "queue"])


@pytest.fixture(autouse=True, scope="module", params=["native", "xla"])
def _kernels(request):
    """Native kernels and plain simulators, and one compiled call for all cases."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CHOICE, request.param)
        if request.param == "native":
            patch.delenv(CHOICE)
            if not native_kernels():
                pytest.skip(f"no native kernels: {describe()}")
        yield


def one_packet(seed: int, flits: int, features: Features, room: int = 8) -> Job:
    """Return one packet on a random path, through buffers that hold it."""
    job = random_job(seed, features)
    network, burst = job.network, job.burst
    port, node = network.port.copy(), network.node.copy()
    port[:, 4] = node[:, 1] = room
    flow = seed % len(job.flows.flow)
    row = [[job.flows.flow[flow, 0], flow, flits, 0, 0, 0]]
    kind = None if burst.kind is None else np.zeros(1, np.int64)
    processing = np.zeros(job.flows.deliveries[flow], np.int64)
    return Job(
        network._replace(port=port, node=node), job.flows, Burst(array(row), processing, 0, kind)
    )


def up(time: int, cycle: int) -> int:
    return -(-time // cycle) * cycle


def arrival_alone(job: Job) -> int:
    """Return when the tail of a packet comes that has the network to itself, flit by flit."""
    network = job.network
    source, flow, flits = job.burst.packet[0, :3].tolist()
    port = int(network.node[source, 0])
    owner, stop = network.port_router, int(job.flows.flow[flow, 1])
    intervals = network.port[:, 3] if network.intervals is None else network.intervals[:, 0]
    clock = network.router[owner[port], 1]
    comes = [up(n * clock + network.node[source, 3], clock) + clock for n in range(flits)]
    while stop >= 0:
        first, clock, delay = network.router[owner[port]].tolist()
        output, stop, _ = job.flows.branch[job.flows.stop[stop]].tolist()
        number = first + output
        peer, forward = network.port[number, :2].tolist()
        there = network.router[owner[peer], 1] if peer >= 0 else clock
        free, leaves = comes[0] + (delay + 1) * clock, []
        for came in comes:
            leaves.append(up(max(came, free), clock))
            free = (free if leaves[-1] - free < clock else leaves[-1]) + int(intervals[number])
            free = max(free, leaves[-1] + 1)  # one flit a cycle
        comes = [up(each + forward, there) + there for each in leaves]
        port = peer
    return comes[-1]


@settings(derandomize=True, deadline=None, max_examples=40)
@given(SEEDS, st.integers(1, 6), st.booleans(), st.booleans())
def test_a_packet_alone_in_closed_form(seed: int, flits: int, clocks: bool, kinds: bool) -> None:
    job = one_packet(seed, flits, Features(clocks=clocks, kinds=kinds))
    assert cycle([job]).times[0].arrived.tolist() == [arrival_alone(job)]


@settings(derandomize=True, deadline=None, max_examples=40)
@given(SEEDS, st.booleans(), st.booleans())
def test_queue_is_cycle_for_a_flit_alone(seed: int, clocks: bool, sleep: bool) -> None:
    job = one_packet(seed, 1, Features(clocks=clocks, sleep=sleep, kinds=True))
    own, other = queue([job]).times[0], cycle([job]).times[0]
    assert own.arrived.tolist() == other.arrived.tolist()
    assert own.injected.tolist() == other.injected.tolist()


@settings(derandomize=True, deadline=None, max_examples=40)
@given(SEEDS, st.integers(1, 8), st.booleans())
def test_queue_is_cycle_for_a_packet_alone(seed: int, flits: int, sleep: bool) -> None:
    job = one_packet(seed, flits, Features(sleep=sleep))
    # Links that take whole cycles from flit to flit.
    clock = int(job.network.router[0, 1])
    port = job.network.port.copy()
    port[:, 3] = up(port[:, 3], clock)
    job = job._replace(network=job.network._replace(port=port))
    assert queue([job]).times[0].arrived.tolist() == cycle([job]).times[0].arrived.tolist()


@BOTH
@settings(derandomize=True, deadline=None, max_examples=40)
@given(seed=SEEDS, flits=st.integers(1, 8))
def test_no_flit_comes_before_a_frame_can_carry_it(seed: int, flits: int, model) -> None:
    job = one_packet(seed, flits, Features(frames=True))
    network = job.network
    clock = int(network.router[0, 1])
    port = network.port.copy()
    framed = network.links[:, 0] > 0
    port[:, 3] = np.where(framed, clock, up(port[:, 3], clock))
    job = job._replace(network=network._replace(port=port))
    # Likewise with links that take each flit in a cycle, and a frame longer on their way.
    port = port.copy()
    port[framed, 1] += network.links[framed, 1]
    sooner = arrival_alone(job._replace(network=network._replace(port=port, links=None)))
    assert model([job]).times[0].arrived[0] >= sooner


@pytest.mark.parametrize("delay", range(5))
@pytest.mark.parametrize("flits", [1, 3])
def test_packets_of_one_channel_follow_one_another(delay: int, flits: int) -> None:
    # One virtual channel forwards an F-flit packet every F + 1 + R cycles: it is routed in R,
    # given a channel in one, and its flits leave in F. The first is alone.
    network = chain(delay=delay, buffer=64)
    times, _ = send(cycle, network, paths((0, 1)), burst([[0, 0, flits, 0, 0, 0]] * 6))
    alone = 2 + 2 * (1 + 3 + delay) + flits - 1
    every = flits + 1 + delay
    assert times.arrived.tolist() == [alone + every * k for k in range(6)]


def test_copies_by_one_output_follow_one_another() -> None:
    # Router 0 sends two copies to router 1, which sends each to its node. The second is given a
    # channel in the cycle after the first's tail, and its F = 3 flits follow: F + 1 cycles later.
    branch = [[1, 1, -1], [1, 2, -1], [2, -1, -1], [2, -2, -1]]
    flows = Flows(array([0, 2, 3, 4]), array(branch), array([[0, 0, -1]]), array([2]),
                  array([1, 1]), array([2, 2]))  # fmt: skip
    times, counts = send(
        cycle, chain(channels=2), flows, burst([[0, 0, 3, 0, 0, 0]], processing=[0, 0])
    )
    alone = 2 + 2 * 5 + 2
    assert times.arrived.tolist() == [alone, alone + 4]
    assert counts.flits.tolist() == [0, 6, 0, 0, 0, 6]


def test_copies_by_two_outputs_leave_side_by_side() -> None:
    # To node 0 itself and to router 1. An input sends one flit a cycle: copies take turns. Both
    # are to be given a channel in cycle 3, and accept one: the other is given it in 4, and leaves
    # in 5. Output 1 is before output 2; so flits leave by 1 in 4, 6, 8 and by 2 in 5, 7, 9.
    branch = [[1, 1, -1], [2, -1, -1], [2, -2, -1]]
    flows = Flows(array([0, 2, 3]), array(branch), array([[0, 0, -1]]), array([2]), array([0, 1]),
                  array([1, 2]))  # fmt: skip
    times, _ = send(cycle, chain(), flows, burst([[0, 0, 3, 0, 0, 0]], processing=[0, 0]))
    # By 2 into the node three cycles on; by 1 into the router in 8 + 3 = 11, out in 11, 14.
    assert times.arrived.tolist() == [9 + 3, 8 + 3 + 3]


def ring(size: int, channels: int) -> tuple[FlitNetwork, Flows]:
    """Return a ring on which each node sends to the one opposite, all the same way around."""
    router = [[3 * r, 1, 1] for r in range(size)]
    port, node, branch, flow = [], [], [], []
    for r in range(size):
        port.append([3 * ((r - 1) % size) + 1, 2, 2, 1, 2])
        port.append([3 * ((r + 1) % size), 2, 2, 1, 2])
        port.append([-1 - r, 2, 2, 1, 2])
        node.append([3 * r + 2, 2, 0, 1, 2])
        flow.append([r, len(branch), -1])
        branch += [[1, len(branch) + k + 1, -1] for k in range(size // 2)] + [[2, -1, -1]]
    flows = Flows(np.arange(len(branch) + 1), array(branch), array(flow), np.ones(size, np.int64),
                  (np.arange(size) + size // 2) % size, np.full(size, size // 2 + 1))  # fmt: skip
    return FlitNetwork(array(router), array(port), array(node), channels), flows


@BOTH
def test_packets_that_wait_for_one_another_are_told(model) -> None:
    network, flows = ring(4, 1)
    rows = [[r, r, 8, 0, 0, 0] for r in range(4) for _ in range(2)]
    times, _ = send(model, network, flows, burst(rows))
    assert times.arrived.tolist() == [-1] * 8
    assert times.taken.tolist() == [-1] * 8
    assert (times.injected[0::2] == 0).all()
    if model is cycle:  # no packet has left its node: so many, and the deliveries of half
        assert (times.injected[1::2] == -1).all()
        assert times.undelivered == 8 + 4
    # One after the other they go through.
    rows = [[r, r, 8, 1000 * r, 0, 0] for r in range(4)]
    times, _ = send(model, network, flows, burst(rows))
    assert times.undelivered == 0
    assert (times.arrived - times.injected == times.arrived[0]).all()


@pytest.mark.parametrize("forward", [*range(1014, 1026), 2000])
def test_flits_stay_in_order_on_a_long_way_to_a_slow_clock(forward: int) -> None:
    # Some thousand cycles of the fast router on the way; four of its flits come in one cycle of
    # the slow one. The kernel keeps what is over 1,024 cycles ahead apart from what is nearer.
    network = chain(buffer=16)
    router, port, node = (each.copy() for each in network[:3])
    router[1, 1] = 4
    port[1, 1] = port[3, 2] = forward
    node[1, 3:] = 4
    network = network._replace(router=router, port=port, node=node)
    job = Job(network, paths((0, 1)), burst([[0, 0, 6, 0, 0, 0]]))
    times = cycle([job]).times[0]
    assert times.undelivered == 0
    assert times.arrived.tolist() == [arrival_alone(job)]
