"""Fidelity: SANA-FE's files in chipletsim: every spike, counter, energy and latency.

Networks go through ``chipletsim import sana-fe``: those that SANA-FE ran for ``tests/data/sanafe``,
and where ``make peers`` has installed it, random networks of ``sanafe_networks``, drawn anew each
time from the seeds below, and the DVS gesture network that it ships (18,678 neurons, 3,564,441
synapses). A difference is how many entries differ (spikes, potentials, counters of steps), the
largest relative one (energies, over steps), or the largest in seconds (latency of a step).

SANA-FE sends the messages of a neuron in the order of the addresses of their cores in memory, and
its timing ``detailed`` depends on it. Where that is not the order of their numbers, by which ours
goes, that latency is not compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import chipletsim as cs
from benchmarks import peers
from benchmarks.fidelity.sanafe_dvs import write_dvs
from benchmarks.fidelity.sanafe_networks import draw
from benchmarks.harness import Row
from chipletsim.exchange.sanafe.imported import Imported

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests" / "data" / "sanafe"
ARCHITECTURES = ROOT.parent / "shared" / "references" / "sanafe"
PEER = "SANA-FE 2.2.9"
COUNTERS = {
    "neurons fired": ("spikes", "fired"),
    "neurons updated": ("neuron_updates", "updated"),
    "messages": ("messages", "packets"),
    "hops": ("hops", "hops"),
    "synaptic events": ("synaptic_operations", "spikes"),
}
"""Quantity to its names in our tables and in SANA-FE's."""
ENERGIES = {
    "energy of synapses": ("synaptic_operations", "synapse_energy"),
    "energy of dendrites": ("dendrites", "dendrite_energy"),
    "energy of somas": ("neuron_updates", "soma_energy"),
    "energy of the network": ("network", "network_energy"),
}
Arrays = dict[str, np.ndarray]


def rows(quick: bool) -> list[Row]:
    """Return the figures of all cases that can be run here."""
    found: list[Row] = []
    for case in ("a_ff_dense_2x2", "b_recurrent_loihi", "d_hotspot_loihi"):
        found += recorded_rows(case)
    if missing := why_missing():
        print(f"no fresh networks: {missing}")
        return found
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(2 if quick else 20):
            found += drawn_rows(seed, Path(folder))
        found += dvs_rows(30 if quick else 100, Path(folder))
    return found


def recorded_rows(case: str) -> list[Row]:
    """Return the figures of a case that SANA-FE ran before; none without its architecture."""
    about = json.loads((RECORDED / case / "case.json").read_text())
    name = Path(about["arch_yaml"]).name
    places = [folder / name for folder in (RECORDED, ARCHITECTURES) if (folder / name).is_file()]
    if not places:
        return []
    imported = cs.import_sanafe(places[0], RECORDED / case / "inputs.npz")
    with np.load(RECORDED / case / "expected.npz") as stored:
        theirs = {
            key.removeprefix("step_"): array for key, array in stored.items() if key != "spikes"
        }
        theirs["raster"] = stored["spikes"]
        theirs["spikes"] = stored["step_spikes"]
    theirs |= {"groups": np.array(about["groups"]), "sizes": np.array(about["group_sizes"])}
    return list(case_rows(case, imported, theirs))


def drawn_rows(seed: int, folder: Path, *, one_synapse_unit: bool = False) -> list[Row]:
    """Return the figures of a random network; arguments as for ``draw``, and a folder to use."""
    drawn = draw(seed, one_synapse_unit=one_synapse_unit)
    files = drawn.write(folder)
    theirs = traced(*files, drawn.steps, folder)
    imported = cs.import_sanafe(*files, steps=drawn.steps)
    return list(case_rows(f"random network {seed}", imported, theirs))


def dvs_rows(steps: int, folder: Path) -> list[Row]:
    """Return the figures of the DVS gesture network."""
    shipped = shipped_file("dvs_challenge.npz")
    theirs = traced("dvs", shipped, steps, folder)
    network = write_dvs(shipped, folder)
    imported = cs.import_sanafe(shipped_file("loihi.yaml"), network, steps=steps)
    return list(case_rows("DVS gesture", imported, theirs))


def why_missing() -> str:
    """Return why SANA-FE cannot be run here; nothing where it can."""
    try:
        shipped_file("loihi.yaml")
    except RuntimeError as error:
        return str(error)
    return ""


