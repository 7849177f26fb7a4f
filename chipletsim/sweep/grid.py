"""The points of a sweep: every combination of the values of every path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from chipletsim.errors import ConfigError, Problem

MAX_POINTS = 1_000_000


def check_grid(grid: Mapping[str, Sequence[Any]]) -> None:
    """Check that a grid has points, each once, and not too many.

    Raises:
        ConfigError: A path has no values or one twice, or there are too many points.
    """
    problems = [
        Problem("expected at least one value", f"grid.{path}")
        for path, values in grid.items()
        if not len(values)
    ] + [
        Problem(f"value {value!r} stands here twice", f"grid.{path}.{position}")
        for path, values in grid.items()
        for position, value in enumerate(values)
        if value in list(values)[:position]
    ]
    points = prod(len(values) for values in grid.values())
    if points > MAX_POINTS:
        problems.append(Problem(f"{points:,} points are more than {MAX_POINTS:,}", "grid"))
    if problems:
        raise ConfigError(problems)


def check_settings(
    settings: Iterable[str], grid: Mapping[str, Sequence[Any]], section: str = ""
) -> None:
    """Check that what is set once for all points is nothing that the grid varies.

    Args:
        settings: Dotted paths that are set.
        grid: Dotted path in the experiment to its values.
        section: What paths of the experiment begin with where they are set, such as
            ``experiment.``; nothing if left out.

    Raises:
        ConfigError: The grid varies what is set, which would change no point.
    """
    problems = [
        Problem(f"the grid varies `{varied}`, so this would change no point", path, "--set")
        for path in settings
        for varied in grid
        if f"{path}.".startswith(f"{section}{varied}.")
    ]
    if problems:
        raise ConfigError(problems)


def grid_points(grid: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yield the settings of each point, dotted path to value; the last path varies fastest.

    Example:
        >>> [list(point.values()) for point in grid_points({"a": [1, 2], "b": [3, 4]})]
        [[1, 3], [1, 4], [2, 3], [2, 4]]
    """
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))
