"""A network as a graph of layers with exact counts and no weights.

Conventions of every count in this room:

* A MAC is one multiplication and one addition into an accumulator; FLOPs are twice the
  MACs. Convolutions, linear layers and attention products count. Biases, norms,
  activation functions, softmax, pooling, residual additions, rotary embedding, look-ups,
  neurons and the recurrence of RWKV do not. A tap on padding counts.
* Parameters are trainable numbers, shared tensors once. Running statistics are none.
* Batch is one. A layer is applied in each time step or once per run.
* Activation functions work in place on the output of a layer and are no layers of their
  own. Spiking neurons are, as they hold state and decide what is sent.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import prod

from chipletsim.errors import UsageError


class Kind(StrEnum):
    """What a layer does.

    ``ATTENTION_SCORES`` is Q K^T and ``ATTENTION_VALUES`` its product with V;
    ``LINEAR_ATTENTION`` is one of the two products of Q (K^T V). ``RECURRENCE`` carries
    state from token to token (WKV, token shift). ``TIME_MEAN`` reduces the time steps to
    one value. ``GATE`` multiplies element by element, ``COLUMN_SUM`` adds over tokens.
    ``UNUSED`` holds parameters that the reference code creates and never applies.
    """

    INPUT = "input"
    CONVOLUTION = "convolution"
    LINEAR = "linear"
    ATTENTION_SCORES = "attention scores"
    ATTENTION_VALUES = "attention values"
    LINEAR_ATTENTION = "linear attention"
    RECURRENCE = "recurrence"
    EMBEDDING = "embedding"
    NORM = "norm"
    NEURON = "neuron"
    POOL = "pool"
    TIME_MEAN = "time mean"
    ADD = "add"
    GATE = "gate"
    COLUMN_SUM = "column sum"
    UNUSED = "unused"


class Signal(StrEnum):
    """What the outputs of a layer are.

    ``SPIKES`` are 0 or 1, ``SPIKE_COUNTS`` sums or local means of a few spikes (zero where
    none fired), ``INDICES`` token numbers, ``VALUES`` any real numbers.
    """

    VALUES = "values"
    SPIKES = "spikes"
    SPIKE_COUNTS = "spike counts"
    INDICES = "indices"

    @property
    def sparse(self) -> bool:
        """Whether only events need to be sent and added."""
        return self in (Signal.SPIKES, Signal.SPIKE_COUNTS)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, applied to one sample.

    Shapes are (channels, height, width) for images, (tokens, features) for sequences,
    (features,) for vectors and (heads, rows, columns) for attention matrices. A linear
    layer after an image takes it flattened.

    Attributes:
        name: Unique name.
        kind: What it does.
        sources: Names of the layers whose outputs of the same step it reads.
        inputs: Shape of what it reads from its first source.
        outputs: Shape of what it gives.
        block: Name of the block it belongs to; a pipeline is cut between blocks.
        signal: What its outputs are.
        parameters: Trainable numbers, biases and norms included; 0 where they are those
            of ``tied_to``.
        weights: Numbers in the matrix or kernel, tied ones included, biases left out.
        macs: Multiply-accumulates of one application.
        kernel: Width of the square kernel or pooling window.
        stride: Stride of it.
        padding: Zeros on each side.
        groups: Groups of channels; as many as input channels in a depthwise convolution.
        heads: Attention heads; 0 where there are none.
        kv_heads: Heads of keys and values.
        each_step: Whether it is applied in each time step, else once per run.
        delayed: Names of the layers whose outputs of the step before it reads.
        tied_to: Name of the layer whose weights it uses.
        state_elements: Numbers kept from step to step or from token to token.
        cache_elements_per_token: Numbers kept for each token of the context.
    """

    name: str
    kind: Kind
    sources: tuple[str, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    block: str
    signal: Signal = Signal.VALUES
    parameters: int = 0
    weights: int = 0
    macs: int = 0
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1
    heads: int = 0
    kv_heads: int = 0
    each_step: bool = True
    delayed: tuple[str, ...] = ()
    tied_to: str | None = None
    state_elements: int = 0
    cache_elements_per_token: int = 0

    @property
    def activations(self) -> int:
        """Output values of one application."""
        return prod(self.outputs)

    @property
    def biased(self) -> bool:
        """Whether a convolution or linear layer adds a bias to each output."""
        own = 0 if self.tied_to else self.weights
        return self.kind in (Kind.CONVOLUTION, Kind.LINEAR) and self.parameters > own

    @property
    def input_values(self) -> int:
        """Values read from the first source in one application."""
        return prod(self.inputs)


@dataclass(frozen=True)
class Model:
    """Layers in an order in which they can be computed.

    Attributes:
        name: Name of the model.
        family: Name of its generator.
        layers: All layers, each after its sources.
        time_steps: Time steps per run; 1 for networks without time.

    Raises:
        UsageError: A name stands twice, or a source is missing or comes later.
    """

    name: str
    family: str
    layers: tuple[Layer, ...]
    time_steps: int = 1

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for layer in self.layers:
            if layer.name in seen:
                raise UsageError(f"{self.name} has two layers named {layer.name!r}")
            if wrong := [source for source in layer.sources if source not in seen]:
                raise UsageError(
                    f"{self.name}: layer {layer.name!r} reads {wrong[0]!r}, no earlier layer"
                )
            seen.add(layer.name)
        if lost := [name for layer in self.layers for name in layer.delayed if name not in seen]:
            raise UsageError(
                f"{self.name}: a layer reads {lost[0]!r} of the step before; there is none"
            )

    def __repr__(self) -> str:
        return (
            f"Model({self.name!r}: {len(self.layers):,} layers in {len(self.blocks):,} blocks, "
            f"{self.parameters:,} parameters, {self.macs:,} MACs)"
        )

    @cached_property
    def _by_name(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.layers}

    def layer(self, name: str) -> Layer:
        """Return the layer called ``name``.

        Raises:
            UsageError: There is none.
        """
        if name not in self._by_name:
            raise UsageError(f"{self.name} has no layer {name!r}")
        return self._by_name[name]

    @cached_property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Pairs (source, target) within a step."""
        return tuple((source, layer.name) for layer in self.layers for source in layer.sources)

    @cached_property
    def delayed_edges(self) -> tuple[tuple[str, str], ...]:
        """Pairs (source, target) from one step to the next."""
        return tuple((source, layer.name) for layer in self.layers for source in layer.delayed)

    def input_signals(self, layer: Layer) -> tuple[Signal, ...]:
        """Return what ``layer`` reads from its sources, then from those of the step before."""
        return tuple(self.layer(name).signal for name in layer.sources + layer.delayed)

    def applications(self, layer: Layer) -> int:
        """Return how often ``layer`` is applied in a run."""
        return self.time_steps if layer.each_step else 1

    @cached_property
    def blocks(self) -> dict[str, tuple[Layer, ...]]:
        """Name of a block to its layers, in order."""
        found: dict[str, list[Layer]] = {}
        for layer in self.layers:
            found.setdefault(layer.block, []).append(layer)
        return {name: tuple(layers) for name, layers in found.items()}

    def crossing(self, block: str) -> tuple[Layer, ...]:
        """Return the layers whose outputs are read beyond the cut after ``block``.

        Raises:
            UsageError: There is no such block.
        """
        order = {name: number for number, name in enumerate(self.blocks)}
        if block not in order:
            raise UsageError(f"{self.name} has no block {block!r}")
        place = {layer.name: order[layer.block] for layer in self.layers}
        cut = order[block]
        read = {
            source
            for source, target in self.edges + self.delayed_edges
            if place[source] <= cut < place[target]
        }
        return tuple(layer for layer in self.layers if layer.name in read)

    def of(self, *kinds: Kind) -> tuple[Layer, ...]:
        """Return the layers of these kinds, in order."""
        return tuple(layer for layer in self.layers if layer.kind in kinds)

    @property
    def parameters(self) -> int:
        """Trainable numbers, shared tensors once."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs_one_step(self) -> int:
        """MACs of one application of every layer, spikes priced like values."""
        return sum(layer.macs for layer in self.layers)

    @property
    def macs(self) -> int:
        """MACs of a run of all time steps, spikes priced like values."""
        return sum(layer.macs * self.applications(layer) for layer in self.layers)

    @property
    def activations(self) -> int:
        """Output values of all layers in a run, inputs left out."""
        computed = (layer for layer in self.layers if layer.kind is not Kind.INPUT)
        return sum(layer.activations * self.applications(layer) for layer in computed)

    @property
    def recurrent_state_elements(self) -> int:
        """Numbers kept from step to step or from token to token, whatever the context."""
        return sum(layer.state_elements for layer in self.layers)

    @property
    def kv_cache_elements_per_token(self) -> int:
        """Keys and values kept for each token of the context."""
        return sum(layer.cache_elements_per_token for layer in self.layers)

    def parameters_of(self, *kinds: Kind) -> int:
        """Return the parameters of the layers of these kinds."""
        return sum(layer.parameters for layer in self.of(*kinds))

    def macs_of(self, *kinds: Kind) -> int:
        """Return the MACs of one application of each layer of these kinds."""
        return sum(layer.macs for layer in self.of(*kinds))

    def parameters_by_block(self) -> dict[str, int]:
        """Return the parameters of each block."""
        found: Counter[str] = Counter()
        for layer in self.layers:
            found[layer.block] += layer.parameters
        return dict(found)
