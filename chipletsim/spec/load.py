"""From a file to a validated spec that knows where each of its values came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path as FilePath
from typing import Any, Generic, NamedTuple, TypeVar

from chipletsim.errors import ConfigError, Problem
from chipletsim.spec.check import validate
from chipletsim.spec.node import Node, Path, Place, dotted, from_plain, plain, problem
from chipletsim.spec.origin import Origin, origin
from chipletsim.spec.overrides import NewSection, Overrides, apply_overrides, parse_overrides
from chipletsim.spec.resolve import (
    DATA_FOLDER_KEY,
    DATA_PATH_KEYS,
    Resolved,
    find_preset,
    nearest_preset,
    resolve,
    shown_name,
)
from chipletsim.spec.semantic import cross_faults
from chipletsim.spec.sweep import SweepSpec
from chipletsim.spec.yaml_source import read_yaml

M = TypeVar("M")
N = TypeVar("N")


@dataclass(frozen=True)
class Loaded(Generic[M]):
    """A validated file.

    Attributes:
        spec: The validated contents.
        root: The resolved tree with positions.
        model: What it was validated as.
        base: Folder of the file; overrides name presets and data relative to it.
    """

    spec: M
    root: Node
    model: Any
    base: FilePath

    @cached_property
    def resolved(self) -> dict[str, Any]:
        """The contents after presets and overrides, as plain data; quantities are text."""
        return plain(self.root)

    @cached_property
    def origins(self) -> dict[str, Origin]:
        """Dotted path of every value in the file to its origin."""
        return {dotted(path): origin(leaf) for path, leaf in self.root.leaves()}

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the resolved contents and of the data files they name.

        Where a data file lies does not matter, only what is in it.
        """
        canonical = json.dumps(_with_digests(self.resolved), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def with_overrides(self, overrides: Overrides) -> Loaded[M]:
        """Return the same file with further values set.

        Raises:
            ConfigError: A path or value is wrong, or the result is not valid.
        """
        done = Resolved(self.root, [], frozenset())
        return _finish(done, self.model, self.base, Changes(overrides, self.base))

    def section(self, key: str, model: type[N]) -> Loaded[N]:
        """Return the mapping under ``key`` as a file of its own.

        Raises:
            ConfigError: It is not a valid ``model``.
        """
        return _finish(Resolved(self.root.mapping[key], [], frozenset()), model, self.base)

    def locate(self, error: ConfigError) -> ConfigError:
        """Return ``error`` with file and line added to problems that only name a path."""
        return ConfigError([self._located(fault) for fault in error.problems])

    def _located(self, fault: Problem) -> Problem:
        if fault.file is not None or not fault.path:
            return fault
        place = self.root.named(fault.path).start
        return replace(fault, file=place.file, line=place.line, column=place.column)


def load_spec(
    source: str | FilePath | Mapping[str, Any], model: type[M], overrides: Overrides = ()
) -> Loaded[M]:
    """Read, resolve and validate a file.

    Args:
        source: A file, the name of a shipped one such as ``experiments/mnist``, or the
            contents as a mapping.
        model: What it is, such as `PackageSpec`.
        overrides: Texts ``a.b=c``, or dotted paths to values, set after presets.

    Raises:
        ConfigError: Everything that is wrong with it.
    """
    resolved, base = open_source(source)
    return load_resolved(resolved, base, model, overrides)


def load_preset(source: M | str | FilePath, model: type[M], folder: str) -> M:
    """Return a section from the name of a preset, from its file, or itself.

    Args:
        source: A section as it is, a YAML file, or the name of a preset.
        model: What it is.
        folder: Folder of presets in which a name without one is looked up.

    Raises:
        ConfigError: The file is missing or wrong.
    """
    if isinstance(source, model):
        return source
    path = FilePath(str(source))
    if path.suffix in {".yaml", ".yml"}:
        return load_spec(path, model).spec
    name = str(source) if len(path.parts) > 1 else f"{folder}/{source}"
    return load_spec({"use": name}, model).spec


def load_resolved(
    resolved: Resolved, base: FilePath, model: type[M], overrides: Overrides = ()
) -> Loaded[M]:
    """Validate what `open_source` returned.

    Args:
        resolved: The contents.
        base: Their folder.
        model: As for `load_spec`.
        overrides: As for `load_spec`.

    Raises:
        ConfigError: Everything that is wrong with it.
    """
    return _finish(resolved, model, base, Changes(overrides, FilePath.cwd()))


class Changes(NamedTuple):
    """Overrides, and the folder that names in them are relative to."""

    overrides: Overrides
    base: FilePath


def open_source(source: str | FilePath | Mapping[str, Any]) -> tuple[Resolved, FilePath]:
    """Return the resolved contents and the folder of a source.

    Args:
        source: As for `load_spec`.

    Raises:
        ConfigError: There is no such file, or it does not hold keys and values.
    """
    if isinstance(source, Mapping):
        base = FilePath.cwd()
        return resolve(from_plain(source, Place()), base), base
    path = open_path(source)
    root = read_yaml(path, shown_name(path))
    if not isinstance(root.value, dict):
        raise ConfigError([problem("expected keys and values at the top of the file", root.place)])
    return resolve(root, path.parent, (path,)), path.parent


def open_path(source: str | FilePath) -> FilePath:
    """Return the file a user means: a path, or the name of a shipped file.

    Raises:
        ConfigError: There is neither.
    """
    try:
        path = find_preset(str(source), FilePath.cwd())
    except (OSError, ValueError):
        path = None
    if path is None:
        there = "is not a file" if _exists(source) else f"there is no such file{_hint(str(source))}"
        raise ConfigError([Problem(there, file=str(source) or "''")])
    return path


def _hint(name: str) -> str:
    """Return the file that was probably meant, as the end of a sentence."""
    try:
        beside = [str(path) for path in FilePath(name).parent.glob("*.yaml")]
    except (OSError, ValueError):
        beside = []
    close = nearest_preset(name, beside)
    return f"; did you mean `{close}`?" if close else ""


def _exists(source: str | FilePath) -> bool:
    """Whether something is there under a name."""
    try:
        return str(source) != "" and FilePath(source).exists()
    except (OSError, ValueError):
        return False


def _finish(
    resolved: Resolved, model: Any, base: FilePath, changes: Changes | None = None
) -> Loaded[Any]:
    """Override and validate a resolved tree; raise every fault at once."""
    root, faults = resolved.root, list(resolved.problems)
    made: list[NewSection] = []
    if changes is not None and changes.overrides:
        values = parse_overrides(changes.overrides)
        root, made, more = apply_overrides(root, values, changes.base)
        faults += more
    data = plain(root)
    spec, invalid = validate(data, root, model)
    invalid += [_at(root, path, message) for path, message in cross_faults(data, model)]
    if model is SweepSpec:
        invalid += _sweep_faults(replace(resolved, root=root), base)
    faults += [fault for fault in invalid if not resolved.lacks_preset(root, fault)]
    if faults:
        raise ConfigError(_tidy(_explained(faults, made), root.place.file))
    return Loaded(spec, root, model, base)


def _sweep_faults(resolved: Resolved, base: FilePath) -> list[Problem]:
    """Return the faults of a sweep's experiment, or else of each value of its grid."""
    from chipletsim.spec.experiment import ExperimentSpec

    experiment = resolved.root.mapping.get("experiment")
    grid = resolved.root.mapping.get("grid")
    if experiment is None or grid is None or not experiment.mapping:
        return []
    try:
        loaded = _finish(replace(resolved, root=experiment, problems=[]), ExperimentSpec, base)
    except ConfigError as error:
        return [
            replace(fault, path=f"experiment.{fault.path}".rstrip(".")) for fault in error.problems
        ]
    faults: list[Problem] = []
    for path, values in grid.mapping.items():
        for _, value in values.children():
            faults += _grid_faults(loaded, path, value)
    return faults


def _grid_faults(experiment: Loaded[Any], path: str, value: Node) -> Iterator[Problem]:
    """Yield the faults of one value of a grid, each at the place of the value."""
    try:
        experiment.with_overrides({path: plain(value)})
    except ConfigError as error:
        for fault in error.problems:
            yield problem(fault.message, value.place, ("grid", path))


def _at(root: Node, path: Path, message: str) -> Problem:
    return problem(message, root.nearest(path).start, path)


def _explained(faults: list[Problem], made: list[NewSection]) -> Iterator[Problem]:
    """Yield faults, with those of a section that an override made in vain as one."""
    for section in made:
        lacking = [fault for fault in faults if section.lacks(fault)]
        if lacking:
            yield section.fault
            faults = [fault for fault in faults if fault not in lacking]
    yield from faults


def _tidy(faults: Iterator[Problem], first: str | None) -> list[Problem]:
    """Return faults in file order, each position and message once."""
    unique = {(fault.file, fault.line, fault.column, fault.message): fault for fault in faults}

    def order(fault: Problem) -> tuple[bool, str, int, int]:
        return fault.file != first, fault.file or "", fault.line or 0, fault.column or 0

    return sorted(unique.values(), key=order)


def _with_digests(data: Any, key: str = "") -> Any:
    """Return the tree with data paths replaced by the digest of their contents."""
    if isinstance(data, dict):
        return {name: _with_digests(value, name) for name, value in data.items()}
    if isinstance(data, list):
        return [_with_digests(value) for value in data]
    if key == DATA_FOLDER_KEY and isinstance(data, str):
        return _folder_digest(FilePath(data))
    if key in DATA_PATH_KEYS and isinstance(data, str):
        status = FilePath(data).stat()
        return _digest(data, status.st_mtime_ns, status.st_size)
    return data


def _folder_digest(folder: FilePath) -> str:
    """Return the digest of the files in a folder, however deep, and of their names in it."""
    whole = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            status = file.stat()
            name = file.relative_to(folder).as_posix()
            digest = _digest(str(file), status.st_mtime_ns, status.st_size)
            whole.update(f"{name} {digest}\n".encode())
    return whole.hexdigest()


@lru_cache(maxsize=256)
def _digest(file: str, _changed: int, _size: int) -> str:
    with FilePath(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
