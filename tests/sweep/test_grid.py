"""Points of a grid."""

import pytest

from chipletsim.errors import ConfigError
from chipletsim.sweep.grid import check_grid, check_settings, grid_points


def test_points_are_all_combinations_in_order():
    points = list(grid_points({"a": (1, 2), "b": ("x", "y", "z")}))
    assert len(points) == 6
    assert points[0] == {"a": 1, "b": "x"}
    assert points[1] == {"a": 1, "b": "y"}
    assert points[-1] == {"a": 2, "b": "z"}


def test_every_fault_of_a_grid_is_told_at_once():
    with pytest.raises(ConfigError) as caught:
        check_grid({"a": (), "b": (1, 1), "c": (1, 2)})
    assert [problem.path for problem in caught.value.problems] == ["grid.a", "grid.b.1"]


def test_a_grid_too_large_is_refused_without_making_its_points():
    with pytest.raises(ConfigError, match="points are more than"):
        check_grid({f"p{i}": range(100) for i in range(8)})


def test_what_the_grid_varies_cannot_be_set_once_for_all():
    grid = {"timing": ("bound", "cycle"), "package.network.link": ({}, {})}
    check_settings(
        ["experiment.package.network", "name", "grid.timing", "timing"], grid, "experiment."
    )
    with pytest.raises(ConfigError, match="varies `timing`, so this would change no point"):
        check_settings(["experiment.timing"], grid, "experiment.")
    with pytest.raises(ConfigError, match=r"--set package.network.link.energy: the grid varies"):
        check_settings(["package.network.link.energy"], grid)
