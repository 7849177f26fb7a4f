"""Rounding in training is the rounding of the hardware, with an open gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.network.lower import quantise
from chipletsim.training import straight_through


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1), bits=st.sampled_from([1, 2, 4, 8]), exponent=st.integers(-12, 6)
)
def test_rounds_as_lowering_does(seed, bits, exponent):
    weights = np.random.default_rng(seed).normal(0, 2.0**exponent, 50).astype(np.float32)
    expected, _ = quantise(weights, bits)
    np.testing.assert_array_equal(straight_through(weights, bits), expected)


@pytest.mark.parametrize("largest", [127 / 64, 128 / 64, 1.0, 0.0])
def test_edges_of_the_range(largest):
    # 127 steps of 1/64 fit 8 bits; 128 do not, so the step doubles.
    weights = np.array([largest, -largest / 2, largest / 3], np.float32)
    expected, _ = quantise(weights, 8)
    np.testing.assert_array_equal(straight_through(weights, 8), expected)


def test_gradient_passes_unchanged():
    weights = jnp.array([0.3, -1.7, 0.0, 0.9])
    slopes = jnp.array([1.0, -2.0, 3.0, 0.5])
    gradient = jax.grad(lambda w: (slopes * straight_through(w, 4)).sum())(weights)
    assert gradient.tolist() == slopes.tolist()


def test_full_precision_changes_nothing():
    weights = jnp.array([0.1, -1 / 3])
    assert straight_through(weights, 24).tolist() == weights.tolist()


def test_one_bit_keeps_signs_times_one_power_of_two():
    # Magnitudes 0.4, 0.3 and 0.2 have mean 0.3; log2 is -1.74, so 2^-2 is nearest.
    rounded = straight_through(jnp.array([0.4, -0.3, 0.0, 0.2]), 1)
    assert rounded.tolist() == [0.25, -0.25, 0.0, 0.25]
