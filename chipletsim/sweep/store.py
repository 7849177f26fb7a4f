"""Results of a sweep in one SQLite file that survives a kill at any moment."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from chipletsim.errors import ConfigError, UsageError

Status = Literal["ok", "infeasible", "invalid"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sweep (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS points (
    hash TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    settings TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ok', 'infeasible', 'invalid')),
    metrics TEXT NOT NULL,
    error TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT ''
);
"""
SCHEMA_VERSION = "1"


@dataclass(frozen=True)
class Point:
    """One combination of settings and what came of it.

    Attributes:
        hash: Hash of the experiment's resolved configuration and the code's version.
        position: Place in the grid, the last path varying fastest.
        settings: Dotted path to value.
        status: ``ok``, ``infeasible`` (does not fit) or ``invalid`` (bad configuration).
        metrics: Metric name, with its unit, to value; empty unless ``ok``.
        error: What was wrong, or an empty text.
        note: Why the metrics may not mean what they seem to, or an empty text.
    """

    hash: str
    position: int
    settings: dict[str, Any]
    status: Status
    metrics: dict[str, float] = field(default_factory=dict)
    error: str = ""
    note: str = ""


class SweepStore:
    """One SQLite file in write-ahead mode; each `add` is one transaction.

    Args:
        path: The file, made if missing.

    Raises:
        UsageError: The file cannot be opened.
        ConfigError: The file is no sweep store of this version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.executescript(_SCHEMA)
        except OSError as error:
            raise UsageError(f"cannot write to {path.parent}: {error.strerror}") from None
        except sqlite3.OperationalError as error:
            raise UsageError(f"cannot open {path}: {error}") from None
        except sqlite3.DatabaseError as error:
            raise ConfigError(f"{path} is not a sweep store: {error}") from None
        self._check_version()

    def _check_version(self) -> None:
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO sweep VALUES ('schema_version', ?)", (SCHEMA_VERSION,)
            )
        ((version,),) = self._connection.execute(
            "SELECT value FROM sweep WHERE key = 'schema_version'"
        ).fetchall()
        if version != SCHEMA_VERSION:
            raise ConfigError(f"{self.path} has schema version {version}, expected 1")
        columns = [row[1] for row in self._connection.execute("PRAGMA table_info(points)")]
        if "note" not in columns:  # kept by a sweep that did not look for doubts
            self._connection.execute("ALTER TABLE points ADD COLUMN note TEXT NOT NULL DEFAULT ''")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection; all that is done with it is kept, or nothing of it.

        Raises:
            UsageError: The file cannot be written any more, as the disk is full.
        """
        try:
            with self._connection as connection:
                yield connection
        except sqlite3.OperationalError as error:
            raise UsageError(f"cannot write {self.path}: {error}; points in it stay") from None

    def add(self, points: Iterable[Point]) -> None:
        """Store points in one transaction, replacing those of the same hash.

        Raises:
            UsageError: The file cannot be written any more.
        """
        rows = [
            (
                *(p.hash, p.position, json.dumps(p.settings), p.status),
                *(json.dumps(p.metrics), p.error, p.note),
            )
            for p in points
        ]
        insert = "INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?, ?, ?)"
        with self._transaction() as connection:
            connection.executemany(insert, rows)

    def arrange(self, positions: dict[str, int]) -> None:
        """Give the points of a grid their places; others, of an earlier grid, get -1.

        Args:
            positions: Hash to place in the grid.
        """
        with self._transaction() as connection:
            connection.execute("UPDATE points SET position = -1")
            connection.executemany(
                "UPDATE points SET position = ? WHERE hash = ?",
                [(position, key) for key, position in positions.items()],
            )

    def points(self) -> list[Point]:
        """Return the points of the grid that are stored, in its order."""
        rows = self._connection.execute(
            "SELECT * FROM points WHERE position >= 0 ORDER BY position"
        )
        return [
            Point(key, position, json.loads(settings), status, json.loads(metrics), error, note)
            for key, position, settings, status, metrics, error, note in rows
        ]

    def hashes(self) -> set[str]:
        """Return the hashes of the points stored."""
        return {key for (key,) in self._connection.execute("SELECT hash FROM points")}

    def clear(self) -> None:
        """Forget all points."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM points")

    def close(self) -> None:
        """Close the file, folding the write-ahead log into it."""
        self._connection.close()

    def __enter__(self) -> SweepStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
