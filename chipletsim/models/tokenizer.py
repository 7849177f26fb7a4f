"""The convolutional tokenizers of spiking transformers.

Channels go 3, D/8, D/4, D/2, D, D through 3 x 3 convolutions of stride 1 without bias, each
with a norm; maximum pooling 3 x 3 of stride 2 halves the image behind some of the first
four. With RGB images: ``14.90625 D^2 + 3.375 D`` weights and ``5.75 D`` numbers of norms.
The three variants differ in where the neurons stand:

* Spikformer: after each norm, before the pooling; the last unit is added to its input.
* Spike-driven Transformer: the same, but the fourth pooling acts on potentials, and the sum
  is one of potentials.
* Spikingformer: before each pooling, five units in a row and no sum.
"""

from __future__ import annotations

from typing import Literal

from chipletsim.errors import UsageError
from chipletsim.models.builder import Builder
from chipletsim.models.checks import require_divisible

Variant = Literal["spikformer", "spike_driven", "spikingformer"]


def tokenizer(
    builder: Builder, x: str, width: int, pooled: tuple[int, ...], variant: Variant
) -> str:
    """Add a tokenizer whose last layer gives (tokens, width).

    Args:
        builder: Where to add it.
        x: The image.
        width: Features D of a token.
        pooled: Which of the convolutions 1 to 4 have a pooling behind them.
        variant: Where the neurons stand.

    Raises:
        UsageError: The width is no multiple of 8, or ``pooled`` names another convolution.
    """
    require_divisible(builder.name, d_model=(width, 8))
    if not set(pooled) <= {1, 2, 3, 4}:
        raise UsageError(f"{builder.name} pools behind convolutions 1 to 4, not {pooled}")
    for place, channels in enumerate((width // 8, width // 4, width // 2), 1):
        suffix = str(place - 1) if place > 1 else ""
        x = _unit(builder, "proj", suffix, x, channels)
        x = builder.neuron(f"proj_lif{suffix}", x)
        x = _pool(builder, suffix, x, place in pooled)
    x = _unit(builder, "proj", "3", x, width)
    if variant == "spike_driven":
        x = _pool(builder, "3", x, 4 in pooled)
        y = builder.neuron("proj_lif3", x)
    else:
        y = x = _pool(builder, "3", builder.neuron("proj_lif3", x), 4 in pooled)
    y = _unit(builder, "rpe", "", y, width)
    if variant == "spikformer":
        y = builder.neuron("rpe_lif", y)
    _, height, breadth = builder.shape(y)
    sources = (y,) if variant == "spikingformer" else (y, x)
    return builder.add("tokens", *sources, outputs=(height * breadth, width))


def _unit(builder: Builder, stem: str, suffix: str, x: str, channels: int) -> str:
    x = builder.convolution(f"{stem}_conv{suffix}", x, channels, 3)
    return builder.norm(f"{stem}_bn{suffix}", x)


def _pool(builder: Builder, suffix: str, x: str, present: bool) -> str:
    return builder.pool(f"maxpool{suffix}", x, 3, 2, 1) if present else x
