"""Spikformer, Spikingformer and the Spike-driven Transformer.

Sources: Spikformer, Zhou et al. (ICLR 2023), imagenet/model.py and cifar10/model.py of
github.com/ZK-Zhou/spikformer at 6212689. Spikingformer, Zhou et al. (2023), imagenet/model.py
of github.com/zhouchenlin2096/Spikingformer at 4378623. Spike-driven Transformer, Yao et al.
(NeurIPS 2023), model/spikeformer.py and module/ms_conv.py of
github.com/BICLab/Spike-Driven-Transformer at 3faa822, with its configurations.

Per block and step with N tokens of D features and H heads, f = 4 D: ``12 D^2 N`` MACs of
matrices; attention as Q (K^T V) takes ``2 N D^2 / H``, as (Q K^T) V ``2 N^2 D``, and the
spike-driven one none: it masks K with V, adds up columns (N D additions) and masks Q.

Not in the graph: the 3 x 3 maximum filters that the Spike-driven Transformer puts on keys and
values of event-camera data, which change rates and no count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from chipletsim.errors import UsageError
from chipletsim.models.attention import linear_attention, scores, values
from chipletsim.models.builder import Builder
from chipletsim.models.checks import require_divisible, require_positive
from chipletsim.models.model import Kind, Model, Signal
from chipletsim.models.tokenizer import Variant, tokenizer

AttentionOrder = Literal["linear", "square"]


@dataclass(frozen=True)
class SpikingVitSize:
    """Hyper-parameters of a spiking vision transformer.

    Attributes:
        layers: Blocks.
        d_model: Features D of a token.
        heads: Attention heads H.
        time_steps: Time steps T.
        channels: Channels of the input.
        image: Height and width of the input.
        classes: Outputs.
        pooled: Which convolutions of the tokenizer have a pooling behind them.
        attention: ``linear`` is Q (K^T V), ``square`` is (Q K^T) V.
        qkv_bias: Whether the projections to queries, keys and values have a bias.
    """

    layers: int
    d_model: int
    heads: int = 8
    time_steps: int = 4
    channels: int = 3
    image: int = 224
    classes: int = 1000
    pooled: tuple[int, ...] = (1, 2, 3, 4)
    attention: AttentionOrder = "linear"
    qkv_bias: bool = False


def _cifar(layers: int, width: int, heads: int) -> SpikingVitSize:
    return SpikingVitSize(
        layers,
        width,
        heads,
        image=32,
        classes=10,
        pooled=(3, 4),
        attention="square",
        qkv_bias=True,
    )


# Heads of Spikformer and Spikingformer from the energy script of the latter.
SPIKFORMER_SIZES = {
    "spikformer_8_384": SpikingVitSize(8, 384),
    "spikformer_6_512": SpikingVitSize(6, 512),
    "spikformer_8_512": SpikingVitSize(8, 512),
    "spikformer_10_512": SpikingVitSize(10, 512),
    "spikformer_8_768": SpikingVitSize(8, 768, 12),
    "spikformer_cifar10_4_256": _cifar(4, 256, 8),
    "spikformer_cifar10_2_384": _cifar(2, 384, 12),
    "spikformer_cifar10_4_384": _cifar(4, 384, 12),
}
SPIKINGFORMER_SIZES = {
    "spikingformer_8_512": SpikingVitSize(8, 512),
    "spikingformer_8_768": SpikingVitSize(8, 768, 12),
}
SPIKE_DRIVEN_SIZES = {
    "spike_driven_transformer_8_384": SpikingVitSize(8, 384),
    "spike_driven_transformer_6_512": SpikingVitSize(6, 512),
    "spike_driven_transformer_8_512": SpikingVitSize(8, 512),
    "spike_driven_transformer_10_512": SpikingVitSize(10, 512),
    "spike_driven_transformer_8_768": SpikingVitSize(8, 768),
    "spike_driven_transformer_gesture_2_256": SpikingVitSize(
        2, 256, time_steps=16, channels=2, image=128, classes=11, pooled=(2, 3, 4)
    ),
    "spike_driven_transformer_cifar10_2_512": SpikingVitSize(
        2, 512, image=32, classes=10, pooled=(3, 4)
    ),
}


def spikformer(size: SpikingVitSize, name: str = "spikformer", unused_norms: bool = False) -> Model:
    """Return a Spikformer: neurons after each norm, residual sums of spikes.

    Args:
        size: Hyper-parameters.
        name: Name of the model.
        unused_norms: Whether to hold the two layer norms per block that the reference code
            creates and never applies (4 D parameters a block).
    """
    builder, x = _start(size, name, "spikformer")
    for number in range(size.layers):
        builder.block = f"block.{number}"
        x = _spikformer_block(builder, x, size)
        _unused_norms(builder, size, unused_norms)
    return _mean_head(builder, x, size)


def spikingformer(
    size: SpikingVitSize, name: str = "spikingformer", unused_norms: bool = False
) -> Model:
    """Return a Spikingformer: neurons before each matrix, residual sums of potentials.

    Args:
        size: Hyper-parameters.
        name: Name of the model.
        unused_norms: As in `spikformer`.
    """
    builder, x = _start(size, name, "spikingformer")
    for number in range(size.layers):
        builder.block = prefix = f"block.{number}"
        y = builder.neuron(f"{prefix}.qkv_lif", x)
        query, key, value = _queries(builder, y, size)
        y = _products(builder, query, key, value, size)
        y = _unit(builder, "proj", builder.neuron(f"{prefix}.attn_lif", y), size.d_model)
        x = _membrane_mlp(builder, builder.add(f"{prefix}.add1", y, x))
        _unused_norms(builder, size, unused_norms)
    return _mean_head(builder, x, size)


def spike_driven_transformer(size: SpikingVitSize, name: str = "spike_driven") -> Model:
    """Return a Spike-driven Transformer: masks instead of products, head in each step.

    A heads x heads matrix per block is held by the reference code and not applied.
    """
    builder, x = _start(size, name, "spike_driven")
    for number in range(size.layers):
        builder.block = prefix = f"block.{number}"
        y = builder.neuron(f"{prefix}.qkv_lif", x)
        query, key, value = _queries(builder, y, size)
        y = builder.gate(f"{prefix}.kv", key, value)
        sums, counts = (1, size.d_model), Signal.SPIKE_COUNTS
        y = builder.layer(f"{prefix}.kv_sum", Kind.COLUMN_SUM, (y,), sums, signal=counts)
        y = builder.neuron(f"{prefix}.kv_lif", y)
        y = builder.gate(f"{prefix}.q_kv", query, y)
        builder.unused(f"{prefix}.talking_heads", size.heads**2)
        y = _unit(builder, "proj", y, size.d_model)
        x = _membrane_mlp(builder, builder.add(f"{prefix}.add1", y, x))
    builder.block = "head"
    x = builder.reduce("token_mean", x, (size.d_model,))
    x = builder.neuron("head_lif", x)
    x = builder.linear("head", x, size.classes)
    builder.time_mean("time_mean", x)
    return builder.model()


def _products(builder: Builder, query: str, key: str, value: str, size: SpikingVitSize) -> str:
    """Add the two attention products in the order that the size asks for."""
    prefix = builder.block
    if size.attention == "linear":
        names = (f"{prefix}.ktv", f"{prefix}.q_ktv")
        return linear_attention(builder, names, query, key, value, heads=size.heads)
    head_dim = size.d_model // size.heads
    y = scores(builder, f"{prefix}.scores", (query, key), size.heads, head_dim)
    return values(builder, f"{prefix}.values", (y, value), head_dim)


def _start(size: SpikingVitSize, name: str, variant: Variant) -> tuple[Builder, str]:
    """Check the size and return a builder with the tokenizer, and its last layer."""
    require_positive(
        name,
        layers=size.layers,
        d_model=size.d_model,
        heads=size.heads,
        channels=size.channels,
        image=size.image,
        classes=size.classes,
    )
    require_divisible(name, d_model=(size.d_model, size.heads))
    if size.attention not in get_args(AttentionOrder):
        raise UsageError(f"{name}: attention is 'linear' or 'square', not {size.attention!r}")
    builder = Builder(name, variant, size.time_steps)
    builder.block = "tokenizer"
    image = builder.input((size.channels, size.image, size.image))
    return builder, tokenizer(builder, image, size.d_model, size.pooled, variant)


def _unit(builder: Builder, name: str, x: str, features: int, bias: bool = True) -> str:
    """Add a matrix over the features of each token and its batch norm."""
    x = builder.linear(f"{builder.block}.{name}", x, features, bias)
    return builder.norm(f"{builder.block}.{name}_bn", x)


def _spiking_unit(builder: Builder, name: str, x: str, features: int, bias: bool = True) -> str:
    """Add a matrix, its norm and neurons."""
    return builder.neuron(f"{builder.block}.{name}_lif", _unit(builder, name, x, features, bias))


def _queries(builder: Builder, x: str, size: SpikingVitSize) -> tuple[str, str, str]:
    query, key, value = (
        _spiking_unit(builder, name, x, size.d_model, size.qkv_bias) for name in "qkv"
    )
    return query, key, value


def _spikformer_block(builder: Builder, x: str, size: SpikingVitSize) -> str:
    prefix, width = builder.block, size.d_model
    query, key, value = _queries(builder, x, size)
    y = _products(builder, query, key, value, size)
    y = _spiking_unit(builder, "proj", builder.neuron(f"{prefix}.attn_lif", y), width)
    x = builder.add(f"{prefix}.add1", y, x)
    y = _spiking_unit(builder, "fc1", x, 4 * width)
    y = _spiking_unit(builder, "fc2", y, width)
    return builder.add(f"{prefix}.add2", y, x)


def _membrane_mlp(builder: Builder, x: str) -> str:
    prefix, width = builder.block, builder.shape(x)[-1]
    y = _unit(builder, "fc1", builder.neuron(f"{prefix}.fc1_lif", x), 4 * width)
    y = _unit(builder, "fc2", builder.neuron(f"{prefix}.fc2_lif", y), width)
    return builder.add(f"{prefix}.add2", y, x)


def _unused_norms(builder: Builder, size: SpikingVitSize, present: bool) -> None:
    if present:
        builder.unused(f"{builder.block}.norms", 4 * size.d_model)


def _mean_head(builder: Builder, x: str, size: SpikingVitSize) -> Model:
    """Add the means over tokens and time, and the head, once."""
    builder.block = "head"
    x = builder.reduce("token_mean", x, (size.d_model,))
    x = builder.time_mean("time_mean", x)
    builder.linear("head", x, size.classes)
    return builder.model()
