"""Whether a dense network fits the memory of the devices that it is split over.

Kept in memory: weights, keys and values of the context, and the largest activations. In
training also a gradient for each parameter, the optimiser's state (Adam: weights, means and
variances in 32 bits each), and the outputs of all kernels of the micro-batches under way,
of which stage i of s has at most s - i (one forward, one backward in turn).
"""

from __future__ import annotations

from math import ceil

from chipletsim.baseline.kernels import split_weights
from chipletsim.baseline.stages import Stage, Work
from chipletsim.errors import InfeasibleError, Shortfall
from chipletsim.models.model import Kind, Layer

_ADAM_BITS = 64
_MASTER_BITS = 32


def optimiser_state_bits(dtype_bits: int) -> int:
    """Return the bits that Adam keeps for a parameter besides weight and gradient.

    Mean and variance in 32 bits, and a copy of the weight in 32 bits unless the weight has
    as many (Kingma and Ba 2015; Micikevicius et al. 2018).
    """
    return _ADAM_BITS + (_MASTER_BITS if dtype_bits < _MASTER_BITS else 0)


def optimiser_traffic_bits(dtype_bits: int) -> int:
    """Return the bits that an Adam step moves for a parameter.

    The state is read and written, the gradient read, and the weight written; a weight of 32
    bits has no copy in the state and is read too.
    """
    weight_bits = dtype_bits if dtype_bits < _MASTER_BITS else 2 * dtype_bits
    return 2 * optimiser_state_bits(dtype_bits) + dtype_bits + weight_bits


def parameters_per_rank(work: Work, stage: Stage) -> int:
    """Return the parameters that the busiest rank of a stage trains.

    Weights are split like their layers; biases, norms and neurons are on every rank.
    """
    layers = _layers(work, stage)
    return sum(_weights(work, each, own=True) + _replicated(each) for each in layers)


def needed_bits(work: Work, stages: list[Stage], number: int, samples: int) -> int:
    """Return the bits that the busiest rank of a stage keeps.

    Args:
        work: The network and how it is run.
        stages: All stages.
        number: Which of them.
        samples: Samples of a replica whose context is kept.
    """
    stage, width = stages[number], work.device.dtype_bits
    layers = _layers(work, stage)
    values = sum(_weights(work, each, own=False) + _replicated(each) for each in layers)
    bits = values * width
    kept = [_output_values(work, each) for each in layers]
    if work.training:
        under_way = min(len(stages) - number, work.micro_batches)
        trained = parameters_per_rank(work, stage) * (width + optimiser_state_bits(width))
        return bits + trained + sum(kept) * width * under_way
    cache = sum(_cache_values(work, each) for each in layers) * samples
    return bits + (cache + 2 * max(kept, default=0)) * width


def require_capacity(work: Work, stages: list[Stage], samples: int) -> int:
    """Return the bits that the fullest rank keeps.

    Raises:
        InfeasibleError: They are more than a device has.
    """
    needed = max(needed_bits(work, stages, number, samples) for number in range(len(stages)))
    there = work.device.memory_bits
    if there is None or needed <= there:
        return needed
    placement = work.exchanger.placement
    ranks = placement.tensor * placement.pipeline
    least, many = ceil(ranks * needed / there), "s" if ranks > 1 else ""
    raise InfeasibleError(
        [
            Shortfall(
                f"memory of one {work.device.name} for {work.model.name} over {ranks} device{many}",
                needed / 8e9,
                there / 8e9,
                "GB",
                f"split it over at least {least} devices (tensor or pipeline), or take a"
                " narrower number type or a smaller batch",
            )
        ]
    )


def _layers(work: Work, stage: Stage) -> list[Layer]:
    return [layer for block in stage.blocks for layer in work.model.blocks[block]]


def _weights(work: Work, layer: Layer, *, own: bool) -> int:
    """Return the weights that a rank holds of a layer; those of another layer unless ``own``."""
    # With more than one stage a tied head is far from its embedding and keeps a copy.
    if layer.tied_to is not None and (own or work.exchanger.placement.pipeline == 1):
        return 0
    split = work.plan.splits[layer.name]
    return split_weights(layer, split, work.exchanger.placement.tensor).busiest


def _replicated(layer: Layer) -> int:
    return layer.parameters - (0 if layer.tied_to else layer.weights)


def _output_values(work: Work, layer: Layer) -> int:
    """Return the output values of a kernel on a rank; scores of attention are never kept."""
    if not layer.macs or layer.kind is Kind.ATTENTION_SCORES:
        return 0
    ranks = 1 if work.plan.splits[layer.name].whole_output else work.exchanger.placement.tensor
    values = layer.activations * work.model.applications(layer) * work.batch
    return -(-values // ranks)


def _cache_values(work: Work, layer: Layer) -> int:
    """Return the keys or values of the whole context of one sample on a rank."""
    if not layer.cache_elements_per_token:
        return 0
    scores = layer.kind is Kind.ATTENTION_SCORES
    context = layer.outputs[-1] if scores else layer.inputs[-1]
    heads = -(-layer.kv_heads // work.exchanger.placement.tensor)
    return context * heads * (layer.cache_elements_per_token // layer.kv_heads)
