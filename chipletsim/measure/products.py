"""The products of a dense network as JAX computes them: arrays of each, and the function.

Only what the baseline counts as kernels is computed, each with arrays of its shapes: the
layers are not joined, so that no reshaping between them is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp

from chipletsim.baseline.kernels import cyclic_layers
from chipletsim.errors import UsageError
from chipletsim.models.model import Kind, Layer, Model

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Product:
    """One kernel of a dense network.

    Attributes:
        name: Name of its layer.
        inputs: Shapes of activations, which layers of the same shape may share.
        own: Shapes of its weights, or keys and values, which no other layer reads.
        launches: How often it is computed in a run.
        function: Computes it from the arrays of ``inputs`` and ``own``.
        outputs: Shape of its result.
    """

    name: str
    inputs: tuple[Shape, ...]
    own: tuple[Shape, ...]
    launches: int
    function: Callable[..., Any]
    outputs: Shape


def products(model: Model, batch: int) -> list[Product]:
    """Return the products of a run of ``batch`` samples, in the order of the layers.

    Time steps are folded into the batch, but for layers on a cycle.

    Raises:
        UsageError: A layer cannot be computed from what the graph says of it.
    """
    looped, made = cyclic_layers(model), []
    for layer in model.layers:
        steps = model.applications(layer)
        launches = steps if layer.name in looped else 1
        make = _MAKERS.get(layer.kind)
        if make is not None and (layer.macs or layer.weights):
            made.append(make(model, layer, batch * steps // launches, launches))
    return made


@jax.jit
def _times(x: Any, weight: Any) -> Any:
    return x * weight


@jax.jit
def _matrix_product(x: Any, weight: Any) -> Any:
    return x @ weight


@jax.jit
def _look_up(places: Any, rows: Any) -> Any:
    return jnp.take(rows, (jnp.abs(places) * 1000).astype(jnp.int32) % rows.shape[0], axis=0)


@partial(jax.jit, static_argnames=("stride", "padding", "groups"))
def _convolution(x: Any, kernel: Any, *, stride: int, padding: int, groups: int) -> Any:
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), [(padding, padding)] * 2, feature_group_count=groups
    )


@jax.jit
def _attention(query: Any, key: Any, value: Any) -> Any:
    scores = query @ jnp.swapaxes(key, -1, -2)
    return jax.nn.softmax(scores, axis=-1) @ value


def _linear(model: Model, layer: Layer, rows: int, launches: int) -> Product:
    lines, features = rows * prod(layer.inputs[:-1]), layer.inputs[-1]
    outputs = layer.outputs[-1]
    if layer.groups > 1:
        shape = (lines, features)
        return Product(layer.name, (shape,), ((features,),), launches, _times, shape)
    own = ((features, outputs),)
    return Product(
        layer.name, ((lines, features),), own, launches, _matrix_product, (lines, outputs)
    )


def _convolve(model: Model, layer: Layer, rows: int, launches: int) -> Product:
    channels, *sides = layer.inputs
    outputs = tuple((n + 2 * layer.padding - layer.kernel) // layer.stride + 1 for n in sides)
    kernel = (layer.outputs[0], channels // layer.groups, layer.kernel, layer.kernel)
    if outputs != layer.outputs[1:] or prod(kernel) != layer.weights:
        raise UsageError(f"{model.name}: {layer.name} is no square convolution; it is not measured")
    function = partial(
        _convolution, stride=layer.stride, padding=layer.padding, groups=layer.groups
    )
    return Product(
        layer.name, ((rows, *layer.inputs),), (kernel,), launches, function, (rows, *layer.outputs)
    )


def _attend(model: Model, layer: Layer, rows: int, launches: int) -> Product:
    """Return scores and values of an attention as one product; heads share keys in groups."""
    tokens, context = layer.outputs[-2], layer.inputs[-1]
    size = layer.outputs[-1] // layer.heads
    query = (rows, layer.kv_heads, layer.heads // layer.kv_heads * tokens, size)
    kept = (rows, layer.kv_heads, context, size)
    return Product(layer.name, (query,), (kept, kept), launches, _attention, query)


def _attend_linearly(model: Model, layer: Layer, rows: int, launches: int) -> Product:
    """Return one product of a linear attention: keys by values, or queries by their product."""
    tokens, features = model.layer(layer.sources[0]).outputs
    size = features // layer.heads
    outer = (rows, layer.heads)
    if len(layer.outputs) == 3:
        inputs = ((*outer, size, tokens), (*outer, tokens, size))
    else:
        inputs = ((*outer, tokens, size), (*outer, size, size))
    outputs = (*inputs[0][:-1], inputs[1][-1])
    return Product(layer.name, inputs, (), launches, _matrix_product, outputs)


def _embed(model: Model, layer: Layer, rows: int, launches: int) -> Product:
    tokens, features = layer.outputs
    table = (layer.weights // features, features)
    lines = rows * tokens
    return Product(layer.name, ((lines,),), (table,), launches, _look_up, (lines, features))


_MAKERS: dict[Kind, Callable[[Model, Layer, int, int], Product]] = {
    Kind.LINEAR: _linear,
    Kind.CONVOLUTION: _convolve,
    Kind.ATTENTION_VALUES: _attend,
    Kind.LINEAR_ATTENTION: _attend_linearly,
    Kind.EMBEDDING: _embed,
}
