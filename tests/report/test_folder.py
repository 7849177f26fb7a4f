"""Folders of runs: whole, or not there."""

import os

import pytest

from chipletsim.errors import UsageError
from chipletsim.report.folder import refuse_unwritable, run_folder, whole_folder


def test_a_folder_is_named_by_name_and_hash(tmp_path):
    assert run_folder(tmp_path, "mnist", "abcdef0123456789") == tmp_path / "mnist-abcdef01"


@pytest.mark.parametrize("name", ["../../etc/x", "a/b", "..", "", "x" * 500, "naïve name"])
def test_a_hostile_name_stays_inside(tmp_path, name):
    folder = run_folder(tmp_path, name, "abcdef0123456789")
    assert folder.parent == tmp_path
    assert len(folder.name) < 100
    folder.mkdir()


def interrupt_after_writing(path):
    with whole_folder(path) as folder:
        (folder / "result.json").write_text("half")
        raise KeyboardInterrupt


def test_an_interruption_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        interrupt_after_writing(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_the_older_folder(tmp_path):
    with whole_folder(tmp_path / "run") as folder:
        (folder / "result.json").write_text("first")
    with pytest.raises(KeyboardInterrupt):
        interrupt_after_writing(tmp_path / "run")
    assert (tmp_path / "run" / "result.json").read_text() == "first"
    with whole_folder(tmp_path / "run") as folder:
        (folder / "result.json").write_text("second")
    assert (tmp_path / "run" / "result.json").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_file_in_the_way_is_a_usage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"), whole_folder(tmp_path / "file" / "run"):
        pass


def test_what_cannot_be_written_is_known_before_and_nothing_is_made(tmp_path, monkeypatch):
    refuse_unwritable(tmp_path / "new" / "run")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UsageError, match="permission denied"):
        refuse_unwritable(tmp_path / "new" / "run")
    assert list(tmp_path.iterdir()) == []
