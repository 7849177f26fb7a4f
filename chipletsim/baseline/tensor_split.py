"""Which layers the ranks of a tensor-parallel group split, and what they exchange for it.

Weighted layers alternate as in Megatron (Shoeybi et al. 2019): one that reads whole
activations is split by its outputs (by columns), one that reads split activations by its
inputs (by rows), after which the ranks sum their parts. Attention is split by heads, an
embedding by rows of its table. What works element by element or channel by channel keeps a
split; where split and whole activations meet, or all features are needed, the split ones are
gathered. Backward, the
gradients of whole activations that layers split by columns read are summed. For a block of
a transformer these are 2 sums forward and 2 backward. Outputs of the network stay split.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from chipletsim.models.model import Kind, Layer, Model

_WEIGHTED = (Kind.CONVOLUTION, Kind.LINEAR)
_BY_HEADS = (Kind.ATTENTION_SCORES, Kind.ATTENTION_VALUES, Kind.LINEAR_ATTENTION)


class Split(Enum):
    """How a layer is shared by the ranks of a group.

    ``NONE`` is computed by every rank as a whole, ``FEATURES`` channel by channel without
    mixing them.
    """

    NONE = "none"
    COLUMNS = "columns"
    ROWS = "rows"
    HEADS = "heads"
    FEATURES = "features"

    @property
    def whole_output(self) -> bool:
        """Whether every rank ends with all outputs."""
        return self in (Split.NONE, Split.ROWS)


@dataclass
class TensorPlan:
    """How each layer of a model is split, and the collectives that follow.

    Attributes:
        splits: Layer name to its split.
        sums: Layers whose outputs are summed over ranks, forward.
        gathers: Layers whose outputs are gathered, forward.
        gradient_sums: Layers the gradients of whose outputs are summed, backward.
        gradient_scatters: Layers the gradients of whose outputs are summed and scattered.
    """

    splits: dict[str, Split] = field(default_factory=dict)
    sums: list[str] = field(default_factory=list)
    gathers: list[str] = field(default_factory=list)
    gradient_sums: list[str] = field(default_factory=list)
    gradient_scatters: list[str] = field(default_factory=list)

    def is_whole(self, name: str) -> bool:
        """Return whether every rank has all outputs of a layer, gathered ones included."""
        return self.splits[name].whole_output or name in self.gathers


def tensor_plan(model: Model) -> TensorPlan:
    """Return how ``model`` is split over the ranks of a tensor-parallel group."""
    plan = TensorPlan()
    for layer in model.layers:
        plan.splits[layer.name] = _split(plan, model, layer)
        if plan.splits[layer.name] is Split.ROWS:
            plan.sums.append(layer.name)
    for layer in model.layers:
        _gather_past(plan, layer)
        _add_gradients(plan, model, layer)
    return plan


def _split(plan: TensorPlan, model: Model, layer: Layer) -> Split:
    """Return the split of a layer whose sources are planned, and plan what it gathers."""
    whole = [plan.is_whole(source) for source in layer.sources]
    if layer.kind is Kind.EMBEDDING and layer.weights:
        return Split.ROWS
    if layer.kind in _BY_HEADS:
        return Split.HEADS
    if layer.kind in _WEIGHTED and all(whole):
        return Split.COLUMNS
    if layer.kind in _WEIGHTED and layer.groups == 1:
        return Split.ROWS
    if whole and not any(whole) and not _mixes_features(model, layer):
        return Split.FEATURES
    plan.gathers += [name for name in layer.sources if not plan.is_whole(name)]
    return Split.NONE


def _mixes_features(model: Model, layer: Layer) -> bool:
    """Whether a layer needs all features of a token: a norm of the residual stream does.

    Norms of images, and those right behind a product, are one for each channel or head.
    """
    if layer.kind is not Kind.NORM or len(layer.inputs) == 3:
        return False
    behind = model.layer(layer.sources[0]).kind
    return behind not in (*_WEIGHTED, *_BY_HEADS, Kind.RECURRENCE)


def _gather_past(plan: TensorPlan, layer: Layer) -> None:
    """Plan to gather split outputs of the step before, which are read as whole."""
    plan.gathers += [name for name in layer.delayed if not plan.is_whole(name)]


def _add_gradients(plan: TensorPlan, model: Model, layer: Layer) -> None:
    """Plan the sums of gradients behind a layer split by columns, each source once."""
    if plan.splits[layer.name] is not Split.COLUMNS:
        return
    for name in layer.sources + layer.delayed:
        if model.layer(name).kind is Kind.INPUT:
            continue
        scattered = name in plan.gathers
        planned = plan.gradient_scatters if scattered else plan.gradient_sums
        if name not in planned:
            planned.append(name)
