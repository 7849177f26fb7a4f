"""Currents that training can differentiate, on the native kernels.

A current is ``I[r, j] = sum_i w[i, j] s[r, i]``. Forward, and for the gradient by the weights,
only rows of sources that have an event are touched. The gradient by the events is needed of all
sources, since the surrogate of a spike has a slope everywhere; it is one product.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from chipletsim.engine.native.geometry import NativeGeometry
from chipletsim.engine.native.layout import WORD, Layout
from chipletsim.engine.native.plan import NONE, Call, add_projection, run_currents
from chipletsim.engine.projections import PROJECTIONS, Arrays
from chipletsim.kernels import thread_count


@dataclass(frozen=True)
class EventGeometry:
    """What of a projection is known when its currents and gradients are compiled.

    Attributes:
        kind: Type of the connection.
        native: Its geometry for the kernels; weights are float32, events carry values.
        target: Layout of the target.
        target_shape: Its shape.
        whole: Its geometry for XLA, as ``PROJECTIONS`` has it.
        product_above: Share of active inputs above which products are faster; never above 1.
    """

    kind: type
    native: NativeGeometry
    target: Layout
    target_shape: tuple[int, ...]
    whole: Hashable
    product_above: float = 1.0

    @property
    def layouts(self) -> tuple[Layout, Layout]:
        """Layouts of source and target."""
        return Layout(self.native.sources, 1, self.native.sources), self.target


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def event_currents(
    geometry: EventGeometry, weight: jax.Array, indices: Arrays, events: jax.Array
) -> jax.Array:
    """Return float32 [rows, targets]: the currents of rows of events.

    Args:
        geometry: The geometry.
        weight: float32, of the shape that the connection has.
        indices: Integers of the kernel's format, of sparse connections.
        events: float32 [rows, *source shape].
    """

    def by_events(events: jax.Array) -> jax.Array:
        arrays = {**indices, "weight": _arranged(geometry, indices, weight)}
        arrays["scale"] = jnp.ones(1, jnp.float32)
        rows = events.reshape(events.shape[0], -1)
        currents = run_currents(geometry.native, arrays, geometry.layouts, rows, thread_count())
        by_place = currents.reshape(len(rows), -1, geometry.target.channels)
        return jnp.swapaxes(by_place, 1, 2).reshape(currents.shape)

    return _chosen(geometry, events, lambda events: _whole(geometry, weight, events), by_events)


def _forward(
    geometry: EventGeometry, weight: jax.Array, indices: Arrays, events: jax.Array
) -> tuple[jax.Array, Any]:
    return event_currents(geometry, weight, indices, events), (weight, indices, events)


def _backward(
    geometry: EventGeometry, kept: tuple[jax.Array, Arrays, jax.Array], given: jax.Array
) -> tuple[jax.Array, None, jax.Array]:
    weight, indices, events = kept

    def by_product(events: jax.Array) -> jax.Array:
        return _transposed(lambda weight: _whole(geometry, weight, events), weight, given)

    def by_events(events: jax.Array) -> jax.Array:
        arranged = _by_weight(geometry, weight, indices, events, given)
        return _transposed(lambda weight: _arranged(geometry, indices, weight), weight, arranged)

    of_weight = _chosen(geometry, events, by_product, by_events)
    if geometry.native.kind == "sparse":
        return of_weight, None, _by_events(geometry, weight, indices, events, given)
    of_events = _transposed(lambda events: _whole(geometry, weight, events), events, given)
    return of_weight, None, of_events


event_currents.defvjp(_forward, _backward)


def _chosen(geometry: EventGeometry, events: jax.Array, by_product: Any, by_events: Any) -> Any:
    """Return what the faster of two ways to the same makes of the events."""
    if geometry.product_above >= 1:
        return by_events(events)
    many = jnp.count_nonzero(events) > geometry.product_above * events.size
    return jax.lax.cond(many, by_product, by_events, events)


def _whole(geometry: EventGeometry, weight: jax.Array, events: jax.Array) -> jax.Array:
    """Return the currents as XLA computes them, of all inputs."""
    currents = PROJECTIONS[geometry.kind].currents(geometry.whole, {"weight": weight}, events)
    return currents.reshape(events.shape[0], -1)


def _transposed(linear: Any, at: jax.Array, given: jax.Array) -> jax.Array:
    (result,) = jax.linear_transpose(linear, at)(given)
    return result


def _arranged(geometry: EventGeometry, indices: Arrays, weight: jax.Array) -> jax.Array:
    """Return weights in the order of ``chipletsim.engine.native.formats``; linear in them."""
    if geometry.native.kind == "sparse":
        return weight[indices["order"]]
    if geometry.native.kind == "dense":
        rows = jnp.pad(weight, ((0, geometry.target.padded - len(weight)), (0, 0)))
        return jnp.swapaxes(rows.reshape(-1, WORD, weight.shape[1]), 1, 2)
    *_, of_group, stride = geometry.native.shape
    by_group = weight.reshape(-1, of_group, *weight.shape[1:]).transpose(0, 2, 3, 4, 1)
    return jnp.pad(by_group, [(0, 0)] * 4 + [(0, stride - of_group)])


def _by_weight(
    geometry: EventGeometry, weight: jax.Array, indices: Arrays, events: jax.Array, given: jax.Array
) -> jax.Array:
    """Return the gradient by the weights, in the order of ``_arranged``."""
    shape = jax.eval_shape(lambda: _arranged(geometry, indices, weight)).shape
    call = _begun(geometry, weight, indices, events, given)
    call.add(call.result(shape, jnp.float32), NONE)
    return call.run(thread_count())[0]


def _by_events(
    geometry: EventGeometry, weight: jax.Array, indices: Arrays, events: jax.Array, given: jax.Array
) -> jax.Array:
    """Return the gradient by the events of a sparse connection."""
    call = _begun(geometry, _arranged(geometry, indices, weight), indices, events, given)
    call.add(NONE, call.result((len(events), geometry.native.sources), jnp.float32))
    return call.run(thread_count())[0].reshape(events.shape)


def _begun(
    geometry: EventGeometry, weight: jax.Array, indices: Arrays, events: jax.Array, given: jax.Array
) -> Call:
    """Return a call of which only the results are missing, in the order of ``gradients.h``."""
    call, rows, target = Call("chipletsim_gradients"), len(events), geometry.target
    graded, past = 1, 0
    call.add(rows, geometry.native.sources, graded, past)
    call.add(call.argument(events.reshape(rows, -1)), NONE)
    call.add(target.size, target.block)
    arrays = {**indices, "weight": weight, "scale": jnp.ones(1, jnp.float32)}
    add_projection(call, geometry.native, arrays)
    source, delay = 0, 0
    call.add(source, delay)
    by_channel = given.reshape(rows, target.channels, -1)
    call.add(call.argument(jnp.swapaxes(by_channel, 1, 2).reshape(rows, -1)))
    return call
