"""How wide routers are: bits of a flit, and what packets take by hand."""

from __future__ import annotations

import pytest
from framed_bursts import Packet, row_of_dies, send

from chipletsim.cost.provenance import not_modelled
from chipletsim.network.model import Network
from chipletsim.noc.flit_width import flit_bits_of

NS = 1e-9
LINK = {"bandwidth": "1024 Gb/s", "latency": "2 ns", "flit": "8 bit"}
BOTH = pytest.mark.parametrize("timing", ["queue", "cycle"])


@pytest.mark.parametrize(
    ("link", "routers", "clock", "packet", "flit"),
    [
        # 1024 bits a cycle of a nanosecond are more than a packet, which is one flit.
        ({}, 1, "1 GHz", 40, 40),
        ({}, 1, "1 GHz", 2000, 1024),
        # 16, and 16 / 0.7 = 22.9 bits a cycle; what a link moves is less than one of its flits.
        ({"bandwidth": "16 Gb/s"}, 1, "1 GHz", 40, 16),
        ({"bandwidth": "16 Gb/s"}, 1, "0.7 GHz", 40, 23),
        ({"bandwidth": "1 Gb/s"}, 1, "1 GHz", 40, 8),
        ({"bandwidth": "0.1 Gb/s", "flit": "1 bit"}, 1, "1 GHz", 40, 1),
        # Without a clock a cycle is a flit of the link; with links inside, they say the width.
        ({}, 1, None, 40, 8),
        ({}, 2, "1 GHz", 40, 64),
    ],
)
def test_flits_by_hand(link: dict, routers: int, clock: str | None, packet: int, flit: int) -> None:
    package = row_of_dies(LINK | link, routers=routers, clock=clock)
    assert flit_bits_of(package, (packet,)) == flit
    assert flit_bits_of(package, (1, packet)) == flit


@BOTH
def test_a_packet_takes_one_cycle_of_a_router_that_is_wide_enough(timing: str) -> None:
    # Ten packets of 40 bit leave a tile one a cycle, and 40 / 1024 ns on the link keep none up. The
    # routers of `cycle` miss a cycle where a packet takes another virtual channel.
    sent = send(timing, row_of_dies(LINK), [Packet(0, 1)] * 10)
    assert sent.network.flit_bits == 40
    first, last = sent.arrived_s[0], sent.arrived_s[-1]
    assert last - first == pytest.approx(9 * NS, abs=(1.01 if timing == "cycle" else 0.01) * NS)
    # In flits of 8 bit each would take 5 cycles, as at a link of 8 Gb/s, where it does.
    slow = send(timing, row_of_dies(LINK | {"bandwidth": "8 Gb/s"}), [Packet(0, 1)] * 10)
    assert slow.network.flit_bits == 8
    assert slow.arrived_s[-1] - slow.arrived_s[0] == pytest.approx(45 * NS, abs=2.01 * NS)


@BOTH
def test_a_router_keeps_up_with_its_link(timing: str) -> None:
    # 16 bits a cycle are 3 flits of a packet of 40 bit, so 3 ns where the link takes 2.5.
    sent = send(timing, row_of_dies(LINK | {"bandwidth": "16 Gb/s"}), [Packet(0, 1)] * 10)
    assert sent.network.flit_bits == 16
    assert sent.arrived_s[-1] - sent.arrived_s[0] == pytest.approx(27 * NS, abs=2 * NS)


def test_the_width_is_said() -> None:
    nothing = Network("none", (), (), 1e-3)
    words = "width of routers, which no link inside a die tells: they move up to 40 bit"

    def said(timing: str, **package: object) -> bool:
        found = not_modelled(row_of_dies(LINK, **package), nothing, timing)
        return any(entry.startswith(words) for entry in found)

    assert said("cycle")
    assert said("queue")
    assert not said("bound")
    assert not said("cycle", clock=None)
    assert not said("cycle", routers=2)
