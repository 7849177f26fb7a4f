"""Levels of links that encode: longest ways by search, and rings that are named."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipletsim.errors import ConfigError
from chipletsim.noc.link_levels import link_levels

LINKS = 7


def levels(pairs: set[tuple[int, int]]) -> list[int]:
    """Return the levels of links 10, 20, ... of a package, which are named by their numbers."""
    package = SimpleNamespace(links=[SimpleNamespace(name=f"<{n}>") for n in range(10 * LINKS + 1)])
    network = SimpleNamespace(encoded=10 * np.arange(1, LINKS + 1))
    table = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return link_levels(table, package, network).tolist()


def leads_to(pairs: set[tuple[int, int]], start: int) -> set[int]:
    """Return the links behind one, itself if it is in a ring."""
    found: set[int] = set()
    ahead = [start]
    while ahead:
        new = {b for a, b in pairs if a == ahead[-1]} - found
        ahead.pop()
        found |= new
        ahead += new
    return found


def longest(pairs: set[tuple[int, int]], link: int) -> int:
    return max((1 + longest(pairs, a) for a, b in pairs if b == link and a >= 0), default=0)


@given(st.sets(st.tuples(st.integers(-1, LINKS - 1), st.integers(0, LINKS - 1)), max_size=14))
def test_levels_are_longest_ways_and_a_link_of_a_ring_is_named(pairs) -> None:
    rings = {link for link in range(LINKS) if link in leads_to(pairs, link)}
    if not rings:
        assert levels(pairs) == [longest(pairs, link) for link in range(LINKS)]
        return
    with pytest.raises(ConfigError, match="waits in a ring of such links") as error:
        levels(pairs)
    (problem,) = error.value.problems
    assert problem.message.split()[1] in {f"<{10 * link + 10}>" for link in rings}


def test_what_is_behind_a_ring_is_not_blamed() -> None:
    with pytest.raises(ConfigError, match=r"link <(40|50)> has an `encoding`"):
        levels({(3, 4), (4, 3), (4, 0), (0, 1)})
