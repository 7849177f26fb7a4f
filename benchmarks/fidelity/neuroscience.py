"""Fidelity: standard networks of neuroscience beside Brian2, and Brunel's states beside his paper.

* The networks of Vogels and Abbott (`networks/vogels_abbott_coba`, `..._cuba`) and of Brunel
  (`networks/brunel`) run in Brian2 2.9 with the very synapses, starting state and external
  events that chipletsim draws. Spikes are compared one by one: chaotic networks part sooner or
  later, since Brian2 computes in double precision. The row ``steps with the same spikes`` says
  when. After that, rates, CV of intervals and modulation of the population's rate are those of
  two runs of the same network. COBA runs twice: with the trapezoidal rule on both sides, and with
  RK4 in Brian2.
* ``Brunel``: rates and the frequency of the global oscillation of the four states of figure 8,
  simulated over 1 s after 0.2 s, beside the figures of the paper's table of simulations
  (recalled) and his mean-field theory, as computed by ``benchmarks.fidelity.siegert``.

``--quick`` takes 0.1 s of the first three, of Brunel's a network of a tenth of the neurons and
synapses with ten times the weights' square, and leaves the states out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import chipletsim as cs
from benchmarks import peers
from benchmarks.fidelity.siegert import brunel_rate_hz
from benchmarks.harness import Row
from chipletsim.engine.activity import Activity
from chipletsim.engine.poisson import PoissonSource, poisson_source
from chipletsim.engine.statistics import spike_statistics
from chipletsim.network.connections import OneToOne, Sparse
from chipletsim.network.model import Network, Projection
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.spec.load import load_spec
from chipletsim.spec.network import NetworkSpec

STATES = {  # g, nu_ext / nu_thr, rate and global frequency of his simulations in Hz, or None
    "SR": (3.0, 2.0, None, None),
    "SI, fast": (6.0, 4.0, 60.7, 180.0),
    "AI": (5.0, 2.0, 37.7, None),
    "SI, slow": (4.5, 0.9, 5.5, 22.0),
}
J_V, THRESHOLD_HZ, SYNAPSES = 1e-4, 10.0, 1000


Drive = Mapping[str, tuple[float, float | None]]
"""Input population to rate in Hz, and when it ends in seconds, or None."""


@dataclass(frozen=True, eq=False)
class Case:
    """A network to be run by both.

    Attributes:
        name: What it is called.
        network: The network.
        drive: Its inputs.
        steps: Time steps.
        scheme: How Brian2 advances conductances.
    """

    name: str
    network: Network
    drive: Drive
    steps: int
    scheme: str


def rows(quick: bool) -> list[Row]:
    """Return the figures of all cases."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, scheme in (("coba", "trapezoidal"), ("coba", "rk4"), ("cuba", "exact")):
            network = cs.load_network(f"networks/vogels_abbott_{kind}")
            drive = {"stimulus": (300.0, 0.05)}
            case, steps = f"{kind.upper()}, Brian2's scheme {scheme}", 1000 if quick else 10_000
            found += _beside_brian(Case(case, network, drive, steps, scheme), Path(folder))
        network = brunel_network(5.0, neurons=1250 if quick else 12_500)
        rate = 2 * THRESHOLD_HZ * SYNAPSES / (10 if quick else 1)
        driven = {"drive_e": (rate, None), "drive_i": (rate, None)}
        steps = 1000 if quick else 3000
        found += _beside_brian(Case("Brunel, AI", network, driven, steps, "exact"), Path(folder))
    if not quick:
        for name in STATES:
            found += _state(name)
    return found


