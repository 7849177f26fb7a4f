"""YAML text to a tree with positions, without the traps of YAML 1.1.

Plain scalars are ``null``, ``true``, ``false`` and numbers as JSON writes them
(``1e-9`` too); everything else is text. So ``no``, ``1:30``, ``010`` and
``2024-01-01`` stay what was typed. Tags, merge keys and second documents are
errors, as are keys given twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from chipletsim.errors import ConfigError, Problem
from chipletsim.spec.node import MAX_DEPTH, MAX_NODES, Node, Place, Scalar, problem

MAX_BYTES = 16 << 20


class Reading(NamedTuple):
    """How YAML is read.

    Attributes:
        typed: Whether plain scalars become null, flags and numbers; else they stay text, for
            formats in which ``0.10`` is an address.
        max_bytes: Longest file.
        max_nodes: Most values.
        prepared: What is done to the text before it is parsed.
    """

    typed: bool = True
    max_bytes: int = MAX_BYTES
    max_nodes: int = MAX_NODES
    prepared: Callable[[str], str] = str


_TYPED = Reading()
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_FLOAT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


def read_yaml(path: Path, shown: str, reading: Reading = _TYPED) -> Node:
    """Return the contents of a YAML file.

    Args:
        path: The file.
        shown: Its name in messages.
        reading: How it is read.

    Raises:
        ConfigError: There is no such file, it is too long or not UTF-8, or it is
            not YAML as described above.
    """
    try:
        status = path.stat()
        if not path.is_file():
            raise ConfigError([Problem("is not a file", file=shown)])
        if reading.typed:
            return _read_cached(path, shown, status.st_mtime_ns, status.st_size)
        return _read(path, shown, status.st_size, reading)  # may be large, and is read once
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError([Problem(f"cannot be read: {reason}", file=shown)]) from None


_HDF5 = b"\x89HDF\r\n\x1a\n"
"""The first bytes of each HDF5 file."""


@lru_cache(maxsize=128)
def _read_cached(path: Path, shown: str, _changed: int, size: int) -> Node:
    return _read(path, shown, size, _TYPED)


def _read(path: Path, shown: str, size: int, reading: Reading) -> Node:
    if size > reading.max_bytes:
        raise ConfigError([Problem(f"is longer than {reading.max_bytes:,} bytes", file=shown)])
    content = path.read_bytes()
    if content.startswith(_HDF5):
        message = (
            "is an HDF5 file, expected YAML; a NIR network stands in an experiment, as"
            f" `network: {{nir: {path.name}, dt: ...}}`"
        )
        raise ConfigError([Problem(message, file=shown)])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(shown, before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise ConfigError([problem("is not UTF-8 text", place)]) from None
    return parse_yaml(reading.prepared(text), shown, reading)


def parse_yaml(text: str, shown: str, reading: Reading = _TYPED) -> Node:
    """Return YAML text as a tree.

    Args:
        text: One document.
        shown: File name in messages.
        reading: How it is read.

    Raises:
        ConfigError: The text is not YAML as described above.
    """
    builder = _Builder(shown, reading)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(shown, mark.line + 1, mark.column + 1) if mark else Place(shown)
        raise ConfigError([problem(_syntax_message(error, text, place), place)]) from None
    except (yaml.YAMLError, UnicodeError) as error:
        reason = getattr(error, "reason", "") or "is not YAML"
        raise ConfigError([problem(str(reason), _unprintable(text, shown))]) from None
    return builder.result()


def _unprintable(text: str, shown: str) -> Place:
    """Return the place of the first character that YAML refuses."""
    found = _UNPRINTABLE.search(text)
    if found is None:
        return Place(shown)
    before = text[: found.start()]
    return Place(shown, before.count("\n") + 1, found.start() - before.rfind("\n"))


def _syntax_message(error: yaml.MarkedYAMLError, text: str, place: Place) -> str:
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line and place.line <= len(lines) else ""
    if line[: len(line) - len(line.lstrip())].count("\t"):
        return "is not YAML: a tab cannot indent; use spaces"
    if "nesting depth" in (error.problem or ""):  # libyaml's own limit, met before ours
        return f"is nested deeper than {MAX_DEPTH} levels"
    parts = (error.context, error.problem)
    return "is not YAML: " + (", ".join(part for part in parts if part) or "syntax error")


class _Open:
    """A mapping or sequence whose end has not come yet."""

    def __init__(self, place: Place, anchor: str | None, *, is_mapping: bool) -> None:
        self.place = place
        self.anchor = anchor
        self.mapping: dict[str, Node] | None = {} if is_mapping else None
        self.items: list[Node] = []
        self.key: tuple[str, Place] | None = None
        self.nodes = 1


class _Builder:
    """Builds the tree from parser events, so that depth and size are known as it grows."""

    def __init__(self, shown: str, reading: Reading) -> None:
        self._shown = shown
        self._reading = reading
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._problems: list[Problem] = []
        self._documents = 0
        self._root: Node | None = None

    def result(self) -> Node:
        """Return the tree once all events were taken."""
        if self._problems:
            raise ConfigError(self._problems)
        if self._root is None:
            raise ConfigError([problem("is empty", Place(self._shown))])
        return self._root

    def take(self, event: Any) -> None:
        """Take the next event of the parser."""
        place = Place(self._shown, event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event, place)
            self._scalar(event, place)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._refuse_tag(event, place)
            self._start(event, place)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(str(event.anchor), place)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise ConfigError([problem("holds a second document (`---`)", place)])

    def _refuse_tag(self, event: Any, place: Place) -> None:
        if event.tag is not None:
            self._problems.append(problem(f"tags such as `{event.tag}` are not supported", place))

    def _scalar(self, event: Any, place: Place) -> None:
        if self._open and self._open[-1].mapping is not None and self._open[-1].key is None:
            self._take_key(event.value, place)
            return
        value = event.value
        if not event.style and self._reading.typed:
            value = self._plain_scalar(value, place)
        self._close(Node(value, place), 1, event.anchor)

    def _take_key(self, key: str, place: Place) -> None:
        top = self._open[-1]
        if key == "<<":
            self._problems.append(problem("merge keys (`<<`) are not supported; try `use`", place))
        elif top.mapping is not None and key in top.mapping:
            first = top.mapping[key].key
            line = f", first on line {first.line}" if first else ""
            self._problems.append(problem(f"key `{key}` is given twice{line}", place))
        top.key = (key, place)

    def _plain_scalar(self, text: str, place: Place) -> Scalar:
        if text in _WORDS:
            return _WORDS[text]
        is_integer = _INTEGER.fullmatch(text) is not None
        if not is_integer and (_octal_like(text) or not _FLOAT.fullmatch(text)):
            return text
        if abs(float(text)) >= (2.0**63 if is_integer else float("inf")):
            self._problems.append(problem(f"number {text[:20]} is too large", place))
            return None
        return int(text) if is_integer else float(text)

    def _start(self, event: Any, place: Place) -> None:
        if self._open and self._open[-1].mapping is not None and self._open[-1].key is None:
            raise ConfigError([problem("a key must be text, not a list or mapping", place)])
        if len(self._open) >= MAX_DEPTH:
            raise ConfigError([problem(f"is nested deeper than {MAX_DEPTH} levels", place)])
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._open.append(_Open(place, event.anchor, is_mapping=is_mapping))

    def _end(self) -> None:
        top = self._open.pop()
        value = top.items if top.mapping is None else top.mapping
        self._close(Node(value, top.place), top.nodes, top.anchor)

    def _alias(self, name: str, place: Place) -> None:
        if self._open and self._open[-1].mapping is not None and self._open[-1].key is None:
            raise ConfigError([problem("a key must be text, not an alias", place)])
        if name not in self._anchors:
            raise ConfigError([problem(f"alias `*{name}` has no anchor before it", place)])
        node, nodes = self._anchors[name]
        self._close(node, nodes, None)

    def _close(self, node: Node, nodes: int, anchor: str | None) -> None:
        """Put a finished node, which counts ``nodes`` when written out, where it belongs."""
        if anchor is not None:
            self._anchors[anchor] = (node, nodes)
        if not self._open:
            self._root = node
            return
        top = self._open[-1]
        top.nodes += nodes
        most = self._reading.max_nodes
        if top.nodes > most:
            raise ConfigError([problem(f"holds more than {most:,} values", node.place)])
        if top.mapping is None:
            top.items.append(node)
        elif top.key is not None:
            key, place = top.key
            top.mapping[key] = replace(node, key=place)
            top.key = None


def _octal_like(text: str) -> bool:
    """Whether ``text`` is whole with a leading zero, which YAML 1.1 reads as octal."""
    return text.lstrip("+-").isdigit()
