"""Zero load and bound of bursts, beside closed forms, a slow reference and `cycle`."""

import numpy as np
import pytest
from burst_files import line_of_routers, one_by_one, random_document, read
from chipletsim.kernels import describe, native_kernels
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chipletsim.noc.burst_bound import bound, zero_load
from chipletsim.noc.burst_timing import flit_hops
from chipletsim.noc.cycle import cycle
from chipletsim.noc.lone_packets import EXACT_FLITS
from chipletsim.noc.queue import queue

FEW = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bursts")


@pytest.fixture(scope="module", autouse=True)
def _native():
    if not native_kernels():
        pytest.skip(f"no native kernels: {describe()}")


def slow_reference(flits, ways, routing_delay):
    """When a tail comes; ways: (latency, interval) of the link behind each router, node last."""
    came = [2 + n for n in range(flits)]
    for latency, interval in ways:
        sent = []
        for n in range(flits):
            ready = came[n] + (routing_delay + 1 if n == 0 else 0)
            sent.append(ready if n == 0 else max(ready, sent[n - 1] + interval))
        came = [each + latency + 2 for each in sent]
    return came[-1]


@pytest.mark.parametrize("routing_delay", [0, 1, 2])
@pytest.mark.parametrize("hops", [1, 2, 5])
@pytest.mark.parametrize("flits", [1, 4])
def test_zero_load_in_closed_form(routing_delay, hops, flits, folder):
    """2 + (4 + R) per router + a cycle a flit; of two nodes at a router, it visits one."""
    target = hops - 1 if hops > 1 else 5
    made = line_of_routers(
        5, [[0, target, flits, 3]], routing_delay=routing_delay, nodes_at_first=2
    )
    job = read(made, folder).job
    assert zero_load(job).tolist() == [2 + (4 + routing_delay) * hops + flits - 1]


@given(
    links=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 7)), min_size=1, max_size=5),
    flits=st.integers(1, 8),
    routing_delay=st.integers(0, 3),
)
@FEW
def test_zero_load_over_slow_links(links, flits, routing_delay, folder):
    made = line_of_routers(len(links) + 1, [[0, len(links), flits, 0]], routing_delay=routing_delay)
    for link in made["topology"]["links"]:
        link["latency"], link["interval"] = links[min(link["src"], link["dst"])]
    expected = slow_reference(flits, [*links, (1, 1)], routing_delay)
    assert zero_load(read(made, folder).job).tolist() == [expected]


@given(seed=SEEDS)
@FEW
def test_a_packet_alone_takes_its_zero_load_even_where_credits_run_out(seed, folder):
    job = read(random_document(seed, packets=20, flits=20), folder).job
    alone = one_by_one(job)
    found = cycle(alone)
    np.testing.assert_array_equal([each.arrived[0] for each in found.times], zero_load(job))
    assert found.counts[0].waited.sum() == bound(job).waited.sum()
    assert bound(alone[0]).apart


@given(seed=SEEDS)
@FEW
def test_a_packet_alone_between_clocks_takes_its_zero_load(seed, folder):
    job = read(random_document(seed, packets=20, flits=9, latest=50), folder).job
    draw = np.random.default_rng(seed)
    job.network.router[:, 1] = draw.integers(1, 6, len(job.network.router))
    job.network.node[:, 4] += 5  # a cycle of the slowest router at least
    job.network.port[:, 3] = draw.integers(1, 9, len(job.network.port))
    alone = one_by_one(job)
    for each, times in zip(alone, cycle(alone).times, strict=True):
        least = bound(each)
        assert (least.injected[0], least.arrived[0]) == (times.injected[0], times.arrived[0])


def test_a_very_long_packet_has_a_bound(folder):
    """Beyond the flits that are followed it takes a flit a cycle at least, here at four a flit."""
    flits = EXACT_FLITS + 100
    made = line_of_routers(3, [[0, 2, flits, 0]], buffer=2)
    made["topology"]["links"][0]["interval"] = 4
    job = read(made, folder).job
    exact = int(cycle([job]).times[0].arrived[0])
    assert 4 * (flits - 1) < zero_load(job)[0] <= exact
    assert not bound(job).apart


