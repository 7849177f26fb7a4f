"""Cuts against all cuts there are; the order of tiles; defaults of placement."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from deployment_cases import NPU, die_type, mixed, package_of, perceptron, row_of_dies
from hypothesis import given
from hypothesis import strategies as st

from chipletsim.deployment.layout import lay_out
from chipletsim.deployment.order import compute_dies, snake
from chipletsim.deployment.partition import cut_evenly, even_bounds
from chipletsim.deployment.plan import Plan
from chipletsim.deployment.stages import stages_of
from chipletsim.errors import InfeasibleError, UsageError
from chipletsim.models import build_model


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8), st.data())
def test_no_other_cut_has_a_smaller_greatest_part(loads: list[int], data: st.DataObject) -> None:
    parts = data.draw(st.integers(1, len(loads)))
    found = cut_evenly(loads, parts)
    assert [i for part in found for i in part] == list(range(len(loads)))
    assert len(found) == parts
    assert all(found)

    def greatest(ends: tuple[int, ...]) -> int:
        return max(sum(loads[a:b]) for a, b in pairwise((0, *ends, len(loads))))

    least = min(greatest(ends) for ends in combinations(range(1, len(loads)), parts - 1))
    assert max(sum(loads[i] for i in part) for part in found) == least


@given(st.integers(0, 50), st.integers(1, 12))
def test_even_bounds_differ_by_one_and_the_first_are_larger(pieces: int, parts: int) -> None:
    sizes = np.diff(even_bounds(pieces, parts))
    assert sizes.sum() == pieces
    assert sizes.tolist() == sorted(sizes.tolist(), reverse=True)
    assert sizes.max() - sizes.min() <= 1


@given(st.integers(1, 6), st.integers(1, 6))
def test_neighbours_in_a_snake_are_neighbours_in_the_grid(width: int, height: int) -> None:
    places = [(x, y) for y in range(height) for x in range(width)]
    order = snake(places)
    assert sorted(order) == list(range(len(places)))
    for a, b in pairwise(order):
        assert sum(abs(p - q) for p, q in zip(places[a], places[b], strict=True)) == 1


def test_only_tiles_that_compute_are_placed_on() -> None:
    package = mixed()
    dies = compute_dies(package)
    assert [len(tiles) for tiles in dies] == [4, 4, 2]  # a, b right of it, c below b
    assert {package.tiles[int(t)].kind for tiles in dies for t in tiles} == {
        "npu", "neurocore", "crossbar",
    }  # fmt: skip


def test_ties_in_weights_are_broken_by_work() -> None:
    """Four convolutions of one size of weights, the first two on four times the pixels."""
    from chipletsim.models.builder import Builder

    builder = Builder("tie", "test")
    x = builder.input((4, 8, 8))
    for number in range(4):
        builder.block = f"block{number}"
        x = builder.convolution(f"conv{number}", x, 4, 3, stride=2 if number == 2 else 1)
    model = builder.model()
    stages = stages_of(model, row_of_dies(3), Plan(stages=3))
    # Weights alone would allow any pair; the pair of least work is the last.
    assert [len(stage.layers) for stage in stages] == [1, 1, 2]


def test_a_small_network_takes_the_fewest_dies_one_a_stage() -> None:
    model = perceptron(40, 30, 20, 10)
    for room, dies in (("1 MiB", 1), ("9600 bit", 2), ("14399 bit", 2), ("14400 bit", 2),
                       ("16000 bit", 1)):  # fmt: skip
        package = row_of_dies(4, NPU | {"synaptic_memory": room})
        stages = stages_of(model, package, Plan())
        assert [len(stage.dies) for stage in stages] == [1] * dies


def test_a_network_that_is_too_large_for_a_die_takes_all_of_them() -> None:
    package = row_of_dies(5, NPU | {"synaptic_memory": "9000 bit"})
    stages = stages_of(perceptron(40, 30, 20, 10), package, Plan())
    assert [len(stage.dies) for stage in stages] == [2, 2, 1]


def test_layers_of_a_stage_are_dealt_to_groups_and_nothing_is_kept_twice() -> None:
    package = row_of_dies(6)
    layout = lay_out(perceptron(8, 8, 8, 8, 8), package, Plan(stages=1, tensor=2))
    assert [group.tolist() for group in layout.groups] == [[0, 1], [2, 3], [4, 5]]
    numbers = [part.group for part in layout.parts.values()]
    assert numbers == sorted(numbers)
    assert set(numbers) == {0, 1, 2}


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (Plan(stages=4), "4 stages are more than the 3 blocks"),
        (Plan(stages=2, tensor=4), "tensor is 4, but stage die_0_0, die_1_0, die_2_0 has 3"),
        (Plan(rates={"lineer": 0.1}), "has no layer 'lineer'"),
        (Plan(steps=3), "has 1 time steps of its own"),
        (Plan(weight_bits=16), "weight_bits is 16, but tiles of kind npu have 8"),
    ],
)
def test_plans_that_do_not_suit_say_why(plan: Plan, says: str) -> None:
    from chipletsim.deployment.deploy import deploy

    with pytest.raises(UsageError, match=says):
        deploy(perceptron(8, 8, 8, 8), row_of_dies(5), plan)


def test_a_package_without_tiles_that_compute() -> None:
    from deployment_cases import IO

    package = package_of({"d": die_type(IO)}, {"d": {"type": "d", "grid": [1, 1]}}, (1, 1))
    with pytest.raises(InfeasibleError, match="tiles that compute"):
        stages_of(perceptron(2, 2), package, Plan())


def test_heads_lie_whole_on_tiles() -> None:
    """Eight query heads in four groups over 4 tiles: two heads and one head of keys each."""
    from chipletsim.models.llama import LlamaSize, llama

    model = llama(LlamaSize(1, 32, 8, 4, 64, 40, 64, head_dim=4), tokens=2)
    parts = lay_out(model, row_of_dies(4), Plan(stages=1)).parts
    assert parts["layers.0.scores"].shares.tolist() == [2, 2, 2, 2]
    assert parts["layers.0.q"].shares.tolist() == [8, 8, 8, 8]
    assert parts["layers.0.k"].shares.tolist() == [4, 4, 4, 4]
    assert parts["layers.0.o"].rows is not None
    assert parts["layers.0.down"].rows is not None
    assert parts["layers.0.up"].rows is None


def test_every_model_has_a_layout() -> None:
    package = mixed()
    for name in ("resnet18", "vit_s16", "gpt2_small", "spikformer_8_384", "efficientnet_b0"):
        model = build_model(name)
        layout = lay_out(model, package, Plan(stages=3))
        assert set(layout.parts) == {layer.name for layer in model.layers if layer.outputs != (0,)}


def test_tiles_have_the_heads_of_keys_that_their_queries_read() -> None:
    """Six heads of queries on three of keys, over four tiles: heads 0-1, 2-3, 4 and 5."""
    from chipletsim.deployment.deliveries import kv_head_ranges, wanted_channels
    from chipletsim.models.llama import LlamaSize, llama

    model = llama(LlamaSize(1, 24, 6, 3, 8, 40, 64, head_dim=4), tokens=2)
    parts = lay_out(model, row_of_dies(4), Plan(stages=1)).parts
    scores = parts["layers.0.scores"]
    assert scores.shares.tolist() == [2, 2, 1, 1]
    assert kv_head_ranges(scores).tolist() == [[0, 1], [1, 2], [2, 3], [2, 3]]
    keys = wanted_channels(scores, parts["layers.0.k"])
    assert keys.tolist() == [[0, 4], [4, 8], [8, 12], [8, 12]]
    queries = wanted_channels(scores, parts["layers.0.q"])
    assert queries.tolist() == [[0, 8], [8, 16], [16, 20], [20, 24]]
