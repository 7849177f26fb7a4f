"""RWKV-4 and the spiking SpikeGPT with the same matrices.

RWKV-4: Peng et al., "RWKV: reinventing RNNs for the transformer era" (2023); sizes from
RWKV-v4neo/run.py of github.com/BlinkDL/RWKV-LM (169M to 7B) and from third-party loaders
(14B). SpikeGPT: Zhu et al. (2023), src/model.py and run.py of github.com/ridgerchu/SpikeGPT;
216M is 18 x 768 there, 46M (12 x 512, enwik8 vocabulary) is known from its exact count and
260M (24 x 768) is inferred from its count.

Per block of width d: time mix 4 d^2, channel mix d d_ff + d_ff d + d^2 (9 d^2 for d_ff =
4 d), and 11 d numbers of decay, first, mixes and norms; ``p = 2 V d + 13 d^2 L +
d (11 L + 4)``. MACs per token ``13 d^2 L + V d``, whatever the context. State ``5 L d``.
SpikeGPT's matrices read real numbers: its spikes enter the residual sum only.
"""

from __future__ import annotations

from dataclasses import dataclass

from chipletsim.models.builder import Builder
from chipletsim.models.checks import require_positive
from chipletsim.models.model import Kind, Model, Signal


@dataclass(frozen=True)
class RwkvSize:
    """Hyper-parameters of RWKV-4 or SpikeGPT.

    Attributes:
        layers: Blocks L.
        d_model: Width d.
        d_ff: Hidden width of the channel mix.
        vocab: Tokens V of the vocabulary.
    """

    layers: int
    d_model: int
    d_ff: int
    vocab: int = 50277


RWKV_SIZES = {
    "rwkv4_169m": RwkvSize(12, 768, 3072),
    "rwkv4_430m": RwkvSize(24, 1024, 4096),
    "rwkv4_1b5": RwkvSize(24, 2048, 8192),
    "rwkv4_3b": RwkvSize(32, 2560, 10240),
    "rwkv4_7b": RwkvSize(32, 4096, 16384),
    "rwkv4_14b": RwkvSize(40, 5120, 20480),
}
SPIKEGPT_SIZES = {
    "spikegpt_46m": RwkvSize(12, 512, 2048, vocab=5458),
    "spikegpt_216m": RwkvSize(18, 768, 3072),
    "spikegpt_260m": RwkvSize(24, 768, 3072),
}


def rwkv(size: RwkvSize, name: str = "rwkv", tokens: int = 1) -> Model:
    """Return RWKV-4 for one pass of ``tokens`` with logits for all of them."""
    return _language_model(size, name, tokens, spiking=False)


def spikegpt(size: RwkvSize, name: str = "spikegpt", tokens: int = 1) -> Model:
    """Return SpikeGPT for one pass of ``tokens``; the tokens are its time steps."""
    return _language_model(size, name, tokens, spiking=True)


def _language_model(size: RwkvSize, name: str, tokens: int, spiking: bool) -> Model:
    require_positive(name, **vars(size), tokens=tokens)
    builder = Builder(name, "spikegpt" if spiking else "rwkv")
    x = builder.input((tokens,), Signal.INDICES)
    x = builder.embedding("emb", x, size.vocab, size.d_model)
    if spiking:
        # The embedding passes a threshold that keeps no state.
        x = builder.neuron("emb.spikes", x, state=0)
    x = builder.norm("ln0", x)
    for number in range(size.layers):
        builder.block = f"blocks.{number}"
        x = _block(builder, x, size, spiking)
    builder.block = "head"
    x = builder.norm("ln_out", x)
    builder.linear("head", x, size.vocab, bias=False)
    return builder.model()


def _block(builder: Builder, x: str, size: RwkvSize, spiking: bool) -> str:
    """Add time mix and channel mix, each with a norm, a shift and a residual sum."""
    prefix = builder.block
    y = builder.norm(f"{prefix}.ln1", x)
    x = _residual(builder, f"{prefix}.att", _time_mix(builder, y), x, spiking)
    y = builder.norm(f"{prefix}.ln2", x)
    return _residual(builder, f"{prefix}.ffn", _channel_mix(builder, y, size.d_ff), x, spiking)


def _residual(builder: Builder, prefix: str, y: str, x: str, spiking: bool) -> str:
    """Add ``y``, through neurons with one state per channel if spiking, to ``x``."""
    if spiking:
        y = builder.neuron(f"{prefix}.lif", y, state=builder.shape(y)[-1])
    return builder.add(f"{prefix}.add", y, x)


def _shift(builder: Builder, name: str, x: str, mixes: int) -> str:
    """Add the token shift: it remembers one token and has ``mixes`` vectors.

    Each reader mixes the token and the one before it with a vector of its own; the
    mixtures count as one output.
    """
    shape = builder.shape(x)
    width = shape[-1]
    vectors = mixes * width
    return builder.layer(
        name, Kind.RECURRENCE, (x,), shape, parameters=vectors, state_elements=width
    )


def _time_mix(builder: Builder, x: str) -> str:
    """Add the WKV recurrence (state 3 d, vectors decay and first) between its matrices."""
    prefix, shape = f"{builder.block}.att", builder.shape(x)
    width = shape[-1]
    x = _shift(builder, f"{prefix}.shift", x, 3)
    key, value, receptance = (
        builder.linear(f"{prefix}.{name}", x, width, bias=False)
        for name in ("key", "value", "receptance")
    )
    y = builder.layer(
        f"{prefix}.wkv",
        Kind.RECURRENCE,
        (key, value),
        shape,
        parameters=2 * width,
        state_elements=3 * width,
    )
    y = builder.gate(f"{prefix}.gate", y, receptance)
    return builder.linear(f"{prefix}.output", y, width, bias=False)


def _channel_mix(builder: Builder, x: str, d_ff: int) -> str:
    prefix, width = f"{builder.block}.ffn", builder.shape(x)[-1]
    x = _shift(builder, f"{prefix}.shift", x, 2)
    y = builder.linear(f"{prefix}.key", x, d_ff, bias=False)
    y = builder.linear(f"{prefix}.value", y, width, bias=False)
    receptance = builder.linear(f"{prefix}.receptance", x, width, bias=False)
    return builder.gate(f"{prefix}.gate", y, receptance)
