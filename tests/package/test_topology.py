"""Topologies against counts and neighbours worked out by hand."""

from __future__ import annotations

from math import prod
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.package.topology import GRIDS, TOPOLOGIES, coordinates, joins_of
from chipletsim.spec.package import TopologyName


def test_registry_and_file_format_name_the_same_topologies() -> None:
    assert set(TOPOLOGIES) == set(get_args(TopologyName))


@pytest.mark.parametrize(
    ("topology", "shape", "joins"),
    [
        ("mesh", (4, 3), 3 * 3 + 4 * 2),
        ("mesh", (5,), 4),
        ("mesh", (1, 1), 0),
        ("torus", (4, 3), 2 * 12),
        ("torus", (2, 3), 3 + 2 * 3),
        ("torus", (2, 2), 4),
        ("ring", (6,), 6),
        ("ring", (2,), 1),
        ("ring", (1,), 0),
        ("star", (5,), 4),
        ("crossbar", (5,), 10),
    ],
)
def test_number_of_joins(topology: str, shape: tuple[int, ...], joins: int) -> None:
    found = TOPOLOGIES[topology](shape, [])
    assert len(found) == joins
    assert len({frozenset((join.a, join.b)) for join in found}) == joins


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.sampled_from(GRIDS), st.integers(1, 6), st.integers(1, 6))
def test_grid_joins_are_neighbours(topology: str, width: int, height: int) -> None:
    shape = (width, height)
    places = coordinates(shape)
    for join in TOPOLOGIES[topology](shape, []):
        a, b = places[join.a], places[join.b]
        other = 1 - join.axis
        assert a[other] == b[other]
        assert b[join.axis] == (a[join.axis] + 1) % shape[join.axis]
        assert join.wraps == (b[join.axis] == 0)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.sampled_from(sorted(TOPOLOGIES)), st.integers(1, 9), st.integers(1, 4))
def test_the_number_of_joins_never_exceeds_its_estimate(
    topology: str, width: int, height: int
) -> None:
    shape = (width, height) if topology in GRIDS else (width,)
    joins = TOPOLOGIES[topology](shape, [])
    assert len(joins) <= joins_of(topology, shape)
    assert all(0 <= join.a < prod(shape) and 0 <= join.b < prod(shape) for join in joins)
