"""Messages over one boundary by hand, and encodings that are refused."""

from dataclasses import replace

import numpy as np
import pytest
from cost_cases import (
    DIE_TO_DIE,
    IO,
    NEUROCORE,
    ON_DIE,
    ROUTER,
    mixed_network,
    package_of,
    population,
    random_activity,
    random_mapping,
)
from encoded_cases import (
    two_dies,
)

from chipletsim.cost.price import price
from chipletsim.engine.activity import Activity
from chipletsim.errors import ConfigError
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Projection
from chipletsim.spec.package import EncodingSpec, RouterSpec

pytestmark = pytest.mark.usefixtures("quick_programs")


def one_boundary(neurons, encoding, **link):
    """``neurons`` inputs on one die, all bound for one neuron on the other."""

    def die(tile):
        network = {"topology": "mesh", "shape": [1, 1], "link": ON_DIE, "router": ROUTER}
        return {"network": network, "tiles": [{"at": "all", "tile": tile}]}

    package = package_of(
        chiplet_types={"west": die(IO), "east": die(NEUROCORE)},
        chiplets={"w": {"type": "west", "at": [0, 0]}, "e": {"type": "east", "at": [1, 0]}},
        network={
            "topology": "mesh",
            "shape": [2, 1],
            "link": DIE_TO_DIE | {"encoding": encoding} | link,
        },
    )
    network = Network(
        "boundary",
        (population("in", (neurons,), "input"), population("out", (1,))),
        (Projection("p", "in", "out", Dense(np.ones((1, neurons), np.float32))),),
        1e-3,
    )
    slices = (Slice(0, ((0, neurons),), 0, 0), Slice(1, ((0, 1),), 1, 1))
    return Mapping(network, package, slices, "hand", 0)


def spikes_of_inputs(spikes):
    """The activity of one sample in which inputs spike as in bool [steps, neurons]."""
    silent = np.zeros((1, len(spikes), 1), bool)
    shapes = {"in": (spikes.shape[1],), "out": (1,)}
    return Activity.from_spikes(shapes, {"in": spikes[None], "out": silent})


BY_HAND = {
    # 7 bits an event: 3, 0, 20 and 1 of them. Flits of 16 bits: 2, 0, 9 and 1.
    "address_events": ({"address": "7 bit"}, [21, 0, 140, 7], [2, 0, 9, 1]),
    # 7 more to tell their number in every step: 28, 7, 147 and 14 bits.
    "counted": ({"kind": "address_events", "address": "7 bit", "count": "7 bit"},
                [28, 7, 147, 14], [2, 1, 10, 1]),
    "address_packets": ({"packet": "10 bit"}, [30, 0, 200, 10], [2, 0, 13, 1]),
    # 100 bits are 7 flits, silent or not.
    "bitmap": ({}, [100] * 4, [7] * 4),
    # 4 flags, and of the blocks of 25 neurons: those of 0 and 30, none, all below 20, of 99.
    "blocked_bitmap": ({"block": 25}, [4 + 50, 4, 4 + 25, 4 + 25], [4, 1, 2, 2]),
    # k = 3: gaps 0, 0, 28 take 4, 4 and 4 + 3 bits; twenty gaps of 0; a gap of 99 is 4 + 12.
    "rice_gaps": ({"k": 3}, [15, 0, 80, 16], [1, 0, 5, 1]),
    # No neuron spikes more than 4 times: 3 bits for each, with the last step.
    "spike_counts": ({}, [0, 0, 0, 300], [0, 0, 0, 19]),
}  # fmt: skip


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("name", BY_HAND)
def test_one_boundary_by_hand(name):
    parameters, bits, flits = BY_HAND[name]
    spikes = np.zeros((4, 100), bool)
    spikes[0, [0, 1, 30]] = True
    spikes[2, :20] = True
    spikes[3, 99] = True
    encoding = {"spikes": {"kind": name} | parameters}
    result = price(spikes_of_inputs(spikes), one_boundary(100, encoding, frame=None))
    assert result.totals.steps["bits_across_dies"][0, :4].tolist() == bits
    assert result.totals.steps["wire_bits_across_dies"][0, :4].tolist() == [16 * n for n in flits]
    assert result.totals.counted.link_packets[:, 0].tolist() == [24, 0]
    # 2 pJ for each bit on the wire, nothing for packets.
    energy_j = result.links["dynamic_energy_j"].tolist()
    assert energy_j == pytest.approx([16 * sum(flits) * 2e-12, 0], rel=1e-12, abs=0)


