"""Vision Transformer S, B and L with patches of 16.

Source: Dosovitskiy et al., "An image is worth 16 x 16 words" (ICLR 2021), table 1 (B, L), and
Touvron et al., "Training data-efficient image transformers" (ICML 2021), table 1 (S); layer
names follow timm 1.0.31. Per block of width d and hidden width f: ``4 d^2 + 2 d f`` weights,
``4 d + f + d`` biases and ``4 d`` numbers of norms; attention takes ``2 N^2 d`` MACs.
"""

from __future__ import annotations

from dataclasses import dataclass

from chipletsim.models.attention import scores, values
from chipletsim.models.builder import Builder
from chipletsim.models.checks import require_divisible, require_positive
from chipletsim.models.model import Kind, Model


@dataclass(frozen=True)
class VitSize:
    """Hyper-parameters of a Vision Transformer.

    Attributes:
        layers: Blocks.
        d_model: Width d.
        heads: Attention heads.
        d_ff: Hidden width f.
        patch: Height and width of a patch.
        image: Height and width of the input.
    """

    layers: int
    d_model: int
    heads: int
    d_ff: int
    patch: int = 16
    image: int = 224


VIT_SIZES = {
    "vit_s16": VitSize(12, 384, 6, 1536),
    "vit_b16": VitSize(12, 768, 12, 3072),
    "vit_l16": VitSize(24, 1024, 16, 4096),
}


def vit(size: VitSize, name: str = "vit", channels: int = 3, classes: int = 1000) -> Model:
    """Return a Vision Transformer: N = (image / patch)^2 + 1 tokens, head on the first."""
    require_positive(name, **vars(size))
    require_divisible(name, image=(size.image, size.patch), d_model=(size.d_model, size.heads))
    width, tokens = size.d_model, (size.image // size.patch) ** 2 + 1
    builder = Builder(name, "vit")
    x = builder.input((channels, size.image, size.image))
    x = builder.convolution("patch_embed", x, width, size.patch, size.patch, padding=0, bias=True)
    shape = (tokens, width)
    x = builder.layer("cls_token", Kind.EMBEDDING, (x,), shape, parameters=width)
    x = builder.layer("pos_embed", Kind.EMBEDDING, (x,), shape, parameters=tokens * width)
    for number in range(size.layers):
        builder.block = f"blocks.{number}"
        x = transformer_block(builder, x, size.heads, size.d_ff)
    builder.block = "head"
    x = builder.norm("norm", x)
    x = builder.reduce("class_output", x, (width,))
    builder.linear("head", x, classes)
    return builder.model()


def transformer_block(
    builder: Builder,
    x: str,
    heads: int,
    d_ff: int,
    *,
    context: int | None = None,
    cached: bool = False,
) -> str:
    """Add a pre-norm block with biases, named after the current block; return its sum.

    Args:
        builder: Where to add it.
        x: Source with outputs (tokens, d).
        heads: Attention heads.
        d_ff: Hidden width.
        context: Keys that each token attends to; the tokens themselves if left out.
        cached: Whether keys and values are kept for later tokens.
    """
    prefix, width = builder.block, builder.shape(x)[-1]
    y = builder.norm(f"{prefix}.norm1", x)
    qkv = builder.linear(f"{prefix}.qkv", y, 3 * width)
    head_dim = width // heads
    y = scores(builder, f"{prefix}.scores", (qkv,), heads, head_dim, context=context, cached=cached)
    y = values(builder, f"{prefix}.values", (y, qkv), head_dim, cached=cached)
    y = builder.linear(f"{prefix}.attn_proj", y, width)
    x = builder.add(f"{prefix}.add1", y, x)
    y = builder.norm(f"{prefix}.norm2", x)
    y = builder.linear(f"{prefix}.fc1", y, d_ff)
    y = builder.linear(f"{prefix}.fc2", y, width)
    return builder.add(f"{prefix}.add2", y, x)