def brunel_network(g: float, neurons: int = 12_500) -> Network:
    """Return Brunel's network with another weight of inhibition, or fewer neurons.

    A smaller network keeps the share of neurons that are joined, and so the mean input where
    weights grow as synapses get fewer.

    Args:
        g: Inhibitory over excitatory weight.
        neurons: Neurons of both kinds.
    """
    scale = neurons / 12_500
    spec = specification("networks/brunel")
    for population in spec["populations"].values():
        population["shape"] = [round(size * scale) for size in population["shape"]]
    for projection in spec["projections"]:
        own = projection["connection"]
        weight = J_V / scale * (-g if projection["source"] == "inhibitory" else 1)
        own["weight"] = f"{weight!r} V"
        if own["kind"] == "sparse":
            own["fan_in"] = round(own["fan_in"] * scale)
    return cs.load_network(spec)


def specification(name: str) -> dict[str, Any]:
    """Return the contents of a shipped network file, its sources left out, to be changed."""
    spec = load_spec(name, NetworkSpec).spec.model_dump(by_alias=True)
    return spec | {"dt": f"{spec['dt']!r} s"}


def _state(name: str) -> list[Row]:
    """Return rate and oscillation of one of Brunel's states."""
    g, ratio, rate_hz, frequency_hz = STATES[name]
    network = brunel_network(g)
    drive = {each: (ratio * THRESHOLD_HZ * SYNAPSES, None) for each in ("drive_e", "drive_i")}
    inputs = inputs_of(network, drive, 12_000)
    activity = Activity.concatenate(
        [_spikes_only(part) for part in cs.Simulator(network).windows(inputs, 500)]
    )
    found = spike_statistics(activity, network.dt_s, skip_s=0.2)["excitatory"]
    case = f"Brunel, {name} (g {g:g}, nu_ext {ratio:g} nu_thr): {found.regime}"
    theory = brunel_rate_hz(g, ratio)
    return [
        Row(case, "rate", "Hz", found.rate_hz, "Brunel 2000, recalled", rate_hz),
        Row(case, "rate", "Hz", found.rate_hz, "mean-field theory", theory),
        Row(case, "CV of intervals", "1", found.cv),
        Row(case, "oscillation", "Hz", found.oscillation_hz, "Brunel 2000, recalled", frequency_hz),
    ]


def _beside_brian(case: Case, folder: Path) -> list[Row]:
    """Return the statistics of a network beside those that Brian2 finds."""
    network, steps = case.network, case.steps
    inputs = inputs_of(network, case.drive, steps)
    ours = _spikes_only(cs.simulate(network, inputs))
    file, out = folder / "network.npz", folder / "spikes.npz"
    np.savez(file, **peer_arrays(case, inputs))
    peers.call("brian2_neuroscience.py", file, out, turn=lambda: None)
    theirs = _activity_of(network, np.load(out), steps)
    skip_s = min(0.1, steps * network.dt_s / 4)
    both = [spike_statistics(each, network.dt_s, skip_s=skip_s) for each in (ours, theirs)]
    same = _same_steps(ours, theirs)
    found = [Row(case.name, "steps with the same spikes", "1", same, "Brian2", steps)]
    for name in ("excitatory", "inhibitory"):
        found += _compared(f"{case.name}, {name}", *(each[name] for each in both))
    return found


def _compared(case: str, ours: Any, theirs: Any) -> list[Row]:
    peer = "Brian2"
    return [
        Row(case, "rate", "Hz", ours.rate_hz, peer, theirs.rate_hz),
        Row(case, "CV of intervals", "1", ours.cv, peer, theirs.cv),
        Row(case, "modulation", "1", ours.modulation, peer, theirs.modulation),
    ]


def inputs_of(network: Network, drive: Drive, steps: int) -> dict[str, PoissonSource]:
    """Return sources of the rates in Hz, each until a time or the end."""
    return {
        name: poisson_source(network, name, rate_hz, steps=steps, stop_s=stop_s, seed=1)
        for name, (rate_hz, stop_s) in drive.items()
    }


def _spikes_only(activity: Activity) -> Activity:
    """Return the activity of the neurons, without that of the inputs."""
    names = ("excitatory", "inhibitory")
    return replace(
        activity,
        populations={name: activity.populations[name] for name in names},
        rasters={name: activity.rasters[name] for name in names},
        values={},
    )


