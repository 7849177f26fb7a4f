"""Frames, retransmissions and sleep of a link, by hand, in timing `queue` and `cycle`.

All times are worked out as follows. A router takes 4 ns from a tile's sending until it sends on
(`framed_bursts.ROUTER`), and a flit a nanosecond. A frame of 64 B in 68 B takes 2 ns at 272 Gb/s,
the link 2 ns, the router behind it 4 ns, and from there to the tile it is 3 ns (2 and the writing),
a packet a nanosecond. So what leaves in a frame at t arrives at t + 2 + 2 + 4 + 3 = t + 11.
"""

from __future__ import annotations

from itertools import chain

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from framed_bursts import Packet, row_of_dies, send
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.cost.constants import constants_of
from chipletsim.noc import timing_model
from chipletsim.noc.bound import class_routes
from chipletsim.noc.routes import route_tables
from chipletsim.noc.traffic import NetworkTimes, RowTraffic

NS = 1e-9
FRAME = {"payload": "64 B", "total": "68 B"}
LINK = {"bandwidth": "272 Gb/s", "latency": "2 ns", "flit": "40 bit", "frame": FRAME}
BOTH = pytest.mark.parametrize("timing", ["queue", "cycle"])


def packets(count: int, ready_s: float = 0.0) -> list[Packet]:
    return [Packet(0, 1, ready_s)] * count


def waiting(time: str, **frame: str) -> dict:
    return LINK | {"frame": FRAME | {"wait": time} | frame}


@BOTH
def test_one_packet(timing: str) -> None:
    sent = send(timing, row_of_dies(LINK), packets(1))
    assert sent.network.pipeline_cycles == 0
    assert sent.arrived_s == pytest.approx([(4 + 11) * NS])
    assert sent.of_link(sent.counts.frames) == 1
    waited = send(timing, row_of_dies(waiting("3 ns")), packets(1))
    assert waited.arrived_s == pytest.approx([(4 + 3 + 11) * NS])


@BOTH
def test_two_packets(timing: str) -> None:
    # They reach the link at 4 and 5 ns. Without waiting the first leaves alone, and the second
    # once the wire is free, at 6 ns.
    alone = send(timing, row_of_dies(LINK), packets(2))
    assert alone.arrived_s == pytest.approx([15 * NS, 17 * NS])
    assert alone.of_link(alone.counts.frames) == 2
    # With waiting both leave at 4 + 2 ns; the tile takes one after the other.
    together = send(timing, row_of_dies(waiting("2 ns")), packets(2))
    assert together.arrived_s == pytest.approx([17 * NS, 18 * NS])
    assert together.of_link(together.counts.frames) == 1


@BOTH
def test_many_packets(timing: str) -> None:
    # 12 packets of 40 bit fill 480 of 512 bit; they reach the link at 4, 5, ... ns. Full frames
    # leave with their last packet, at 15 and 27 ns, the last one 100 ns after 28 ns.
    sent = send(timing, row_of_dies(waiting("100 ns")), packets(30))
    leaves = np.repeat([15.0, 27.0, 128.0], [12, 12, 6])
    behind = list(chain(range(12), range(12), range(6)))
    arrived_s = sent.arrived_s
    if timing == "cycle":  # its router takes virtual channels in another order, and misses a cycle
        arrived_s = np.sort(arrived_s)
        arrived_s[23] -= NS
    assert arrived_s == pytest.approx((leaves + 11 + behind) * NS)
    assert sent.of_link(sent.counts.frames) == 3
    # Without waiting a frame takes what comes in the 2 ns of the one before: 1, 2, 2, ...
    alone = send(timing, row_of_dies(LINK), packets(30))
    assert alone.of_link(alone.counts.frames) == 16
    # They leave at 4, 6, 8, ..., 34 ns; the last one has the packets that came at 32 and 33 ns.
    assert alone.end_s == pytest.approx((34 + 11 + 1) * NS)


