"""Named models: every published size by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from inspect import signature
from typing import Any

from chipletsim.errors import UsageError
from chipletsim.models.efficientnet import EFFICIENTNET_SIZES, efficientnet
from chipletsim.models.gpt2 import GPT2_SIZES, gpt2
from chipletsim.models.layouts import LAYOUT_SIZES, sequential
from chipletsim.models.llama import LLAMA_SIZES, llama
from chipletsim.models.model import Model
from chipletsim.models.ms_resnet import MS_RESNET_BLOCKS, ms_resnet, spiking_resnet19
from chipletsim.models.recurrent import RECURRENT_SIZES, recurrent_network
from chipletsim.models.resnet import RESNET_SIZES, resnet, sew_gesture, sew_resnet
from chipletsim.models.rwkv import RWKV_SIZES, SPIKEGPT_SIZES, rwkv, spikegpt
from chipletsim.models.spikformer import (
    SPIKE_DRIVEN_SIZES,
    SPIKFORMER_SIZES,
    SPIKINGFORMER_SIZES,
    spike_driven_transformer,
    spikformer,
    spikingformer,
)
from chipletsim.models.vgg import VGG11, VGG16, spiking_vgg, vgg
from chipletsim.models.vit import VIT_SIZES, vit

Generator = Callable[..., Model]


def _named(generator: Callable[..., Model], sizes: Mapping[str, Any]) -> dict[str, Generator]:
    return {name: partial(generator, size, name=name) for name, size in sizes.items()}


# Name to a function that builds the model. Its keyword arguments are those of the generator:
# ``image``, ``time_steps``, ``tokens`` and so on.
MODELS: dict[str, Generator] = {
    **_named(vgg, {"vgg11": VGG11, "vgg16": VGG16}),
    **_named(resnet, RESNET_SIZES),
    **_named(efficientnet, EFFICIENTNET_SIZES),
    **_named(vit, VIT_SIZES),
    **_named(gpt2, GPT2_SIZES),
    **_named(llama, LLAMA_SIZES),
    **_named(rwkv, RWKV_SIZES),
    **_named(spikegpt, SPIKEGPT_SIZES),
    **_named(sew_resnet, {f"sew_{name}": size for name, size in RESNET_SIZES.items()}),
    **_named(ms_resnet, MS_RESNET_BLOCKS),
    **_named(sequential, LAYOUT_SIZES),
    **_named(spiking_vgg, {"spiking_vgg11_cifar10": VGG11, "spiking_vgg16_cifar10": VGG16}),
    "spiking_resnet19_cifar10": partial(spiking_resnet19, name="spiking_resnet19_cifar10"),
    **_named(recurrent_network, RECURRENT_SIZES),
    "sew_dvsgesture_7b": partial(sew_gesture, name="sew_dvsgesture_7b"),
    **_named(spikformer, SPIKFORMER_SIZES),
    **_named(spike_driven_transformer, SPIKE_DRIVEN_SIZES),
    **_named(spikingformer, SPIKINGFORMER_SIZES),
}


def build_model(name: str, **options: Any) -> Model:
    """Return the model called ``name``.

    Args:
        name: A key of `MODELS`.
        options: Keyword arguments of its generator, such as ``tokens`` of a language model.

    Raises:
        UsageError: There is no such model, or an option is unknown or wrong.

    Example:
        >>> build_model("llama3_8b", tokens=1, context=4096)
        Model('llama3_8b': 452 layers in 34 blocks, 8,030,261,248 parameters, 8,578,400,256 MACs)
    """
    if name not in MODELS:
        near = get_close_matches(name, MODELS, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        listed = ", ".join(sorted(MODELS))
        raise UsageError(f"there is no model {name!r}; {hint}there are {listed}")
    try:
        signature(MODELS[name]).bind(**options)
    except TypeError as error:
        raise UsageError(f"{name}: {error}") from error
    return MODELS[name](**options)
