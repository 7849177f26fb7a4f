"""Layers divided over tiles: what goes around rings, against the closed forms of collectives."""

from __future__ import annotations

import numpy as np
import pytest
from deployment_cases import NPU, die_type, package_of, perceptron, row_of_dies

from chipletsim.deployment.deploy import deploy
from chipletsim.deployment.plan import Plan
from chipletsim.models import build_model
from chipletsim.models.collectives import all_gather, tensor_parallel
from chipletsim.models.llama import LlamaSize, llama
from chipletsim.models.rwkv import RwkvSize, rwkv

pytestmark = pytest.mark.usefixtures("quick_programs")

# A packet without overhead: bits on links are bits of data.
BARE = {"header": "0 bit", "address": "1 bit", "max_payload": "16777216 bit"}
WIRE = {"bandwidth": "8 Gb/s", "latency": "10 ns", "flit": "1 bit"}


def ring_of_dies(count: int):
    """Dies of one tile each in a ring, so that ring neighbours are one link apart."""
    return package_of(
        {"die": die_type(NPU | {"synaptic_memory": "64 MiB"})},
        {f"die{number}": {"type": "die", "at": [number]} for number in range(count)},
        (count,),
        WIRE,
        packet=BARE,
        network={"topology": "ring", "shape": [count], "link": WIRE},
    )


def sent_bits(result, kind: str) -> dict[str, float]:
    links = [link.name for link in result.package.links]
    from chipletsim.deployment.signals import KINDS

    return dict(zip(links, result.traffic.kind_bits[KINDS.index(kind)], strict=True))


@pytest.mark.parametrize("ranks", [2, 3, 4, 6])
def test_gathered_inputs_are_an_all_gather(ranks: int) -> None:
    """Twelve hidden values of 8 bits: every tile passes on (P - 1) / P of them."""
    result = deploy(perceptron(5, 12, 4), ring_of_dies(ranks), Plan(stages=1, tensor=ranks))
    each = float(all_gather(12, ranks).bytes_sent * 8)
    bits = result.traffic.link_bits
    assert bits.sum() == pytest.approx(ranks * each)
    assert sorted(set(np.round(bits, 6))) == [0, each] if ranks > 2 else [each]


@pytest.mark.parametrize(("ranks", "tokens"), [(2, 1), (4, 3), (8, 1)])
def test_a_transformer_block_sends_what_megatron_sends(ranks: int, tokens: int) -> None:
    """Two sums a block, each reduced in wide numbers and gathered in narrow ones.

    With numbers of one width the two halves are an all-reduce. The head reads the last sum,
    gathered; the first block's first norm reads the embedding, gathered once more.
    """
    size = LlamaSize(3, 32, 8, 8, 64, 40, 64, head_dim=4)
    model = llama(size, tokens=tokens, context=8)
    plan = Plan(stages=1, tensor=ranks, activation_bits=16, accumulator_bits=16)
    result = deploy(model, ring_of_dies(ranks), plan)
    block = tensor_parallel(ranks, tokens, 32, bytes_per_value=2)
    reduced = result.traffic.kind_bits[2].sum()
    gathered = result.traffic.kind_bits[0].sum()
    assert reduced == pytest.approx(float(ranks * 3 * block.forward_bytes / 2 * 8))
    more = float(ranks * all_gather(tokens * 32 * 2, ranks).bytes_sent * 8)
    assert gathered == pytest.approx(reduced + more)


def test_partial_sums_are_as_wide_as_the_plan_says() -> None:
    model = llama(LlamaSize(1, 32, 8, 8, 64, 40, 64, head_dim=4), tokens=1)
    narrow = deploy(model, ring_of_dies(4), Plan(stages=1, accumulator_bits=8))
    wide = deploy(model, ring_of_dies(4), Plan(stages=1, accumulator_bits=32))
    assert wide.traffic.kind_bits[2].sum() == pytest.approx(4 * narrow.traffic.kind_bits[2].sum())
    assert np.array_equal(wide.traffic.kind_bits[0], narrow.traffic.kind_bits[0])


def test_rwkv_sums_twice_a_block() -> None:
    """Time mix and channel mix: one sum each of 24 values, reduced over 4 tiles."""
    result = deploy(rwkv(RwkvSize(2, 24, 48, vocab=16)), ring_of_dies(4), Plan(stages=1))
    assert result.traffic.kind_bits[2].sum() == pytest.approx(2 * 2 * 3 * 24 * 32)


def test_spikes_are_gathered_where_values_would_be_summed() -> None:
    model = llama(LlamaSize(1, 32, 8, 8, 64, 40, 64, head_dim=4), tokens=1)
    result = deploy(model, ring_of_dies(4), Plan(stages=1, activations="spiking"))
    assert result.traffic.kind_bits[2].sum() == 0
    hybrid = deploy(model, ring_of_dies(4), Plan(stages=1, activations="hybrid"))
    assert hybrid.traffic.kind_bits[2].sum() > 0
    assert hybrid.traffic.kind_bits[1].sum() > 0


