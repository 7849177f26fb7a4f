"""Checks across sections of a file: names that must exist, coordinates that must fit.

They read the plain tree, not the validated spec, so that they report their faults
together with those of the schema. Anything of the wrong type is left to the schema.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path as FilePath
from typing import Any

from chipletsim.spec.node import Path
from chipletsim.spec.resolve import DATA_FOLDER_KEY, DATA_PATH_KEYS

Finding = tuple[Path, str]
MAX_DIES = 8192
"""Most dies of a grid; a package of more has too many routers."""


def cross_faults(data: Any, model: Any) -> Iterator[Finding]:
    """Yield path and message of every fault that spans sections.

    Args:
        data: The resolved tree as plain data.
        model: What the file is.
    """
    check = CHECKS.get(getattr(model, "__name__", ""))
    if check is not None:
        yield from check(data)
    yield from _missing_files(data, ())


def _section(data: Any, *path: str) -> dict[str, Any]:
    """Return the mapping at ``path``, empty where there is none."""
    for part in path:
        data = data.get(part) if isinstance(data, Mapping) else None
    return dict(data) if isinstance(data, Mapping) else {}


def _rows(data: Any, key: str) -> list[Any]:
    """Return the list under ``key``, empty where there is none."""
    rows = _section(data).get(key)
    return rows if isinstance(rows, list) else []


def _unknown(what: str, name: Any, known: Sequence[str]) -> str:
    close = get_close_matches(str(name), known, n=1)
    if close:
        return f"there is no {what} `{name}`; did you mean `{close[0]}`?"
    listed = ", ".join(f"`{one}`" for one in sorted(known)[:12]) or "none"
    return f"there is no {what} `{name}`; known: {listed}"


def _check_name(what: str, name: Any, known: Sequence[str], path: Path) -> Iterator[Finding]:
    if isinstance(name, str) and known and name not in known:
        yield path, _unknown(what, name, known)


def _check_pattern(what: str, name: Any, known: Sequence[str], path: Path) -> Iterator[Finding]:
    """Yield the fault of a name that may be a pattern, as in file names, and fits nothing."""
    if isinstance(name, str) and not any(fnmatchcase(one, name) for one in known):
        yield from _check_name(what, name, known, path)


def _check_coordinate(at: Any, shape: Any, path: Path) -> Iterator[Finding]:
    """Yield the fault of a coordinate that is not inside ``shape``."""
    if not (_whole_numbers(at) and _whole_numbers(shape)):
        return
    if len(at) != len(shape):
        yield path, f"expected {_count(len(shape), 'coordinate')} inside {shape}, got {at}"
    elif any(not 0 <= place < size for place, size in zip(at, shape, strict=True)):
        yield path, f"{at} lies outside {shape}; coordinates count from 0"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _whole_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(number) is int for number in value)


# --- packages -----------------------------------------------------------------------


def package_faults(data: Any) -> Iterator[Finding]:
    """Yield the faults of a package: types, places and links that do not fit together."""
    for name, kind in _section(data, "chiplet_types").items():
        yield from _tile_places(kind, ("chiplet_types", name))
    yield from _chiplet_places(data)
    chiplets = _die_names(data)
    for number, link in enumerate(_rows(data, "links")):
        for end, name in enumerate(_rows(link, "between")):
            path = ("links", number, "between", end)
            yield from _check_name("chiplet", name, chiplets, path)
    if len(chiplets) > 1 and not _section(data).get("network") and not _rows(data, "links"):
        yield ("chiplets",), "several chiplets need `network` or `links` between them"


def _tile_places(kind: Any, path: Path) -> Iterator[Finding]:
    shape = _section(kind, "network").get("shape")
    for number, tile in enumerate(_rows(kind, "tiles")):
        for place, at in enumerate(_rows(tile, "at")):
            yield from _check_coordinate(at, shape, (*path, "tiles", number, "at", place))


def _die_names(data: Any) -> list[str]:
    """Return the names of all dies, each one of a grid included."""
    found = []
    for name, chiplet in _section(data, "chiplets").items():
        grid = _rows(chiplet, "grid")
        if not grid or not _whole_numbers(grid) or math.prod(grid) > MAX_DIES:
            found.append(str(name))
            continue
        at = _rows(chiplet, "at")
        first = at if _whole_numbers(at) and len(at) == len(grid) else [0] * len(grid)
        sides = [range(low, low + size) for low, size in zip(first, grid, strict=True)]
        found += [f"{name}_{'_'.join(map(str, place))}" for place in itertools.product(*sides)]
    return found


def _chiplet_places(data: Any) -> Iterator[Finding]:
    types = list(_section(data, "chiplet_types"))
    shape = _section(data, "network").get("shape")
    taken: dict[str, str] = {}
    for name, chiplet in _section(data, "chiplets").items():
        path = ("chiplets", name)
        section = _section(chiplet)
        yield from _check_name("chiplet type", section.get("type"), types, (*path, "type"))
        at = section.get("at")
        yield from _check_coordinate(at, shape, (*path, "at"))
        if isinstance(at, list) and taken.setdefault(str(at), name) != name:
            yield (*path, "at"), f"{at} is already the place of `{taken[str(at)]}`"


# --- networks -----------------------------------------------------------------------


def network_faults(data: Any) -> Iterator[Finding]:
    """Yield the faults of an inline network: populations that projections name in vain."""
    populations = list(_section(data, "populations"))
    for number, projection in enumerate(_rows(data, "projections")):
        for end in ("source", "target"):
            name = _section(projection).get(end)
            yield from _check_name("population", name, populations, ("projections", number, end))


# --- experiments --------------------------------------------------------------------


def experiment_faults(data: Any) -> Iterator[Finding]:
    """Yield the faults of an experiment, those of its package and network included."""
    for key, check in (("package", package_faults), ("network", network_faults)):
        for path, message in check(_section(data, key)):
            yield (key, *path), message
    from chipletsim.tiles import TILE_KINDS

    populations = list(_section(data, "network", "populations"))
    chiplets = _die_names(_section(data, "package"))
    kinds = list(TILE_KINDS)
    for key in ("place", "split"):
        for name in _section(data, "mapping", key):
            yield from _check_pattern("population", name, populations, ("mapping", key, name))
    for name, place in _section(data, "mapping", "place").items():
        path = ("mapping", "place", name)
        wanted = _section(place)
        yield from _check_pattern("tile kind", wanted.get("kind"), kinds, (*path, "kind"))
        yield from _check_pattern("chiplet", wanted.get("chiplet"), chiplets, (*path, "chiplet"))


def training_faults(data: Any) -> Iterator[Finding]:
    """Yield the faults of a training file: those of an experiment, and names in its loss."""
    yield from experiment_faults(data)
    populations = list(_section(data, "network", "populations"))
    for name in _section(data, "loss", "sparsity"):
        yield from _check_name("population", name, populations, ("loss", "sparsity", name))


def _missing_files(data: Any, path: Path) -> Iterator[Finding]:
    """Yield the data files that are not there, or may not be read."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from _missing_files(value, (*path, key))
        elif key in DATA_PATH_KEYS and isinstance(value, str):
            for message in (_folder_fault if key == DATA_FOLDER_KEY else _file_fault)(value):
                yield (*path, key), message


def _file_fault(name: str) -> Iterator[str]:
    """Yield why a data file cannot be read, if so."""
    if _is(FilePath.is_dir, name):
        yield f"{name} is a folder"
    elif not _is(FilePath.is_file, name):
        yield f"there is no file {name}"
    elif not os.access(name, os.R_OK):
        yield f"{name} may not be read: permission denied"


def _folder_fault(name: str) -> Iterator[str]:
    """Yield why a folder of data files cannot be read, if so."""
    if _is(FilePath.is_file, name):
        yield f"{name} is a file"
    elif not _is(FilePath.is_dir, name):
        yield f"there is no folder {name}"
    elif not os.access(name, os.R_OK | os.X_OK):
        yield f"{name} may not be read: permission denied"


def _is(test: Callable[[FilePath], bool], name: str) -> bool:
    try:
        return test(FilePath(name))
    except OSError:
        return False


CHECKS: dict[str, Callable[[Any], Iterator[Finding]]] = {
    "PackageSpec": package_faults,
    "NetworkSpec": network_faults,
    "ExperimentSpec": experiment_faults,
    "TrainSpec": training_faults,
}
"""Model by name, since importing all of them takes longer than checking a file."""
