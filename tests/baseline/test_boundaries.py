"""Activations across die boundaries, counted on their routes by hand."""

import numpy as np
import pytest

from chipletsim.baseline.boundaries import Boundary, boundaries
from chipletsim.baseline.compare import Comparison, Contender, times
from chipletsim.baseline.cuts import Cut
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Population, Projection
from chipletsim.package.load import load_package
from chipletsim.tables import render

LINK = {"bandwidth": "1 Gb/s", "latency": "1 ns", "flit": "8 bit"}
CORE = {
    "kind": "neurocore", "neurons": 64, "synaptic_memory": "1 MiB",
    "energy_per_synaptic_op": "1 pJ/op", "time_per_synaptic_op": "1 ns/op",
    "energy_per_neuron_update": "1 pJ/op", "time_per_neuron_update": "1 ns/op",
}  # fmt: skip
IO = {
    "kind": "io", "neurons": 64, "energy_per_input": "1 pJ/packet",
    "energy_per_output": "1 pJ/packet", "event_rate": "1 Gpacket/s",
}  # fmt: skip


def row_of_dies(multicast: bool):
    """Three dies in a row, a router each: an io tile and a core on a, two cores on c."""

    def die(*tiles):
        router = {"multicast": multicast}
        network = {"topology": "mesh", "shape": [1, 1], "link": LINK, "router": router}
        return {"network": network, "tiles": list(tiles)}

    return load_package(
        {
            "name": "row",
            "packet": {"header": "4 bit", "address": "4 bit"},
            "chiplet_types": {
                "first": die({"tile": IO}, {"tile": CORE}),
                "middle": die({"tile": CORE}),
                "last": die({"tile": CORE, "per_router": 2}),
            },
            "chiplets": {
                "a": {"type": "first", "at": [0]},
                "b": {"type": "middle", "at": [1]},
                "c": {"type": "last", "at": [2]},
            },
            "network": {"topology": "mesh", "shape": [3], "link": LINK},
        }
    )


def mapped(package) -> Mapping:
    """Put 3 inputs on a, 5 neurons on the core of a, and 4 outputs on both cores of c."""
    populations = (
        Population("in", (3,), "input"),
        Population("near", (5,), "if"),
        Population("far", (4,), "if", output=True),
    )
    projections = (
        Projection("in-near", "in", "near", Dense(np.ones((5, 3), np.float32))),
        Projection("near-far", "near", "far", Dense(np.ones((4, 5), np.float32))),
    )
    network = Network("net", populations, projections, 1e-3)
    names = {tile.name: number for number, tile in enumerate(package.tiles)}
    a_io, a_core = names["a(0,0).io"], names["a(0,0).neurocore"]
    c0, c1 = names["c(0,0).neurocore0"], names["c(0,0).neurocore1"]
    slices = (
        Slice(0, ((0, 3),), a_io, a_io),
        Slice(1, ((0, 5),), a_core, a_core),
        Slice(2, ((0, 2),), c0, c0),
        Slice(2, ((2, 4),), c1, c1),
    )
    return Mapping(network, package, slices, "by hand", 0)


@pytest.mark.parametrize(("multicast", "copies"), [(True, 1), (False, 2)])
def test_values_cross_as_spikes_would(multicast, copies):
    """5 values go a > b > c, once where routers copy and twice where they do not.

    The 4 answers go back c > b > a, one packet each. Inputs stay on a.
    """
    package = row_of_dies(multicast)
    wire_bits = np.arange(1.0, 1.0 + len(package.links))
    found = {(b.source, b.target): b for b in boundaries(mapped(package), wire_bits, 10, 8)}
    assert set(found) == {("a", "b"), ("b", "c"), ("c", "b"), ("b", "a")}
    for pair in (("a", "b"), ("b", "c")):
        assert found[pair].values == 5 * copies
        assert found[pair].populations == ("near",)
    for pair in (("c", "b"), ("b", "a")):
        assert found[pair].values == 4
        assert found[pair].populations == ("far",)
    index = {link.name: number for number, link in enumerate(package.links)}
    assert found["a", "b"].spike_bits == wire_bits[index["a(0,0)>b(0,0)"]]
    assert found["c", "b"].spike_bits == wire_bits[index["c(0,0)>b(0,0)"]]


def test_bits_of_a_boundary():
    boundary = Boundary("a", "b", ("p",), 100.0, values=7, values_in_steps=140, activation_bits=8)
    assert boundary.ann_bits == 56
    assert boundary.dense_bits == 1120
    assert boundary.bitmap_bits == 140


def comparison(**changes) -> Comparison:
    parts = {
        "network": "net",
        "device": "h100",
        "steps": 4,
        "batch": 1,
        "activation_bits": 8,
        "contenders": (
            Contender("four_dies", "modelled, bound timing", 1e-6, 2e-6, "tiles"),
            Contender("h100", "modelled, roofline", 3e-3, 1e-6, "launches"),
        ),
        "boundaries": (Boundary("a", "b", ("p", "q"), 96.0, 2, 8, 8),),
        "cuts": (Cut("tensor", 2, 800, 1, 1e-6, 1e-9),),
    }
    return Comparison(**{**parts, **changes})


def test_a_comparison_survives_json():
    import json

    first = comparison()
    assert Comparison.from_dict(json.loads(json.dumps(first.to_dict()))) == first


def test_a_comparison_prints_ratios_units_and_assumptions():
    text = str(comparison())
    for part in ("3e+03x", "0.5x", "1 uJ", "96 bit", "16 bit", "6x", "p, q", "2 x h100", "800 bit"):
        assert part in text, part
    assert "not measured" in text
    assert "Bits across dies" not in str(comparison(boundaries=()))
    assert "between devices" not in str(comparison(cuts=()))


def test_a_ratio_to_nothing_is_a_dash():
    assert times(3.0, 0.0) == "-"
    assert times(3.0, 2.0) == "1.5x"


def test_cuts_of_several_devices_stand_beside_the_spikes():
    """Two devices send 100 values of 8 bits a step, dies 1,200 bits of spikes in three."""
    boundary = Boundary("a", "b", ("p",), 1200.0, 50, 150, 8)
    cut = Cut("tensor", 2, 800, 1, 1e-6, 1e-9)
    alone = Cut("tensor", 1, 0, 0, 0.0, 0.0)
    contender = Contender("a", "modelled", 1.0, 1.0, "links")
    compared = Comparison("n", "gpu", 3, 1, 8, (contender,), (boundary,), (alone, cut))
    shown = render(compared, width=200)
    rows = [[cell.strip() for cell in line.split("│")] for line in shown.splitlines()]
    assert ["", "a > b", "p", "1.2 kbit", "400 bit", "1.2 kbit", "150 bit", "3x", ""] in rows
    assert ["", "2 x gpu, tensor", "", "", "800 bit", "2.4 kbit", "300 bit", "1.5x", ""] in rows
    assert not any(row[1:2] == ["1 x gpu, tensor"] for row in rows)