def _same_steps(ours: Activity, theirs: Activity) -> int:
    """Return the steps before the first in which any spike differs."""
    differs = np.zeros(ours.steps, bool)
    for name, raster in ours.rasters.items():
        differs |= np.any(raster[0] != theirs.rasters[name][0], axis=1)
    return int(np.argmax(differs)) if differs.any() else ours.steps


def _activity_of(network: Network, spikes: Any, steps: int) -> Activity:
    """Return the activity of a list of spikes of all neurons, numbered population by population."""
    first, shapes, rasters = 0, {}, {}
    for name in ("excitatory", "inhibitory"):
        size = network.population(name).size
        own = (spikes["neuron"] >= first) & (spikes["neuron"] < first + size)
        fired = np.zeros((1, steps, size), bool)
        fired[0, spikes["step"][own], spikes["neuron"][own] - first] = True
        shapes[name], rasters[name] = (size,), fired
        first += size
    return Activity.from_spikes(shapes, rasters)


def peer_arrays(case: Case, inputs: dict[str, PoissonSource]) -> dict[str, Any]:
    """Return the arrays of a file that ``brian2_neuroscience.py`` reads."""
    network = case.network
    cells = [network.population(name) for name in ("excitatory", "inhibitory")]
    first = {"excitatory": 0, "inhibitory": cells[0].size}
    size = sum(each.size for each in cells)
    model = NEURON_MODELS[cells[0].model]
    drive, ports = np.zeros((case.steps, size), np.float32), set()
    arrays: dict[str, Any] = {}
    listed: list[dict[str, Any]] = []
    for projection in network.projections:
        at = first[projection.target]
        if projection.source in inputs:
            arriving = _arriving(projection, np.asarray(inputs[projection.source])[0])
            drive[:, at : at + arriving.shape[1]] += arriving
            ports.add(projection.port)
            continue
        synapses = projection.connection
        assert isinstance(synapses, Sparse)
        number, sources = len(listed), synapses.indptr.size - 1
        source = np.repeat(np.arange(sources, dtype=np.int32), np.diff(synapses.indptr))
        arrays[f"source_{number}"] = source + first[projection.source]
        arrays[f"target_{number}"] = synapses.targets + at
        arrays[f"weight_{number}"] = synapses.weight
        listed.append({"port": projection.port, "delay": projection.delay})
    parameters = {
        name: (float(value), model.parameters[name].unit)
        for name, value in cells[0].parameters.items()
        if not name.endswith("_init") and name != "refractory"
    }
    start = [model.initial_state(model.prepare(c.parameters, network.dt_s), c.shape) for c in cells]
    arrays |= {
        name: np.concatenate([each[name] for each in start])
        for name in model.states
        if name != "left"
    }
    held_s = float(cells[0].parameters["refractory"])
    plan = {
        "model": model.name,
        "unit": model.current_unit,
        "dt_s": network.dt_s,
        "steps": case.steps,
        "scheme": case.scheme,
        "neurons": size,
        "refractory_steps": round(held_s / network.dt_s),
        "parameters": parameters,
        "projections": listed,
        "drive_port": ports.pop(),
    }
    return arrays | {"drive": drive, "plan": np.array(json.dumps(plan))}


def _arriving(projection: Projection, events: np.ndarray) -> np.ndarray:
    """Return float32 [steps, targets]: what events from outside give, without delay."""
    connection = projection.connection
    if isinstance(connection, OneToOne):
        return (events * connection.weight).astype(np.float32)
    assert isinstance(connection, Sparse)
    arriving = np.zeros((len(events), connection.n_targets), np.float32)
    step, source = np.nonzero(events)
    for at, neuron in zip(step, source, strict=True):
        row = slice(connection.indptr[neuron], connection.indptr[neuron + 1])
        np.add.at(arriving[at], connection.targets[row], connection.weight[row])
    return arriving