@BOTH
def test_a_busy_wire_sends_frame_after_frame(timing: str) -> None:
    # A frame takes 540 bit / 40 Gb/s = 13.5 ns, its 12 packets come in 12 ns: after the first, at
    # 15 ns, they leave one behind the other, though 13.5 ns are no whole cycles. The tenth leaves
    # at 15 + 9 * 13.5 = 136.5 ns, and is there at 150 + 2 + 4 ns; its last packet 11 + 3 ns later.
    link = waiting("100 ns", total="540 bit") | {"bandwidth": "40 Gb/s"}
    sent = send(timing, row_of_dies(link), packets(120))
    assert sent.of_link(sent.counts.frames) == 10
    assert sent.end_s == pytest.approx((156 + 11 + 3) * NS)


@BOTH
def test_packets_are_whole_flits_of_the_link_in_a_frame(timing: str) -> None:
    # 40 bit are two flits of 32 bit: 8 packets fill 512 bit, where 12 of 40 bit would.
    package = row_of_dies(waiting("100 ns") | {"flit": "32 bit"})
    sent = send(timing, package, packets(16))
    assert sent.of_link(sent.counts.frames) == 2


@BOTH
def test_a_packet_longer_than_a_frame_takes_several(timing: str) -> None:
    # One flit of 1280 bit takes 3 frames of 512 bit: 6 ns on the wire instead of 2.
    package = row_of_dies(LINK | {"flit": "1280 bit"})
    sent = send(timing, package, packets(1), (1280,))
    assert sent.of_link(sent.counts.frames) == 3
    assert sent.arrived_s == pytest.approx([(15 + 4) * NS])


@BOTH
def test_retransmissions(timing: str) -> None:
    # Half of the frames are broken, (1 - p)^544 = 1/2: each is sent twice on average, 4 ns
    # instead of 2, and takes the latency of one retransmission, 10 ns.
    retry = {"bit_error_rate": 1 - 2 ** (-1 / 544), "latency": "10 ns"}
    sent = send(timing, row_of_dies(LINK | {"retry": retry}), packets(2))
    assert sent.arrived_s == pytest.approx([(15 + 2 + 10) * NS, (15 + 2 + 10 + 4) * NS])
    assert sent.of_link(sent.counts.frames) == 2


SLEEP = {"static_power": "1 W", "sleep": {"after": "5 ns", "wake_up": "7 ns", "power": "0.1 W"}}


@BOTH
def test_sleep(timing: str) -> None:
    # The packet reaches the link at 24 ns, which has slept since 5 ns, and leaves 7 ns later. The
    # frame is on the wire until 33 ns, the packet arrives at 42 ns: the link sleeps from 38 ns
    # on. The one back, of no use, sleeps from 5 ns on.
    sent = send(timing, row_of_dies(LINK | SLEEP), packets(1, 20 * NS))
    assert sent.arrived_s == pytest.approx([(24 + 7 + 11) * NS])
    asleep_s = sent.network.asleep_s(sent.counts)
    assert asleep_s == pytest.approx([(24 - 5 + 42 - 38) * NS, (42 - 5) * NS])
    # In use before it falls asleep, it is not woken: frames leave at 4 and 8 ns.
    busy = send(timing, row_of_dies(LINK | SLEEP), [Packet(0, 1), Packet(0, 1, 4 * NS)])
    assert busy.arrived_s == pytest.approx([15 * NS, 19 * NS])


@BOTH
def test_sleep_without_frames(timing: str) -> None:
    # 40 bit take 1 ns at 40 Gb/s. It leaves at 31 ns as above, and arrives 1 + 2 + 4 + 3 ns later.
    link = {"bandwidth": "40 Gb/s", "latency": "2 ns", "flit": "40 bit"} | SLEEP
    sent = send(timing, row_of_dies(link), packets(1, 20 * NS))
    assert sent.arrived_s == pytest.approx([(31 + 10) * NS])
    # It is in use until 32 ns, and asleep from 37 ns on until the packet is there at 41 ns.
    asleep_s = sent.network.asleep_s(sent.counts)[0]
    assert asleep_s == pytest.approx((24 - 5 + 41 - 37) * NS, abs=0)


DIES, MOST = 3, 16


