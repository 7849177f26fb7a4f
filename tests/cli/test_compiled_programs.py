"""Commands keep what JAX compiles, and find it again in the next process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chipletsim.cli.compiled import FOLDER, LOG_LEVEL, compiled_programs, keep_compiled_programs

MINIMA = ("COMPILE_TIME_SECS", "ENTRY_SIZE_BYTES")
SIMULATES = """
import os, sys
from chipletsim.cli.compiled import keep_compiled_programs
keep_compiled_programs()
import jax, numpy as np
events = []
jax.monitoring.register_event_listener(lambda name, **_: events.append(name))
jax.jit(lambda x: x * 2 + 1)(np.arange(3)).block_until_ready()
print(sum(name.endswith("cache_hits") for name in events))
"""


def hits(**environment: str) -> int:
    # Commands that other tests ran in this process have set what children inherit.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("JAX_")}
    done = subprocess.run(
        [sys.executable, "-c", SIMULATES],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return int(done.stdout)


def test_the_next_process_finds_what_this_one_compiled(tmp_path):
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    assert hits(**cache) == 0
    (folder,) = tmp_path.glob("chipletsim/jax-*")
    assert folder.stat().st_mode & 0o077 == 0
    assert any(folder.iterdir())
    assert hits(**cache) > 0


def test_a_folder_of_the_user_s_own_is_used_instead(tmp_path):
    own = tmp_path / "own"
    for _ in range(2):
        hits(XDG_CACHE_HOME=str(tmp_path), **{FOLDER: str(own)})
    assert not (tmp_path / "chipletsim").exists()


def test_where_nothing_can_be_kept_commands_run_all_the_same(tmp_path):
    taken = tmp_path / "file"
    taken.write_text("no folder")
    for _ in range(2):
        assert hits(XDG_CACHE_HOME=str(taken)) == 0


def test_what_the_user_has_set_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_MAX_SIZE", "7")
    for name in (FOLDER, *(f"JAX_PERSISTENT_CACHE_MIN_{end}" for end in MINIMA)):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    keep_compiled_programs()
    assert os.environ[FOLDER] == str(compiled_programs())
    assert Path(os.environ[FOLDER]).is_relative_to(tmp_path)
    assert os.environ["JAX_COMPILATION_CACHE_MAX_SIZE"] == "7"


@pytest.mark.parametrize(("set_before", "then"), [(None, "3"), ("1", "3"), ("0", "0")])
def test_programs_from_disk_are_not_reported_unless_the_user_asks(
    monkeypatch, tmp_path, set_before, then
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setenv(LOG_LEVEL, set_before or "")
    if set_before is None:
        monkeypatch.delenv(LOG_LEVEL)
    keep_compiled_programs()
    assert os.environ[LOG_LEVEL] == then


@pytest.mark.parametrize("features", ["flags\t: sse avx512", "flags\t: sse avx2"])
def test_processors_that_differ_have_folders_that_differ(monkeypatch, features):
    here = compiled_programs()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"model name: x\n{features}\n")
    assert compiled_programs() != here
    assert compiled_programs().parent == here.parent
