"""The deadlock check against a plain walk over all routes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_packages import D2D, build, contents, die, grid_of, package_contents, single

from chipletsim.errors import ConfigError
from chipletsim.package.deadlock import check_deadlock, find_cycle
from chipletsim.package.model import Package


def test_a_ring_needs_two_virtual_channels() -> None:
    with pytest.raises(ConfigError) as caught:
        single("ring", (6,), virtual_channels=1)
    message = str(caught.value)
    assert "die(0)>die(1)" in message
    assert "die(5)>die(0)" in message
    assert "2 virtual channels would do, there are 1" in message
    assert caught.value.problems[0].path == "virtual_channels"
    assert len(single("ring", (6,), virtual_channels=2).links) == 12


@pytest.mark.parametrize(
    ("topology", "shape"), [("mesh", (4, 4)), ("star", (6,)), ("crossbar", (6,))]
)
def test_one_virtual_channel_is_enough_without_rings(topology: str, shape: Any) -> None:
    assert single(topology, shape, virtual_channels=1).routers


def test_a_torus_needs_one_more_channel_than_a_ring_at_most() -> None:
    with pytest.raises(ConfigError, match="virtual channels would do"):
        single("torus", (5, 5), virtual_channels=1)
    assert single("torus", (5, 5), virtual_channels=3).routers


def test_a_ring_without_a_wrap_cannot_be_helped_by_channels() -> None:
    edges = [{"between": [[i], [(i + 1) % 5]]} for i in range(5)]
    with pytest.raises(ConfigError, match="no number of virtual channels helps"):
        single("edges", (5,), edges=edges)


def test_the_cycle_named_is_one_that_channels_cannot_help() -> None:
    """Beside it is a shorter one, around a ring whose wrap would take a second channel."""
    edges = [{"between": [[i], [(i + 1) % 7]]} for i in range(7)]
    types = {"wraps": die("ring", (5,)), "drawn": die("edges", (7,), edges=edges)}
    chiplets = {name: {"type": name} for name in types}
    links = [{"between": ["wraps", "drawn"], "link": D2D}]
    with pytest.raises(ConfigError, match="no number of virtual channels helps") as caught:
        build(contents(types, chiplets, links=links, virtual_channels=1))
    named = str(caught.value).split(" on ")[1].split(";")[0].split(" > ")
    assert all(name.startswith("drawn(") for name in named)


def test_dies_joined_along_whole_edges_need_one_channel() -> None:
    assert grid_of((3, 3), (2, 2), parallel=2, virtual_channels=1).routers


def test_dies_joined_at_few_routers_need_more() -> None:
    with pytest.raises(ConfigError, match="would do, there are 1"):
        grid_of((3, 3), (3, 3), parallel=1, virtual_channels=1)
    assert grid_of((3, 3), (3, 3), parallel=1, virtual_channels=5).routers


def test_routers_without_tiles_start_no_routes() -> None:
    """A ring whose only two tiles are neighbours never closes a cycle."""
    kind = die("ring", (6,))
    kind["tiles"][0]["at"] = [[0], [1]]
    assert build(contents({"a": kind}, {"die": {"type": "a"}}, virtual_channels=1)).links


def walked_dependencies(package: Package, channels: int) -> set[tuple[int, int]]:
    with_tiles = {tile.router for tile in package.tiles}
    pairs = set()
    for source in with_tiles:
        for target in with_tiles:
            channel, held = 0, None
            for number in package.route(source, target):
                link = package.links[number]
                if link.between_dies or link.wraps:
                    channel = min(channel + 1, channels - 1)
                wanted = number * channels + channel
                if held is not None:
                    pairs.add((held, wanted))
                held = wanted
    return pairs


def has_cycle(pairs: set[tuple[int, int]]) -> bool:
    """Peel channels that wait for nothing until none is left, or a cycle remains."""
    while pairs:
        waiting = {held for held, _ in pairs}
        rest = {(held, wanted) for held, wanted in pairs if wanted in waiting}
        if rest == pairs:
            return True
        pairs = rest
    return False


@settings(deadline=None, derandomize=True, max_examples=40)
@given(package_contents(), st.integers(1, 3))
def test_verdict_equals_that_of_a_walk_over_all_routes(data: dict[str, Any], channels: int) -> None:
    expected = has_cycle(walked_dependencies(build(data), channels))
    try:
        build(data | {"virtual_channels": channels})
    except ConfigError:
        assert expected
    else:
        assert not expected


def test_the_cycle_reported_is_one() -> None:
    pairs = np.array([[0, 1], [1, 2], [2, 3], [3, 1], [3, 4]])
    cycle = find_cycle(pairs, 5)
    edges = {tuple(pair) for pair in pairs.tolist()}
    assert set(cycle) == {1, 2, 3}
    assert all(step in edges for step in zip(cycle, cycle[1:] + cycle[:1], strict=True))
    assert find_cycle(np.array([[0, 1], [1, 2], [0, 2]]), 3) == []


def test_a_single_router_has_nothing_to_check() -> None:
    check_deadlock(single("mesh", (1, 1), virtual_channels=1))