def shipped_file(name: str) -> Path:
    """Return an example file of SANA-FE, in this environment or in that of the peers.

    Raises:
        RuntimeError: It is in neither.
    """
    found = find_spec("sanafe")
    if found is not None and found.origin is not None:
        return Path(found.origin).parent / "examples" / name
    return peers.data_file("sanafe", f"examples/{name}")


def traced(first: str | Path, second: Path, steps: int, folder: Path) -> Arrays:
    """Return what SANA-FE tells of a run; see ``benchmarks/peers/sanafe_traces.py``."""
    out = folder / "traces.npz"
    python = peers.ENVIRONMENTS["peers"] / "bin" / "python"
    script = Path(peers.__file__).with_name("sanafe_traces.py")
    command = [sys.executable if find_spec("sanafe") else python, script, first, second, steps, out]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{script.name} failed:\n{done.stderr[-2000:]}")
    with np.load(out) as stored:
        return dict(stored)


def case_rows(case: str, imported: Imported, theirs: Arrays) -> Iterator[Row]:
    """Yield the figures of a case: ours, and those that SANA-FE told."""
    mapping = imported.mapping
    assert mapping is not None
    steps = len(theirs["raster"])
    free = None if imported.inputs else steps
    activity = cs.simulate(
        mapping.network, imported.inputs, mapping=mapping, steps=free, record=("v",)
    )
    yield from _states(case, imported, activity, theirs)
    result = cs.price(activity, mapping, timing="detailed")
    for quantity, (ours, their) in COUNTERS.items():
        found, told = np.asarray(result.per_step[ours]), theirs[their]
        off = int(np.count_nonzero(found != told))
        yield _row(case, quantity, "1", (int(found.sum()), int(told.sum())), off)
    yield from _energies(case, activity, mapping, theirs)
    in_order = bool(theirs.get("ascending", True))
    for timing in ("simple", "detailed") if in_order else ("simple",):
        told = theirs[f"latency_{timing}"]
        found = cs.price(activity, mapping, timing=timing).latency_s[0]
        apart_s = float(np.abs(found - told).max())
        yield _row(
            case, f"latency, {timing}", "s", (float(found.sum()), float(told.sum())), apart_s
        )


def _states(case: str, imported: Imported, activity: cs.Activity, theirs: Arrays) -> Iterator[Row]:
    """Yield the figures of spikes and potentials."""
    first = np.cumsum(theirs["sizes"]) - theirs["sizes"]
    start = dict(zip(theirs["groups"].tolist(), first.tolist(), strict=True))
    raster = np.zeros_like(theirs["raster"])
    potentials = np.zeros_like(theirs["potentials"])
    for name, members in imported.members.items():
        neurons = start[imported.groups[name]] + members
        raster[:, neurons] = activity.spikes(name)[0]
        if name in activity.recorded:
            potentials[:, neurons] = activity.recorded[name]["v"][0]
    off = int(np.count_nonzero(raster != theirs["raster"]))
    yield _row(case, "spikes", "1", (int(raster.sum()), int(theirs["raster"].sum())), off)
    off = int(np.count_nonzero(potentials != theirs["potentials"]))
    yield _row(case, "potentials", "1", (potentials.size, theirs["potentials"].size), off)


def _energies(
    case: str, activity: cs.Activity, mapping: cs.Mapping, theirs: Arrays
) -> Iterator[Row]:
    """Yield the figures of energies, compared step by step."""
    pricer = cs.Pricer(mapping, timing="simple")
    steps = range(activity.steps) if activity.steps <= 100 else ()
    prices = [pricer.price(_step(activity, step)).energy.by_component() for step in steps]
    total = pricer.price(activity).energy.by_component()
    for quantity, (ours, their) in ENERGIES.items():
        told = theirs[their]
        found = np.array([price.get(ours, 0.0) for price in prices])
        pairs = [(total.get(ours, 0.0), float(told.sum())), *zip(found, told, strict=False)]
        off = max(abs(a - b) / abs(b) if b else abs(a) for a, b in pairs)
        yield _row(case, quantity, "J", pairs[0], float(off))


def _step(activity: cs.Activity, step: int) -> cs.Activity:
    """Return one step of an activity."""
    part = np.s_[:, step : step + 1]
    return replace(
        activity,
        steps=1,
        rasters={name: raster[part] for name, raster in activity.rasters.items()},
        updates={name: raster[part] for name, raster in activity.updates.items()},
        recorded={},
    )


def _row(case: str, quantity: str, unit: str, both: tuple[Any, Any], off: Any) -> Row:
    return Row(case, quantity, unit, both[0], PEER, both[1], difference=off)
