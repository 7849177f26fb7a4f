"""Totals against formulas that are written down independently of the generators."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.models import Kind, build_model
from chipletsim.models.gpt2 import GPT2_SIZES, Gpt2Size, gpt2
from chipletsim.models.llama import LLAMA_SIZES, LlamaSize, llama
from chipletsim.models.resnet import ResNetSize, resnet
from chipletsim.models.rwkv import RWKV_SIZES, SPIKEGPT_SIZES, RwkvSize, rwkv, spikegpt
from chipletsim.models.spikformer import (
    SPIKFORMER_SIZES,
    SpikingVitSize,
    spike_driven_transformer,
    spikformer,
)

GPT2 = [*GPT2_SIZES.values(), Gpt2Size(3, 96, 4, 384, 101, 64)]
LLAMA = [*LLAMA_SIZES.values(), LlamaSize(3, 96, 6, 2, 200, 101, 64, head_dim=16)]
RWKV = [*RWKV_SIZES.values(), RwkvSize(5, 40, 160, 33)]


@pytest.mark.parametrize("size", GPT2)
@pytest.mark.parametrize("tokens", [1, 64])
def test_gpt2_flops_follow_megatron(size, tokens):
    S, L, d, V = tokens, size.layers, size.d_model, size.vocab
    flops = 24 * S * L * d * d + 4 * S * S * L * d + 2 * S * d * V
    assert 2 * gpt2(size, tokens=tokens).macs == flops


@pytest.mark.parametrize("size", GPT2)
def test_gpt2_parameters(size):
    d, f, L = size.d_model, size.d_ff, size.layers
    block = 4 * d * d + 2 * d * f + (4 * d + f + d) + 4 * d
    total = size.vocab * d + size.context * d + L * block + 2 * d
    assert gpt2(size, tokens=1).parameters == total


@pytest.mark.parametrize("size", LLAMA)
def test_llama(size):
    d, f, L, V = size.d_model, size.d_ff, size.layers, size.vocab
    H, K, h = size.heads, size.kv_heads, size.head_dim
    matrices = 2 * d * H * h + 2 * d * K * h + 3 * d * f
    model = llama(size, tokens=3, context=17)
    assert model.parameters == 2 * V * d + L * (matrices + 2 * d) + d
    assert model.macs == 3 * (L * matrices + V * d) + 2 * 3 * 17 * H * h * L
    assert model.kv_cache_elements_per_token == 2 * L * K * h


def test_llama3_8b_step_by_step():
    model = build_model("llama3_8b")
    assert model.macs == 79_070_347_919_360
    assert model.kv_cache_elements_per_token * 2 == 128 * 1024
    assert build_model("llama3_8b", tokens=1).macs_of(Kind.LINEAR) == 7_504_658_432


@pytest.mark.parametrize("size", RWKV)
def test_rwkv(size):
    d, L, V = size.d_model, size.layers, size.vocab
    model = rwkv(size, tokens=9)
    assert model.parameters == 2 * V * d + 13 * d * d * L + d * (11 * L + 4)
    assert model.macs == 9 * (13 * d * d * L + V * d)
    assert model.recurrent_state_elements == 5 * L * d
    assert model.kv_cache_elements_per_token == 0


@pytest.mark.parametrize("size", SPIKEGPT_SIZES.values())
def test_spikegpt_adds_two_potentials_per_channel_and_block(size):
    plain, spiking = rwkv(size, tokens=4), spikegpt(size, tokens=4)
    assert (spiking.parameters, spiking.macs) == (plain.parameters, plain.macs)
    more = spiking.recurrent_state_elements - plain.recurrent_state_elements
    assert more == 2 * size.layers * size.d_model


@settings(max_examples=50, deadline=None)
@given(
    size=st.builds(
        Gpt2Size,
        layers=st.integers(1, 5),
        d_model=st.integers(1, 40).map(lambda n: 12 * n),
        heads=st.sampled_from([1, 2, 3, 4, 6, 12]),
        d_ff=st.integers(1, 500),
        vocab=st.integers(1, 9999),
        context=st.integers(1, 99),
    ),
    data=st.data(),
)
def test_a_pass_in_two_parts_attends_less_and_multiplies_as_much(size, data):
    """The cache saves the keys that come later; everything else is the same for each token."""
    first = data.draw(st.integers(0, size.context - 1))
    parts = [gpt2(size, tokens=size.context - first, context=size.context)]
    if first:
        parts.append(gpt2(size, tokens=first))
    whole = gpt2(size)
    matrices = [model.macs_of(Kind.LINEAR) for model in parts]
    assert sum(matrices) == whole.macs_of(Kind.LINEAR)
    saved = 2 * first * (size.context - first) * size.d_model * size.layers
    assert whole.macs - sum(model.macs for model in parts) == saved
    assert {model.parameters for model in parts} == {whole.parameters}


def test_first_block_of_stage_2_of_efficientnet_b0():
    (expand, depthwise, squeeze, excite, project) = (
        layer for layer in build_model("efficientnet_b0").blocks["features.2.0"] if layer.macs
    )
    assert expand.macs == 19_267_584
    assert depthwise.macs == 2_709_504
    assert squeeze.macs + excite.macs == 768
    assert project.macs == 7_225_344


def test_parameters_of_that_block():
    assert build_model("efficientnet_b0").parameters_by_block()["features.2.0"] == 6_004


@pytest.mark.parametrize("size", SPIKFORMER_SIZES.values())
def test_spikformer(size):
    D, L, H, T = size.d_model, size.layers, size.heads, size.time_steps
    N = size.image**2 // 4 ** len(size.pooled)
    model = spikformer(size)
    blocks = L * (12 * D * D + (24 + 3 * size.qkv_bias) * D)
    # 14.90625 D^2 + 9.125 D in the tokenizer, in whole numbers.
    tokenizer = (477 * D * D + 292 * D) // 32
    assert model.parameters == tokenizer + blocks + size.classes * (D + 1)
    attention = 2 * N * D * D // H if size.attention == "linear" else 2 * N * N * D
    convolutions = model.macs_of(Kind.CONVOLUTION)
    step = convolutions + L * (12 * D * D * N + attention)
    assert model.macs == T * step + size.classes * D


def test_attention_order_changes_its_products_only():
    size = SpikingVitSize(2, 64, 4, image=32, pooled=(3, 4))
    linear, square = spikformer(size), spikformer(replace(size, attention="square"))
    products = (Kind.ATTENTION_SCORES, Kind.ATTENTION_VALUES, Kind.LINEAR_ATTENTION)
    assert linear.macs_of(*products) == 2 * 2 * 64 * 64 * 16
    assert square.macs_of(*products) == 2 * 2 * 64 * 64 * 64
    difference = square.macs_of(*products) - linear.macs_of(*products)
    assert square.macs_one_step - linear.macs_one_step == difference
    assert linear.parameters == square.parameters


def test_spike_driven_transformer_differs_from_spikformer_by_products_and_head():
    size = SPIKFORMER_SIZES["spikformer_8_512"]
    driven, plain = spike_driven_transformer(size), spikformer(size)
    products = plain.macs_of(Kind.LINEAR_ATTENTION) * size.time_steps
    more_heads = (size.time_steps - 1) * 512 * 1000
    assert driven.macs == plain.macs - products + more_heads
    assert driven.parameters == plain.parameters + size.layers * size.heads**2


def test_resnet_of_twice_the_width_has_four_times_the_inner_weights():
    def inner(factor):
        widths = tuple(factor * width for width in (16, 32, 64, 128))
        model = resnet(ResNetSize((1, 1, 1, 1), widths=widths))
        return sum(n.weights for n in model.of(Kind.CONVOLUTION) if n.name != "conv1")

    assert inner(2) == 4 * inner(1)


@pytest.mark.parametrize("family", ["gpt2", "rwkv", "spikformer"])
def test_depth_adds_equal_blocks(family):
    def parameters(depth):
        if family == "gpt2":
            return gpt2(Gpt2Size(depth, 64, 4, 256, 99, 32)).parameters
        if family == "rwkv":
            return rwkv(RwkvSize(depth, 64, 256, 99)).parameters
        return spikformer(SpikingVitSize(depth, 64, 4, image=32, pooled=(3, 4))).parameters

    assert parameters(5) - parameters(4) == parameters(2) - parameters(1)
