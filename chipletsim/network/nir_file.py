"""NIR files as they lie on disk: HDF5 groups of nodes, and edges between their names.

Layout: ``/node/nodes/<name>/`` holds a dataset ``type`` and one dataset per field;
``/node/edges`` holds pairs of names. Files come from strangers: sizes are checked before
anything is read, and links to other files are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from chipletsim.errors import ConfigError, Problem

MAX_BYTES = 8 << 30
"""Most bytes that the arrays of a file may take when unpacked, as float32 at least."""
MAX_NODES = 100_000
MAX_AXES = 32
"""Most numbers of a shape, a stride or the like: as many as arrays may have axes."""
MAX_NUMBER = 2**31 - 1
"""Largest of these numbers."""
MAX_RATIO = 2000
"""Bytes unpacked per byte stored; gzip reaches 1032 on zeros, files that only claim exceed it."""

_WRITER_VERSION = "1.0.8"


@dataclass(frozen=True)
class NirNode:
    """A node: its type and its fields as arrays or text; those of nested graphs are left out."""

    type: str
    fields: dict[str, Any]

    def array(self, name: str, default: float | None = None) -> np.ndarray:
        """Return a numeric field as float32.

        Raises:
            ValueError: It is missing without a default, or not numeric.
        """
        value = self.fields.get(name, default)
        if value is None:
            raise ValueError(f"has no field `{name}`")
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise ValueError(f"field `{name}` holds no numbers")
        with np.errstate(over="ignore"):  # infinite, and refused as such by the network's checks
            return array.astype(np.float32)

    def integers(self, name: str, default: int) -> tuple[int, ...]:
        """Return a field of up to ``MAX_AXES`` whole numbers; a single one has length 1.

        Raises:
            ValueError: It holds anything else.
        """
        value = np.atleast_1d(self.fields.get(name, default))
        if value.size > MAX_AXES:
            raise ValueError(f"field `{name}` holds {value.size:,} numbers; most are {MAX_AXES}")
        numbers = value.astype(np.float64) if value.dtype.kind in "iufb" else np.array([np.nan])
        if np.any(numbers != np.rint(numbers)) or not np.all(np.abs(numbers) <= MAX_NUMBER):
            raise ValueError(f"field `{name}` must hold whole numbers up to {MAX_NUMBER:,}")
        return tuple(int(number) for number in numbers.ravel())

    def integer(self, name: str, default: int) -> int:
        """Return a field of one whole number.

        Raises:
            ValueError: It holds anything else.
        """
        numbers = self.integers(name, default)
        if len(numbers) != 1:
            raise ValueError(f"field `{name}` must hold one number, not {len(numbers)}")
        return numbers[0]

    def pair(self, name: str, default: int) -> tuple[int, int]:
        """Return a field along (y, x); a single number stands for both.

        Raises:
            ValueError: It holds anything else.
        """
        numbers = self.integers(name, default)
        if len(numbers) not in (1, 2):
            raise ValueError(f"field `{name}` must hold one number or two")
        return numbers[0], numbers[-1]


@dataclass(frozen=True)
class NirGraph:
    """Nodes by name, and the edges between them."""

    nodes: dict[str, NirNode]
    edges: tuple[tuple[str, str], ...]


def read_graph(path: Path) -> NirGraph:
    """Return the contents of a NIR file; nodes in the order of their names.

    Raises:
        ConfigError: It cannot be read, is not a NIR file, or is unreasonably large.
    """
    try:
        with h5py.File(path, "r") as file:
            return _Reader().graph(file)
    except ConfigError as error:
        raise ConfigError(
            [Problem(fault.message, fault.path, str(path)) for fault in error.problems]
        ) from None
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        reason = str(error).strip("'\"")
        raise ConfigError([Problem(f"cannot be read as NIR: {reason}", file=str(path))]) from None
    except MemoryError:
        raise ConfigError([Problem("does not fit into memory", file=str(path))]) from None


def write_graph(graph: NirGraph, path: Path) -> None:
    """Write a NIR file; the same graph gives the same bytes."""
    with h5py.File(path, "w") as file:
        file["version"] = _WRITER_VERSION
        root = file.create_group("node")
        root["type"] = "NIRGraph"
        text = h5py.string_dtype()
        edges = np.array(graph.edges, object).reshape(-1, 2)
        root.create_dataset("edges", data=edges, dtype=text)
        nodes = root.create_group("nodes")
        for name in sorted(graph.nodes):
            group = nodes.create_group(name)
            group["type"] = graph.nodes[name].type
            for field, value in graph.nodes[name].fields.items():
                _write_field(group, field, value)


def _write_field(group: Any, name: str, value: Any) -> None:
    if isinstance(value, np.ndarray) and value.ndim:
        group.create_dataset(name, data=value, compression="gzip", track_times=False)
    else:
        group[name] = value


class _Reader:
    """One pass over a file, counting the bytes it unpacks."""

    def __init__(self) -> None:
        self._bytes = 0

    def graph(self, file: Any) -> NirGraph:
        root = self._group(file, "node")
        nodes = self._group(root, "nodes")
        if len(nodes) > MAX_NODES:
            raise ConfigError(f"holds {len(nodes)} nodes; most are {MAX_NODES}")
        found = {name: self._node(nodes, name) for name in sorted(nodes)}
        return NirGraph(found, self._edges(root, found))

    def _node(self, nodes: Any, name: str) -> NirNode:
        group = self._group(nodes, name)
        kind = self._text(group, "type")
        if kind == "NIRGraph":
            return NirNode(kind, {})
        fields = {
            field: self._value(group, field)
            for field in sorted(group)
            if field not in ("type", "metadata")
        }
        return NirNode(kind, fields)

    def _edges(self, root: Any, nodes: dict[str, NirNode]) -> tuple[tuple[str, str], ...]:
        stored = self._value(root, "edges")
        pairs = np.asarray(stored, object).reshape(-1, 2)
        edges = sorted({(_decoded(source), _decoded(target)) for source, target in pairs})
        missing = {name for edge in edges for name in edge} - set(nodes)
        if missing:
            raise ConfigError(
                [Problem(f"edges name a node {name!r} that is not there") for name in missing]
            )
        return tuple(edges)

    def _text(self, group: Any, name: str) -> str:
        value = self._value(group, name)
        if not isinstance(value, str):
            raise ConfigError(f"{group.name}/{name} is not a text")
        return value

    def _group(self, parent: Any, name: str) -> Any:
        child = self._child(parent, name)
        if not isinstance(child, h5py.Group):
            raise ConfigError(f"{parent.name}/{name} is not a group")
        return child

    def _value(self, parent: Any, name: str) -> Any:
        dataset = self._child(parent, name)
        if not isinstance(dataset, h5py.Dataset):
            raise ConfigError(f"{parent.name}/{name} is not a dataset")
        if dataset.external or dataset.is_virtual:
            raise ConfigError(f"{dataset.name} lies in another file; copy it into this one")
        self._count(dataset)
        value = dataset[()]
        return _decoded(value) if isinstance(value, bytes) else value

    def _count(self, dataset: Any) -> None:
        """Refuse a dataset before it is read, if it or all together are too large."""
        self._bytes += max(dataset.nbytes, 4 * (dataset.size or 0))
        if self._bytes > MAX_BYTES:
            raise ConfigError(f"unpacks to more than {MAX_BYTES >> 30} GiB")
        stored = dataset.id.get_storage_size()
        if dataset.nbytes > MAX_RATIO * stored:
            raise ConfigError(
                f"{dataset.name} declares {dataset.nbytes:,} bytes, but only {stored:,} are stored"
            )

    def _child(self, parent: Any, name: str) -> Any:
        link = parent.get(name, getlink=True)
        if link is None:
            raise ConfigError(f"is not a NIR file: {parent.name} has no {name!r}")
        if not isinstance(link, h5py.HardLink):
            raise ConfigError(f"{parent.name}/{name} is a link; copy its data into the file")
        return parent[name]


def _decoded(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