@given(seed=SEEDS, flits=st.sampled_from([1, 5, 12]))
@FEW
def test_cycle_is_never_faster_than_the_bound(seed, flits, folder):
    job = read(random_document(seed, packets=30, flits=flits, latest=20), folder).job
    least, times = bound(job), cycle([job]).times[0]
    assert (least.injected <= times.injected).all()
    assert (least.arrived <= times.arrived).all()
    assert max(least.arrived) <= least.ticks <= max(times.arrived)


@given(seed=SEEDS, flits=st.sampled_from([1, 4, 9]))
@FEW
def test_queue_is_never_faster_than_the_bound(seed, flits, folder):
    job = read(random_document(seed, packets=30, flits=flits, latest=20), folder).job
    assert bound(job).ticks <= queue([job]).times[0].arrived.max()


@given(seed=SEEDS, flits=st.sampled_from([1, 9]))
@settings(FEW, max_examples=25)
def test_where_no_packets_meet_the_bound_is_exact(seed, flits, folder):
    job = read(random_document(seed, packets=4, flits=flits, latest=250), folder).job
    least = bound(job)
    times = cycle([job]).times[0]
    same = np.array_equal(least.injected, times.injected)
    same &= np.array_equal(least.arrived, times.arrived)
    assert same or not least.apart


@pytest.mark.parametrize(("gap", "apart"), [(13, True), (12, False)])
def test_whether_packets_meet(gap, apart, folder):
    """A head is in router 0 in 2 and leaves it in 4, router 1 in 9, its tail there in 12.

    The credit for that is back at router 0 in 14; the next head may be there from 15 on.
    """
    made = line_of_routers(3, [[0, 2, 4, 0], [0, 2, 4, gap]])
    assert bound(read(made, folder).job).apart == apart


def test_packets_of_a_source_wait_for_one_another_in_order(folder):
    """The second may leave at 0 but stands behind one that leaves at 50, in 50 + 4 = 54."""
    job = read(line_of_routers(2, [[0, 1, 4, 50], [0, 1, 1, 0]]), folder).job
    least = bound(job)
    assert least.injected.tolist() == [50, 54]
    assert not least.apart