@pytest.mark.parametrize(("ranks", "tokens"), [(2, 1), (4, 3), (8, 1)])
def test_split_by_outputs_gathers_what_pairs_would_sum(ranks: int, tokens: int) -> None:
    """A block gathers 32 values for q, k, v, 32 for the output, 32 for the gate, 64 for down.

    The embedding is gathered by the first block's q, k, v, counted there; the head gathers 32
    more. In a ring the P tiles send P - 1 times what is gathered.
    """
    model = llama(LlamaSize(3, 32, 8, 8, 64, 40, 64, head_dim=4), tokens=tokens, context=8)
    plan = Plan(stages=1, tensor=ranks, split="outputs", accumulator_bits=32)
    result = deploy(model, ring_of_dies(ranks), plan)
    values = tokens * (3 * (32 + 32 + 32 + 64) + 32)
    assert result.traffic.kind_bits[2].sum() == 0
    assert result.traffic.kind_bits[0].sum() == pytest.approx((ranks - 1) * values * 8)
    pairs = deploy(model, ring_of_dies(ranks), Plan(stages=1, tensor=ranks))
    for quantity in ("dense_operations", "weight_reads"):
        assert result.events(quantity).sum() == pytest.approx(pairs.events(quantity).sum())


def test_split_by_outputs_lets_all_that_crosses_be_spikes() -> None:
    """Hybrid: 4 of 4 links between dies carry 2 steps x 0.25 spikes x 1 bit for each value."""
    model = llama(LlamaSize(1, 32, 8, 8, 64, 40, 64, head_dim=4), tokens=1)
    plan = Plan(stages=1, split="outputs", activations="hybrid", steps=2, rate=0.25)
    result = deploy(model, ring_of_dies(4), plan)
    values = 32 + 32 + 32 + 64 + 32
    assert result.traffic.kind_bits[0].sum() == 0
    assert result.traffic.kind_bits[1].sum() == pytest.approx(3 * values * 2 * 0.25)


def test_uneven_shares_by_hand() -> None:
    """Seven values over three tiles are shares of 3, 2, 2.

    Around the ring a tile sends all shares but that of the next: 7 - 2, 7 - 2 and 7 - 3 values.
    """
    result = deploy(perceptron(5, 7, 3), ring_of_dies(3), Plan(stages=1))
    names = [link.name for link in result.package.links]
    bits = dict(zip(names, result.traffic.link_bits, strict=True))
    forward = ["die0(0,0)>die1(0,0)", "die1(0,0)>die2(0,0)", "die2(0,0)>die0(0,0)"]
    assert [bits[name] for name in forward] == pytest.approx([40, 40, 32])
    assert sum(bits.values()) == pytest.approx(112)


def test_a_ring_takes_its_rounds_one_after_another() -> None:
    """Three rounds of 8 bits over 8 Gb/s: 1 + 1 + 10 + 1 ns each, after both layers' work."""
    package = ring_of_dies(4)
    result = deploy(perceptron(4, 4, 4), package, Plan(stages=1))
    rows = [row for row in result.schedule.rows if row.phase == "gather"]
    assert [row.times for row in rows] == [3]
    layer = next(each for each in result.timing.layers if each.name == "linear1")
    assert layer.phases_s["gather"] == pytest.approx(3 * 13e-9)


def test_conversion_in_a_ring_of_dies_by_hand() -> None:
    """Each tile encodes its own share of 3 values once, and decodes the other 9, at rate 1/4."""
    plan = Plan(stages=1, activations="hybrid", steps=4, rate=0.25)
    result = deploy(perceptron(5, 12, 4), ring_of_dies(4), plan)
    assert result.schedule.encoded == pytest.approx(np.full(4, 3 * 4))
    assert result.schedule.decoded == pytest.approx(np.full(4, 9))


def test_conversion_in_a_ring_with_two_tiles_a_die_by_hand() -> None:
    """Two dies of two tiles, shares of 3 values; the second tile of a die sends across.

    It gets three shares as values by its neighbour, two of which it sends on besides its own:
    all but the share of the tile that follows, 9 values. That tile decodes them.
    """
    package = package_of(
        {"die": die_type(NPU, NPU)}, {"d": {"type": "die", "grid": [2, 1]}}, (2, 1)
    )
    plan = Plan(stages=1, activations="hybrid", steps=4, rate=0.25)
    result = deploy(perceptron(5, 12, 4), package, plan)
    assert result.schedule.encoded == pytest.approx([0, 36, 0, 36])
    assert result.schedule.decoded == pytest.approx([9, 0, 9, 0])
    kinds = result.link_classes[-1].bits_by_kind
    assert set(kinds) == {"spikes"}


def test_layers_read_a_value_once() -> None:
    """Queries, keys and values read one norm: it is gathered for the three of them together."""
    model = build_model("llama2_7b", tokens=1, context=16)
    result = deploy(model, row_of_dies(4, NPU | {"synaptic_memory": "4 GiB"}), Plan(stages=1))
    gathers = [row.layer for row in result.schedule.rows if row.phase == "gather"]
    assert len(gathers) == 2 * 32 + 1  # two a block, and the head
    assert "layers.0.k" not in gathers
