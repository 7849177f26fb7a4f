"""Fidelity: live modules of snnTorch beside the networks that ``from_snntorch`` makes of them.

Random networks of all kinds and styles are run by snnTorch, converted, and run here. A difference
is how many spikes differ. Cases marked ``(rounding)`` hold sums that float32 rounds (batch
normalisation, averages over three, Lapicque's gain) and a membrane within 1e-6 of its threshold.

``python -m benchmarks.fidelity.snntorch_live --record`` writes those in ``tests/data/snntorch``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.harness import Row
from benchmarks.peers import ENVIRONMENTS, ROOT

RECORDED = (2008, 2026, 2068, 2079, 2095, 2115)
"""Seeds of the cases of the tests."""
SCRIPT = ROOT / "benchmarks" / "peers" / "snntorch_live.py"


def rows(quick: bool) -> list[Row]:
    """Return the figures of 20 networks, or of 300.

    Raises:
        RuntimeError: The peers are not installed, or fail.
    """
    return [Row(**each) for each in json.loads(_run("rows", "2000", "20" if quick else "300"))]


def _run(*arguments: str) -> str:
    """Return what the script prints, run by the peers' Python with this one's packages behind."""
    python = ENVIRONMENTS["peers"] / "bin" / "python"
    if not python.exists():
        raise RuntimeError(f"{python} is not there: run `make peers` first")
    places = [str(ROOT), *(place for place in sys.path if Path(place).name == "site-packages")]
    command = [str(python), str(SCRIPT), os.pathsep.join(places), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{SCRIPT.name} failed:\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    if "--record" in sys.argv:
        _run("record", str(ROOT / "tests" / "data" / "snntorch"), *map(str, RECORDED))
