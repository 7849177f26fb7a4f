"""The Pareto front against a comparison of all pairs."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chipletsim.sweep.pareto import pareto_front


def brute_force(values: np.ndarray) -> list[bool]:
    """A point is on the front unless some point is no worse throughout and better once."""
    return [
        not np.isnan(a).any()
        and not any(not np.isnan(b).any() and all(b <= a) and any(b < a) for b in values)
        for a in values
    ]


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    arrays(
        np.float64,
        st.tuples(st.integers(0, 25), st.integers(1, 4)),
        elements=st.sampled_from([0.0, 1.0, 2.0, 3.0, -1.5, np.inf, np.nan]),
    )
)
def test_front_equals_brute_force(values):
    assert pareto_front(values).tolist() == brute_force(values)


def test_equal_points_are_both_kept():
    assert pareto_front(np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 2.0]])).tolist() == [
        True,
        True,
        False,
    ]