def test_nodes_make_one_packet_after_the_other(folder):
    """Node 0 makes its packets in 3 and in 4 ticks, node 1 one in 5; they leave once made."""
    packets = [[1, 0, 2, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
    job = read(line_of_routers(2, packets), folder).job
    job.burst.packet[:, 4] = [3, 4, 5]
    least = bound(job)
    assert least.injected.tolist() == [3, 7, 5]
    np.testing.assert_array_equal(cycle([job]).times[0].injected, least.injected)


def test_the_busiest_link_bounds_a_burst(folder):
    """Nodes 0 and 3 to 7, all at router 0, send 8 flits each to node 2, two links away.

    The heads are in router 0 in 2 and leave it in 4; 48 flits, the last 47 intervals of 3 later;
    from there to router 1 in 3 cycles, on in 5 cycles of it and 3 of the router of node 2. Of a
    packet of several flits the tail waits neither for routes nor channels: 3 a router.
    """
    sources = [0, 3, 4, 5, 6, 7]
    packets = [[source, 2, 8, 0] for source in sources]
    made = line_of_routers(3, packets, nodes_at_first=6, channels=4)
    made["topology"]["links"][0]["interval"] = 3
    least = bound(read(made, folder).job)
    assert least.ticks == 4 + 47 * 3 + 3 * 3
    assert least.packet is None
    assert least.port == made["topology"]["ports"][0].index(["router", 1])


def test_one_packet_bounds_a_burst(folder):
    least = bound(read(line_of_routers(4, [[1, 2, 1, 0], [0, 3, 1, 5]]), folder).job)
    assert (least.packet, least.port, least.node) == (0, None, None) or least.packet == 1
    assert least.ticks == 5 + 2 + 5 * 4


def test_a_sender_bounds_a_burst(folder):
    """Node 1 sends 30 flits to each side: the last leaves in 59, and is there 2 + 3 + 3 later.

    Over either link go but 30 flits.
    """
    packets = [[1, side, 5, 0] for _ in range(6) for side in (0, 2)]
    least = bound(read(line_of_routers(3, packets), folder).job)
    lone = 2 + 5 * 2 + 4
    assert least.ticks == max(59 + 2 + 3 + 3, 55 + lone)


# --- links at their limit, through `cycle` -------------------------------------------------


def arrivals(made, folder):
    file = read(made, folder)
    times = cycle([file.job]).times[0]
    found = np.zeros(len(file.order), np.int64)
    found[file.order] = times.arrived
    return found


@pytest.mark.parametrize("routing_delay", [0, 1, 2])
@pytest.mark.parametrize("flits", [1, 3])
def test_one_input_channel_forwards_a_packet_every_f_and_1_and_r_cycles(
    routing_delay, flits, folder
):
    packets = [[0, 1, flits, 0] for _ in range(12)]
    made = line_of_routers(2, packets, routing_delay=routing_delay)
    came = arrivals(made, folder)
    assert set(np.diff(came)[4:].tolist()) == {flits + 1 + routing_delay}


@pytest.mark.parametrize("flits", [1, 3])
def test_one_output_channel_forwards_a_packet_every_f_and_1_cycles(flits, folder):
    """Three nodes send to a fourth at their router: their inputs take turns at its one channel."""
    packets = [[source, 0, flits, 0] for _ in range(12) for source in (2, 3, 4)]
    came = np.sort(arrivals(line_of_routers(2, packets, nodes_at_first=4), folder))
    assert set(np.diff(came)[6:-3].tolist()) == {flits + 1}


@pytest.mark.parametrize(("latency", "buffer"), [(10, 4), (3, 2), (20, 1)])
def test_one_channel_moves_as_many_flits_as_its_buffer_holds_in_2l_and_3_cycles(
    latency, buffer, folder
):
    """A packet longer by as many flits comes as much later."""
    came = [
        arrivals(line_of_routers(2, [[0, 1, flits, 0]], latency=latency, buffer=buffer), folder)[0]
        for flits in (10 * buffer, 11 * buffer)
    ]
    # Behind the source, too, a channel is full: it has its credit back in 4 cycles.
    assert came[1] - came[0] == max(2 * latency + 3, 4)


# --- copies --------------------------------------------------------------------------------


@given(seed=SEEDS)
@FEW
def test_copies_reach_every_node_and_share_the_way_until_they_part(seed, folder):
    made = random_document(seed, packets=10, flits=4, buffer=6)
    made["router"]["num_vcs"] = 4
    draw = np.random.default_rng(seed)
    packets = made["traffic"]["packets_src_dst_flits_t"]
    several = [
        [source, draw.choice(8, int(draw.integers(2, 6)), replace=False).tolist(), flits, t]
        for source, _, flits, t in packets
    ]
    made["traffic"]["packets_src_dst_flits_t"] = several
    job = read(made, folder).job
    found = cycle([job])
    times, least = found.times[0], bound(job)
    assert times.undelivered == 0
    assert len(times.arrived) == sum(len(row[1]) for row in several)
    assert (least.arrived <= times.arrived).all()
    assert least.ticks <= times.arrived.max()
    assert not least.apart
    assert flit_hops(job) == found.counts[0].flits.sum()
    made["traffic"]["packets_src_dst_flits_t"] = [
        [source, node, flits, t] for source, nodes, flits, t in several for node in nodes
    ]
    assert found.counts[0].flits.sum() <= flit_hops(read(made, folder).job)


def test_a_copy_each_on_a_line(folder):
    """From node 0 to 1, 2 and 3: three links and three ejections, as from node to node."""
    job = read(line_of_routers(4, [[0, [1, 2, 3], 2, 0]]), folder).job
    found = cycle([job])
    assert flit_hops(job) == found.counts[0].flits.sum() == 2 * 6
    assert job.flows.routers.tolist() == [2, 3, 4]
    assert job.flows.target.tolist() == [1, 2, 3]
    alone = zero_load(job)
    assert alone.tolist() == [2 + 5 * routers + 1 for routers in (2, 3, 4)]
    assert (found.times[0].arrived >= alone).all()
