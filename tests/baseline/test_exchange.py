"""Collectives on placed ranks, against rings and trees walked with numbers."""

import random
from math import ceil, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from systems import BETWEEN, INSIDE

from chipletsim.baseline.exchange import Exchanger
from chipletsim.baseline.placement import Placement
from chipletsim.models.collectives import all_gather, all_reduce, reduce_scatter
from chipletsim.spec.fabric import NodeSpec


def exchanger(tensor=1, pipeline=1, data=1, per_node=4, algorithm="ring") -> Exchanger:
    node = NodeSpec(devices=per_node, inside=INSIDE, between=BETWEEN)
    return Exchanger(node, Placement(tensor, pipeline, data, per_node), algorithm)


def walked_ring(nodes: list[int]) -> dict[bool, int]:
    """Sum numbered chunks around a ring; return chunks sent inside nodes and between them."""
    ranks = len(nodes)
    held = [[random.Random(i * 97 + j).randint(0, 99) for j in range(ranks)] for i in range(ranks)]
    expected = [sum(row[chunk] for row in held) for chunk in range(ranks)]
    sent = {True: 0, False: 0}
    for turn in range(2):
        for step in range(ranks - 1):
            moves = []
            for rank in range(ranks):
                target, chunk = (rank + 1) % ranks, (rank - step + turn) % ranks
                moves.append((target, chunk, held[rank][chunk]))
                sent[nodes[rank] == nodes[target]] += 1
            for target, chunk, value in moves:
                held[target][chunk] = value if turn else held[target][chunk] + value
    assert all(row == expected for row in held)
    return sent


