"""NIR files as they lie on disk: HDF5 groups of nodes, and edges between their names.

Layout: ``/node/nodes/<name>/`` holds a dataset ``type`` and one dataset per field;
``/node/edges`` holds pairs of names. A node of type ``NIRGraph`` holds ``nodes`` and ``edges``
of its own; ``metadata`` may stand beside fields. Files come from strangers: sizes are checked
before anything is read, and links to other files are refused.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.nir.damage import damage
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.network.nir.repair import missing_nodes
from chipletsim.network.nir.texts import claimed_bytes
from chipletsim.whole_files import whole_file

MAX_BYTES = 8 << 30
"""Most bytes that the arrays of a file may take when unpacked, as float32 at least."""
MAX_NODES = 100_000
MAX_EDGES = 1_000_000
MAX_DEPTH = 32
"""Most graphs within graphs."""
MAX_RATIO = 2000
"""Bytes unpacked per byte stored; gzip reaches 1032 on zeros, files that only claim exceed it."""
MAX_TEXT_BYTES = 1 << 28
"""Most bytes of texts in one dataset."""
MAX_SHARED = 100
"""Bytes of texts read per byte of the file: several may lie at one place."""

_WEIGHTED = frozenset({"Affine", "Linear", "Scale", "Conv1d", "Conv2d", "Delay"})
"""Node types that hold most of a file's bytes."""

_WRITER_VERSION = "1.0.8"
_OWN_KEYS = frozenset({"type", "metadata", "nodes", "edges"})


def read_graph(path: Path) -> NirGraph:
    """Return the contents of a NIR file; nodes in the order of their names.

    Raises:
        ConfigError: It cannot be read, is not a NIR file, or is unreasonably large.
    """
    return _read(path, _Reader(path))


def read_outline(path: Path) -> NirGraph:
    """Return the contents of a NIR file without weights; errors as for ``read_graph``.

    Nodes that hold weights or delays have no fields and no metadata.
    """
    return _read(path, _Reader(path, _WEIGHTED))


def _read(path: Path, reader: _Reader) -> NirGraph:
    try:
        if found := damage(path):
            raise ConfigError(f"cannot be read as NIR: it is {found}")
        with h5py.File(path, "r") as file:
            return reader.root(file)
    except ConfigError as error:
        raise ConfigError(
            [Problem(fault.message, fault.path, str(path)) for fault in error.problems]
        ) from None
    except MemoryError:
        raise ConfigError([Problem("does not fit into memory", file=str(path))]) from None
    except Exception as error:  # HDF5 raises whatever its layers do on damaged files
        reason = printable(str(error).strip("'\""))
        raise ConfigError([Problem(f"cannot be read as NIR: {reason}", file=str(path))]) from None


def write_graph(graph: NirGraph, path: Path) -> None:
    """Write a NIR file; the same graph gives the same bytes.

    Raises:
        UsageError: It cannot be written; what was there before stays.
    """
    contents = BytesIO()  # for HDF5 does not always tell that a disk is full
    with h5py.File(contents, "w") as file:
        file["version"] = _WRITER_VERSION
        root = file.create_group("node")
        root["type"] = "NIRGraph"
        _write_contents(root, graph)
    with whole_file(path) as part:
        part.write_bytes(contents.getbuffer())


