"""Weights at the precision of the hardware."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from chipletsim.errors import ConfigError
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense, Pool2d
from chipletsim.network.lower import lower, precision_changes, quantise

WEIGHTS = npst.arrays(
    np.float32,
    st.integers(1, 20),
    elements=st.floats(-1e3, 1e3, width=32).filter(lambda x: x == 0 or abs(x) > 1e-6),
)
THOROUGH = settings(derandomize=True, deadline=None, max_examples=100)


@THOROUGH
@given(WEIGHTS, st.integers(2, 16))
def test_rounding_is_to_the_nearest_of_few_dyadic_values(weights, bits):
    rounded, step = quantise(weights, bits)
    assert rounded.dtype == np.float32
    assert np.log2(step) == round(np.log2(step))
    levels = rounded.astype(np.float64) / step
    assert np.array_equal(levels, np.rint(levels))
    assert np.abs(levels).max() <= 2 ** (bits - 1) - 1
    assert np.abs(rounded.astype(np.float64) - weights).max() <= step / 2


@THOROUGH
@given(WEIGHTS, st.integers(2, 16))
def test_the_step_is_the_least_that_holds_the_largest_weight(weights, bits):
    _, step = quantise(weights, bits)
    largest = float(np.abs(weights).max())
    if largest:
        assert largest <= step * (2 ** (bits - 1) - 1)
        assert largest > step / 2 * (2 ** (bits - 1) - 1)


@THOROUGH
@given(WEIGHTS, st.integers(1, 16))
def test_rounding_twice_changes_nothing(weights, bits):
    once, step = quantise(weights, bits)
    twice, again = quantise(once, bits)
    assert np.array_equal(once, twice)
    assert step == again


@THOROUGH
@given(WEIGHTS, st.integers(2, 15))
def test_more_bits_are_never_worse(weights, bits):
    errors = [np.abs(quantise(weights, b)[0] - weights.astype(float)).max() for b in (bits, 16)]
    assert errors[1] <= errors[0]


def test_quantise_by_hand():
    # 4 bits: levels -7..7; 1.75 = 7 x 0.25 needs step 0.25.
    rounded, step = quantise(np.array([1.75, -0.3, 0.125, 0], np.float32), 4)
    assert step == 0.25
    assert rounded.tolist() == [1.75, -0.25, 0.0, 0]


def test_one_bit_keeps_the_sign():
    rounded, step = quantise(np.array([0.9, -1.2, 0, 0.9], np.float32), 1)
    assert (rounded.tolist(), step) == ([1, -1, 0, 1], 1)


def network(weight, pool=None):
    shape = (1, 6, 6)
    target = pool.target_shape(shape) if pool else shape
    return (
        NetworkBuilder("n", dt="1 ms")
        .input("in", shape)
        .population("a", target, "lif", tau="10 ms")
        .population("b", (2,), "lif", tau="10 ms")
        .project("in", "a", Conv2d(weight.reshape(1, 1, 1, 1)), pool=pool, name="first")
        .project("a", "b", Dense(np.full((2, np.prod(target)), 0.5, np.float32)), name="second")
        .build()
    )


def test_what_is_lowered_and_what_is_not():
    given = network(np.array([0.3], np.float32))
    lowered = lower(given, {"first": 4, "second": 4})
    # 0.3 at 4 bits: step 1/16 (7/16 > 0.3 > 7/32), nearest 5/16.
    assert lowered.projections[0].connection.weight.ravel().tolist() == [0.3125]
    assert lowered.projections[1] is given.projections[1]
    assert lowered.populations is given.populations
    (change,) = precision_changes(given, {"first": 4, "second": 4})
    assert (change.projection, change.bits, change.step, change.changed) == ("first", 4, 1 / 16, 1)
    assert change.largest_error == pytest.approx(0.0125)
    assert str(change).startswith("first: 1 of 1 weights rounded to 4 bit, step 0.0625")


@pytest.mark.parametrize("bits", [{}, {"first": 24, "second": 32}, {"second": 8}])
def test_nothing_to_change_gives_the_same_object(bits):
    given = network(np.array([0.3], np.float32))
    assert lower(given, bits) is given
    assert precision_changes(given, bits) == ()


def test_lowering_twice_changes_nothing():
    once = lower(network(np.array([0.3], np.float32)), {"first": 4, "second": 4})
    assert lower(once, {"first": 4, "second": 4}) is once


def test_an_average_in_front_is_folded_into_the_weights():
    given = network(np.array([0.5], np.float32), Pool2d((3, 3), (3, 3), mode="avg"))
    first = lower(given, {"first": 8}).projections[0]
    assert first.pool == Pool2d((3, 3), (3, 3), mode="sum")
    # 0.5 / 9 = 0.0556 at 8 bits: step 2^-11 (127 x 2^-11 = 0.062), nearest 114 steps.
    assert first.connection.weight.item() == 114 * 2.0**-11


def test_wrong_requests():
    given = network(np.array([0.3], np.float32))
    with pytest.raises(ConfigError) as caught:
        lower(given, {"frist": 4, "first": 0})
    assert [problem.path for problem in caught.value.problems] == [
        "weight_bits.frist",
        "weight_bits.first",
    ]