@pytest.mark.usefixtures("kernels")
def test_time_of_a_silent_bitmap():
    """100 bits as 7 flits of 16 at 8 Gbit/s, behind a router of 1 ns: 1 + 14 + 10 + 1 ns."""
    mapping = one_boundary(100, {"spikes": {"kind": "bitmap"}}, frame=None)
    result = price(spikes_of_inputs(np.zeros((1, 100), bool)), mapping)
    assert result.latency_s[0, 0] == pytest.approx(26e-9, rel=1e-12, abs=0)


UCIE = {"frame": {"payload": "512 bit", "total": "544 bit"}}


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(("steps", "floor"), [(1, 2), (4, 8), (8, 16), (16, 32)])
def test_floor_of_flits(steps, floor):
    """4096 neurons of which 2 % spike: 82 x 12 = 984 bits are 2 flits of 68 B in each step."""
    spikes = {"kind": "address_events", "address": "12 bit"}
    mapping = one_boundary(4096, {"spikes": spikes}, **UCIE)
    draw = np.random.default_rng(steps)
    spikes = np.argsort(draw.random((steps, 4096)), axis=1) < round(0.02 * 4096)
    wire_bits = price(spikes_of_inputs(spikes), mapping).events.wire_bits_across_dies
    assert wire_bits == floor * 544


@pytest.mark.usefixtures("kernels")
def test_floor_of_dense_values():
    """4096 values of 8 bits fill 64 flits of 512 bits, whatever they are."""
    mapping = one_boundary(4096, {"values": {"kind": "dense", "width": "8 bit"}}, **UCIE)
    first, last = mapping.network.populations
    network = replace(mapping.network, populations=(replace(first, value_bits=8), last))
    values = {"in": np.zeros((1, 1, 4096), np.float32), "out": np.zeros((1, 1, 1), bool)}
    activity = Activity.from_spikes({"in": (4096,), "out": (1,)}, values)
    wire_bits = price(activity, replace(mapping, network=network)).events.wire_bits_across_dies
    assert wire_bits == 64 * 544


def test_an_event_for_many_tiles_crosses_once():
    """Routers without multicast send 3 packets for an event, and one address of 7 bits."""
    spikes = {"kind": "address_events", "address": "7 bit"}
    package = one_boundary(4, {"spikes": spikes}, frame=None).package
    alone = RouterSpec.model_validate(ROUTER | {"multicast": False})
    routers = [replace(each, spec=alone) for each in package.routers]
    tiles = (*package.tiles, *(replace(package.tiles[1], name=f"more {n}") for n in range(2)))
    package = replace(package, routers=tuple(routers), tiles=tiles)
    network = Network(
        "wide",
        (population("in", (4,), "input"), population("out", (3,))),
        (Projection("p", "in", "out", Dense(np.ones((3, 4), np.float32))),),
        1e-3,
    )
    slices = (Slice(0, ((0, 4),), 0, 0), *(Slice(1, ((n, n + 1),), 1 + n, 1 + n) for n in range(3)))
    spikes = {"in": np.array([[[1, 0, 0, 0]]], bool), "out": np.zeros((1, 1, 3), bool)}
    activity = Activity.from_spikes({"in": (4,), "out": (3,)}, spikes)
    result = price(activity, Mapping(network, package, slices, "hand", 0))
    assert result.links["packets"].tolist() == [3, 0]
    assert result.links["bits"].tolist() == [7, 0]
    assert result.links["wire_bits"].tolist() == [16, 0]


def test_widths_that_are_too_small_are_refused_together():
    spikes = {"kind": "address_events", "address": "2 bit"}
    encoding = {"spikes": spikes, "values": {"kind": "dense", "width": "4 bit"}}
    mapping = random_mapping(mixed_network(), two_dies(encoding), 5)
    with pytest.raises(ConfigError) as caught:
        price(random_activity(mapping.network, 1, 1, 0.5, 0), mapping)
    text = str(caught.value)
    assert len(caught.value.problems) > 2
    assert "of 'hidden' cross: address of 2 bit cannot tell" in text
    assert "'in' cross: width of 4 bit does not hold values; expected at least 5 bit" in text
    assert "link a(1," in text


@pytest.mark.parametrize(
    ("encoding", "says"),
    [
        ({}, "expected a codec of `spikes`, of `values` or of both"),
        ({"spikes": {"kind": "rice_gaps"}}, "a link needs `k`"),
        ({"spikes": {"kind": "dense", "width": "8 bit"}}, "kind"),
        ({"values": {"kind": "bitmap"}}, "kind"),
    ],
)
def test_encodings_that_are_refused(encoding, says):
    with pytest.raises(ValueError, match=says):
        EncodingSpec.model_validate(encoding)
