"""The file of results."""

import sqlite3
from dataclasses import replace

import pytest

from chipletsim.errors import ConfigError, UsageError
from chipletsim.sweep.store import Point, SweepStore


def point(position: int, status="ok") -> Point:
    metrics = {"energy_per_inference_j": 1.5e-6 * position} if status == "ok" else {}
    return Point(f"h{position}", position, {"a.b": position}, status, metrics, "")


def test_points_come_back_in_grid_order(tmp_path):
    with SweepStore(tmp_path / "s.sqlite") as store:
        store.add([point(2), point(0), point(1, "infeasible")])
        assert [p.position for p in store.points()] == [0, 1, 2]
        assert store.points()[2] == point(2)
    with SweepStore(tmp_path / "s.sqlite") as store:
        assert store.hashes() == {"h0", "h1", "h2"}
        store.clear()
        assert store.points() == []


def test_points_of_a_file_without_notes_come_back(tmp_path):
    with SweepStore(tmp_path / "s.sqlite") as store:
        store.add([point(0)])
    with sqlite3.connect(tmp_path / "s.sqlite") as connection:
        connection.execute("ALTER TABLE points DROP COLUMN note")
    connection.close()
    with SweepStore(tmp_path / "s.sqlite") as store:
        noted = replace(point(1), note="doubtful")
        store.add([noted])
        assert store.points() == [point(0), noted]


def test_a_full_disk_is_told_and_points_stay(tmp_path):
    path = tmp_path / "s.sqlite"
    with SweepStore(path) as store:
        store.add([point(0)])
        ((pages,),) = store._connection.execute("PRAGMA page_count").fetchall()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(
            UsageError, match=rf"cannot write {path}: .* is full; points in it stay"
        ):
            store.add([replace(point(1), note="x" * 100_000)])
        assert store.points() == [point(0)]


def test_a_transaction_that_fails_leaves_nothing(tmp_path):
    with SweepStore(tmp_path / "s.sqlite") as store:
        with pytest.raises(sqlite3.IntegrityError):
            store.add([point(0), point(1, "nonsense")])
        assert store.points() == []


def test_a_foreign_file_is_refused(tmp_path):
    other = tmp_path / "s.sqlite"
    other.write_text("this is not a database, but it is longer than a header of one is")
    with pytest.raises(ConfigError, match="not a sweep store"):
        SweepStore(other)
    newer = tmp_path / "newer.sqlite"
    SweepStore(newer).close()
    with sqlite3.connect(newer) as connection:
        connection.execute("UPDATE sweep SET value = '99'")
    connection.close()
    with pytest.raises(ConfigError, match="schema version 99"):
        SweepStore(newer)


def test_a_folder_in_the_way_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot"):
        SweepStore(tmp_path)
