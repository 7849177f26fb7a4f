"""Presets, sourced constants and data paths: from a tree as written to a resolved one.

``use: links/ucie_standard`` puts the preset's keys under those beside it. A preset
is looked for beside the file that names it, then among the shipped ones. A mapping
laid over a mapping merges key by key, unless it uses a preset of its own or names
another ``kind``: then it replaces it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from chipletsim.errors import ConfigError, Problem
from chipletsim.spec.node import MAX_NODES, Node, Place, problem
from chipletsim.spec.yaml_source import read_yaml

USE = "use"
MAX_PRESET_CHAIN = 8
MAX_PRESETS = 4_000
SOURCE_KEYS = frozenset({"source", "year", "id", "note", "kind", "provenance"})
DATA_FOLDER_KEY = "folder"
DATA_PATH_KEYS = frozenset({"nir", "dataset", "file", DATA_FOLDER_KEY})


@cache
def shipped_configs() -> Path:
    """Return the folder of the presets and examples that come with the package."""
    return Path(str(importlib.import_module("chipletsim.configs").__file__)).parent


def preset_names(folder: str = "") -> list[str]:
    """Return the names of the shipped files, such as ``links/ucie_standard``.

    Args:
        folder: Only those in this folder.
    """
    root = shipped_configs()
    files = (root / folder).rglob("*.yaml")
    return sorted(file.relative_to(root).with_suffix("").as_posix() for file in files)


def nearest_preset(name: str, others: Iterable[str] = ()) -> str | None:
    """Return the file that ``name`` was probably meant to be, or None.

    One that is called so in some folder, one whose name goes on where ``name`` ends, or
    the one that is spelt most alike.

    Args:
        name: What was given.
        others: Files that could be meant beside the shipped ones.
    """
    wanted = name.removesuffix(".yaml").removesuffix(".yml")
    stems = {one.removesuffix(".yaml"): one for one in (*others, *preset_names())}
    same = [stem for stem in stems if stem.endswith(f"/{wanted}")]
    longer = [stem for stem in stems if wanted and stem.startswith(wanted)]
    likely = [*same, *longer, *get_close_matches(wanted, stems, n=1)]
    return stems[likely[0]] if likely else None


def shown_name(path: Path) -> str:
    """Return a file's name for messages: relative where it lies below the working folder."""
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()


def find_preset(name: str, base: Path) -> Path | None:
    """Return the file that ``use: name`` means in a file of folder ``base``, or None."""
    for folder in (base, shipped_configs()):
        for candidate in (folder / name, folder / f"{name}.yaml"):
            if candidate.is_file():
                return candidate.resolve()
    return None


@dataclass(frozen=True)
class Resolved:
    """A resolved tree and what went wrong.

    Attributes:
        root: The tree with presets merged, constants collapsed, data paths absolute.
        problems: Presets that are missing, not mappings, or lead back to themselves.
        unfilled: Places of the mappings that lack their preset.
    """

    root: Node
    problems: list[Problem]
    unfilled: frozenset[Place]

    def lacks_preset(self, root: Node, fault: Problem) -> bool:
        """Whether a fault lies in a mapping that lacks its preset, and may follow from that."""
        if not self.unfilled:
            return False
        parts = [int(part) if part.isdecimal() else part for part in fault.path.split(".")]
        steps = (root.nearest(tuple(parts[:count])) for count in range(len(parts) + 1))
        return any(node.place in self.unfilled for node in steps)


def resolve(node: Node, base: Path, files: tuple[Path, ...] = ()) -> Resolved:
    """Resolve a tree.

    Args:
        node: The tree as written.
        base: Folder that relative names are relative to.
        files: The file it was read from, and those that led to it.

    Raises:
        ConfigError: The result would be too large.
    """
    resolver = _Resolver()
    root = resolver.resolve(node, base, files)
    return Resolved(root, resolver.problems, frozenset(resolver.unfilled))


