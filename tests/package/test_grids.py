"""Entries of a package file that stand for a grid of dies."""

from __future__ import annotations

from typing import Any

import pytest
from small_packages import D2D, contents, die

from chipletsim.errors import ConfigError
from chipletsim.package.load import load_package

MESH = {"topology": "mesh", "shape": [4, 3]}


def grid(chiplets: dict[str, Any], **more: Any) -> dict[str, Any]:
    return contents({"a": die(shape=(1, 1)), "b": die(shape=(2, 2))}, chiplets, MESH, **more)


def test_a_grid_is_its_dies_one_by_one() -> None:
    short = load_package(
        grid({"x": {"type": "a", "at": [1, 1], "grid": [2, 2]}, "y": {"type": "b", "at": [0, 1]}})
    )
    long = load_package(
        grid(
            {
                "x_1_1": {"type": "a", "at": [1, 1]},
                "x_2_1": {"type": "a", "at": [2, 1]},
                "x_1_2": {"type": "a", "at": [1, 2]},
                "x_2_2": {"type": "a", "at": [2, 2]},
                "y": {"type": "b", "at": [0, 1]},
            }
        )
    )
    assert short.chiplets == long.chiplets
    assert short.links == long.links
    assert short.spec == long.spec
    assert (short.incoming_link == long.incoming_link).all()


def test_a_grid_without_a_place_begins_at_the_origin() -> None:
    package = load_package(grid({"x": {"type": "a", "grid": [4, 3]}}))
    assert [chiplet.at for chiplet in package.chiplets] == [
        (x, y) for y in range(3) for x in range(4)
    ]
    assert package.chiplets[5].name == "x_1_1"


def test_a_row_of_dies_has_one_length() -> None:
    data = contents({"a": die()}, {"x": {"type": "a", "at": [2], "grid": [3]}}, None)
    data["network"] = {"topology": "ring", "shape": [5], "link": D2D}
    package = load_package(data)
    assert [chiplet.name for chiplet in package.chiplets] == ["x_2", "x_3", "x_4"]


def test_links_name_dies_of_a_grid() -> None:
    links = [{"between": ["x_0_0", "x_3_0"], "link": D2D}]
    package = load_package(grid({"x": {"type": "a", "grid": [4, 1]}}, links=links))
    assert any(link.name == "x_0_0(0,0)>x_3_0(0,0)" for link in package.links)
    links = [{"between": ["x_0_0", "x_9_0"], "link": D2D}]
    with pytest.raises(ConfigError, match="no chiplet `x_9_0`"):
        load_package(grid({"x": {"type": "a", "grid": [4, 1]}}, links=links))


@pytest.mark.parametrize(
    ("chiplets", "says"),
    [
        ({"x": {"type": "a", "grid": [5, 1]}}, r"lies outside \[4, 3\]"),
        ({"x": {"type": "a", "at": [3, 2], "grid": [1, 2]}}, r"from \[3, 2\] on lies outside"),
        ({"x": {"type": "a", "grid": [0, 1]}}, "at least 1"),
        ({"x": {"type": "a", "grid": []}}, "grid"),
        ({"x": {"type": "a", "at": [1, 1], "grid": [2]}}, "as many numbers as grid"),
        (
            {"x": {"type": "a", "grid": [2, 1]}, "x_1_0": {"type": "a", "at": [3, 0]}},
            "two dies are called 'x_1_0'",
        ),
        (
            {"x": {"type": "a", "grid": [2, 2]}, "y": {"type": "a", "at": [1, 1]}},
            r"place \[1, 1\] is taken by chiplet x_1_1",
        ),
    ],
)
def test_faults_of_grids(chiplets: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_package(grid(chiplets))


def test_too_many_dies_are_one_fault() -> None:
    with pytest.raises(ConfigError) as caught:
        load_package(contents({"a": die()}, {"x": {"type": "a", "grid": [1000, 1000]}}))
    assert any("more than the 8,192 supported" in str(one) for one in caught.value.problems)
