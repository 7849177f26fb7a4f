"""Llama 2 and 3: grouped queries, SwiGLU, RMS norms, rotary positions.

Source: the public model configurations (Touvron et al., "Llama 2", 2023; Grattafiori et al.,
"The Llama 3 herd of models", 2024); the totals agree with the released sizes. With H heads,
K heads of keys and values, h = d / H: ``2 d^2 + 2 d K h + 3 d f + 2 d`` parameters a block,
``2 V d + L block + d`` in all, and a cache of ``2 L K h`` numbers per token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chipletsim.models.attention import scores, values
from chipletsim.models.builder import Builder
from chipletsim.models.checks import require_context, require_divisible, require_positive
from chipletsim.models.model import Model, Signal


@dataclass(frozen=True)
class LlamaSize:
    """Hyper-parameters of a Llama.

    Attributes:
        layers: Blocks L.
        d_model: Width d.
        heads: Heads H of queries.
        kv_heads: Heads K of keys and values.
        d_ff: Hidden width f.
        vocab: Tokens V of the vocabulary.
        context: Longest context.
        head_dim: Features h of a head.
    """

    layers: int
    d_model: int
    heads: int
    kv_heads: int
    d_ff: int
    vocab: int
    context: int
    head_dim: int = 128


LLAMA_SIZES = {
    "llama2_7b": LlamaSize(32, 4096, 32, 32, 11008, 32000, 4096),
    "llama2_13b": LlamaSize(40, 5120, 40, 40, 13824, 32000, 4096),
    "llama2_70b": LlamaSize(80, 8192, 64, 8, 28672, 32000, 4096),
    "llama3_8b": LlamaSize(32, 4096, 32, 8, 14336, 128256, 8192),
    "llama3_70b": LlamaSize(80, 8192, 64, 8, 28672, 128256, 8192),
}


def llama(
    size: LlamaSize, name: str = "llama", tokens: int | None = None, context: int | None = None
) -> Model:
    """Return a Llama for one pass with logits for all its tokens.

    Args:
        size: Hyper-parameters.
        name: Name of the model.
        tokens: Tokens S of the pass; the longest context if left out.
        context: Keys that each token attends to, the cache and the pass together; the
            tokens themselves if left out. One decoded token is ``tokens=1, context=c``.

    Raises:
        UsageError: A hyper-parameter is wrong, or the context does not fit.
    """
    require_positive(name, **vars(size))
    require_divisible(name, heads=(size.heads, size.kv_heads))
    tokens = size.context if tokens is None else tokens
    context = tokens if context is None else context
    require_context(name, tokens, context, size.context)
    builder = Builder(name, "llama")
    x = builder.input((tokens,), Signal.INDICES)
    x = builder.embedding("embed_tokens", x, size.vocab, size.d_model)
    for number in range(size.layers):
        builder.block = f"layers.{number}"
        x = _block(builder, x, size, context)
    builder.block = "head"
    x = builder.norm("norm", x, per_channel=1)
    builder.linear("lm_head", x, size.vocab, bias=False)
    return builder.model()


def _block(builder: Builder, x: str, size: LlamaSize, context: int) -> str:
    prefix = builder.block

    def linear(name: str, source: str, features: int) -> str:
        return builder.linear(f"{prefix}.{name}", source, features, bias=False)

    y = builder.norm(f"{prefix}.norm1", x, per_channel=1)
    query = linear("q", y, size.heads * size.head_dim)
    key = linear("k", y, size.kv_heads * size.head_dim)
    value = linear("v", y, size.kv_heads * size.head_dim)
    heads: dict[str, Any] = {"head_dim": size.head_dim, "kv_heads": size.kv_heads, "cached": True}
    name = f"{prefix}.scores"
    y = scores(builder, name, (query, key), size.heads, context=context, **heads)
    y = values(builder, f"{prefix}.values", (y, value), **heads)
    x = builder.add(f"{prefix}.add1", linear("o", y, size.d_model), x)
    y = builder.norm(f"{prefix}.norm2", x, per_channel=1)
    y = builder.gate(f"{prefix}.swiglu", linear("gate", y, size.d_ff), linear("up", y, size.d_ff))
    return builder.add(f"{prefix}.add2", linear("down", y, size.d_model), x)
