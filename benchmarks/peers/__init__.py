"""Other simulators, each run by a script in an environment of its own (``make peers``)."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peers.turns import TURN

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = {"peers": ROOT / ".venv-peers", "spyx": ROOT / ".venv-spyx"}


def call(
    script: str, *arguments: str | Path, turn: Callable[[], Any], environment: str = "peers"
) -> dict[str, Any]:
    """Run a peer's script and return the JSON of its last line.

    Args:
        script: Its file in this folder.
        arguments: Its arguments.
        turn: Called before each run that the script times, while it waits.
        environment: Key of ``ENVIRONMENTS``.

    Raises:
        RuntimeError: The peer is not installed, or its script fails.
    """
    python = ENVIRONMENTS[environment] / "bin" / "python"
    if not python.exists():
        raise RuntimeError(f"{python} is not there: run `make peers` first")
    command = [str(python), str(Path(__file__).with_name(script)), *map(str, arguments)]
    last = ""
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=_environment(),
        ) as peer,
    ):
        assert peer.stdin
        assert peer.stdout
        for line in peer.stdout:
            if line.strip() == TURN:
                turn()
                peer.stdin.write("\n")
                peer.stdin.flush()
            last = line
        if peer.wait():
            errors.seek(0)
            raise RuntimeError(f"{script} failed:\n{errors.read()[-2000:]}")
    return json.loads(last)


def data_file(module: str, name: str, environment: str = "peers") -> Path:
    """Return a file that a peer's package holds.

    Raises:
        RuntimeError: There is none.
    """
    found = sorted(ENVIRONMENTS[environment].glob(f"lib/python*/site-packages/{module}/{name}"))
    if not found:
        raise RuntimeError(f"{module}/{name} is not there: run `make peers` first")
    return found[0]


def _environment() -> dict[str, str]:
    """Return the environment, without what is meant for chipletsim's own JAX."""
    return {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