class _Resolver:
    """One pass over a tree; faults are gathered, not raised."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.unfilled: set[Place] = set()
        self._nodes = 0
        self._presets = 0

    def resolve(self, node: Node, base: Path, files: tuple[Path, ...]) -> Node:
        self._count(node)
        if isinstance(node.value, list):
            return replace(node, value=[self.resolve(child, base, files) for child in node.value])
        if not isinstance(node.value, dict):
            return node
        if "value" in node.value and "source" in node.value and not _other_keys(node):
            return self._constant(node, base, files)
        if USE in node.value:
            return self._with_preset(node, base, files)
        return self._overlay(Node({}, node.place, node.key), node, base, files)

    def _count(self, node: Node) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ConfigError([problem(f"presets give over {MAX_NODES:,} values", node.place)])

    def _constant(self, node: Node, base: Path, files: tuple[Path, ...]) -> Node:
        """Collapse ``{value: 1 pJ, source: ...}`` to its value, which keeps its source."""
        value = self.resolve(node.mapping["value"], base, files)
        source = {
            key: child.value
            for key, child in node.mapping.items()
            if key in SOURCE_KEYS and not isinstance(child.value, dict | list)
        }
        return replace(value, key=node.key, source=source)

    def _with_preset(self, node: Node, base: Path, files: tuple[Path, ...]) -> Node:
        rest = {key: child for key, child in node.mapping.items() if key != USE}
        preset = self._load(node.mapping[USE], base, files)
        if preset is None:
            self.unfilled.add(node.place)
        below = Node({} if preset is None else preset.mapping, node.place, node.key)
        return self._overlay(below, replace(node, value=rest), base, files)

    def _load(self, name: Node, base: Path, files: tuple[Path, ...]) -> Node | None:
        """Return the resolved preset, or None after noting why there is none."""
        self._presets += 1
        if self._presets > MAX_PRESETS:
            raise ConfigError([problem(f"uses over {MAX_PRESETS:,} presets", name.place)])
        try:
            path = self._find(name, base)
            _refuse_chain(name, path, files)
            preset = read_yaml(path, shown_name(path))
            if not isinstance(preset.value, dict):
                raise ConfigError([problem(f"preset {name.value!r} holds no keys", name.place)])
        except ConfigError as error:
            self.problems.extend(error.problems)
            return None
        return self.resolve(preset, path.parent, (*files, path))

    def _find(self, name: Node, base: Path) -> Path:
        if not isinstance(name.value, str) or not name.value or "\0" in name.value:
            raise ConfigError([problem("`use` takes the name of a preset", name.place)])
        try:
            path = find_preset(name.value, base)
        except OSError:
            path = None
        if path is None:
            close = nearest_preset(name.value)
            hint = f"; did you mean `{close}`?" if close else "; see `chipletsim list presets`"
            raise ConfigError([problem(f"there is no preset `{name.value}`{hint}", name.place)])
        return path

    def _overlay(self, below: Node, above: Node, base: Path, files: tuple[Path, ...]) -> Node:
        """Lay ``above``, as written, over the resolved ``below``."""
        merged = dict(below.mapping)
        for key, child in above.mapping.items():
            under = merged.get(key)
            if under is not None and _merges(under, child):
                self._count(child)
                merged[key] = self._overlay(under, child, base, files)
            else:
                merged[key] = _absolute(key, self.resolve(child, base, files), base)
        return replace(above, value=merged)


def _refuse_chain(name: Node, path: Path, files: tuple[Path, ...]) -> None:
    """Raise ConfigError where the preset at ``path`` leads back to itself or too deep."""
    chain = " > ".join(file.name for file in (*files, path))
    if path in files:
        raise ConfigError([problem(f"presets use each other in a circle: {chain}", name.place)])
    if len(files) >= MAX_PRESET_CHAIN:
        raise ConfigError([problem(f"presets use each other too deeply: {chain}", name.place)])


def _other_keys(node: Node) -> bool:
    return bool(node.mapping.keys() - SOURCE_KEYS - {"value"})


def _merges(under: Node, above: Node) -> bool:
    """Whether mapping ``above`` changes keys of ``under``, rather than replacing it."""
    if not (isinstance(under.value, dict) and isinstance(above.value, dict)):
        return False
    if USE in above.value or ("value" in above.value and not _other_keys(above)):
        return False
    kind = above.value.get("kind")
    return kind is None or kind.value == under.mapping.get("kind", kind).value


def _absolute(key: str, node: Node, base: Path) -> Node:
    """Return ``node`` with a data path made absolute, where ``key`` says that it is one."""
    if key not in DATA_PATH_KEYS or not isinstance(node.value, str):
        return node
    return replace(node, value=os.path.normpath(base.absolute() / node.value))
