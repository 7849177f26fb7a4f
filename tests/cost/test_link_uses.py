"""Frames that leave before they are full, and links asleep: energies by hand."""

from __future__ import annotations

from math import fsum

import numpy as np
import pytest
from cost_cases import IO, NEUROCORE, package_of, population

import chipletsim as cs
from chipletsim.cost import packet_rows
from chipletsim.cost.price import CostStream
from chipletsim.cost.row_times import PortSums
from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import OneToOne
from chipletsim.network.model import Network, Projection

NS = 1e-9
LINK = {
    "bandwidth": "544 Gb/s",
    "latency": "2 ns",
    "flit": "8 bit",
    "energy_per_bit": "1 pJ/bit",
    "frame": {"payload": "64 B", "total": "68 B"},
}
WAIT = {"frame": LINK["frame"] | {"wait": "100 ns"}}
ROUTER = {"latency": "4 ns", "clock": "1 GHz", "buffer_flits": 32}
BOTH = pytest.mark.parametrize("timing", ["queue", "cycle"])


def two_dies(rate: str = "1 Gpacket/s", **link: object):
    """An io tile on one die, a neurocore on the other; packets of 40 bit."""

    def die(tile: dict) -> dict:
        inside = {"bandwidth": "1 Gb/s", "latency": "1 ns", "flit": "8 bit"}
        network = {"topology": "mesh", "shape": [1], "link": inside, "router": ROUTER}
        return {"network": network | {"topology": "ring"}, "tiles": [{"tile": tile}]}

    return package_of(
        packet={"header": "8 bit", "address": "32 bit"},
        chiplet_types={"west": die(IO | {"event_rate": rate}), "east": die(NEUROCORE)},
        chiplets={"a": {"type": "west", "at": [0]}, "b": {"type": "east", "at": [1]}},
        network={"topology": "mesh", "shape": [2], "link": LINK | link},
        barrier="7 ns",
    )


def spikes_over(package, channels: int, steps: int = 1) -> tuple[Activity, Mapping]:
    """Each channel of the io tile spikes in each step, to a neuron on the other die."""
    network = Network(
        "pairs",
        (population("in", (channels,), "input"), population("out", (channels,))),
        (Projection("a", "in", "out", OneToOne(np.ones(channels, np.float32))),),
        1e-3,
    )
    io, core = ([tile.kind for tile in package.tiles].index(kind) for kind in ("io", "neurocore"))
    slices = tuple(Slice(n, ((0, channels),), at, at) for n, at in enumerate((io, core)))
    every = {"in": np.ones((1, steps, channels), bool), "out": np.zeros((1, steps, channels), bool)}
    shapes = {"in": (channels,), "out": (channels,)}
    return Activity.from_spikes(shapes, every), Mapping(network, package, slices, "by hand", 0)


def on_link_j(result) -> tuple[float, float]:
    """Energy of the link from the first die: of full frames, and of their padding."""
    found = result.energy.by_component()
    full, padding = "die-to-die a(0)>b(0)", "die-to-die a(0)>b(0), frame padding"
    return found[full], found.get(padding, 0.0)


@BOTH
def test_a_packet_costs_its_whole_frame(timing: str) -> None:
    activity, mapping = spikes_over(two_dies(), 1)
    result = cs.price(activity, mapping, timing=timing)
    # One packet of 40 bit in a frame of 68 B: 544 bit at 1 pJ/bit.
    assert sum(on_link_j(result)) == pytest.approx(544e-12, rel=1e-12, abs=0)
    # That is the one frame which a step takes at least: nothing on top of `bound`.
    assert on_link_j(result)[1] == 0.0


@BOTH
def test_packets_that_share_a_frame_share_its_energy(timing: str) -> None:
    # A frame takes a nanosecond, packets come one in a nanosecond: each goes alone.
    activity, mapping = spikes_over(two_dies(), 12)
    alone = cs.price(activity, mapping, timing=timing)
    assert sum(on_link_j(alone)) == pytest.approx(12 * 544e-12, rel=1e-12, abs=0)
    assert on_link_j(alone)[0] == pytest.approx(
        544e-12, rel=1e-12, abs=0
    )  # of 480 bit in one frame
    assert on_link_j(alone)[1] == pytest.approx(11 * 544e-12, rel=1e-12, abs=0)
    assert alone.link_uses.padding_bits.tolist() == [11 * 544, 0]
    assert alone.metrics()["energy_frame_padding_j"] == on_link_j(alone)[1]
    assert alone.metrics()["energy_die_to_die_links_j"] == sum(on_link_j(alone))
    # If the first waits for the others, 12 x 40 of 512 bit are used: a 12th for each packet.
    activity, mapping = spikes_over(two_dies(**WAIT), 12)
    together = cs.price(activity, mapping, timing=timing)
    assert sum(on_link_j(together)) == pytest.approx(544e-12, rel=1e-12, abs=0)
    assert together.link_uses.padding_bits.tolist() == [0, 0]


