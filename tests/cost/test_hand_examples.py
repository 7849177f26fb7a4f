"""Small cases computed by hand: traffic, energy and latency."""

import numpy as np
import pytest
from cost_cases import (
    DIE_TO_DIE,
    IO,
    NEUROCORE,
    ON_DIE,
    ROUTER,
    package_of,
    population,
    random_activity,
    row_of_tiles,
)

from chipletsim.cost.price import price
from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Conv2d, Dense
from chipletsim.network.model import Network, Projection

pytestmark = pytest.mark.usefixtures("kernels", "quick_programs")

PJ, NS = 1e-12, 1e-9


def one_to_many(count, *, multicast):
    """One input channel on the first router, one target neuron on each of ``count`` tiles."""
    package = row_of_tiles(count, multicast=multicast)
    network = Network(
        "fan",
        (population("in", (1,), "input"), population("out", (count,))),
        (Projection("p", "in", "out", Dense(np.ones((count, 1), np.float32))),),
        1e-3,
    )
    kinds = [tile.kind for tile in package.tiles]
    cores = [number for number, kind in enumerate(kinds) if kind == "neurocore"]
    slices = [Slice(0, ((0, 1),), kinds.index("io"), kinds.index("io"))]
    slices += [Slice(1, ((i, i + 1),), tile, tile) for i, tile in enumerate(cores)]
    mapping = Mapping(network, package, tuple(slices), "hand", 0)
    spikes = {"in": np.ones((1, 1, 1), bool), "out": np.zeros((1, 1, count), bool)}
    return mapping, Activity.from_spikes({"in": (1,), "out": (count,)}, spikes)


def test_unicast_to_four_tiles():
    """Packets 4 (one per tile), over links 3, 2 and 1; routers are entered 4, 3, 2 and 1 times."""
    mapping, activity = one_to_many(4, multicast=False)
    result = price(activity, mapping)
    assert result.events.packets_injected == result.events.packets_delivered == 4
    assert result.events.packets_copied == 0
    assert result.events.hops == 3 + 2 + 1
    assert sorted(result.links["packets"])[-3:] == [1, 2, 3]
    # 28-bit packets take two flits of 24 bits on each link.
    assert result.events.bits_on_chip == 6 * 48
    energy = result.energy.by_component()
    assert energy["routers"] == pytest.approx(10 * (1.5 + 28 * 0.125) * PJ, rel=1e-12, abs=0)
    assert energy["on-chip links"] == pytest.approx(6 * (48 * 0.25 + 0.5) * PJ, rel=1e-12, abs=0)


def test_multicast_to_four_tiles():
    """One packet down the tree: each link once, each router once."""
    mapping, activity = one_to_many(4, multicast=True)
    result = price(activity, mapping)
    assert result.events.packets_injected == 1
    assert result.events.packets_copied == 3
    assert result.events.packets_delivered == 4
    assert result.events.hops == 3
    assert result.events.bits_on_chip == 3 * 48
    assert result.energy.by_component()["routers"] == pytest.approx(4 * 5 * PJ, rel=1e-12, abs=0)


def test_halo_of_a_convolution():
    """A 3x3 convolution on 4x4, cut into upper and lower halves of two rows each.

    Input rows 0 and 3 are needed by one half, rows 1 and 2 by both: with one spike on
    each of the 16 inputs, 4 + 8 + 8 + 4 = 24 messages. Inputs of a row have 2, 3, 3, 2
    horizontal taps; rows have 2, 3, 3, 2 vertical ones: 100 synaptic operations.
    """
    package = row_of_tiles(3)
    network = Network(
        "conv",
        (population("in", (1, 4, 4), "input"), population("out", (1, 4, 4))),
        (
            Projection(
                "p",
                "in",
                "out",
                Conv2d(np.ones((1, 1, 3, 3), np.float32), padding=((1, 1), (1, 1))),
            ),
        ),
        1e-3,
    )
    kinds = [tile.kind for tile in package.tiles]
    io, *cores = [kinds.index("io"), *(i for i, kind in enumerate(kinds) if kind != "io")]
    slices = (
        Slice(0, ((0, 1), (0, 4), (0, 4)), io, io),
        Slice(1, ((0, 1), (0, 2), (0, 4)), cores[1], cores[1]),
        Slice(1, ((0, 1), (2, 4), (0, 4)), cores[2], cores[2]),
    )
    spikes = {"in": np.ones((1, 1, 1, 4, 4), bool), "out": np.zeros((1, 1, 1, 4, 4), bool)}
    activity = Activity.from_spikes({"in": (1, 4, 4), "out": (1, 4, 4)}, spikes)
    result = price(activity, Mapping(network, package, slices, "hand", 0))
    assert result.events.messages == 24
    assert result.events.synaptic_operations == 100
    # Down the tree: 16 spikes over the first link, rows 1 to 3 over the second.
    assert result.events.hops == 16 + 12
    assert result.events.packets_injected == 16


def two_dies(**link):
    """A sensor die with an io tile and a computing die, one link each way."""

    def die(tile):
        network = {"topology": "mesh", "shape": [1, 1], "link": ON_DIE, "router": ROUTER}
        return {"network": network, "tiles": [{"tile": tile}]}

    core = NEUROCORE | {"time_per_neuron_update": "0 s/op", "time_per_synaptic_op": "0 s/op"}
    core |= {"time_per_message": "0 s/packet"}
    package = package_of(
        packet={"header": "8 bit", "address": "32 bit"},
        chiplet_types={"sensor": die(IO), "cores": die(core)},
        chiplets={"a": {"type": "sensor", "at": [0, 0]}, "b": {"type": "cores", "at": [1, 0]}},
        network={"topology": "mesh", "shape": [2, 1], "link": DIE_TO_DIE | link},
        barrier="100 ns",
        virtual_channels=2,
    )
    network = Network(
        "pair",
        (population("in", (5,), "input"), population("out", (1,))),
        (Projection("p", "in", "out", Dense(np.ones((1, 5), np.float32))),),
        1e-3,
    )
    slices = (Slice(0, ((0, 5),), 0, 0), Slice(1, ((0, 1),), 1, 1))
    return Mapping(network, package, slices, "hand", 0)