def walked_tree(nodes: list[int]) -> tuple[dict[bool, int], int]:
    """Sum a number up a tree and send it down; return messages sent, and its longest way up.

    A heap-ordered tree joins the ranks of a node, another one the first ranks of the nodes.
    """
    held = [rank * rank + 3 for rank in range(len(nodes))]
    total, parent = sum(held), {}
    groups = [[r for r, n in enumerate(nodes) if n == node] for node in sorted(set(nodes))]
    for group in (*groups, [group[0] for group in groups]):
        for place in range(1, len(group)):
            parent[group[place]] = group[(place - 1) // 2]
    sent = {True: 0, False: 0}

    def height(rank: int) -> int:
        return 0 if rank not in parent else 1 + height(parent[rank])

    order = sorted(range(len(nodes)), key=height, reverse=True)
    for rank in order:
        if rank in parent:
            held[parent[rank]] += held[rank]
            sent[nodes[rank] == nodes[parent[rank]]] += 1
    for rank in reversed(order):
        if rank in parent:
            held[rank] = held[parent[rank]]
            sent[nodes[rank] == nodes[parent[rank]]] += 1
    assert held == [total] * len(nodes)
    return sent, max(map(height, range(len(nodes))))


@pytest.mark.parametrize(("ranks", "per_node"), [(2, 4), (4, 4), (8, 4), (6, 4), (5, 2), (8, 1)])
def test_a_ring_crosses_what_a_walked_ring_crosses(ranks, per_node):
    chunks = walked_ring([rank // per_node for rank in range(ranks)])
    one = exchanger(tensor=ranks, per_node=per_node)
    (groups,) = one.placement.tensor_groups
    found = one.sum(groups, 96 * ranks)
    assert found.inside_bits == chunks[True] * 96 * 8
    assert found.between_bits == chunks[False] * 96 * 8
    # Each step is as slow as the slowest hop: 768 bit at 1 or 0.1 Gbit/s, after 1 or 5 us.
    step_s = 5e-6 + 768 / 0.1e9 if ranks > per_node else 1e-6 + 768 / 1e9
    assert found.time_s == pytest.approx(2 * (ranks - 1) * step_s, rel=1e-12, abs=0)


@pytest.mark.parametrize(("ranks", "per_node"), [(2, 4), (4, 4), (8, 4), (6, 4), (5, 2), (8, 1)])
def test_two_trees_cross_what_walked_trees_cross(ranks, per_node):
    messages, _ = walked_tree([rank // per_node for rank in range(ranks)])
    tree = exchanger(tensor=ranks, per_node=per_node, algorithm="tree")
    (groups,) = tree.placement.tensor_groups
    found = tree.sum(groups, 1000)
    # Two trees with half of the tensor, 4,000 bit, in each message.
    assert found.inside_bits == 2 * messages[True] * 4000
    assert found.between_bits == 2 * messages[False] * 4000
    ring = exchanger(tensor=ranks, per_node=per_node).sum(groups, 1000)
    assert sum(found[1:]) == pytest.approx(sum(ring[1:]), rel=1e-12, abs=0)


@pytest.mark.parametrize("ranks", [2, 4, 8, 16, 64])
def test_a_tree_in_one_node_takes_two_logarithms_of_latency(ranks):
    tree = exchanger(tensor=ranks, per_node=64, algorithm="tree")
    found = tree.sum(tree.placement.tensor_groups[0], 1 << 20)
    volume_s = 2 * (ranks - 1) / ranks * (8 << 20) / 1e9
    assert found.time_s == pytest.approx(2 * log2(ranks) * 1e-6 + volume_s, rel=1e-12, abs=0)


def test_a_tree_over_nodes_takes_the_latency_of_both_fabrics():
    # 16 ranks on 4 nodes: 2 levels inside and 2 between, up and down.
    tree = exchanger(tensor=16, per_node=4, algorithm="tree")
    found = tree.sum(tree.placement.tensor_groups[0], 2000)
    volume_s = 2 * 15 / 16 * 16_000 / 0.1e9
    assert found.time_s == pytest.approx(2 * (2 * 1e-6 + 2 * 5e-6) + volume_s, rel=1e-12, abs=0)


def test_small_sums_are_quicker_by_tree_and_alike_when_large():
    times = {}
    for algorithm in ("ring", "tree"):
        one = exchanger(tensor=64, per_node=64, algorithm=algorithm)
        groups = one.placement.tensor_groups[0]
        times[algorithm] = [one.sum(groups, size).time_s for size in (64, 1 << 34)]
    assert times["tree"][0] < times["ring"][0] / 8
    assert times["tree"][1] == pytest.approx(times["ring"][1], rel=1e-3, abs=0)


@pytest.mark.parametrize(("collective", "turns"), [(all_gather, 1), (reduce_scatter, 1)])
def test_halves_of_a_sum(collective, turns):
    one = exchanger(tensor=4, data=3)
    found = one.ring(one.placement.tensor_groups[0], collective(4000, 4))
    # 3 replicas of 4 ranks, each of which sends 3/4 of 4,000 byte in 3 steps.
    assert found.inside_bits == 3 * 4 * 3000 * 8
    assert found.between_bits == 0
    assert found.time_s == pytest.approx(turns * 3 * (1e-6 + 8000 / 1e9), rel=1e-12, abs=0)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    tensor=st.integers(1, 9), pipeline=st.integers(1, 4), data=st.integers(1, 6),
    per_node=st.integers(1, 16), size=st.integers(1, 10**6),
)  # fmt: skip
def test_volume_depends_on_no_placement(tensor, pipeline, data, per_node, size):
    one = exchanger(tensor, pipeline, data, per_node)
    for groups, ranks, count in (
        (one.placement.tensor_groups, tensor, data),
        (one.placement.data_groups, data, tensor),
    ):
        assert len(groups) == pipeline
        for stage in groups:
            found = one.sum(stage, size)
            expected = count * ranks * float(all_reduce(size, ranks).bytes_sent) * 8
            assert found.inside_bits + found.between_bits == pytest.approx(
                expected, rel=1e-12, abs=0
            )


def test_tensor_groups_come_into_nodes_first():
    # 2 nodes of 8: tensor 4, two stages, two replicas. Ranks 0-3 4-7 | 8-11 12-15.
    placement = Placement(4, 2, 2, 8)
    assert [placement.node(t, s, r) for r in (0, 1) for s in (0, 1) for t in (0, 3)] == [
        0, 0, 0, 0, 1, 1, 1, 1,
    ]  # fmt: skip
    assert all(groups.between_hops == 0 for groups in placement.tensor_groups)
    assert all(groups.inside_hops == 0 for groups in placement.data_groups)
    # 8 ranks of a stage send to the next, all in their node.
    assert placement.stage_hops(0) == (8, 0)


def test_a_stage_sends_on_the_fabric_between_where_it_ends_a_node():
    placement = Placement(4, 4, 1, 8)
    assert [placement.stage_hops(stage) for stage in range(3)] == [(4, 0), (0, 4), (4, 0)]
    sent = exchanger(4, 4, 1, 8).to_next_stage(1, 100.0)
    assert sent == pytest.approx((5e-6 + 800 / 0.1e9, 0, 3200))


def test_one_rank_exchanges_nothing():
    for algorithm in ("ring", "tree"):
        one = exchanger(algorithm=algorithm)
        assert one.sum(one.placement.tensor_groups[0], 1000) == (0, 0, 0)


def test_a_walked_tree_is_as_high_as_its_logarithm():
    # The formula's levels bound the heap's: a binary tree of n has height floor(log2 n).
    for count in range(2, 40):
        _, height = walked_tree([0] * count)
        assert height <= ceil(log2(count))
