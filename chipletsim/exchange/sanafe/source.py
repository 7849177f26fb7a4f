"""SANA-FE's YAML as values with a place: every fault names file, line and key.

Its files hold plain numbers in joules and seconds, addresses such as ``0.10`` that are no
numbers, and attributes either as keys and values or as a list of them, which mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path as FilePath

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.exchange.sanafe.long_lists import LongLists
from chipletsim.spec.load import open_path
from chipletsim.spec.node import Node, Path, problem
from chipletsim.spec.resolve import shown_name
from chipletsim.spec.yaml_source import Reading, read_yaml

READING = Reading(typed=False, max_bytes=128 << 20, max_nodes=8_000_000)
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_WHOLE = re.compile(r"[0-9]{1,18}")
_FLAGS = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}


@dataclass(frozen=True)
class Entry:
    """A value of a file.

    Attributes:
        node: The value and its place.
        path: Keys and indices that lead to it.
        lists: Long lists of numbers that the file holds.
    """

    node: Node
    path: Path = ()
    lists: LongLists | None = None

    def fault(self, message: str) -> ConfigError:
        """Return the error of this value."""
        return ConfigError([problem(message, self.node.key or self.node.place, self.path)])

    @property
    def place(self) -> str:
        """File and line, as text."""
        place = self.node.key or self.node.place
        return f"{place.file}:{place.line}"

    def text(self) -> str:
        """Return it as text."""
        if not isinstance(self.node.value, str) or self._is_long:
            raise self.fault("expected one value, not a list or keys and values")
        return self.node.value

    def number(self) -> float:
        """Return it as a finite number."""
        text = self.text()
        value = float(text) if _NUMBER.fullmatch(text) else float("inf")
        if not abs(value) < float("inf"):
            raise self.fault(f"expected a finite number, got {text!r}")
        return value

    def whole(self) -> int:
        """Return it as a whole number of at least 0."""
        if not _WHOLE.fullmatch(self.text()):
            raise self.fault(f"expected a whole number of at least 0, got {self.text()!r}")
        return int(self.text())

    def flag(self) -> bool:
        """Return it as true or false."""
        if self.text() not in _FLAGS:
            raise self.fault(f"expected true, false, 1 or 0, got {self.text()!r}")
        return _FLAGS[self.text()]

    def items(self) -> Iterator[tuple[str, Entry]]:
        """Yield keys and values of a mapping, or of a list of mappings.

        Raises:
            ConfigError: It is neither, or a key is given twice.
        """
        seen: set[str] = set()
        for key, value in self._pairs():
            if key in seen:
                raise value.fault(f"`{key}` is given twice")
            seen.add(key)
            yield key, value

    def _pairs(self) -> Iterator[tuple[str, Entry]]:
        value = self.node.value
        if isinstance(value, dict):
            yield from ((key, self._inner(node, key)) for key, node in value.items())
        elif isinstance(value, list):
            for index, node in enumerate(value):
                inner = self._inner(node, index)
                if not isinstance(node.value, dict):
                    raise inner.fault("expected a key and its value")
                yield from inner._pairs()
        elif value:
            raise self.fault("expected keys and values")

    def keys(self) -> dict[str, Entry]:
        """Return keys and values; errors as of `items`."""
        return dict(self.items())

    def listed(self) -> list[Entry]:
        """Return the values of a list."""
        if not isinstance(self.node.value, list):
            raise self.fault("expected a list")
        return [self._inner(node, index) for index, node in enumerate(self.node.value)]

    def numbers(self, *, pairs: bool = False) -> np.ndarray:
        """Return a list of numbers as float64 [numbers], or one of pairs as [pairs, 2]."""
        if self.lists is None or not self._is_long:
            listed = self.listed()
            if not pairs:
                return np.array([each.number() for each in listed], np.float64)
            rows = [each.numbers() for each in listed]
            for each, row in zip(listed, rows, strict=True):
                if row.size != 2:
                    raise each.fault(f"expected a pair of numbers, got {row.size}")
            return np.array(rows, np.float64).reshape(-1, 2)
        try:
            found = self.lists.array(str(self.node.value))
        except ValueError as error:
            raise self.fault(f"expected numbers, got {str(error)!r}") from None
        if found.ndim != 1 + pairs or not np.all(np.isfinite(found)):
            raise self.fault(f"expected a list of finite {'pairs' if pairs else 'numbers'}")
        return found

    @property
    def _is_long(self) -> bool:
        return self.lists is not None and self.lists.holds(self.node.value)

    def _inner(self, node: Node, part: str | int) -> Entry:
        return Entry(node, (*self.path, part), self.lists)

    def need(self, key: str) -> Entry:
        """Return the value under ``key``, which must be there."""
        found = self.keys()
        if key not in found:
            raise self.fault(f"there is no `{key}`, which is needed{_listed(list(found))}")
        return found[key]


def near(name: str, known: list[str]) -> str:
    """Return what was probably meant, as the end of a sentence."""
    close = get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean `{close[0]}`?"
    return _listed(known)


def _listed(known: list[str]) -> str:
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return f"; there are: {shown or 'none'}"


def open_entry(path: str | FilePath) -> Entry:
    """Return the contents of a file.

    Raises:
        ConfigError: There is no such file, or it is no YAML with keys and values.
    """
    found, lists = open_path(path), LongLists()
    reading = READING._replace(prepared=lists.taken_out)
    root = Entry(read_yaml(found, shown_name(found), reading), lists=lists)
    if not isinstance(root.node.value, dict):
        raise root.fault("expected keys and values at the top of the file")
    return root


class Faults:
    """Faults of a file, gathered so that all are told at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keep the faults that the block raises."""
        try:
            yield
        except ConfigError as error:
            self.problems += error.problems

    def raise_any(self) -> None:
        """Raise ConfigError if there were any."""
        if self.problems:
            raise ConfigError(self.problems)


@dataclass
class Notes:
    """What an import leaves out, and what comes out otherwise than SANA-FE has it.

    Attributes:
        left_out: What to where it first stands, how often, and why.
        differs: Sentences.
    """

    left_out: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    differs: list[str] = field(default_factory=list)

    def leave(self, what: str, why: str, place: str = "") -> None:
        """Note something that is left out.

        Args:
            what: What it is, such as a key.
            why: The reason, in a few words.
            place: Where it stands.
        """
        first, times = self.left_out.get((what, why), (place, 0))
        self.left_out[what, why] = (first, times + 1)

    def differ(self, sentence: str) -> None:
        """Note something that comes out otherwise, once."""
        if sentence not in self.differs:
            self.differs.append(sentence)

    def lines(self) -> list[str]:
        """Return what is left out, a line each."""
        return [
            what + _where(first, times) + f": {why}"
            for (what, why), (first, times) in self.left_out.items()
        ]


def _where(first: str, times: int) -> str:
    many = f"{times:,} times" if times > 1 else ""
    at = f"first at {first}" if times > 1 else f"at {first}"
    told = [many, at if first else ""]
    return f" ({', '.join(part for part in told if part)})" if any(told) else ""
