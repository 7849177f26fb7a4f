"""Packets that wait for one another for ever are told, with the channels that they hold."""

import pytest
from burst_files import document, read
from chipletsim.kernels import describe, native_kernels

from chipletsim.errors import DeadlockError
from chipletsim.noc.burst_timing import time_burst
from chipletsim.noc.stuck import StuckChannel, stuck_channels


@pytest.fixture(autouse=True)
def _native():
    if not native_kernels():
        pytest.skip(f"no native kernels: {describe()}")


def ring(routers, flits, channels=1, tail=False):
    """Each node sends to the one behind it, all the way around; maybe another one, on a tail."""
    size = routers + tail
    links = [
        {"src": a, "dst": b, "latency": 1, "interval": 1}
        for r in range(routers)
        for a, b in ((r, (r + 1) % routers), ((r + 1) % routers, r))
    ]
    if tail:
        links += [
            {"src": a, "dst": b, "latency": 1, "interval": 1}
            for a, b in ((routers, 0), (0, routers))
        ]
    around = [
        [r if r == d else 0 if r == routers else (r + 1) % routers for d in range(size)]
        for r in range(size)
    ]
    if tail:
        around[0][routers] = routers
    packets = [[r, (r - 1) % routers, flits, 0] for r in range(routers)]
    packets += [[routers, 2, flits, 0]] if tail else []
    return document(size, [*range(size)], links, packets, channels, 4, 1, around)


@pytest.mark.parametrize("tail", [False, True])
def test_a_ring_that_is_full_is_found(tail, tmp_path):
    """A packet of 12 flits holds a link until its tail is on it, and needs the next one meanwhile.

    With one channel and room for four flits behind each link, all four wait. What waits outside
    of the ring is not in the cycle.
    """
    file = read(ring(4, 12, tail=tail), tmp_path)
    stuck = stuck_channels(file.job)
    names = [file.outputs[each.port] for each in stuck]
    first = names.index("router 0 > router 1")
    assert names[first:] + names[:first] == [
        "router 0 > router 1", "router 1 > router 2", "router 2 > router 3", "router 3 > router 0"
    ]  # fmt: skip
    assert {each.channel for each in stuck} == {0}
    # Behind the link from router r to the next stands the packet of node r.
    assert stuck[first] == StuckChannel(stuck[first].port, 0, 0)
    assert sorted(each.packet for each in stuck) == [0, 1, 2, 3]


def test_a_ring_of_two_channels_is_stuck_with_four_packets_each(tmp_path):
    made = ring(4, 12, channels=2)
    made["traffic"]["packets_src_dst_flits_t"] *= 4
    file = read(made, tmp_path)
    stuck = stuck_channels(file.job)
    assert len(stuck) >= 4
    assert len(stuck) % 4 == 0
    ports = file.job.network.port
    for before, after in zip(stuck, stuck[1:] + stuck[:1], strict=True):
        # The next link begins at the router where the one before ends.
        router = file.job.network.port_router
        assert router[ports[before.port, 0]] == router[after.port]


def test_packets_that_may_take_one_channel_wait_in_it(tmp_path):
    job = read(ring(4, 12, channels=2), tmp_path).job
    job.flows.branch[:, 2] = job.flows.flow[:, 2] = 0b10
    stuck = stuck_channels(job)
    assert [each.channel for each in stuck] == [1] * 4


@pytest.mark.parametrize(("flits", "channels"), [(2, 1), (12, 4)])
def test_a_ring_that_goes_on_is_not(flits, channels, tmp_path):
    """Packets that fit into a buffer or have a channel each pass; or they leave it in time."""
    made = ring(4, flits, channels)
    for number, packet in enumerate(made["traffic"]["packets_src_dst_flits_t"]):
        packet[3] = 0 if channels > 1 else 60 * number
    file = read(made, tmp_path)
    assert stuck_channels(file.job) == []
    assert time_burst(file.job, "cycle", file.outputs).makespan > 0


@pytest.mark.parametrize("timing", ["cycle", "queue", "auto"])
def test_every_timing_says_so(timing, tmp_path):
    file = read(ring(4, 12), tmp_path)
    with pytest.raises(DeadlockError, match="wait for one another for ever") as error:
        time_burst(file.job, timing, file.outputs)
    assert error.value.exit_code == 4
    assert sorted(error.value.channels) == [
        f"router {r} > router {(r + 1) % 4} (channel 0)" for r in range(4)
    ]


def test_up_and_down_links_never_close_a_ring(tmp_path):
    made = ring(4, 12)
    made["routes"] = "up-down"
    file = read(made, tmp_path)
    assert stuck_channels(file.job) == []
