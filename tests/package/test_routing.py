"""Routes against closed forms and a slow Dijkstra."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from small_packages import (
    D2D,
    ON_CHIP,
    build,
    contents,
    die,
    grid_of,
    link_names,
    package_contents,
    router,
    single,
)

from chipletsim.errors import ConfigError
from chipletsim.package.model import Package
from chipletsim.package.routing import link_cost_fs


def hops(package: Package) -> np.ndarray:
    count = len(package.routers)
    return np.array([[len(package.route(s, t)) for t in range(count)] for s in range(count)])


def test_a_uniform_mesh_goes_along_x_and_then_along_y() -> None:
    package = single("mesh", (5, 4))
    at = [place.at for place in package.routers]
    for source, (x, y) in enumerate(at):
        for target, (goal_x, goal_y) in enumerate(at):
            walked, here = [], (x, y)
            while here != (goal_x, goal_y):
                step_x = (goal_x > here[0]) - (goal_x < here[0])
                step_y = 0 if step_x else (goal_y > here[1]) - (goal_y < here[1])
                here = (here[0] + step_x, here[1] + step_y)
                walked.append(here)
            route = [
                package.routers[package.links[i].target].at for i in package.route(source, target)
            ]
            assert route == walked


def test_a_package_of_dies_joined_along_whole_edges_is_one_mesh() -> None:
    package = grid_of((3, 2), (2, 3), parallel=2, virtual_channels=4)
    whole = grid_of((3, 2), (2, 2), parallel=2, virtual_channels=4)
    route = link_names(whole, "c0_0(0,0)", "c1_1(1,1)")
    assert route == [
        "c0_0(0,0)>c0_0(1,0)",
        "c0_0(1,0)>c1_0(0,0)",
        "c1_0(0,0)>c1_0(1,0)",
        "c1_0(1,0)>c1_0(1,1)",
        "c1_0(1,1)>c1_1(1,0)",
        "c1_1(1,0)>c1_1(1,1)",
    ]
    assert len(package.links) == 6 * 2 * (3 + 4) + 2 * 2 * (2 * 2 + 3)


def test_torus_hops_take_the_shorter_way_round() -> None:
    package = single("torus", (5, 4))
    at = np.array([place.at for place in package.routers])
    gap = np.abs(at[:, None] - at[None])
    expected = np.minimum(gap, np.array([5, 4]) - gap).sum(axis=2)
    np.testing.assert_array_equal(hops(package), expected)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_ring_hops_take_the_shorter_way_round(count: int) -> None:
    gap = np.abs(np.arange(count)[:, None] - np.arange(count))
    np.testing.assert_array_equal(hops(single("ring", (count,))), np.minimum(gap, count - gap))


def test_star_and_crossbar_hops() -> None:
    star = hops(single("star", (5,)))
    expected = 2 - 2 * np.eye(5, dtype=int)
    expected[0] = expected[:, 0] = [0, 1, 1, 1, 1]
    np.testing.assert_array_equal(star, expected)
    np.testing.assert_array_equal(hops(single("crossbar", (5,))), 1 - np.eye(5, dtype=int))


def test_slow_vertical_links_are_avoided_only_where_a_way_around_is_faster() -> None:
    slow = ON_CHIP | {"latency": "9 ns"}
    edges = [{"between": [[0], [1]]}, {"between": [[1], [2]]}]
    package = single("edges", (3,), edges=[*edges, {"between": [[0], [2]], "link": slow}])
    assert link_names(package, "die(0)", "die(2)") == ["die(0)>die(1)", "die(1)>die(2)"]
    quick = [*edges, {"between": [[0], [2]], "link": ON_CHIP | {"latency": "2 ns"}}]
    package = single("edges", (3,), edges=quick)
    assert link_names(package, "die(0)", "die(2)") == ["die(0)>die(2)"]


def test_traffic_inside_a_die_stays_there_even_where_leaving_is_faster() -> None:
    crawl = ON_CHIP | {"latency": "1 us"}
    types = {"slow": die("mesh", (2, 1), link=crawl), "fast": die("mesh", (2, 1))}
    chiplets = {"slow": {"type": "slow"}, "fast": {"type": "fast"}}
    links = [{"between": ["slow", "fast"], "link": D2D, "at": [[x, 0], [x, 0]]} for x in (0, 1)]
    package = build(contents(types, chiplets, links=links))
    assert link_names(package, "slow(0,0)", "slow(1,0)") == ["slow(0,0)>slow(1,0)"]
    # From one die to the other there is no such rule beyond never coming back.
    assert link_names(package, "slow(0,0)", "fast(1,0)") == [
        "slow(0,0)>fast(0,0)",
        "fast(0,0)>fast(1,0)",
    ]


def test_traffic_stays_on_its_die_where_a_way_outside_costs_the_same() -> None:
    """A link along y would be preferred, and 5.25 + 2 + 5.25 ns are those of the die."""
    joined = ON_CHIP | {"latency": "11.5 ns"}
    types = {
        "slow": die("edges", (2,), link=joined, edges=[{"between": [[0], [1]]}]),
        "fast": die("mesh", (2, 1)),
    }
    chiplets = {"slow": {"type": "slow", "at": [0, 0]}, "fast": {"type": "fast", "at": [0, 1]}}
    network = {"topology": "mesh", "shape": [1, 2], "parallel_links": 2}
    package = build(contents(types, chiplets, network))
    assert link_names(package, "slow(0)", "slow(1)") == ["slow(0)>slow(1)"]


def test_parallel_links_are_shared_out_evenly_by_source() -> None:
    types = {"a": die("mesh", (6, 1))}
    entry = {"between": ["w", "e"], "link": D2D, "parallel_links": 3, "at": [[5, 0], [0, 0]]}
    chiplets = {"w": {"type": "a"}, "e": {"type": "a"}}
    package = build(contents(types, chiplets, links=[entry]))
    target = router(package, "e(0,0)")
    used = Counter(package.links[package.incoming_link[s, target]].name for s in range(6))
    assert used == {f"w(5,0)>e(0,0)#{number}": 2 for number in range(3)}


@pytest.mark.parametrize(("every", "links"), [(1, 2), (2, 2), (2, 3), (3, 2), (4, 3)])
def test_parallel_links_are_shared_out_among_routers_with_tiles(every: int, links: int) -> None:
    """Tiles at every n-th router of a row of twelve; each link takes an equal share."""
    kind = die("mesh", (12, 1))
    kind["tiles"][0]["at"] = [[x, 0] for x in range(0, 12, every)]
    entry = {"between": ["w", "e"], "link": D2D, "parallel_links": links, "at": [[11, 0], [0, 0]]}
    chiplets = {"w": {"type": "a"}, "e": {"type": "a"}}
    package = build(contents({"a": kind}, chiplets, links=[entry]))
    target = router(package, "e(5,0)")
    crossed = Counter(
        package.links[link].name
        for source in range(0, 12, every)
        for link in package.route(source, target)
        if package.links[link].between_dies
    )
    share = 12 // every // links
    assert crossed == {f"w(11,0)>e(0,0)#{number}": share for number in range(links)}


@pytest.mark.parametrize(
    ("parallel", "rows"), [(1, [2]), (2, [1, 3]), (4, [0, 1, 2, 3]), (8, [0, 0, 1, 1, 2, 2, 3, 3])]
)
def test_parallel_links_are_spread_over_the_facing_edge(parallel: int, rows: list[int]) -> None:
    types = {"w": die(shape=(2, 4)), "e": die(shape=(3, 2))}
    chiplets = {"w": {"type": "w", "at": [0, 0]}, "e": {"type": "e", "at": [1, 0]}}
    network = {"topology": "mesh", "shape": [2, 1], "parallel_links": parallel}
    package = build(contents(types, chiplets, network))
    out = [link for link in package.links if link.between_dies and link.name.startswith("w")]
    ends = [(package.routers[e.source].at, package.routers[e.target].at) for e in out]
    assert [a for a, _ in ends] == [(1, row) for row in rows]
    assert all(b[0] == 0 for _, b in ends)
    shares = Counter(b[1] for _, b in ends)
    assert max(shares.values()) - min(shares.get(y, 0) for y in (0, 1)) <= 1


def test_vertical_neighbours_face_each_other_with_last_and_first_row() -> None:
    package = grid_of((1, 2), (2, 2), parallel=2)
    names = [link.name for link in package.links if link.between_dies]
    assert names == [
        "c0_0(0,1)>c0_1(0,0)",
        "c0_1(0,0)>c0_0(0,1)",
        "c0_0(1,1)>c0_1(1,0)",
        "c0_1(1,0)>c0_0(1,1)",
    ]


def test_explicit_links_between_neighbours_face_each_other_in_either_order() -> None:
    types, places = {"a": die(shape=(2, 2))}, {"w": [0, 0], "e": [1, 0]}
    chiplets = {name: {"type": "a", "at": at} for name, at in places.items()}
    for between in (["w", "e"], ["e", "w"]):
        links = [{"between": between, "link": D2D, "parallel_links": 2}]
        package = build(contents(types, chiplets, links=links))
        names = {link.name for link in package.links if link.between_dies}
        assert {"w(1,0)>e(0,0)", "w(1,1)>e(0,1)"} < names


def slow_cost(package: Package, source: int) -> dict[int, int]:
    """Textbook Dijkstra that never comes back to the die of the source."""
    home = package.routers[source].chiplet
    cost, queue = {}, [(0, source)]
    while queue:
        so_far, here = heapq.heappop(queue)
        if here in cost:
            continue
        cost[here] = so_far
        for link in package.links:
            back = (
                package.routers[link.target].chiplet == home
                and package.routers[link.source].chiplet != home
            )
            if link.source == here and not back:
                step = link_cost_fs(link, package.routers)
                heapq.heappush(queue, (so_far + step, link.target))
    return cost


@settings(deadline=None, derandomize=True, max_examples=40)
@given(package_contents())
def test_routes_are_trees_of_least_cost(data: dict[str, Any]) -> None:
    package = build(data)
    for source in range(len(package.routers)):
        assert package.incoming_link[source, source] == -1
        expected = slow_cost(package, source)
        for target in range(len(package.routers)):
            route = package.route(source, target)
            here, cost = source, 0
            for link in (package.links[i] for i in route):
                assert link.source == here
                here, cost = link.target, cost + link_cost_fs(link, package.routers)
            assert here == target
            assert cost == expected[target]
            if package.routers[source].chiplet == package.routers[target].chiplet:
                assert not any(package.links[i].between_dies for i in route)


def test_uniform_traffic_loads_opposite_directions_of_a_mesh_alike() -> None:
    package = single("mesh", (4, 3))
    load = Counter(
        link
        for source in range(12)
        for target in range(12)
        for link in package.route(source, target)
    )
    for forth in range(0, len(package.links), 2):
        a, b = (package.links[i] for i in (forth, forth + 1))
        assert (a.source, a.target) == (b.target, b.source)
        mirrored = router(
            package,
            f"die({3 - package.routers[a.source].at[0]},{2 - package.routers[a.source].at[1]})",
        )
        opposite = [
            number
            for number, link in enumerate(package.links)
            if link.source == mirrored
            and link.axis == a.axis
            and sum(package.routers[link.target].at) - sum(package.routers[link.source].at)
            == sum(package.routers[a.source].at) - sum(package.routers[a.target].at)
        ]
        assert load[forth] == load[opposite[0]]


def test_dies_without_a_route_are_named() -> None:
    chiplets = {name: {"type": "a"} for name in ("w", "e", "island")}
    data = contents({"a": die()}, chiplets, links=[{"between": ["w", "e"], "link": D2D}])
    with pytest.raises(ConfigError, match="chiplet w has no route to island"):
        build(data)


def test_a_die_in_two_parts_is_named() -> None:
    with pytest.raises(ConfigError, match=r"chiplet die: no route .* die\(0\) to die\(2\)"):
        single("edges", (3,), edges=[{"between": [[0], [1]]}])


def test_links_too_slow_for_exact_costs_are_refused() -> None:
    with pytest.raises(ConfigError, match="9 seconds"):
        single("mesh", (4, 1), link=ON_CHIP | {"latency": "4 s"})
