"""Signals that end a process: one word on stderr, exit code 130, nothing half-written."""

import subprocess
import sys

import pytest

PROGRAM = """
import gc, os, signal, sys, time
from chipletsim.cli import list as command
from chipletsim.cli.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores it
def send(*_):
    gc.callbacks.clear()
    os.kill(os.getpid(), signal.{signal})
    time.sleep(0.001)  # the handler runs here
def work():
    {work}
    for _ in range(2000):  # one long sleep may begin with the signal already waiting
        time.sleep(0.01)
command.KINDS["neurons"] = work
sys.argv = ["chipletsim", "list", "neurons"]
main()
"""


@pytest.mark.parametrize(
    ("signal", "work"),
    [
        ("SIGINT", "send()"),
        ("SIGTERM", "send()"),
        ("SIGINT", "gc.callbacks.append(send); gc.collect()"),  # Python drops what this raises
    ],
)
def test_an_interrupted_process_ends_with_130(signal: str, work: str) -> None:
    code = PROGRAM.format(signal=signal, work=work)
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=20
    )
    assert ran.returncode == 130
    assert ran.stderr == "interrupted\n"
