"""Columns of files that list synapses: CSV, NumPy, Parquet, and SONATA's HDF5.

To add a kind: a function here, and a line in ``READERS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.network.draw import MOST_NUMBERS, array_names, read_array

MAX_TEXT_BYTES = 64 << 30
"""Size of a text file that is read."""
_SONATA_NAMES = {"source_node_id": "source", "target_node_id": "target"}
_SONATA_VALUES = {"syn_weight": "weight", "delay": "delay_ms"}


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of numbers, all of one length.

    Attributes:
        path: The file.
        values: Name of a column to its numbers.
        place: Returns where a row stands, such as ``line 7``.
    """

    path: Path
    values: dict[str, np.ndarray]
    place: Callable[[int], str]

    def require(self, fine: np.ndarray, column: str, expected: str) -> None:
        """Check the rows of a column.

        Raises:
            ValueError: Of the first row that is not fine.
        """
        if not np.all(fine):
            row = int(np.argmin(fine))
            where, value = self.place(row), self.values[column][row]
            raise ValueError(f"{self.path}, {where}: `{column}` is {value:g}, expected {expected}")


def read_columns(path: Path, population: str | None = None) -> Columns:
    """Return the columns of a file, by its ending.

    Args:
        path: A .csv, .npz, .parquet, .h5, .hdf5 or .sonata file.
        population: Population of edges in a SONATA file.

    Raises:
        ValueError: The file is missing, of another kind, or broken.
    """
    if path.suffix not in READERS:
        raise ValueError(f"{path}: expected a file that ends in {', '.join(READERS)}")
    if not path.is_file():
        raise ValueError(f"cannot read {path}: there is no such file")
    if population is not None and READERS[path.suffix] is not _sonata:
        raise ValueError(f"{path} is no SONATA file; remove `edge_population`")
    if READERS[path.suffix] is _sonata:
        return _sonata(path, population)
    return READERS[path.suffix](path)


def _csv(path: Path) -> Columns:
    """Return the columns of comma-separated numbers under a line of names; # starts comments."""
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise ValueError(f"{path} is larger than {MAX_TEXT_BYTES >> 30} GiB; use .npz or .parquet")
    try:
        with path.open(encoding="utf-8-sig") as file:
            names = _header(file, path)
            rows = _loaded(file, len(names))
    except UnicodeDecodeError as error:
        raise ValueError(f"cannot read {path}: {error}") from None
    except ValueError as error:
        raise ValueError(_first_fault(path) or f"{path}: {error}") from None
    columns = {name: rows[:, number] for number, name in enumerate(names)}
    return Columns(path, columns, lambda row: f"line {_lines(path)[row + 1][0]}")


def _header(file: Any, path: Path) -> list[str]:
    for line in file:
        if text := line.partition("#")[0].strip():
            return [name.strip() for name in text.split(",")]
    raise ValueError(f"{path} is empty; expected a line of column names")


def _loaded(file: Any, width: int) -> np.ndarray:
    """Return float64 [rows, width]."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # no rows: an empty list is a list
        rows = np.loadtxt(file, np.float64, delimiter=",", ndmin=2)
    if rows.size and rows.shape[1] != width:
        raise ValueError(f"rows have {rows.shape[1]} numbers, but there are {width} columns")
    return rows.reshape(-1, width)


def _lines(path: Path) -> list[tuple[int, str]]:
    """Return numbers, from 1, and text of the lines that hold anything; the first are names."""
    with path.open(encoding="utf-8-sig") as file:
        texts = ((number, line.partition("#")[0].strip()) for number, line in enumerate(file, 1))
        return [(number, text) for number, text in texts if text]


def _first_fault(path: Path) -> str | None:
    """Return what is wrong with the first line that cannot be read."""
    lines = _lines(path)
    if not lines:
        return None
    names = lines[0][1].split(",")
    for number, text in lines[1:]:
        cells = text.split(",")
        if len(cells) != len(names):
            found = f"{len(cells)} values, expected {len(names)}"
            return f"{path}, line {number}: {found}"
        for name, cell in zip(names, cells, strict=True):
            try:
                float(cell)
            except ValueError:
                found = f"`{name.strip()}` is {cell.strip()!r}, expected a number"
                return f"{path}, line {number}: {found}"
    return None


def _npz(path: Path) -> Columns:
    """Return the arrays of an .npz file, each a column."""
    names = array_names(path)
    if not names:
        raise ValueError(f"{path} holds no arrays")
    first = read_array(path, names[0], (None,))
    columns = {name: read_array(path, name, (first.size,)) for name in names[1:]}
    return _numbered(path, {names[0]: first, **columns})


def _parquet(path: Path) -> Columns:
    """Return the columns of a Parquet file."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        message = f"{path}: Parquet files need pyarrow: pip install 'chipletsim[tables]'"
        raise ValueError(message) from None
    try:
        with parquet.ParquetFile(path) as file:
            rows, names = file.metadata.num_rows, file.schema_arrow.names
            if rows > MOST_NUMBERS:
                raise ValueError(f"{path} lists {rows:,} synapses; most are {MOST_NUMBERS:,}")
            table = file.read()
            columns = {name: table.column(name).to_numpy() for name in names}
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"cannot read {path}: {error}") from None
    return _numbered(path, columns)


def _sonata(path: Path, population: str | None = None) -> Columns:
    """Return the edges of a SONATA file: ``/edges/POPULATION``, group 0.

    Read are the numbers of the nodes, and of group 0 ``syn_weight`` and ``delay``, which is in
    ms. Tables of edge types, further groups and other attributes are not.
    """
    import h5py

    try:
        with h5py.File(path) as file:
            edges = _edge_population(path, file, population)
            columns = {ours: edges[name][...] for name, ours in _SONATA_NAMES.items()}
            if "1" in edges:
                raise ValueError(f"{path} has edges in several groups; one is read, group 0")
            group = edges.get("0", {})
            columns |= {
                ours: group[name][...] for name, ours in _SONATA_VALUES.items() if name in group
            }
    except (OSError, KeyError, AttributeError, TypeError, RuntimeError) as error:
        raise ValueError(f"cannot read {path} as SONATA edges: {error}") from None
    return _numbered(path, columns)


def _edge_population(path: Path, file: Any, population: str | None) -> Any:
    names = list(file["edges"])
    if population is None and len(names) != 1:
        listed = ", ".join(names) or "none"
        raise ValueError(f"{path}: name one population as `edge_population`; there are: {listed}")
    name = population or names[0]
    if name not in names:
        raise ValueError(f"{path} holds no population {name!r}; there are: {', '.join(names)}")
    edges = file["edges"][name]
    rows = edges["source_node_id"].shape[0]
    if rows > MOST_NUMBERS:
        raise ValueError(f"{path} lists {rows:,} synapses; most are {MOST_NUMBERS:,}")
    return edges


def _numbered(path: Path, columns: dict[str, np.ndarray]) -> Columns:
    """Return columns of numbers of one length, whose rows have no lines."""
    lengths = {name: values.shape for name, values in columns.items()}
    if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
        raise ValueError(f"{path}: columns differ in length: {lengths}")
    for name, values in columns.items():
        if values.dtype.kind not in "iuf":
            raise ValueError(f"{path}: `{name}` holds {values.dtype}, expected numbers")
    return Columns(path, columns, lambda row: f"row {row}, from 0")


READERS: dict[str, Callable[..., Columns]] = {
    ".csv": _csv,
    ".npz": _npz,
    ".parquet": _parquet,
    ".h5": _sonata,
    ".hdf5": _sonata,
    ".sonata": _sonata,
}
