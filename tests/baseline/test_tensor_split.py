"""What is split by tensor-parallel ranks, and what they exchange, by hand."""

import pytest
from systems import perceptron

from chipletsim.baseline.tensor_split import Split, tensor_plan
from chipletsim.models import build_model
from chipletsim.models.builder import Builder
from chipletsim.models.model import Kind


def test_a_block_of_llama_sums_twice_forward_and_twice_backward():
    plan = tensor_plan(build_model("llama3_8b", tokens=4))
    splits = {name: plan.splits[f"layers.0.{name}"] for name in ("q", "o", "gate", "down", "norm1")}
    assert splits == {
        "q": Split.COLUMNS, "o": Split.ROWS, "gate": Split.COLUMNS, "down": Split.ROWS,
        "norm1": Split.NONE,
    }  # fmt: skip
    block = [name for name in plan.sums if name.startswith("layers.7.")]
    assert block == ["layers.7.o", "layers.7.down"]
    backward = [name for name in plan.gradient_sums if name.startswith("layers.7.")]
    assert backward == ["layers.7.norm1", "layers.7.norm2"]
    assert plan.gathers == plan.gradient_scatters == []
    assert len(plan.sums) == 2 * 32 + 1  # and the embedding
    assert len(plan.gradient_sums) == 2 * 32 + 1  # and the head
    assert plan.splits["lm_head"] is Split.COLUMNS


@pytest.mark.parametrize("name", ["gpt2_small", "vit_b16", "rwkv4_169m", "spikformer_8_384"])
def test_blocks_of_transformers_and_rwkv_sum_twice(name):
    model = build_model(name)
    plan = tensor_plan(model)
    blocks = [block for block in model.blocks if block.split(".")[0] in {"h", "blocks"}]
    for block in blocks:
        owned = {layer.name for layer in model.blocks[block]}
        assert len(owned & set(plan.sums)) == 2, block


def test_a_split_shortcut_is_gathered_where_it_meets_a_sum():
    builder = Builder("residual", "test")
    x = builder.input((4, 8, 8))
    y = builder.norm("norm", builder.convolution("a", x, 6, 3))
    y = builder.convolution("b", y, 6, 3)
    builder.add("sum", y, builder.convolution("shortcut", x, 6, 1))
    plan = tensor_plan(builder.model())
    assert plan.splits["norm"] is Split.FEATURES
    assert (plan.sums, plan.gathers) == (["b"], ["shortcut"])


def test_a_norm_over_split_features_gathers_them():
    builder = Builder("stream", "test")
    x = builder.layer("positions", Kind.ADD, (builder.linear("l", _tokens(builder), 6),), (3, 6))
    builder.norm("norm", x)
    assert tensor_plan(builder.model()).gathers == ["positions"]


def _tokens(builder):
    return builder.input((3, 4))


def test_resnets_sum_once_in_a_block_with_a_split_stream():
    plan = tensor_plan(build_model("resnet18"))
    assert [name for name in plan.sums if name.startswith("layer1.")] == [
        "layer1.0.conv1", "layer1.1.conv1",
    ]  # fmt: skip


def test_plain_layers_take_turns():
    plan = tensor_plan(perceptron(8, 8, 8, 8))
    assert list(plan.splits.values()) == [Split.NONE, Split.COLUMNS, Split.ROWS, Split.COLUMNS]
    assert plan.sums == ["l2"]
    # The input needs no gradient; the outputs of l2, whole, are read by columns of l3.
    assert plan.gradient_sums == ["l2"]


def test_a_depthwise_convolution_exchanges_nothing():
    builder = Builder("mobile", "test")
    x = builder.input((3, 8, 8))
    x = builder.convolution("expand", x, 12, 1)
    x = builder.convolution("depthwise", x, 12, 3, groups=12)
    builder.convolution("project", x, 6, 1)
    plan = tensor_plan(builder.model())
    assert plan.splits["depthwise"] is Split.FEATURES
    assert plan.sums == ["project"]


def test_a_recurrent_layer_gathers_the_step_before():
    plan = tensor_plan(build_model("shd_rsnn_128"))
    assert len(plan.gathers) == 1
    assert plan.gradient_scatters == plan.gathers
