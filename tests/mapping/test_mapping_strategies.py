"""Every strategy: what it may not get wrong, and what it should get right."""

import itertools

import numpy as np
import pytest
from mapping_cases import (
    cells,
    dense,
    die,
    edge,
    inputs,
    io,
    memory,
    network,
    neurocore,
    npu,
    one_to_one,
    package,
    sparse_random,
)
from mapping_oracle import assert_sound

from chipletsim.mapping import PARTITIONERS, Mapping, map_network, mapping_hash
from chipletsim.mapping.traffic import SliceTraffic, event_rates, tile_cost


def cost(mapping: Mapping) -> float:
    rates, _ = event_rates(mapping.network, None)
    return SliceTraffic(mapping, rates, tile_cost(mapping.package)).cost(mapping)


def crossed_pairs(count: int = 10):
    """Two pairs that talk, listed so that filling tiles in order parts each pair."""
    names = ("a0", "a1", "b0", "b1")
    return network(
        *[cells(name, count) for name in names],
        edge("a0", "b0", one_to_one(count)),
        edge("a1", "b1", one_to_one(count)),
    )


def two_dies():
    core = neurocore(neurons=10)
    return package(die(core, core), die(core, core))


def many(seed: int):
    """Twelve populations with random talk, on three dies of four tiles."""
    rng = np.random.default_rng(seed)
    parts = [cells(f"p{i}", int(rng.integers(3, 10))) for i in range(12)]
    edges = []
    for source, target in itertools.permutations(parts, 2):
        if rng.random() < 0.25:
            each = int(rng.integers(1, target.size + 1))
            listed = sparse_random(source.size, target.size, each, seed)
            edges.append(edge(source.name, target.name, listed, delay=1))
    core = neurocore(neurons=12)
    return network(*parts, *edges), package(die(*[core] * 4), die(*[core] * 4), die(*[core] * 4))


@pytest.mark.parametrize("strategy", PARTITIONERS)
def test_every_strategy_places_soundly_and_repeats_itself(strategy):
    net, hardware = many(0)
    first = map_network(net, hardware, strategy=strategy, seed=3)
    second = map_network(net, hardware, strategy=strategy, seed=3)
    assert_sound(first)
    assert (first.strategy, first.seed) == (strategy, 3)
    assert mapping_hash(first) == mapping_hash(second)
    assert [part.tile for part in first.slices] == [part.tile for part in second.slices]


def test_sequential_fills_tiles_in_order():
    net = network(cells("a", 15), cells("b", 12), edge("a", "b", dense(15, 12)))
    mapping = map_network(net, two_dies(), strategy="sequential")
    found = [(part.population, part.box, part.tile) for part in mapping.slices]
    assert found == [
        (0, ((0, 10),), 0),
        (0, ((10, 15),), 1),
        (1, ((0, 5),), 1),
        (1, ((5, 12),), 2),
    ]


def test_traffic_finds_the_known_optimum_that_sequential_misses():
    net, hardware = crossed_pairs(), two_dies()
    chiplet = [tile.chiplet for tile in hardware.tiles]
    in_order = map_network(net, hardware, strategy="sequential")
    assert [chiplet[part.tile] for part in in_order.slices] == [0, 0, 1, 1]
    placed = map_network(net, hardware, strategy="traffic")
    dies = [chiplet[part.tile] for part in placed.slices]
    assert dies[0] == dies[2] != dies[1] == dies[3]
    # Two pairs on neighbouring tiles: 10 neurons at 0.1 events of 40 bit, a hop of 2 and
    # half a hop to enter the network.
    assert cost(placed) == pytest.approx(2 * 10 * 0.1 * 40 * 2.5)


@pytest.mark.parametrize("seed", range(4))
def test_each_strategy_is_no_worse_than_the_one_it_starts_from(seed):
    net, hardware = many(seed)
    costs = [
        cost(map_network(net, hardware, strategy=name, seed=seed))
        for name in ("sequential", "traffic", "anneal")
    ]
    assert costs[0] >= costs[1] >= costs[2]
    assert costs[0] > costs[2]


def test_anneal_finds_the_best_of_all_placements_of_a_small_case():
    names = [f"p{i}" for i in range(6)]
    rng = np.random.default_rng(5)
    talk = [(a, b) for a, b in itertools.permutations(names, 2) if rng.random() < 0.5]
    net = network(
        *[cells(name, 10) for name in names],
        *[edge(a, b, sparse_random(10, 10, 1, seed=i), delay=1) for i, (a, b) in enumerate(talk)],
    )
    core = neurocore(neurons=10)
    hardware = package(die(core, core), die(core, core), die(core, core))
    found = map_network(net, hardware, strategy="anneal", seed=0)
    rates, _ = event_rates(net, None)
    flows = SliceTraffic(found, rates, tile_cost(hardware))
    orders = itertools.permutations(range(6))
    assert flows.cost(found) == pytest.approx(min(flows.cost(found.moved(o, o)) for o in orders))


def test_another_seed_may_walk_another_way_but_no_worse_than_its_start():
    net, hardware = many(1)
    start = cost(map_network(net, hardware, strategy="traffic"))
    assert all(
        cost(map_network(net, hardware, strategy="anneal", seed=seed)) <= start for seed in range(3)
    )


def test_measured_activity_decides_who_is_near():
    # Both sources feed the sink; only one tile is beside it. The busier source gets it.
    net = network(
        cells("quiet", 10),
        cells("busy", 10),
        cells("sink", 10),
        edge("quiet", "sink", one_to_one(10)),
        edge("busy", "sink", one_to_one(10)),
    )
    core = neurocore(neurons=10)
    hardware = package(die(core, core), die(core, core))
    chiplet = [tile.chiplet for tile in hardware.tiles]
    for busy in ("quiet", "busy"):
        totals = {name: np.full(10, 90 if name == busy else 1) for name in net.index}
        mapping = map_network(net, hardware, activity=Recorded(net, totals))
        assert mapping.rates == "measured over 2 samples of 50 steps"
        together = {chiplet[mapping.slices[net.index[name]].tile] for name in (busy, "sink")}
        assert len(together) == 1


class Recorded:
    """What a mapping reads of an activity."""

    samples = 2
    steps = 50

    def __init__(self, net, totals) -> None:
        self.populations = {item.name: item.shape for item in net.populations}
        self.totals = totals


def test_weights_go_to_the_nearest_memory_with_room():
    big = npu(neurons=64, synaptic_memory="10 B")
    hardware = package(
        die(io(), memory(synaptic_memory="100 B"), big), die(memory(), npu(neurons=1))
    )
    near = network(inputs("in", 10), cells("a", 8), edge("in", "a", dense(10, 8)))
    far = network(inputs("in", 10), cells("a", 20), edge("in", "a", dense(10, 20)))
    for net, expected in ((near, "die0(1,0).memory"), (far, "die1(0,0).memory")):
        mapping = map_network(net, hardware)
        assert_sound(mapping)
        assert [hardware.tiles[part.weight_tile].name for part in mapping.slices][1] == expected
        assert hardware.tiles[mapping.slices[1].tile].name == "die0(2,0).npu"


def test_weights_stay_local_where_they_fit():
    hardware = package(die(io(), memory(), npu()))
    net = network(inputs("in", 10), cells("a", 8), edge("in", "a", dense(10, 8)))
    assert all(part.tile == part.weight_tile for part in map_network(net, hardware).slices)