@BOTH
def test_retransmissions_pad_too(timing: str) -> None:
    # (1 - p)^544 = 1/2: each frame is sent twice on average, 2 x 544 pJ.
    retry = {"bit_error_rate": 1 - 2 ** (-1 / 544), "latency": "0 ns"}
    activity, mapping = spikes_over(two_dies(rate="0.1 Gpacket/s", retry=retry), 2)
    result = cs.price(activity, mapping, timing=timing)
    assert on_link_j(result) == pytest.approx((1088e-12, 1088e-12), rel=1e-9, abs=0)


def test_parts_are_the_total_and_bound_says_what_it_leaves_out() -> None:
    activity, mapping = spikes_over(two_dies(), 12, steps=3)
    bound, cycle = (cs.price(activity, mapping, timing=name) for name in ("bound", "cycle"))
    for result in (bound, cycle):
        assert fsum(result.energy.by_component().values()) == result.energy.total_j
        assert fsum(result.energy.by_place().values()) == result.energy.total_j
    more = cycle.energy.dynamic_j - bound.energy.dynamic_j
    assert more == pytest.approx(3 * 11 * 544e-12, rel=1e-9, abs=0)
    assert bound.link_uses is None
    said = "frames that leave before they are full"
    assert any(said in entry for entry in bound.not_modelled)
    assert not any(said in entry for entry in cycle.not_modelled)
    queue = cs.price(activity, mapping, timing="queue")
    for result in (bound, cycle, queue):
        rough = any("it sends fewer" in entry for entry in result.not_modelled)
        assert rough == (result is queue)
    # 3 steps of 12 frames of a nanosecond each.
    assert cycle.links["busy_s"][0] == pytest.approx(36 * NS)
    assert cycle.links["frame_padding_bits"].tolist() == [3 * 11 * 544, 0]


SLEEP = {"static_power": "1 W", "sleep": {"after": "5 ns", "wake_up": "7 ns", "power": "0.1 W"}}


@BOTH
def test_links_asleep_draw_less(timing: str) -> None:
    # Made at 20 ns, the packet is at the link at 24 ns, which slept from 5 ns on. It leaves 7 ns
    # later in a frame of 1 ns, and is on the tile at 32 + 2 + 4 + 3 = 41 ns, which works on it for
    # 1 + 2 / 2 ns: the step ends at 43 ns. The link was used until 32 ns, so it sleeps for another
    # 43 - 37 ns; the one back from 5 ns on. In the second step the neuron is updated, in 3 ns.
    activity, mapping = spikes_over(two_dies(rate="50 Mpacket/s", **SLEEP), 1)
    result = cs.price(activity, mapping, timing=timing)
    assert result.latency_s[0] == pytest.approx([(43 + 7) * NS, (3 + 7) * NS])
    asleep_s = [(19 + 6) * NS, 38 * NS]
    assert result.link_uses.asleep_s == pytest.approx(asleep_s)
    static_j = result.links["static_energy_j"]
    order = np.argsort(result.links["link"])  # a>b, b>a
    expected = [60 * NS * 1.0 - each * (1.0 - 0.1) for each in asleep_s]
    assert np.asarray(static_j)[order] == pytest.approx(expected, rel=1e-9, abs=0)
    assert fsum(result.energy.by_component().values()) == result.energy.total_j
    awake = cs.price(activity, mapping, timing="bound")
    assert any("power saved by links that sleep:" in entry for entry in awake.not_modelled)
    assert any("that sleep in barriers" in entry for entry in result.not_modelled)
    span = awake.latency_s.sum()
    assert awake.links["static_energy_j"] == pytest.approx([span, span], rel=1e-9, abs=0)


def test_counts_add_up_however_steps_are_grouped(monkeypatch) -> None:
    link = LINK | SLEEP | {"bandwidth": "100 Gb/s"}
    activity, mapping = spikes_over(two_dies(**link), 5, steps=6)
    whole = cs.price(activity, mapping, timing="cycle")
    monkeypatch.setattr(packet_rows, "MOST_JOBS", 2)
    assert cs.price(activity, mapping, timing="cycle").metrics() == whole.metrics()
    stream = CostStream(mapping, timing="cycle")
    half, _ = spikes_over(mapping.package, 5, steps=3)
    for _ in range(2):
        stream.add(half)
    found = stream.close()
    assert found.metrics() == whole.metrics()
    assert np.array_equal(found.link_uses.padding_bits, whole.link_uses.padding_bits)


def test_counts_are_exact_beyond_32_bits() -> None:
    ticks = np.array([2**53 + 1, 2**40])
    sums = PortSums(ticks, ticks, 1e-12)
    twice = sums.plus(sums)
    assert twice.asleep.tolist() == [2**54 + 2, 2**41]
    assert twice.frames.dtype == np.int64