def bound_s(package, sent: list[Packet], sizes: tuple[int, ...]) -> float:
    """Return the bound of a row of packets.

    Routes without packets make few shapes of all rows, so that few are compiled; the longest ones
    change no least time along others.
    """
    more = [(0, DIES - 1), (DIES - 1, 0), *[(0, 0)] * (MOST - len(sent))]
    tiles = np.array([*[each[:2] for each in sent], *more], np.int64)
    ends = package.tile_router[tiles]
    routes = route_tables(package, np.arange(MOST + 2), *ends.T)
    numbers = constants_of(package, 0.0)
    specs = [link.spec for link in package.links]
    times = NetworkTimes(
        numbers.links.bandwidth_bit_per_s,
        numbers.links.latency_s,
        np.array([spec.flit_bits for spec in specs]),
        numbers.routers.latency_s,
        np.float64(0),
    )
    bits = np.zeros(len(specs), np.int64)
    for each in sent:
        for link in package.route(*package.tile_router[[each.source, each.target]]):
            flit = specs[link].flit_bits
            bits[link] += -(-sizes[each.kind] // flit) * flit
    frames = [spec.frame for spec in specs]
    payload = np.array([frame.payload_bits if frame else 1 for frame in frames])
    wire = -(-bits // payload) * np.array([frame.total_bits if frame else 1 for frame in frames])
    with jax.enable_x64(True):
        return float(_bound(wire, times, routes, np.arange(MOST + 2) < len(sent)))


@jax.jit
def _bound(wire, times, routes, sent):
    longest = jnp.where(sent, class_routes(times, routes, MOST + 2), 0.0).max()
    traffic = RowTraffic(longest[None], wire[:, None], jnp.zeros((DIES, 1)))
    return timing_model("bound")(traffic, times, routes).latency_s[0]


@st.composite
def links(draw: st.DrawFn) -> dict:
    link = {
        "bandwidth": f"{draw(st.integers(8, 2000))} Gb/s",
        "latency": f"{draw(st.integers(0, 90)) / 10} ns",
        "flit": f"{draw(st.sampled_from([8, 24, 64, 100]))} bit",
        "frame": {
            "payload": f"{draw(st.integers(60, 600))} bit",
            "total": f"{draw(st.integers(600, 700))} bit",
            "wait": f"{draw(st.sampled_from([0, 1, 7.3, 40]))} ns",
        },
    }
    if draw(st.booleans()):
        rate = draw(st.sampled_from([0, 1e-15, 1e-5, 1e-3]))
        link["retry"] = {"bit_error_rate": rate, "latency": f"{draw(st.integers(0, 30))} ns"}
    if draw(st.booleans()):
        after, wakes = draw(st.integers(0, 20)), draw(st.integers(0, 20))
        link["static_power"] = "1 W"
        link["sleep"] = {"after": f"{after} ns", "wake_up": f"{wakes} ns", "power": "0 W"}
    return link


@st.composite
def bursts(draw: st.DrawFn) -> list[Packet]:
    pairs = [(a, b) for a in range(DIES) for b in range(DIES) if a != b]
    one = st.tuples(st.sampled_from(pairs), st.integers(0, 30), st.integers(0, 1))
    lists = [st.lists(one, min_size=1, max_size=8), st.lists(one, min_size=MOST, max_size=MOST)]
    return [Packet(*pair, ready * NS, kind) for pair, ready, kind in draw(st.one_of(lists))]


@given(
    link=links(),
    burst=bursts(),
    sizes=st.tuples(st.integers(1, 100), st.integers(101, 900)),
    router=st.sampled_from([{}, {"latency": "0 ns"}, {"clock": "0.7 GHz"}, {"buffer_flits": 1}]),
)
@settings(max_examples=40, deadline=None)
def test_no_schedule_is_faster_than_the_bound(link, burst, sizes, router) -> None:
    package = row_of_dies(link, DIES, routers=2, **router)
    least = bound_s(package, burst, sizes)
    for timing in ("queue", "cycle"):
        sent = send(timing, package, burst, sizes)
        assert sent.end_s >= least * (1 - 1e-9), timing