def printable(text: str) -> str:
    """Return a text with what cannot be printed written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _write_contents(group: Any, graph: NirGraph) -> None:
    edges = np.array(graph.edges, object).reshape(-1, 2)
    group.create_dataset("edges", data=edges, dtype=h5py.string_dtype())
    nodes = group.create_group("nodes")
    for name in sorted(graph.nodes):
        node = graph.nodes[name]
        own = nodes.create_group(name)
        own["type"] = node.type
        for field, value in node.fields.items():
            _write_field(own, field, value)
        if node.graph is not None:
            _write_contents(own, node.graph)
        _write_metadata(own, node.metadata)
    _write_metadata(group, graph.metadata)


def _write_metadata(group: Any, metadata: Any) -> None:
    if metadata:
        own = group.create_group("metadata")
        for key in sorted(metadata):
            _write_field(own, key, metadata[key])


def _write_field(group: Any, name: str, value: Any) -> None:
    if isinstance(value, np.ndarray) and value.ndim:
        group.create_dataset(name, data=value, compression="gzip", track_times=False)
    else:
        group[name] = value


class _Reader:
    """One pass over a file, counting nodes and the bytes it unpacks.

    Args:
        path: The file.
        passed_over: Node types whose fields and metadata are not read.
    """

    def __init__(self, path: Path, passed_over: frozenset[str] = frozenset()) -> None:
        self._path = path
        self._passed_over = passed_over
        self._seen: set[int] = set()
        self._bytes = 0
        self._nodes = 0

    def root(self, file: Any) -> NirGraph:
        return self._graph(self._group(file, "node"), "", 0)

    def _graph(self, group: Any, name: str, depth: int) -> NirGraph:
        if depth > MAX_DEPTH:
            raise ConfigError(f"{printable(group.name)}: graphs lie more than {MAX_DEPTH} deep")
        nodes = self._group(group, "nodes")
        self._nodes += len(nodes)
        if self._nodes > MAX_NODES:
            raise ConfigError(f"holds {self._nodes:,} nodes; most are {MAX_NODES:,}")
        found = {each: self._node(nodes, each, depth) for each in _names(nodes)}
        edges = self._edges(group)
        faults = missing_nodes(name, found, edges)
        if faults:
            raise ConfigError(faults)
        return NirGraph(found, edges, self._metadata(group))

    def _node(self, nodes: Any, name: str, depth: int) -> NirNode:
        group = self._group(nodes, name)
        self._refuse_twins(group)
        kind = self._text(group, "type")
        if kind in self._passed_over:
            return NirNode(kind)
        fields = {
            field: self._value(group, field) for field in _names(group) if field not in _OWN_KEYS
        }
        graph = self._graph(group, name, depth + 1) if kind == "NIRGraph" else None
        return NirNode(kind, fields, self._metadata(group), graph)

    def _refuse_twins(self, group: Any) -> None:
        """Refuse a node that lies at two places: graphs could hold each other without end."""
        address = h5py.h5o.get_info(group.id).addr
        if address in self._seen:
            place = printable(group.name)
            raise ConfigError(f"{place} is another node as well; copy it, so that there are two")
        self._seen.add(address)

    def _metadata(self, group: Any) -> dict[str, Any]:
        if "metadata" not in group:
            return {}
        own = self._group(group, "metadata")
        values = [name for name in _names(own) if isinstance(own.get(name), h5py.Dataset)]
        return {name: self._value(own, name) for name in values}

    def _edges(self, group: Any) -> tuple[tuple[str, str], ...]:
        stored = self._value(group, "edges")
        if np.size(stored) > 2 * MAX_EDGES or np.size(stored) % 2:
            raise ConfigError(
                f"{printable(group.name)}/edges holds {np.size(stored):,} names; expected pairs,"
                f" at most {MAX_EDGES:,}"
            )
        pairs = np.asarray(stored, object).reshape(-1, 2)
        names = {(_name(_decoded(source)), _name(_decoded(target))) for source, target in pairs}
        return tuple(sorted(names))

    def _text(self, group: Any, name: str) -> str:
        value = self._value(group, name)
        if not isinstance(value, str):
            raise ConfigError(f"{printable(group.name)}/{name} is not a text")
        return _name(value)

    def _group(self, parent: Any, name: str) -> Any:
        child = self._child(parent, name)
        if not isinstance(child, h5py.Group):
            raise ConfigError(f"{printable(f'{parent.name}/{name}')} is not a group")
        return child

    def _value(self, parent: Any, name: str) -> Any:
        dataset = self._child(parent, name)
        if not isinstance(dataset, h5py.Dataset):
            raise ConfigError(f"{printable(f'{parent.name}/{name}')} is not a dataset")
        if dataset.external or dataset.is_virtual:
            place = printable(dataset.name)
            raise ConfigError(f"{place} lies in another file; copy it into this one")
        self._count(dataset)
        self._count_texts(dataset)
        value = dataset[()]
        if isinstance(value, np.ndarray) and value.size == 1 and value.dtype == object:
            value = value.reshape(-1)[0]  # a text in an array of one, as `padding` often is
        return _decoded(value) if isinstance(value, bytes) else value

    def _count_texts(self, dataset: Any) -> None:
        """Refuse texts before they are read, if they claim to be longer than the file."""
        if dataset.dtype.kind != "O":
            return
        if not h5py.check_string_dtype(dataset.dtype):
            raise ConfigError(f"{printable(dataset.name)} holds neither numbers nor text")
        claimed = claimed_bytes(dataset, self._path)
        if claimed > min(MAX_TEXT_BYTES, MAX_SHARED * self._path.stat().st_size):
            place = printable(dataset.name)
            raise ConfigError(f"{place} declares {claimed:,} bytes of text; the file is shorter")
        self._add(claimed)

    def _count(self, dataset: Any) -> None:
        """Refuse a dataset before it is read, if it or all together are too large."""
        self._add(max(dataset.nbytes, 4 * (dataset.size or 0)))
        stored = dataset.id.get_storage_size()
        if dataset.nbytes > MAX_RATIO * stored:
            raise ConfigError(
                f"{printable(dataset.name)} declares {dataset.nbytes:,} bytes, but only"
                f" {stored:,} are stored"
            )

    def _add(self, size: int) -> None:
        self._bytes += size
        if self._bytes > MAX_BYTES:
            raise ConfigError(f"unpacks to more than {MAX_BYTES >> 30} GiB")

    def _child(self, parent: Any, name: str) -> Any:
        link = parent.get(name, getlink=True)
        if link is None:
            place = printable(parent.name)
            raise ConfigError(f"is not a NIR file: {place} has no {printable(name)!r}")
        if not isinstance(link, h5py.HardLink):
            place = printable(f"{parent.name}/{name}")
            raise ConfigError(f"{place} is a link; copy its data into the file")
        return parent[name]


def _names(group: Any) -> list[str]:
    """Return the names in a group in order; ConfigError where one is no printable text."""
    return sorted(_name(name) for name in group)


def _name(name: str | bytes) -> str:
    """Return a name, which h5py gives as bytes where it is not UTF-8."""
    if isinstance(name, bytes) or not name.isprintable():
        shown = repr(name)[:80]
        raise ConfigError(f"a name is no printable text: {shown}; rename it")
    return name


def _decoded(value: Any) -> str:
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        raise ConfigError(f"a text is not UTF-8: {value[:80]!r}") from None
