"""Quantisation-aware training: weights as a tile of limited precision will hold them."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def straight_through(weights: jax.Array, bits: int) -> jax.Array:
    """Return weights rounded to symmetric fixed point; gradients pass as if unrounded.

    The rounding is that of ``chipletsim.network.lower.quantise``: ``step * n`` with
    ``|n| <= 2^(bits-1) - 1`` and the least power of two as step that holds the largest
    weight. The gradient is the straight-through estimator of Bengio, Leonard & Courville,
    "Estimating or propagating gradients through stochastic neurons for conditional
    computation", arXiv:1308.3432 (2013).

    Args:
        weights: float32 array.
        bits: Precision, at least 2.
    """
    levels = 2 ** (bits - 1) - 1
    largest = jnp.max(jnp.abs(weights))
    mantissa, exponent = jnp.frexp(jnp.where(largest > 0, largest, 1) / levels)
    step = jnp.ldexp(jnp.float32(1), exponent - (mantissa == 0.5))
    return jnp.rint(weights / step) * step


@straight_through.defjvp
def _straight_through_jvp(
    bits: int, primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[jax.Array, jax.Array]:
    return straight_through(*primals, bits), tangents[0]
