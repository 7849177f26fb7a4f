"""The arrays of an activity: what they must look like, and how they are cut and joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from chipletsim.errors import ConfigError

MOST_COUNT = 2**24
"""Above it float32 holds no longer every whole number."""

Shapes = Mapping[str, tuple[int, ...]]
Arrays = dict[str, np.ndarray]
Recorded = dict[str, Arrays]
"""Population name to state name to states after each step."""


def flat_events(array: np.ndarray, shape: tuple[int, ...], counted: bool = False) -> np.ndarray:
    """Return [samples, steps, *shape] as [samples, steps, neurons]; counts may be integers.

    Raises:
        ConfigError: The shape is another, or integers are no spikes.
    """
    if array.shape[2:] not in (tuple(shape), (prod(shape),)):
        given = list(array.shape)
        raise ConfigError(f"spikes have shape {given}, expected [samples, steps, *{list(shape)}]")
    whole = array.dtype.kind in "iu" and not counted
    if whole and array.size and not 0 <= array.min() <= array.max() <= 1:
        raise ConfigError("spikes must be 0 or 1; a population that sends several is counted")
    return array.reshape(*array.shape[:2], prod(shape))


def check_arrays(
    populations: Shapes, rasters: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray]
) -> None:
    """Check rasters, and values of graded populations.

    Raises:
        ConfigError: They are not those of ``populations``, or have other shapes.
    """
    if set(rasters) != set(populations) or not set(values) <= set(populations):
        raise ConfigError(f"rasters and values do not belong to populations {list(populations)}")
    rows = {raster.shape[:2] for raster in rasters.values()}
    if len(rows) > 1:
        raise ConfigError(f"rasters differ in samples and steps: {sorted(rows)}")
    for name, shape in populations.items():
        _check_bits(name, rasters[name], (*next(iter(rows)), prod(shape)), "events")
        if name in values:
            _check_array(name, values[name], (*next(iter(rows)), prod(shape)), np.float32)


def check_updates(populations: Shapes, updates: Arrays, rows: tuple[int, int]) -> None:
    """Check which neurons did work, of some populations.

    Raises:
        ConfigError: They are not of ``populations``, or have other shapes.
    """
    _check_known(populations, updates, "updates")
    for name, array in updates.items():
        _check_bits(name, array, (*rows, prod(populations[name])), "updates")


def check_recorded(populations: Shapes, recorded: Recorded, rows: tuple[int, int]) -> None:
    """Check states that were kept, of some populations.

    Raises:
        ConfigError: They are not of ``populations``, or have other shapes or types.
    """
    _check_known(populations, recorded, "recorded states")
    for name, states in recorded.items():
        for state, array in states.items():
            wide = np.float64 if array.dtype == np.float64 else np.float32
            shape = (*rows, prod(populations[name]))
            _check_array(f"{state} of {name}", array, shape, wide)


def check_counts(values: Arrays, counted: Sequence[str]) -> None:
    """Check the numbers of spikes of some populations.

    Raises:
        ConfigError: A population has no values, or they are no whole numbers from 0 to 2^24.
    """
    for name in counted:
        if name not in values:
            raise ConfigError(f"there are no counts of population {name!r}")
        given = values[name]
        if not np.all((given >= 0) & (given <= MOST_COUNT) & (given == np.rint(given))):
            raise ConfigError(
                f"counts of population {name!r} must be whole numbers from 0 to {MOST_COUNT:,}"
            )


def feed(digest: Any, arrays: Arrays, what: str = "") -> None:
    """Add arrays to a hash, with their names and shapes."""
    for name in sorted(arrays):
        digest.update(f"{what}{name} {arrays[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(arrays[name]).reshape(-1).data)


def part_of(arrays: Arrays, samples: slice) -> Arrays:
    """Return the part of arrays that belongs to some samples."""
    return {name: array[samples] for name, array in arrays.items()}


def joined(parts: Sequence[Arrays], axis: int) -> Arrays:
    """Return arrays of the same names one behind the other."""
    return {name: np.concatenate([part[name] for part in parts], axis) for name in parts[0]}


def joined_recorded(parts: Sequence[Recorded], axis: int) -> Recorded:
    """Return states of the same names one behind the other."""
    return {name: joined([part[name] for part in parts], axis) for name in parts[0]}


def _check_known(populations: Shapes, arrays: Mapping[str, object], what: str) -> None:
    if not set(arrays) <= set(populations):
        raise ConfigError(f"{what} do not belong to populations {list(populations)}")


def _check_bits(name: str, raster: np.ndarray, shape: tuple[int, int, int], what: str) -> None:
    *rows, size = shape
    _check_array(name, raster, (*rows, -(-size // 8)), np.uint8)
    if size % 8 and np.any(raster[..., -1] >> (size % 8)):
        raise ConfigError(f"raster of {name!r} has {what} beyond its {size} neurons")


def _check_array(name: str, array: np.ndarray, shape: tuple[int, ...], dtype: type) -> None:
    if array.shape != shape or array.dtype != dtype:
        given, needed = f"{array.dtype} {list(array.shape)}", f"{np.dtype(dtype)} {list(shape)}"
        raise ConfigError(f"array of {name!r} is {given}, expected {needed}")
