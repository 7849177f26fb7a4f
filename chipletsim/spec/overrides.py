"""Values set from outside a file: ``--set a.b=c`` and the points of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any

from chipletsim.errors import ConfigError, Problem
from chipletsim.spec.node import Node, Path, Place, dotted, from_plain, problem
from chipletsim.spec.resolve import USE, resolve
from chipletsim.spec.yaml_source import parse_yaml

Overrides = Sequence[str] | Mapping[str, Any]


def parse_overrides(overrides: Overrides) -> dict[str, Node]:
    """Return dotted path to value.

    Args:
        overrides: Texts ``a.b=c`` whose right side is YAML (a number, text, or
            ``[1, 2]`` and ``{a: b}``), or dotted paths to plain values.

    Raises:
        ConfigError: A text has no ``=`` or its right side is not YAML.
    """
    if isinstance(overrides, Mapping):
        return {path: from_plain(value, _place(path, value)) for path, value in overrides.items()}
    parsed: dict[str, Node] = {}
    problems: list[Problem] = []
    for text in overrides:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            problems.append(Problem(f"expected KEY=VALUE, got {text!r}", file="--set"))
            continue
        try:
            parsed[path.strip()] = _parse_value(value, _place(path.strip(), value))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return parsed


def _place(path: str, value: Any) -> Place:
    return Place(f"--set {path}={value}"[:120])


def _parse_value(text: str, place: Place) -> Node:
    if not text.strip():
        return Node("", place)
    node = parse_yaml(text, str(place.file))
    return _moved(node, place)


def _moved(node: Node, place: Place) -> Node:
    """Return the tree with every value said to stand at ``place``."""
    if isinstance(node.value, dict):
        mapping = {key: _moved(child, place) for key, child in node.value.items()}
        return Node(mapping, place, place)
    if isinstance(node.value, list):
        return Node([_moved(child, place) for child in node.value], place, place)
    return Node(node.value, place, place)


@dataclass(frozen=True)
class NewSection:
    """A section that was not there before a path went through it."""

    path: Path
    fault: Problem

    def lacks(self, fault: Problem) -> bool:
        """Whether a fault is a key that this section lacks."""
        inside = f"{fault.path}.".startswith(f"{dotted(self.path)}.")
        return inside and fault.message.startswith("missing")


def apply_overrides(
    root: Node, overrides: Mapping[str, Node], base: FilePath
) -> tuple[Node, list[NewSection], list[Problem]]:
    """Return the resolved tree with each path set to its value.

    Args:
        root: A resolved tree.
        overrides: Dotted path to value; ``a.use`` replaces ``a`` by a preset.
        base: Folder that presets and data paths in the values are relative to.

    Returns:
        The tree; the sections made on the way; and what went wrong: paths that lead
        through a value or past the end of a list, and presets that are missing.
    """
    problems: list[Problem] = []
    made: list[NewSection] = []
    for name, given in overrides.items():
        parts = tuple(part.strip() for part in name.split("."))
        value = given
        if parts == (USE,):
            problems.append(problem("`use` needs the section to replace before it", given.place))
            continue
        if parts[-1] == USE and len(parts) > 1:
            parts, value = parts[:-1], replace(given, value={USE: given})
        # Resolved under its key, so that a data path becomes absolute.
        outcome = resolve(Node({parts[-1]: value}, value.place), base)
        problems += outcome.problems
        if outcome.problems:
            continue
        try:
            root = _set(root, parts, outcome.root.mapping[parts[-1]], (), made)
        except ConfigError as error:
            problems += error.problems
    return root, made, problems


def _set(
    node: Node, parts: tuple[str, ...], value: Node, done: Path, made: list[NewSection]
) -> Node:
    """Return ``node`` with the value at ``parts`` below it replaced."""
    if not parts:
        return replace(value, key=value.place)
    head, rest = parts[0], parts[1:]
    if isinstance(node.value, list):
        index = _index(node, head, value, done)
        items = list(node.value)
        items[index] = _set(items[index], rest, value, (*done, index), made)
        return replace(node, value=items)
    if not isinstance(node.value, dict) and node.value is not None:
        message = f"`{dotted(done)}` is a value, so it has no `{head}`"
        raise ConfigError([problem(message, value.place, (*done, *parts))])
    child = node.mapping.get(head)
    if child is None:
        child = Node(None, value.place, value.place)
        if rest:
            made.append(_new_section(node, head, value.place, done))
    mapping = {**node.mapping, head: _set(child, rest, value, (*done, head), made)}
    return replace(node, value=mapping)


def _new_section(node: Node, name: str, place: Place, done: Path) -> NewSection:
    close = get_close_matches(name, list(node.mapping), n=1)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    where = f" in `{dotted(done)}`" if done else ""
    fault = problem(f"there is no `{name}`{where}{hint}", place, (*done, name))
    return NewSection((*done, name), fault)


def _index(node: Node, head: str, value: Node, done: Path) -> int:
    length = len(node.value) if isinstance(node.value, list) else 0
    if head.isdecimal() and len(head) < 10 and int(head) < length:
        return int(head)
    message = f"`{dotted(done)}` is a list; expected an index from 0 to {length - 1}, got `{head}`"
    raise ConfigError([problem(message, value.place, (*done, head))])
