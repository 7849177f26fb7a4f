"""Surrogate gradients: spikes that training can follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def spike(v: jax.Array, threshold: jax.Array, slope: float) -> jax.Array:
    """Return 1 where ``v > threshold``, else 0, with the derivative of a fast sigmoid.

    The step has no useful derivative. In its place stands
    ``ds/dv = 1 / (1 + slope |v - threshold|)^2``, and its negative for the threshold; see
    Zenke & Ganguli, "SuperSpike: Supervised learning in multilayer spiking neural
    networks", Neural Computation 30, 1514-1541 (2018).

    Args:
        v: Membrane potential, float32.
        threshold: Potential above which a neuron spikes; broadcasts against ``v``.
        slope: Steepness, at least 0; 0 gives the straight-through estimator.

    Returns:
        float32 zeros and ones, of the broadcast shape.
    """
    return jnp.greater(v, threshold).astype(jnp.float32)


@spike.defjvp
def _spike_jvp(
    slope: float, primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    v, threshold = primals
    v_dot, threshold_dot = tangents
    derivative = 1 / (1 + slope * jnp.abs(v - threshold)) ** 2
    return spike(v, threshold, slope), derivative * (v_dot - threshold_dot)


@jax.custom_jvp
def rint(values: jax.Array) -> jax.Array:
    """Return the nearest whole numbers, ties to even; the gradient passes straight through.

    See Bengio, Leonard & Courville, arXiv:1308.3432 (2013).
    """
    return jnp.rint(values)


@rint.defjvp
def _rint_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    return jnp.rint(primals[0]), tangents[0]


@jax.custom_jvp
def floor(values: jax.Array) -> jax.Array:
    """Return the next lower whole numbers; the gradient passes straight through."""
    return jnp.floor(values)


@floor.defjvp
def _floor_jvp(
    primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[jax.Array, jax.Array]:
    return jnp.floor(primals[0]), tangents[0]


@dataclass(frozen=True)
class SurrogateNamespace:
    """An array namespace in which spikes and rounding have surrogate gradients.

    Neuron steps given this in place of ``jax.numpy`` compute the same spikes, as float32
    zeros and ones, and can be differentiated. The reset selects by the spike and passes no
    gradient to it.

    Attributes:
        slope: Steepness of the surrogate; see ``spike``.
    """

    slope: float
    nan = jnp.nan
    abs = staticmethod(jnp.abs)
    maximum = staticmethod(jnp.maximum)
    minimum = staticmethod(jnp.minimum)
    trunc = staticmethod(jnp.trunc)
    ones_like = staticmethod(jnp.ones_like)
    zeros_like = staticmethod(jnp.zeros_like)

    def greater(self, v: Any, threshold: Any) -> jax.Array:
        """Return the spikes of ``v``."""
        return spike(v, jnp.asarray(threshold), self.slope)

    def greater_equal(self, v: Any, threshold: Any) -> jax.Array:
        """Return the spikes of ``v`` where the threshold itself spikes.

        ``v >= threshold`` is ``not threshold > v``, and so are the gradients.
        """
        return 1 - spike(jnp.asarray(threshold), v, self.slope)

    def floor(self, values: Any) -> jax.Array:
        """Return the next lower whole numbers; gradients pass as if unrounded."""
        return floor(values)

    def rint(self, values: Any) -> jax.Array:
        """Return the nearest whole numbers; gradients pass as if unrounded."""
        return rint(values)

    def where(self, condition: Any, chosen: Any, other: Any) -> jax.Array:
        """Return ``chosen`` where the condition holds or there is a spike, else ``other``."""
        return jnp.where(condition != 0, chosen, other)
