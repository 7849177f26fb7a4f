"""The kinds of files there are, and which one a file is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from chipletsim.errors import ConfigError, Problem
from chipletsim.spec.load import Loaded, load_resolved, load_spec, open_source
from chipletsim.spec.node import Node, problem
from chipletsim.spec.overrides import Overrides
from chipletsim.spec.resolve import USE
from chipletsim.spec.trace import fields, members

M = TypeVar("M")


@dataclass(frozen=True)
class FileKind:
    """A kind of file.

    Attributes:
        name: Name in messages, such as ``package``.
        folder: Folder of the shipped ones.
        home: Module and name of what a file of this kind is validated as.
        needed: Keys that a file of this kind must have, which tell it from others; empty for
            kinds that no such keys tell.
    """

    name: str
    folder: str
    home: tuple[str, str]
    needed: frozenset[str] = frozenset()

    @property
    def model(self) -> Any:
        """What a file of this kind is validated as, which is imported only when needed."""
        module, name = self.home
        return getattr(import_module(f"chipletsim.{module}"), name)


FILE_KINDS = (
    FileKind(
        "experiment", "experiments", ("spec.experiment", "ExperimentSpec"),
        frozenset({"name", "package", "network", "inputs"}),
    ),
    FileKind(
        "sweep", "sweeps", ("spec.sweep", "SweepSpec"), frozenset({"name", "experiment", "grid"})
    ),
    FileKind(
        "training", "training", ("spec.train", "TrainSpec"),
        frozenset({"name", "package", "network", "data"}),
    ),
    FileKind(
        "package", "packages", ("spec.package", "PackageSpec"),
        frozenset({"name", "packet", "chiplet_types", "chiplets"}),
    ),
    FileKind(
        "network", "networks", ("spec.network", "NetworkSpec"),
        frozenset({"name", "dt", "populations"}),
    ),
    FileKind("device", "devices", ("spec.device", "DeviceSpec"), frozenset({"name", "peak"})),
    FileKind(
        "link", "links", ("spec.package", "LinkSpec"), frozenset({"bandwidth", "latency", "flit"})
    ),
    FileKind("router", "routers", ("spec.package", "RouterSpec")),
    FileKind("tile", "tiles", ("tiles", "TileSpec")),
    FileKind(
        "fabric", "fabrics", ("spec.fabric", "FabricSpec"),
        frozenset({"name", "bandwidth", "latency", "energy_per_bit"}),
    ),
)  # fmt: skip


def kind_of(root: Node) -> FileKind:
    """Return the kind that a file has all needed keys of, or else most keys of.

    Raises:
        ConfigError: It has no key of any kind.
    """
    keys = root.mapping.keys() - {USE}
    told = [kind for kind in FILE_KINDS if kind.needed and kind.needed <= keys]
    if len(told) == 1:
        return told[0]

    def known(kind: FileKind) -> float:
        return max(len(keys & fields(model).keys()) for model in members(kind.model))

    best = max(FILE_KINDS, key=known)
    if known(best) == 0:
        names = ", ".join(kind.name for kind in FILE_KINDS)
        raise ConfigError([problem(f"is none of: {names}", root.place)])
    return best


def load_kind(
    source: str | Path | Mapping[str, Any], model: type[M], overrides: Overrides = ()
) -> Loaded[M]:
    """Load a file as `load_spec` does; of a file of another kind, say that alone.

    Args:
        source: A file, the name of a shipped one, or its contents.
        model: What it should be.
        overrides: As for `load_spec`.

    Raises:
        ConfigError: Everything that is wrong with it.
    """
    try:
        return load_spec(source, model, overrides)
    except ConfigError:
        if not isinstance(source, Mapping):
            _refuse_other_kind(source, model)
        raise


def _refuse_other_kind(source: str | Path, model: Any) -> None:
    """Raise ConfigError where a file is of another kind than ``model``."""
    resolved, _ = open_source(source)
    kind = kind_of(resolved.root)
    wanted = next(one.name for one in FILE_KINDS if one.model is model)
    if kind.name != wanted:
        message = f"is of kind {kind.name}; expected a file of kind {wanted}"
        raise ConfigError([Problem(message, file=resolved.root.place.file)])


def load_any(source: str | Path, overrides: Overrides = ()) -> tuple[FileKind, Loaded[Any]]:
    """Load a file of any kind.

    Args:
        source: A file, or the name of a shipped one.
        overrides: As for `load_spec`.

    Raises:
        ConfigError: Everything that is wrong with it.
    """
    resolved, base = open_source(source)
    kind = kind_of(resolved.root)
    return kind, load_resolved(resolved, base, kind.model, overrides)
