"""What the figures leave out: the list names each cost that a part does not state."""

import numpy as np

from chipletsim.cost.provenance import not_modelled
from chipletsim.network.connections import OneToOne
from chipletsim.network.model import Network, Population, Projection
from chipletsim.package.load import load_package

SPIKES = Network("silent", (Population("p", (4,), "if"),), (), 1e-3)
LINK = {"bandwidth": "1 Gb/s", "latency": "1 ns", "flit": "8 bit"}
CORE = {
    "kind": "neurocore", "neurons": 64, "synaptic_memory": "1 MiB",
    "energy_per_synaptic_op": "1 pJ/op", "time_per_synaptic_op": "1 ns/op",
    "energy_per_neuron_update": "1 pJ/op", "time_per_neuron_update": "1 ns/op",
}  # fmt: skip
FULL_CORE = CORE | {
    "static_power": "1 mW", "energy_per_spike": "1 pJ/packet", "time_per_spike": "0 s/packet",
    "energy_per_message": "0 pJ/packet", "time_per_message": "1 ns/packet",
}  # fmt: skip
FULL_LINK = LINK | {"energy_per_bit": "1 pJ/bit", "static_power": "0 W"}
FULL_ROUTER = {"energy_per_packet": "0 pJ/packet", "static_power": "1 uW"}


def listed(core, link, router, crossing, **more):
    network = {"topology": "mesh", "shape": [2, 1], "link": link, "router": router}
    package = load_package(
        {
            "name": "pair",
            "packet": {"header": "4 bit", "address": "4 bit"},
            "chiplet_types": {"die": {"network": network, "tiles": [{"tile": core}]}},
            "chiplets": {"a": {"type": "die", "at": [0]}, "b": {"type": "die", "at": [1]}},
            "network": {"topology": "mesh", "shape": [2], "link": crossing},
            **more,
        }
    )
    return [entry for entry in not_modelled(package, SPIKES, "bound") if "not stated" in entry]


def test_costs_that_no_part_states_are_named_with_those_parts():
    assert listed(CORE, LINK, {}, LINK) == [
        "static power (not stated for neurocore tiles, routers, on-chip links, die-to-die links)",
        "energy of packets (not stated for routers, on-chip links, die-to-die links)",
        "energy of sending events (not stated for neurocore tiles)",
        "energy of receiving events (not stated for neurocore tiles)",
        "time of sending events (not stated for neurocore tiles)",
        "time of receiving events (not stated for neurocore tiles)",
        "time of the barrier (not stated)",
    ]


def test_one_part_that_states_a_cost_does_not_speak_for_the_others():
    assert listed(FULL_CORE, FULL_LINK, FULL_ROUTER, LINK, barrier="1 ns") == [
        "static power (not stated for die-to-die links)",
        "energy of packets (not stated for die-to-die links)",
    ]


def test_a_stated_zero_is_no_gap():
    assert not listed(FULL_CORE, FULL_LINK, FULL_ROUTER, FULL_LINK, barrier="0 s")


def test_nothing_waits_for_the_time_step_and_the_list_says_so():
    entries = not_modelled(load_package("packages/four_dies"), SPIKES, "bound")
    assert any("dt" in entry for entry in entries)
    static = next(entry for entry in entries if entry.startswith("static power"))
    assert "die-to-die links" in static
    assert "memory tiles" in static
    assert "neurocore" not in static


def test_graded_events_that_cost_a_tile_as_much_as_spikes_are_named():
    package = load_package("packages/two_dies")
    edge = Projection("edge", "in", "p", OneToOne(np.ones(4, np.float32)))
    for bits, named in ((0, False), (8, True)):
        source = Population("in", (4,), "input", value_bits=bits)
        network = Network("graded", (source, *SPIKES.populations), (edge,), 1e-3)
        entries = not_modelled(package, network, "bound")
        assert any("graded" in entry for entry in entries) == named