def spikes_of(count):
    spikes = np.zeros((1, 1, 5), bool)
    spikes[0, 0, :count] = True
    out = np.zeros((1, 1, 1), bool)
    return Activity.from_spikes({"in": (5,), "out": (1,)}, {"in": spikes, "out": out})


def test_latency_of_one_spike_over_a_die_to_die_link():
    """Row 0: 100 ns barrier + 1 ns router + 48 bit / 8 Gbit/s + 10 ns link + 1 ns router.

    A packet of 40 bits takes three flits of 16 bits. The second row, in which the target
    advances, has no traffic and takes the barrier alone.
    """
    result = price(spikes_of(1), two_dies(frame=None))
    assert result.latency_s[0] == pytest.approx([118 * NS, 100 * NS], rel=1e-12, abs=0)
    assert result.latency.terms_s["barriers"] == pytest.approx(200 * NS, rel=1e-12, abs=0)
    assert result.latency.terms_s["die-to-die links"] == pytest.approx(18 * NS, rel=1e-12, abs=0)
    assert result.latency.share_of_hardware_steps == {"die-to-die links": 0.5, "barrier only": 0.5}
    assert result.events.bits_across_dies == 48


@pytest.mark.parametrize(("spikes", "frames"), [(0, 0), (1, 1), (4, 1), (5, 2)])
def test_framed_bits(spikes, frames):
    """Frames of 256 bytes carry 240 of packets: here 256 bits carry 192, four packets of 48."""
    mapping = two_dies(frame={"payload": "192 bit", "total": "256 bit"})
    result = price(spikes_of(spikes), mapping)
    assert result.events.bits_across_dies == 48 * spikes
    assert result.events.wire_bits_across_dies == 256 * frames
    crossing = [
        value for name, value in result.energy.by_component().items() if name.startswith("die")
    ]
    assert sum(crossing) == pytest.approx(256 * frames * 2 * PJ, rel=1e-12, abs=0)


def test_static_energy_is_power_times_time():
    result = price(spikes_of(0), two_dies())
    # Two links of 3 mW, two routers of 0.5 mW, an io tile of 1 mW and a core of 2 mW, 200 ns.
    power_w = 2 * 3e-3 + 2 * 0.5e-3 + 1e-3 + 2e-3
    assert result.energy.static_j == pytest.approx(power_w * 200 * NS, rel=1e-12, abs=0)


def test_one_router_without_links():
    """Two tiles on one router: the packet enters it once, 1 ns, and takes no link."""
    mapping, activity = one_to_many(1, multicast=True)
    result = price(activity, mapping)
    assert len(mapping.package.links) == 0
    assert result.events.hops == result.events.bits_on_chip == 0
    assert result.events.packets_injected == result.events.packets_delivered == 1
    assert result.energy.by_component()["routers"] == pytest.approx(5 * PJ, rel=1e-12, abs=0)
    # Row 0: the core does one synapse in 2 / 2 ns and takes one message in 1 ns.
    assert result.latency_s[0, 0] == pytest.approx(2 * NS, rel=1e-12, abs=0)


def test_neurons_on_one_tile_send_no_packets():
    """A message to its own tile is delivered but never enters a router."""
    package = row_of_tiles(2)
    network = Network(
        "alone",
        (population("in", (1,), "input"), population("a", (2,)), population("b", (3,))),
        (Projection("ab", "a", "b", Dense(np.ones((3, 2), np.float32))),),
        1e-3,
    )
    kinds = [tile.kind for tile in package.tiles]
    io, core = kinds.index("io"), kinds.index("neurocore")
    slices = tuple(
        Slice(i, ((0, size),), tile, tile)
        for i, (size, tile) in enumerate(((1, io), (2, core), (3, core)))
    )
    result = price(
        random_activity(network, 1, 2, 1.0, 0), Mapping(network, package, slices, "hand", 0)
    )
    assert result.events.messages == 2 * 2
    assert result.events.synaptic_operations == 2 * 2 * 3
    assert result.events.packets_injected == result.events.hops == 0
    assert result.energy.by_component()["routers"] == 0.0


def test_initiation_interval_spaces_the_rows():
    """A cycle of two projections with one delay needs two rows per step."""
    package = row_of_tiles(2)
    network = Network(
        "loop",
        (population("in", (1,), "input"), population("a", (1,)), population("b", (1,))),
        tuple(
            Projection(f"{s}{t}", s, t, Dense(np.ones((1, 1), np.float32)), delay=delay)
            for s, t, delay in (("in", "a", 0), ("a", "b", 0), ("b", "a", 1))
        ),
        1e-3,
    )
    kinds = [tile.kind for tile in package.tiles]
    io, core = kinds.index("io"), kinds.index("neurocore")
    slices = tuple(Slice(i, ((0, 1),), tile, tile) for i, tile in enumerate((io, core, core)))
    activity = random_activity(network, 1, 4, 1.0, 0)
    result = price(activity, Mapping(network, package, slices, "hand", 0))
    assert result.latency.initiation_interval == 2
    assert result.latency.hardware_steps == 2 * 3 + 1 + 2
    # in spikes in rows 0, 2, 4, 6; a in 1, 3, 5, 7; b in 2, 4, 6, 8.
    assert result.per_step["spikes"].tolist() == [1, 1, 2, 1, 2, 1, 2, 1, 1]
