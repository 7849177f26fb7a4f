"""A JSON file, checked value by value: every fault at once, each with its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.spec.fault import nearest_names
from chipletsim.spec.node import Node, dotted
from chipletsim.spec.yaml_source import read_yaml

MAX_BYTES = 64 << 20
MAX_LOCATED_BYTES = 4 << 20
"""Longest file that is read a second time, slowly, to find lines and columns of its faults."""
MAX_SHOWN = 60

Place = tuple[str | int, ...]


class Document:
    """What a JSON file holds, and the faults that are found in it.

    Args:
        path: The file.

    Attributes:
        root: Its contents.

    Raises:
        ConfigError: It cannot be read, is no JSON, or holds no object.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._faults: list[tuple[Place, str]] = []
        root = _parsed(path)
        if not isinstance(root, dict):
            raise ConfigError(
                [Problem(f"expected a JSON object, got {shown(root)}", "", str(path))]
            )
        self.root: dict[str, Any] = root

    def fault(self, message: str, *place: str | int) -> None:
        """Note a fault of the value at a place."""
        self._faults.append((place, message))

    @property
    def sound(self) -> bool:
        """Whether no fault was found so far."""
        return not self._faults

    def check(self) -> None:
        """Raise all faults that were found.

        Raises:
            ConfigError: There are any.
        """
        if self._faults:
            tree = self._tree()
            raise ConfigError([self._problem(tree, *each) for each in self._faults])

    def _tree(self) -> Node | None:
        if self._path.stat().st_size > MAX_LOCATED_BYTES:
            return None
        try:
            return read_yaml(self._path, str(self._path))  # JSON is YAML; this keeps positions
        except ConfigError:
            return None

    def _problem(self, tree: Node | None, place: Place, message: str) -> Problem:
        if tree is None:
            return Problem(message, dotted(place), str(self._path))
        found = tree.nearest(place).place
        return Problem(message, dotted(place), found.file, found.line, found.column)

    def section(self, key: str, known: Iterable[str]) -> dict[str, Any] | None:
        """Return the object under a key of the file; None, and a fault, if there is none."""
        if self.needed(self.root, (), key, known):
            value = self.root[key]
            if isinstance(value, dict):
                return value
            self.fault(f"expected an object, got {shown(value)}", key)
        return None

    def needed(
        self, values: Mapping[str, Any], place: Place, key: str, known: Iterable[str]
    ) -> bool:
        """Return whether a key is given; if not, note that, with the nearest that is.

        Args:
            values: Object that it is to be in.
            place: Of that.
            key: The key.
            known: Keys that are known there, which are not taken for misspelt ones.
        """
        if key in values:
            return True
        close = nearest_names(key, set(values) - set(known))
        hint = f"; is {shown(close[0])} meant to be it?" if close else ""
        self.fault(f"`{key}` is missing{hint}", *place)
        return False

    def whole(self, value: Any, least: int, most: int, *place: str | int) -> int | None:
        """Return a whole number; None, and a fault, if it is none within bounds."""
        if type(value) is int and least <= value <= most:
            return value
        self.fault(
            f"expected a whole number from {least:,} to {most:,}, got {shown(value)}", *place
        )
        return None

    def many(
        self, value: Any, length: int | None, what: str, *place: str | int
    ) -> list[Any] | None:
        """Return a list; None, and a fault, if it is none or not as long as it must be."""
        count = "a list" if length is None else f"a list of {length:,} {what}"
        if not isinstance(value, list):
            self.fault(f"expected {count}, got {shown(value)}", *place)
        elif length is not None and len(value) != length:
            self.fault(f"expected {count}, got {len(value):,}", *place)
        else:
            return value
        return None

    def rows(
        self, value: list[Any], bounds: Sequence[tuple[int, int]], *place: str | int
    ) -> np.ndarray | None:
        """Return a list of lists of whole numbers; None, and faults, if it is none.

        Args:
            value: The list.
            bounds: Least and greatest number of each column, within those of int64.
            place: Of the list.

        Returns:
            int64 [rows, columns].
        """
        columns = len(bounds)
        lists = [
            self.many(row, columns, "numbers", *place, number) for number, row in enumerate(value)
        ]
        if any(row is None for row in lists):
            return None
        flat = list(chain.from_iterable(value))
        if set(map(type, flat)) <= {int} and min(flat) >= -(2**63) and max(flat) < 2**63:
            found = np.array(flat, np.int64).reshape(len(value), columns)
            least, most = np.array(bounds, np.int64).T
            if not ((found < least) | (found > most)).any():
                return found
        for at, each in enumerate(flat):
            self.whole(each, *bounds[at % columns], *place, at // columns, at % columns)
        return None


def shown(value: Any) -> str:
    """Return a value as it is quoted in messages, cut short."""
    if isinstance(value, dict | list):
        kind = "an object" if isinstance(value, dict) else "a list"
        return f"{kind} of {len(value):,}"
    text = json.dumps(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _parsed(path: Path) -> Any:
    def fault(message: str, line: int | None = None, column: int | None = None) -> ConfigError:
        return ConfigError([Problem(message, "", str(path), line, column)])

    try:
        if not path.exists():
            raise fault("there is no such file")
        if not path.is_file():
            raise fault("is not a file")
        if path.stat().st_size > MAX_BYTES:
            raise fault(f"is longer than {MAX_BYTES:,} bytes")
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise fault("is not UTF-8 text") from None
    except OSError as error:
        raise fault(f"cannot be read: {error.strerror}") from None
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
    except json.JSONDecodeError as error:
        raise fault(f"is not JSON: {error.msg}", error.lineno, error.colno) from None
    except RecursionError:
        raise fault("is not JSON of a burst: it is nested too deeply") from None
    except ValueError as error:  # ours below, and numbers of thousands of digits
        raise fault(str(error)) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        raise ValueError(f"key {shown(twice)} is given twice in one object")
    return found


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
