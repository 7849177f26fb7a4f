"""Costs of routes and traffic of slices, by hand and step by step."""

import numpy as np
import pytest
from mapping_cases import (
    BETWEEN,
    cells,
    dense,
    die,
    edge,
    inputs,
    io,
    network,
    neurocore,
    one_to_one,
    package,
)

from chipletsim.errors import ConfigError
from chipletsim.mapping import Mapping, Slice, quality
from chipletsim.mapping.traffic import (
    SliceTraffic,
    along_routes,
    event_rates,
    route_cost,
    tile_cost,
)


def three_dies():
    core = neurocore(neurons=10)
    return package(die(io(), core, core), die(core, core), die(core, core))


def test_route_cost_by_hand():
    # A packet of 40 bit is one flit. On a die: 40 x 0.1 = 4 pJ, and 1 ns + 40 b / 32 Gb/s =
    # 2.25 ns, which is the ordinary hop. Between dies: 40 x 2 = 80 pJ, 10 ns + 5 ns = 15 ns.
    cost = route_cost(three_dies())
    assert cost[0, 0] == 0
    assert cost[0, 1] == pytest.approx(1 + 1)
    assert cost[2, 3] == pytest.approx(80 / 4 + 15 / 2.25)
    assert cost[0, 6] == pytest.approx(4 * 2 + 2 * (80 / 4 + 15 / 2.25))


def test_frames_make_a_link_dearer():
    framed = BETWEEN | {"frame": {"payload": "64 bit", "total": "128 bit"}}
    core = neurocore(neurons=10)
    plain = route_cost(package(die(core, core), die(core)))
    dearer = route_cost(package(die(core, core), die(core), link=framed))
    assert dearer[1, 2] == pytest.approx(160 / 4 + (10 + 10) / 2.25)
    assert dearer[1, 2] > plain[1, 2]
    assert dearer[0, 1] == plain[0, 1]


def test_sums_along_routes_equal_a_walk_link_by_link():
    hardware = three_dies()
    per_link = np.random.default_rng(0).random(len(hardware.links))
    total = along_routes(hardware, per_link)
    for source in range(len(hardware.routers)):
        for target in range(len(hardware.routers)):
            walked = sum(per_link[link] for link in hardware.route(source, target))
            assert total[source, target] == pytest.approx(walked)


def by_hand() -> Mapping:
    net = network(
        inputs("in", 4),
        cells("a", 6),
        cells("out", 3, output=True),
        edge("in", "a", dense(4, 6)),
        edge("a", "a", one_to_one(6), delay=1),
        edge("a", "out", dense(6, 3)),
    )
    slices = (
        Slice(0, ((0, 4),), 0, 0),
        Slice(1, ((0, 4),), 1, 1),
        Slice(1, ((4, 6),), 3, 3),
        Slice(2, ((0, 3),), 5, 5),
    )
    return Mapping(net, three_dies(), slices, "by hand", 0)


def test_traffic_between_slices_by_hand():
    mapping = by_hand()
    rates = np.repeat([0.5, 0.25, 0.125], [4, 6, 3])
    flows = SliceTraffic(mapping, rates, tile_cost(mapping.package))
    expected = np.zeros((4, 4))
    expected[0, 1:3] = 4 * 0.5 * 40
    expected[1, 3], expected[2, 3] = 4 * 0.25 * 40, 2 * 0.25 * 40
    np.testing.assert_allclose(flows.sent.toarray(), expected)
    assert flows.answers.tolist() == [0, 0, 0, 3 * 0.125 * 40]
    costs = tile_cost(mapping.package)
    total = (
        80 * (costs[0, 1] + costs[0, 3]) + 40 * costs[1, 5] + 20 * costs[3, 5] + 15 * costs[5, 0]
    )
    assert flows.cost(mapping) == pytest.approx(total)


def test_change_of_cost_equals_cost_counted_anew():
    mapping = by_hand()
    flows = SliceTraffic(mapping, np.linspace(0.1, 1, 13), tile_cost(mapping.package))
    tiles = np.array([part.tile for part in mapping.slices])
    for number in range(4):
        everywhere = flows.everywhere(number, tiles)
        for tile in range(len(mapping.package.tiles)):
            moved = tiles.copy()
            moved[number] = tile
            change = flows.cost(mapping.moved(moved, moved)) - flows.cost(mapping)
            before = flows.at(number, int(tiles[number]), tiles)
            assert flows.at(number, tile, tiles) - before == pytest.approx(change)
            assert everywhere[tile] == pytest.approx(flows.at(number, tile, tiles))


def test_activity_of_another_network_is_refused():
    class Other:
        populations = {"x": (3,)}  # noqa: RUF012
        samples = steps = 1
        totals = {"x": np.zeros(3)}  # noqa: RUF012

    with pytest.raises(ConfigError, match="another network"):
        event_rates(by_hand().network, Other())


def test_quality_by_hand():
    found = quality(by_hand())
    # in (die 0) reaches a's second slice on die 1; a (dies 0 and 1) reaches out on die 2;
    # out sends its answer to the io tile on die 0.
    assert found.neurons_across_dies == 4 + 6 + 3
    assert found.bits_between_dies == pytest.approx(13 * 0.1 * 40)
    # Links: in to a 1 and 3; a to itself 0; a to out 4 and 2; out to io 5. Messages:
    # 4 and 4; 6; 4 and 2; 3.
    hops = 4 * 1 + 4 * 3 + 6 * 0 + 4 * 4 + 2 * 2 + 3 * 5
    assert found.mean_hops == pytest.approx(hops / (4 + 4 + 6 + 4 + 2 + 3))
    assert found.tiles == {"io": (1, 1), "neurocore": (3, 6)}
    assert found.neuron_balance == pytest.approx(4 / ((4 + 2 + 3) / 3))
    # Weights of 8 bit: 4 x 4 + 4, 2 x 4 + 2 and 3 x 6 of them.
    assert found.memory_balance == pytest.approx(20 / ((20 + 10 + 18) / 3))
    assert found.fetched_bits == 0
    assert "0.1 events per neuron" in str(found)
    assert "bit per step" in str(found)
    assert found.__rich__().row_count == len(found.rows())
