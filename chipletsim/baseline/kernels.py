"""The kernels of a dense network on one rank: operations, values moved, launches.

A convolution or linear layer reads its weights once per launch, its inputs, and writes its
outputs. Attention is one kernel whose scores never leave the chip: it reads the queries,
the keys and values of the whole context once per sequence, and writes its outputs. An
embedding reads the rows it looks up. Everything else (norms, sums, gates, neurons, pooling)
is fused into the kernel before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from chipletsim.baseline.tensor_split import Split, TensorPlan
from chipletsim.models.model import Kind, Layer, Model

_PRODUCTS = (Kind.CONVOLUTION, Kind.LINEAR)


class Amount(NamedTuple):
    """A number shared by ranks: what the busiest rank has, and all ranks together."""

    busiest: int
    total: int


@dataclass(frozen=True)
class Kernel:
    """One layer, over all its launches for a micro-batch, split over the ranks of a group.

    Attributes:
        layer: The layer.
        launches: Kernels launched on each rank.
        flops: Operations.
        weight_values: Weights read, all launches together.
        moved_values: Activations, keys and values read and written.
    """

    layer: Layer
    launches: int
    flops: Amount
    weight_values: Amount
    moved_values: Amount


def kernels(model: Model, plan: TensorPlan, ranks: int, batch: int) -> tuple[Kernel, ...]:
    """Return the kernels of a micro-batch, forward.

    Time steps are folded into the batch, so that a layer is launched once; a layer on a
    cycle is launched in each step.

    Args:
        model: The network.
        plan: How it is split over the ranks of a group.
        ranks: Ranks of a group.
        batch: Samples of the micro-batch.
    """
    looped = cyclic_layers(model)
    made = []
    for layer in model.layers:
        if layer.macs or (layer.kind is Kind.EMBEDDING and layer.weights):
            steps = model.applications(layer)
            launches = steps if layer.name in looped else 1
            made.append(
                _kernel(
                    model,
                    layer,
                    split=plan.splits[layer.name],
                    ranks=ranks,
                    launches=launches,
                    rows=batch * steps,
                )
            )
    return tuple(made)


def cyclic_layers(model: Model) -> frozenset[str]:
    """Return the names of layers whose outputs come back to them in a later step."""
    if not model.delayed_edges:
        return frozenset()
    from chipletsim.network.schedule import component_labels

    index = {layer.name: number for number, layer in enumerate(model.layers)}
    edges = [(index[a], index[b]) for a, b in model.edges + model.delayed_edges]
    labels = list(component_labels(len(index), edges))
    own = {a for a, b in edges if a == b}
    return frozenset(name for name, i in index.items() if i in own or labels.count(labels[i]) > 1)


def share(amount: int, parts: int, ranks: int) -> int:
    """Return what the busiest rank has of an amount made of equal parts, none of them cut."""
    return amount // parts * -(-parts // ranks)


def split_weights(layer: Layer, split: Split, ranks: int) -> Amount:
    """Return the weights that ranks hold of a layer."""
    if split is Split.NONE:
        return Amount(layer.weights, layer.weights * ranks)
    return Amount(share(layer.weights, _parts(layer, split), ranks), layer.weights)


def _parts(layer: Layer, split: Split) -> int:
    """Return into how many equal parts a split can cut a layer."""
    if split is Split.HEADS:
        return max(layer.heads, 1)
    if split is Split.ROWS:
        if layer.kind is Kind.EMBEDDING:
            return layer.weights // layer.outputs[-1]
        return _channels(layer.inputs)
    return layer.groups if split is Split.FEATURES else _channels(layer.outputs)


def _channels(shape: tuple[int, ...]) -> int:
    return shape[0] if len(shape) == 3 else shape[-1]


def _kernel(
    model: Model, layer: Layer, *, split: Split, ranks: int, launches: int, rows: int
) -> Kernel:
    parts = _parts(layer, split)

    def shared(amount: int) -> Amount:
        return Amount(share(amount, parts, ranks), amount)

    def repeated(amount: int) -> Amount:
        return Amount(amount, amount * ranks)

    if layer.kind is Kind.EMBEDDING:
        looked_up = layer.activations * rows
        # Each rank looks up what it holds; in the worst case all tokens are with one rank.
        moved = _sum(Amount(looked_up, looked_up), repeated(looked_up))
        return Kernel(layer, launches, Amount(0, 0), Amount(0, 0), moved)
    if layer.kind in _PRODUCTS:
        reads, writes = layer.input_values * rows, layer.activations * rows
        read = repeated(reads) if split is Split.COLUMNS else shared(reads)
        written = repeated(writes) if split is Split.ROWS else shared(writes)
        weights = split_weights(layer, split, ranks)
        weight_values = Amount(weights.busiest * launches, weights.total * launches)
        return Kernel(
            layer, launches, shared(2 * layer.macs * rows), weight_values, _sum(read, written)
        )
    moved = _attention_values(model, layer, ranks, rows)
    count = 0 if layer.kind is Kind.ATTENTION_SCORES else launches
    return Kernel(layer, count, shared(2 * layer.macs * rows), Amount(0, 0), moved)


def _attention_values(model: Model, layer: Layer, ranks: int, rows: int) -> Amount:
    """Return the values that a product of attention reads and writes."""
    heads, kv_heads = max(layer.heads, 1), max(layer.kv_heads, 1)
    if layer.kind is Kind.LINEAR_ATTENTION:
        own = sum(model.layer(source).activations for source in layer.sources) + layer.activations
        return Amount(share(own * rows, heads, ranks), own * rows)
    if layer.kind is Kind.ATTENTION_SCORES:
        own, context = layer.input_values, layer.outputs[-1]
    else:
        own, context = layer.activations, layer.inputs[-1]
    tokens = layer.outputs[-2]
    head_values = context * (own // tokens // heads) * rows
    # Fewer heads of keys than ranks are kept by several ranks each.
    kept = Amount(-(-kv_heads // ranks) * head_values, max(kv_heads, ranks) * head_values)
    return _sum(Amount(share(own * rows, heads, ranks), own * rows), kept)


def _sum(first: Amount, second: Amount) -> Amount:
    return Amount(first.busiest + second.busiest, first.total + second.total)
