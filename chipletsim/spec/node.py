"""A tree of plain values that remembers where each of them was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from chipletsim.errors import ConfigError, Problem

Scalar = str | int | float | bool | None
Path = tuple[str | int, ...]

MAX_DEPTH = 32
MAX_NODES = 1_000_000


class Place(NamedTuple):
    """A position in a file; line and column count from one and may be unknown."""

    file: str | None = None
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and where it stands.

    Attributes:
        value: A scalar, or a dict or list of nodes; never changed once made.
        place: Where the value begins.
        key: Where the key of the value begins, for values of a mapping.
        source: What a sourced constant says of itself: source, year and so on.
    """

    value: Scalar | dict[str, Node] | list[Node]
    place: Place
    key: Place | None = None
    source: Mapping[str, Scalar] | None = None

    @property
    def mapping(self) -> dict[str, Node]:
        """Its keys and values; empty for anything but a mapping."""
        return self.value if isinstance(self.value, dict) else {}

    def children(self) -> Iterator[tuple[str | int, Node]]:
        """Yield key or index, and node, of everything directly inside."""
        if isinstance(self.value, dict):
            yield from self.value.items()
        elif isinstance(self.value, list):
            yield from enumerate(self.value)

    def child(self, part: str | int) -> Node | None:
        """Return the node under a key or index, or None."""
        if isinstance(self.value, dict):
            return self.value.get(str(part))
        if isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            return self.value[part]
        return None

    def at(self, path: Path) -> Node | None:
        """Return the node at ``path`` below this one, or None."""
        node: Node | None = self
        for part in path:
            if node is None:
                return None
            node = node.child(part)
        return node

    def nearest(self, path: Path) -> Node:
        """Return the node at ``path``, or the deepest one on the way to it."""
        node = self
        for part in path:
            child = node.child(part)
            if child is None:
                break
            node = child
        return node

    def named(self, path: str) -> Node:
        """Return the node at a dotted path, or the deepest one on the way.

        Keys may hold dots; of several that the path goes on with, the longest counts.
        """
        node, parts = self, path.split(".")
        while parts:
            for count in range(len(parts), 0, -1):
                name = ".".join(parts[:count])
                child = node.child(int(name) if name.isdecimal() else name)
                if child is not None:
                    node, parts = child, parts[count:]
                    break
            else:
                break
        return node

    @property
    def start(self) -> Place:
        """Where a person would look for it: at its key if it is a section, else at its value."""
        return self.key if self.mapping and self.key else self.place

    def leaves(self, path: Path = ()) -> Iterator[tuple[Path, Node]]:
        """Yield path and node of every scalar, in file order."""
        if not isinstance(self.value, dict | list):
            yield path, self
        for part, child in self.children():
            yield from child.leaves((*path, part))


def dotted(path: Path) -> str:
    """Return a path as users write it, such as ``package.chiplets.east.at.0``."""
    return ".".join(str(part) for part in path)


def problem(message: str, place: Place, path: Path = ()) -> Problem:
    """Return the problem at ``place``."""
    return Problem(message, dotted(path), place.file, place.line, place.column)


def plain(node: Node) -> Any:
    """Return the tree as dicts, lists and scalars."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def from_plain(value: Any, place: Place, depth: int = 0) -> Node:
    """Return dicts, lists, tuples and scalars as a tree, all at ``place``.

    Raises:
        ConfigError: The value is nested too deeply, or holds something that has no
            form in YAML, such as a NaN or an object.
    """
    if depth > MAX_DEPTH:
        raise ConfigError([problem(f"is nested deeper than {MAX_DEPTH} levels", place)])
    if isinstance(value, Mapping):
        items = {str(key): from_plain(child, place, depth + 1) for key, child in value.items()}
        return Node(items, place)
    if isinstance(value, list | tuple):
        return Node([from_plain(child, place, depth + 1) for child in value], place)
    return Node(_scalar(value, place), place)


def _scalar(value: Any, place: Place) -> Scalar:
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise ConfigError([problem(f"expected a finite number, got {value!r}", place)])
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise ConfigError([problem(f"a {type(value).__name__} cannot stand in a file", place)])
