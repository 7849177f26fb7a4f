"""GPT-2, small to XL.

Source: Radford et al., "Language models are unsupervised multitask learners" (2019), table 2,
and the released configurations (transformers 5.23.0). Parameters: ``V d + C d + L block +
2 d``, with the head tied to the token embedding. FLOPs of S tokens:
``24 S L d^2 (1 + S / 6 d) + 2 S d V`` (Narayanan et al. 2021, forward part).
"""

from __future__ import annotations

from dataclasses import dataclass

from chipletsim.models.builder import Builder
from chipletsim.models.checks import require_context, require_divisible, require_positive
from chipletsim.models.model import Model, Signal
from chipletsim.models.vit import transformer_block


@dataclass(frozen=True)
class Gpt2Size:
    """Hyper-parameters of GPT-2.

    Attributes:
        layers: Blocks L.
        d_model: Width d.
        heads: Attention heads.
        d_ff: Hidden width.
        vocab: Tokens V of the vocabulary.
        context: Positions C.
    """

    layers: int
    d_model: int
    heads: int
    d_ff: int
    vocab: int = 50257
    context: int = 1024


GPT2_SIZES = {
    "gpt2_small": Gpt2Size(12, 768, 12, 3072),
    "gpt2_medium": Gpt2Size(24, 1024, 16, 4096),
    "gpt2_large": Gpt2Size(36, 1280, 20, 5120),
    "gpt2_xl": Gpt2Size(48, 1600, 25, 6400),
}


def gpt2(
    size: Gpt2Size,
    name: str = "gpt2",
    tokens: int | None = None,
    context: int | None = None,
    tied: bool = True,
) -> Model:
    """Return GPT-2 for one pass with logits for all its tokens.

    Args:
        size: Hyper-parameters.
        name: Name of the model.
        tokens: Tokens S of the pass; all positions if left out.
        context: Keys that each token attends to, the cache and the pass together; the
            tokens themselves if left out. One decoded token is ``tokens=1, context=c``.
        tied: Whether the head uses the weights of the token embedding.

    Raises:
        UsageError: A hyper-parameter is wrong, or the context does not fit.
    """
    require_positive(name, **vars(size))
    require_divisible(name, d_model=(size.d_model, size.heads))
    tokens = size.context if tokens is None else tokens
    context = tokens if context is None else context
    require_context(name, tokens, context, size.context)
    builder = Builder(name, "gpt2")
    ids = builder.input((tokens,), Signal.INDICES)
    x = builder.embedding("wte", ids, size.vocab, size.d_model)
    positions = builder.embedding("wpe", ids, size.context, size.d_model)
    x = builder.add("embedding", x, positions)
    for number in range(size.layers):
        builder.block = f"h.{number}"
        x = transformer_block(builder, x, size.heads, size.d_ff, context=context, cached=True)
    builder.block = "head"
    x = builder.norm("ln_f", x)
    builder.linear("lm_head", x, size.vocab, bias=False, tied_to="wte" if tied else None)
    return builder.model()
