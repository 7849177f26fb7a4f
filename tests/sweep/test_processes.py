"""Processes of a sweep: none outlives the one that started it, and a lost one is said."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chipletsim.errors import UsageError
from chipletsim.sweep import processes

KILLS_ITSELF = """
import os, signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from chipletsim.sweep.processes import _end_with_parent
pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_end_with_parent)
print(pool.submit(os.getpid).result(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_end_with_the_one_that_started_them():
    ran = subprocess.run(
        [sys.executable, "-c", KILLS_ITSELF], capture_output=True, text=True, check=False
    )
    assert ran.returncode == -signal.SIGKILL
    end = time.monotonic() + 20
    while runs(int(ran.stdout)):
        assert time.monotonic() < end, "it still runs"
        time.sleep(0.05)


def runs(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def die(chunk):
    os._exit(1)


def test_a_killed_process_is_no_fault_of_ours(monkeypatch):
    monkeypatch.setattr(processes, "_evaluate_chunk", die)
    with pytest.raises(UsageError, match="ended from outside"):
        list(processes.evaluated([None, None], jobs=2))
