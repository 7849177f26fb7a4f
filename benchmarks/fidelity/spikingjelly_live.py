"""Fidelity: networks of SpikingJelly, exported by it as NIR files, beside ours of those files.

Random networks are run by SpikingJelly, exported with ``export_to_nir``, read with the preset
``spikingjelly`` and run here; graphs with loops, which it does not export, are read by
``import_from_nir`` on its side. A difference is how many spikes, or membranes in any bit, differ.

``python -m benchmarks.fidelity.spikingjelly_live --record`` writes those that tests compare, in
``tests/data/nir/spikingjelly``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.harness import Row
from benchmarks.peers import ENVIRONMENTS, ROOT

RECORDED = (5, 6, 14, 16, 18, 20, 23, 24, 28, 35, 10_001, 10_003, 10_004)
"""Seeds of the cases of the tests."""
FIRST = 100
SCRIPT = ROOT / "benchmarks" / "peers" / "spikingjelly_live.py"


def rows(quick: bool) -> list[Row]:
    """Return the figures of 12 networks, or of 60, and a third as many graphs with loops.

    Raises:
        RuntimeError: The peers are not installed, or fail.
    """
    printed = run("rows", str(FIRST), "12" if quick else "60")
    return [Row(**each) for each in json.loads(printed)]


def run(*arguments: str) -> str:
    """Return what the script prints, run by the peers' Python with this one's packages behind.

    Raises:
        RuntimeError: The peers are not installed, or fail.
    """
    python = ENVIRONMENTS["peers"] / "bin" / "python"
    if not any(python.parents[1].glob("lib/python*/site-packages/spikingjelly")):
        raise RuntimeError(f"{python} with spikingjelly is not there: run `make peers` first")
    places = [str(ROOT), *(place for place in sys.path if Path(place).name == "site-packages")]
    command = [str(python), str(SCRIPT), os.pathsep.join(places), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{SCRIPT.name} failed:\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    if "--record" in sys.argv:
        run("record", str(ROOT / "tests" / "data" / "nir" / "spikingjelly"), *map(str, RECORDED))
