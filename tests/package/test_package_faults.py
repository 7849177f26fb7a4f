"""Every fault of a package file: its path, its message, and all of them at once."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from small_packages import CORE, D2D, build, contents, die

from chipletsim.errors import ConfigError
from chipletsim.package.load import load_package


def good() -> dict[str, Any]:
    chiplets = {"west": {"type": "a", "at": [0, 0]}, "east": {"type": "a", "at": [1, 0]}}
    return contents({"a": die()}, chiplets, {"topology": "mesh", "shape": [2, 1]})


def changed(data: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    data = deepcopy(data)
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    section = data
    for part in parents:
        section = section[part]
    if value is None:
        del section[last]
    else:
        section[last] = value
    return data


TILES = "chiplet_types.a.tiles"
LINK = {"between": ["west", "east"], "link": D2D}
FAULTS = [
    ("chiplets.east.at", [5, 0], "chiplets.east.at", r"\[5, 0\] is outside the shape \[2, 1\]"),
    ("chiplets.east.at", [1], "chiplets.east.at", "outside the shape"),
    ("chiplets.east.at", [0, 0], "chiplets.east.at", "taken by chiplet west"),
    ("chiplets.east.at", None, "chiplets.east.at", "a place .* is needed"),
    ("chiplets.east.type", "b", "chiplets.east.type", "no chiplet type is called 'b'"),
    ("network", None, "network", "add `network` or `links`"),
    ("network.topology", "edges", "network.topology", "under `links`"),
    ("network.shape", [10**6, 10**6], "network.shape", "more than"),
    ("network.parallel_links", 10**9, "network.shape", "too many"),
    ("chiplet_types.a.network.shape", [2, 2, 2], "chiplet_types.a.network.shape", "one or two"),
    ("chiplet_types.a.network.shape", [10**5, 10**5], "chiplet_types.a.network.shape", "supported"),
    ("chiplet_types.a.network.topology", "ring", "chiplet_types.a.network.shape", "one length"),
    (
        "chiplet_types.a.network.edges",
        [{"between": [[0, 0], [1, 1]]}],
        "chiplet_types.a.network.edges",
        "for topology edges, not mesh",
    ),
    (f"{TILES}.0.at", [[0, 0], [2, 0]], f"{TILES}.0.at.1", r"no router at \[2, 0\]"),
    (f"{TILES}.0.at", [[0, 0], [0, 0]], f"{TILES}.0.at", "twice"),
    (f"{TILES}.0.at", "rest", f"{TILES}.0.at", "write `all`"),
    (TILES, [{"tile": CORE}, {"tile": CORE, "at": "rest"}], f"{TILES}.1.at", "no router is left"),
    (
        TILES,
        [{"tile": CORE, "at": [[0, 0]]}, *[{"tile": CORE, "at": "rest"}] * 2],
        f"{TILES}.2.at",
        "only one entry",
    ),
    (TILES, [], "chiplets", "no tiles"),
    ("links", [LINK | {"between": ["west", "north"]}], "links.0.between.1", "'north'"),
    ("links", [LINK | {"between": ["west", "west"]}], "links.0.between", "two different"),
    ("links", [LINK | {"at": [[0, 0], [9, 9]]}], "links.0.at.1", "no router"),
    ("links", [LINK | {"parallel_links": 10**9}], "links.0.parallel_links", "too many"),
    (
        "network.link",
        D2D | {"latency": "20 s"},
        "network.link",
        r"a flit takes 20 s over link west",
    ),
    ("network.link", D2D | {"bandwidth": "1 bit/s"}, "network.link", r"its bandwidth and the"),
]


@pytest.mark.parametrize(("path", "value", "where", "message"), FAULTS)
def test_fault_has_its_path_and_says_what_is_wrong(
    path: str, value: Any, where: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        build(changed(good(), path, value))
    assert where in [problem.path for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("network.shape", [2, 0], "network.shape.1"),
        ("chiplet_types.a.network.shape", [-1], "chiplet_types.a.network.shape.0"),
    ],
)
def test_a_length_below_one_is_refused(path: str, value: Any, where: str) -> None:
    with pytest.raises(ConfigError, match="must be at least 1") as caught:
        load_package(changed(good(), path, value))
    assert where in [problem.path for problem in caught.value.problems]


def test_all_faults_come_at_once() -> None:
    data = changed(good(), "chiplets.east.type", "b")
    data = changed(data, "chiplets.west.at", [7, 7])
    data = changed(data, f"{TILES}.0.at", [[8, 8]])
    data = changed(data, "links", [LINK | {"between": ["west", "north"]}])
    with pytest.raises(ConfigError) as caught:
        build(data)
    assert {problem.path for problem in caught.value.problems} == {
        "chiplets.east.type",
        "chiplets.west.at",
        f"{TILES}.0.at.0",
        "links.0.between.1",
    }


@pytest.mark.parametrize("topology", ["ring", "star", "crossbar"])
def test_vertical_links_are_refused_where_there_is_no_vertical(topology: str) -> None:
    data = contents({"a": die(topology, (3,), link_vertical=D2D)}, {"x": {"type": "a"}})
    with pytest.raises(ConfigError) as caught:
        build(data)
    assert [problem.path for problem in caught.value.problems] == [
        "chiplet_types.a.network.link_vertical"
    ]


def test_explicit_edges_must_join_two_routers_that_exist() -> None:
    edges = [{"between": [[0], [0]]}, {"between": [[0], [4]]}]
    data = contents({"a": die("edges", (2,), edges=edges)}, {"x": {"type": "a"}})
    with pytest.raises(ConfigError) as caught:
        build(data)
    assert [problem.path for problem in caught.value.problems] == [
        "chiplet_types.a.network.edges.0.between",
        "chiplet_types.a.network.edges.1.between.1",
    ]


def test_too_many_routers_in_all_are_refused() -> None:
    chiplets = {f"x{i}": {"type": "a", "at": [i]} for i in range(3)}
    data = contents({"a": die(shape=(60, 60))}, chiplets, {"topology": "ring", "shape": [3]})
    with pytest.raises(ConfigError, match="10,800 routers"):
        build(data)


def test_faults_of_a_file_have_a_line(tmp_path: Any) -> None:
    file = tmp_path / "p.yaml"
    text = """\
        name: p
        packet: {header: 8 bit, address: 32 bit}
        virtual_channels: 1
        chiplet_types:
          ring:
            network: {topology: ring, shape: [6], link: {use: links/noc_64b}}
            tiles: [{tile: {use: tiles/loihi1}}]
        chiplets: {x: {type: ring}}
        """
    file.write_text(text)
    with pytest.raises(ConfigError, match="2 virtual channels would do") as caught:
        load_package(file)
    assert caught.value.problems[0].line == 3
