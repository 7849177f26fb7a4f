"""Quantisation-aware training: weights as a tile of limited precision will hold them."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from chipletsim.network.lower import FULL_BITS


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def straight_through(weights: jax.Array, bits: int) -> jax.Array:
    """Return weights rounded to symmetric fixed point; gradients pass as if unrounded.

    The rounding is that of ``chipletsim.network.lower.quantise``: ``step * n`` with
    ``|n| <= 2^(bits-1) - 1`` and the least power of two as step that holds the largest
    weight; with one bit the sign times the power of two nearest to the mean magnitude, and
    none from ``FULL_BITS`` on. The gradient is the straight-through estimator of Bengio,
    Leonard & Courville, "Estimating or propagating gradients through stochastic neurons for
    conditional computation", arXiv:1308.3432 (2013).

    Args:
        weights: float32 array.
        bits: Precision, at least 1.
    """
    if bits >= FULL_BITS:
        return jnp.asarray(weights)
    if bits == 1:
        return _signs(weights)
    levels = 2 ** (bits - 1) - 1
    largest = jnp.max(jnp.abs(weights))
    mantissa, exponent = jnp.frexp(jnp.where(largest > 0, largest, 1) / levels)
    step = jnp.ldexp(jnp.float32(1), exponent - (mantissa == 0.5))
    return jnp.rint(weights / step) * step


def _signs(weights: jax.Array) -> jax.Array:
    """Return each weight's sign times one power of two; zeros stay."""
    used = jnp.count_nonzero(weights)
    mean = jnp.abs(weights).sum() / jnp.maximum(used, 1)
    exponent = jnp.rint(jnp.log2(jnp.where(used > 0, mean, 1))).astype(jnp.int32)
    return jnp.sign(weights) * jnp.ldexp(jnp.float32(1), exponent)


@straight_through.defjvp
def _straight_through_jvp(
    bits: int, primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[jax.Array, jax.Array]:
    return straight_through(*primals, bits), tangents[0]
