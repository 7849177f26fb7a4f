"""What is built: tiles, names, order, and the facts about a package."""

from __future__ import annotations

import numpy as np
import pytest
from small_packages import CORE, D2D, ON_CHIP, build, contents, die, grid_of, single

from chipletsim.package.facts import encoded_links, package_facts, tile_hops


def test_tiles_hang_where_the_file_says() -> None:
    io = {
        "kind": "io",
        "neurons": 4,
        "energy_per_input": "1 pJ/packet",
        "energy_per_output": "1 pJ/packet",
        "event_rate": "1 Gpacket/s",
    }
    kind = die(shape=(2, 2)) | {
        "tiles": [
            {"tile": io, "at": [[1, 0]], "name": "port"},
            {"tile": CORE, "at": "rest", "per_router": 2},
            {"tile": CORE, "at": [[1, 0]]},
        ]
    }
    package = build(contents({"a": kind}, {"x": {"type": "a"}}))
    assert [tile.name for tile in package.tiles] == [
        "x(0,0).neurocore0",
        "x(0,0).neurocore1",
        "x(1,0).port",
        "x(1,0).neurocore",
        "x(0,1).neurocore0",
        "x(0,1).neurocore1",
        "x(1,1).neurocore0",
        "x(1,1).neurocore1",
    ]
    assert [tile.kind for tile in package.tiles].count("io") == 1
    assert [package.routers[tile.router].name for tile in package.tiles[:3]] == [
        "x(0,0)",
        "x(0,0)",
        "x(1,0)",
    ]


def test_names_are_unique_and_both_directions_adjacent() -> None:
    package = grid_of((2, 2), (2, 2), parallel=3, virtual_channels=4)
    for things in (package.links, package.routers, package.tiles):
        assert len({thing.name for thing in things}) == len(things)
    for forth, back in zip(package.links[::2], package.links[1::2], strict=True):
        assert (forth.source, forth.target) == (back.target, back.source)
        assert forth.spec is back.spec


def test_vertical_links_take_their_own_costs() -> None:
    slow = ON_CHIP | {"latency": "9 ns"}
    package = single("mesh", (2, 2), link_vertical=slow)
    assert {link.axis: link.spec.latency_s for link in package.links} == {0: 1e-9, 1: 9e-9}


def test_a_place_of_the_network_may_stay_empty() -> None:
    chiplets = {f"c{x}{y}": {"type": "a", "at": [x, y]} for x, y in ((0, 0), (1, 0), (0, 1))}
    package = build(contents({"a": die()}, chiplets, {"topology": "mesh", "shape": [2, 2]}))
    assert sum(link.between_dies for link in package.links) == 4


def test_hops_and_bisection_of_a_mesh_by_hand() -> None:
    """A mesh of n x n has 2 n / 3 hops between distinct tiles on average."""
    facts = package_facts(single("mesh", (4, 4)))
    assert facts.mean_hops == pytest.approx(8 / 3)
    assert facts.max_hops == 6
    assert facts.bisection_bandwidth_bit_per_s == 4 * 64e9


def test_bisection_of_other_shapes_by_hand() -> None:
    assert package_facts(single("ring", (6,))).bisection_bandwidth_bit_per_s == 2 * 64e9
    assert package_facts(single("torus", (4, 4))).bisection_bandwidth_bit_per_s == 8 * 64e9
    assert package_facts(single("mesh", (4, 2))).bisection_bandwidth_bit_per_s == 2 * 64e9
    assert package_facts(single("mesh", (1, 1))).bisection_bandwidth_bit_per_s is None
    package = grid_of((2, 2), (4, 4), parallel=3)
    assert package_facts(package).bisection_bandwidth_bit_per_s == 2 * 3 * 256e9


def test_bisection_cuts_in_the_middle_and_not_at_the_weakest_link() -> None:
    weak = ON_CHIP | {"bandwidth": "1 Gb/s"}
    edges = [{"between": [[i], [i + 1]]} for i in range(3)]
    edges[0]["link"] = weak
    package = single("edges", (4,), edges=edges)
    assert package_facts(package).bisection_bandwidth_bit_per_s == 64e9


def test_tiles_at_one_router_count_as_no_hop() -> None:
    kind = die(shape=(2, 1))
    kind["tiles"][0]["per_router"] = 2
    package = build(contents({"a": kind}, {"x": {"type": "a"}}))
    assert tile_hops(package) == (pytest.approx(8 / 12), 1)
    assert tile_hops(single("mesh", (1, 1))) == (0.0, 0)


def test_hops_equal_the_lengths_of_routes() -> None:
    package = grid_of((2, 1), (2, 3))
    count = len(package.routers)
    lengths = np.array([[len(package.route(s, t)) for t in range(count)] for s in range(count)])
    mean, longest = tile_hops(package)
    assert mean == pytest.approx(lengths.sum() / (count * (count - 1)))
    assert longest == lengths.max()


def test_static_power_adds_every_part() -> None:
    kind = die(shape=(2, 1), link=ON_CHIP | {"static_power": "1 mW"}) | {"static_power": "1 W"}
    kind["network"]["router"] = {"static_power": "10 mW"}
    kind["tiles"][0]["tile"] = CORE | {"static_power": "100 mW"}
    data = contents({"a": kind}, {"x": {"type": "a"}}, static_power="10 W")
    assert package_facts(build(data)).static_power_w == pytest.approx(11.222)


def test_totals_by_kind_and_links_by_place() -> None:
    facts = package_facts(grid_of((2, 1), (2, 2), parallel=2))
    assert [(k.kind, k.tiles, k.neurons, k.synaptic_memory_bits) for k in facts.kinds] == [
        ("neurocore", 8, 128, 8 * 8192)
    ]
    groups = [(g.place, g.between_dies, g.links) for g in facts.link_groups]
    assert groups == [("c0_0", False, 8), ("c1_0", False, 8), ("c0_0 - c1_0", True, 4)]
    assert facts.link_groups[-1].spec.latency_s == 5e-9
    assert D2D["latency"] == "5 ns"


def test_links_that_encode_are_told() -> None:
    assert encoded_links(grid_of((2, 1), (2, 2), parallel=2)) == []
    coded = ON_CHIP | {"encoding": {"spikes": {"kind": "bitmap"}}}
    values = {"kind": "masked", "width": "8 bit"}
    both = D2D | {"encoding": {"spikes": {"kind": "spike_counts"}, "values": values}}
    types = {"a": die(shape=(2, 1), link=coded), "b": die(shape=(3, 1))}
    network = {"topology": "mesh", "shape": [2, 1], "link": both}
    chiplets = {"x": {"type": "a", "at": [0, 0]}, "y": {"type": "b", "at": [1, 0]}}
    assert encoded_links(build(contents(types, chiplets, network=network))) == [
        "2 of 6 on-chip links: spikes as bitmap",
        "2 of 2 die-to-die links: spikes as spike_counts, values as masked",
    ]
