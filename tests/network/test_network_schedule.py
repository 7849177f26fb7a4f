"""Components and pipeline stages against exhaustive search on small random graphs."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.pipeline import stages
from chipletsim.network.schedule import components, find_cycle, topological_order

ONE = Dense(np.ones((1, 1), np.float32))


def graph(count, edges):
    """A network of ``count`` single neurons and edges (source, target, delay)."""
    populations = tuple(
        Population(f"p{i}", (1,), "lif", {"tau": np.float32(1)}) for i in range(count)
    )
    projections = tuple(
        Projection(f"e{n}", f"p{s}", f"p{t}", ONE, delay=d) for n, (s, t, d) in enumerate(edges)
    )
    return Network("g", populations, projections, 1e-3)


def simple_cycles(count, edges):
    """Every simple cycle as a list of edges, by brute force."""
    for length in range(1, count + 1):
        for nodes in permutations(range(count), length):
            if nodes[0] != min(nodes):
                continue
            steps = [
                [e for e in edges if e[:2] == (nodes[i], nodes[(i + 1) % length])]
                for i in range(length)
            ]
            yield from product(*steps)


@st.composite
def graphs(draw):
    """Random graphs of up to 5 nodes in which every cycle holds a delay."""
    count = draw(st.integers(1, 5))
    node = st.integers(0, count - 1)
    edges = draw(st.lists(st.tuples(node, node, st.integers(0, 3)), max_size=8))
    return count, [(s, t, d if s < t else max(d, 1)) for s, t, d in edges]


@settings(derandomize=True, deadline=None, max_examples=100)
@given(graphs())
def test_pipeline_is_the_least_that_satisfies_every_projection(case):
    count, edges = case
    pipeline = stages(graph(count, edges))
    ii, stage = pipeline.initiation_interval, pipeline.stage
    assert np.all(stage >= 0)
    for s, t, d in edges:
        assert stage[t] >= stage[s] + 1 - ii * d
    # The least interval is the largest cycle ratio, rounded up.
    ratios = [
        -(-len(cycle) // sum(d for _, _, d in cycle)) for cycle in simple_cycles(count, edges)
    ]
    assert ii == max(ratios, default=1)
    # The least stages: no population can run earlier given the others' own constraints.
    best = np.zeros(count, np.int64)
    for _ in range(count):
        for s, t, d in edges:
            best[t] = max(best[t], best[s] + 1 - ii * d)
    assert np.array_equal(stage, best)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(graphs())
def test_components_are_mutual_reachability_in_order(case):
    count, edges = case
    reach = np.eye(count, dtype=bool)
    for s, t, _ in edges:
        reach[s, t] = True
    for middle in range(count):
        reach |= reach[:, [middle]] & reach[[middle], :]
    found = components(graph(count, edges))
    assert sorted(i for part in found for i in part.populations) == list(range(count))
    place = {i: number for number, part in enumerate(found) for i in part.populations}
    for a, b in product(range(count), repeat=2):
        assert (place[a] == place[b]) == (reach[a, b] and reach[b, a])
        if reach[a, b]:
            assert place[a] <= place[b]
    for part in found:
        inside = [e for e in edges if {*e[:2]} <= set(part.populations)]
        assert part.cyclic == bool(inside)
        for s, t, d in inside:
            if not d:
                assert part.populations.index(s) < part.populations.index(t)


def test_a_chain_runs_one_layer_behind_the_other():
    pipeline = stages(graph(4, [(0, 1, 0), (1, 2, 0), (0, 3, 0), (2, 3, 0)]))
    assert pipeline.stage.tolist() == [0, 1, 2, 3]
    assert pipeline.initiation_interval == 1
    assert pipeline.rows(10) == 9 + 1 + 3


def test_a_loop_of_two_with_one_delay_takes_two_rows_a_step():
    pipeline = stages(graph(3, [(0, 1, 0), (1, 2, 0), (2, 1, 1)]))
    assert pipeline.initiation_interval == 2
    assert pipeline.stage.tolist() == [0, 1, 2]
    assert pipeline.rows(10) == 2 * 9 + 1 + 2


def test_a_self_loop_of_delay_one_costs_nothing():
    assert stages(graph(2, [(0, 1, 0), (1, 1, 1)])).initiation_interval == 1


def test_a_cycle_without_delay_has_no_pipeline():
    with pytest.raises(ValueError, match="no delay"):
        stages(graph(2, [(0, 1, 0), (1, 0, 0)]))


def test_networks_without_projections():
    pipeline = stages(graph(2, []))
    assert (pipeline.stage.tolist(), pipeline.initiation_interval) == ([0, 0], 1)
    assert [part.populations for part in components(graph(2, []))] == [(0,), (1,)]


def test_order_and_cycles_of_plain_graphs():
    assert topological_order(4, [(3, 1), (1, 0), (3, 2)]) == [3, 1, 0, 2]
    assert find_cycle(3, [(0, 1), (1, 2)]) == []
    # 3 lies behind the cycle and is no part of it.
    assert sorted(find_cycle(4, [(0, 1), (1, 2), (2, 0), (2, 3)])) == [0, 1, 2]
