"""The matrix products of attention, which have no weights.

With n tokens, c keys, H heads of h features: Q K^T and P V take ``n c H h`` MACs each (the
full square, no causal mask), and grouped queries do not shrink them. Q (K^T V) takes
``n H h^2`` for each of its two products and no softmax stands between.
"""

from __future__ import annotations

from typing import Any

from chipletsim.models.builder import Builder
from chipletsim.models.model import Kind, Signal


def scores(
    builder: Builder,
    name: str,
    sources: tuple[str, ...],
    heads: int,
    head_dim: int,
    *,
    context: int | None = None,
    kv_heads: int | None = None,
    cached: bool = False,
) -> str:
    """Add Q K^T with outputs (heads, tokens, context).

    Args:
        builder: Where to add it.
        name: Name of the layer.
        sources: The query, and the key where it is a layer of its own.
        heads: Heads H.
        head_dim: Features h of a head.
        context: Keys c; the tokens themselves if left out.
        kv_heads: Heads of keys; as many as H if left out.
        cached: Whether keys are kept for later tokens.
    """
    tokens = builder.shape(sources[0])[0]
    context, kv_heads = context or tokens, kv_heads or heads
    return builder.layer(
        name,
        Kind.ATTENTION_SCORES,
        sources,
        (heads, tokens, context),
        inputs=(tokens, heads * head_dim),
        signal=_product_signal(builder, sources),
        macs=tokens * context * heads * head_dim,
        heads=heads,
        kv_heads=kv_heads,
        cache_elements_per_token=kv_heads * head_dim * cached,
    )


def values(
    builder: Builder,
    name: str,
    sources: tuple[str, str],
    head_dim: int,
    *,
    kv_heads: int | None = None,
    cached: bool = False,
) -> str:
    """Add the product of the scores, first of ``sources``, with V; outputs (tokens, H h)."""
    heads, tokens, context = builder.shape(sources[0])
    kv_heads = kv_heads or heads
    return builder.layer(
        name,
        Kind.ATTENTION_VALUES,
        sources,
        (tokens, heads * head_dim),
        signal=_product_signal(builder, sources),
        macs=tokens * context * heads * head_dim,
        heads=heads,
        kv_heads=kv_heads,
        cache_elements_per_token=kv_heads * head_dim * cached,
    )


def linear_attention(
    builder: Builder, names: tuple[str, str], query: str, key: str, value: str, *, heads: int
) -> str:
    """Add K^T V with outputs (heads, h, h), then its product with Q; return the second."""
    tokens, features = builder.shape(query)
    head_dim = features // heads
    fields: dict[str, Any] = {
        "macs": tokens * heads * head_dim**2,
        "heads": heads,
        "kv_heads": heads,
    }
    outputs = (heads, head_dim, head_dim)
    signal = _product_signal(builder, (key, value))
    memory = builder.layer(
        names[0], Kind.LINEAR_ATTENTION, (key, value), outputs, signal=signal, **fields
    )
    signal = _product_signal(builder, (query, memory))
    return builder.layer(
        names[1],
        Kind.LINEAR_ATTENTION,
        (query, memory),
        (tokens, features),
        signal=signal,
        **fields,
    )


def _product_signal(builder: Builder, sources: tuple[str, ...]) -> Signal:
    """Return what a product of these layers is: a count where both are spikes or counts."""
    sparse = all(builder.signal(source).sparse for source in sources)
    return Signal.SPIKE_COUNTS if sparse else Signal.VALUES
