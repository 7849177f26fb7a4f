"""How wide routers are: bits of a flit, and what packets take by hand."""

from __future__ import annotations

import pytest
from framed_bursts import INSIDE, ROUTER, TILE, Packet, row_of_dies, send

from chipletsim.cost.provenance import not_modelled
from chipletsim.network.model import Network
from chipletsim.noc.flit_width import flit_bits_of, held_back, narrower_flits
from chipletsim.package.build import build_package
from chipletsim.package.model import Package
from chipletsim.spec.package import PackageSpec

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


def three_dies(*flits: str | None, clock: str | None = "1 GHz") -> Package:
    """A row of dies: of two routers joined by a link with flits, or of one router."""

    def die(flit: str | None) -> dict:
        inside = INSIDE | {"flit": flit or "64 bit"}
        network = {"topology": "mesh", "shape": [1, 2 if flit else 1], "link": inside}
        tiles = [{"tile": TILE, "at": [[0, 0]]}]
        return {"network": network | {"router": ROUTER | {"clock": clock}}, "tiles": tiles}

    return build_package(
        PackageSpec.model_validate(
            {
                "name": "row",
                "packet": {"header": "8 bit", "address": "32 bit"},
                "chiplet_types": {f"t{x}": die(flit) for x, flit in enumerate(flits)},
                "chiplets": {f"d{x}": {"type": f"t{x}", "at": [x]} for x in range(len(flits))},
                "network": {"topology": "mesh", "shape": [len(flits)], "link": LINK},
            }
        )
    )


@pytest.mark.parametrize(
    ("flits", "clock", "packet", "own", "narrow"),
    [
        # Links of 1024 bits a cycle at a die of one router, which moves 32; or the whole packet.
        (("32 bit", None, "32 bit"), "1 GHz", 2000, 1024, 0),
        (("32 bit", None, "32 bit"), "1 GHz", 40, 40, 0),
        (("32 bit", None, "32 bit"), "1 GHz", 32, 0, 0),
        # Without a clock a cycle is a flit of the link, so it keeps up.
        (("32 bit", None, "32 bit"), None, 2000, 0, 0),
        # Dies of one router have no flits inside to hold anything back.
        ((None, None), "1 GHz", 2000, 0, 0),
        # Flits of 16 and 24 bit are cut as 32; packets of up to 16 bit are one of them anyway.
        (("16 bit", "32 bit", "24 bit"), "1 GHz", 40, 0, 16),
        (("24 bit", "32 bit"), "1 GHz", 40, 0, 24),
        (("16 bit", "32 bit"), "1 GHz", 16, 0, 0),
        (("16 bit", None, "64 bit"), "1 GHz", 40, 0, 16),
        (("16 bit", None, "64 bit"), "1 GHz", 2000, 1024, 16),
    ],
)
def test_what_one_width_leaves_out(
    flits: tuple[str | None, ...], clock: str | None, packet: int, own: int, narrow: int
) -> None:
    package = three_dies(*flits, clock=clock)
    assert held_back(package, (packet,)) == own
    assert narrower_flits(package, (packet,)) == narrow


def test_the_widths_of_dies_are_said() -> None:
    nothing = Network("none", (), (), 1e-3)

    def said(package: Package, timing: str) -> list[str]:
        entries = not_modelled(package, nothing, timing)
        return [entry for entry in entries if "inside" in entry]

    hub, mixed = three_dies("32 bit", None, "32 bit"), three_dies("16 bit", "32 bit")
    for timing in ("queue", "cycle"):
        (wide,) = said(hub, timing)
        assert "they move 32 bit a cycle" in wide
        assert "keep 40 bit busy" in wide
        (narrow,) = said(mixed, timing)
        assert narrow.startswith("flits of 16 bit inside dies: packets are cut into flits of 32")
        assert not said(three_dies("32 bit", "32 bit"), timing)
    assert not said(hub, "bound")
    assert not said(mixed, "bound")
