"""Networks that SANA-FE ran, as networks, packages, mappings and activities of ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Sparse
from chipletsim.network.model import Network, Population, Projection
from chipletsim.package.build import build_package
from chipletsim.package.load import load_package
from chipletsim.package.model import Package
from chipletsim.spec.package import PackageSpec

DATA = Path(__file__).parents[1] / "data" / "sanafe"
CASES = ("a_ff_dense_2x2", "b_recurrent_loihi", "d_hotspot_loihi")
NUMBERS = (
    "threshold", "leak_decay", "input_decay", "bias", "reset", "reverse_threshold",
    "reverse_reset", "reset_mode", "reverse_reset_mode", "refractory_delay", "force_update",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A network on its cores, what it did, and what SANA-FE said it costs."""

    mapping: Mapping
    activity: Activity
    expected: dict[str, np.ndarray]


def soma(access: tuple[float, float], update: tuple[float, float], spike: tuple[float, float]):
    """Return a soma unit; energies in pJ, times in ns."""
    parts = {"access": access, "update": update, "spike": spike}
    energies = {f"energy_per_{name}": f"{pj} pJ/op" for name, (pj, _) in parts.items()}
    return energies | {f"time_per_{name}": f"{ns} ns/op" for name, (_, ns) in parts.items()}


def hops(**directions: tuple[float, float]) -> dict[str, dict[str, str]]:
    """Return the costs of hops; energies in pJ, times in ns."""
    return {name: {"energy": f"{e} pJ", "time": f"{t} ns"} for name, (e, t) in directions.items()}


def mesh_of_cores(name: str, shape: tuple[int, int], tiles: list[dict[str, Any]], **others: Any):
    """Return a package of one die with pipeline cores, and links that cost nothing."""
    link = {"bandwidth": "1 Tb/s", "latency": "0 s", "flit": "64 bit"}
    network = {
        "topology": "mesh",
        "shape": list(shape),
        "link": link,
        "router": {"multicast": False},
        "link_buffer_size": others.pop("link_buffer_size", 4),
    }
    return build_package(
        PackageSpec.model_validate(
            {
                "name": name,
                "packet": {"header": "8 bit", "address": "24 bit"},
                "chiplet_types": {"die": {"network": network, "tiles": tiles}},
                "chiplets": {"die": {"type": "die"}},
                **others,
            }
        )
    )


EX_CORE = {
    "kind": "pipeline_core",
    "neurons": 128,
    "synapse": {"syn": {"energy_per_event": "20 pJ/op", "time_per_event": "3 ns/op"}},
    "soma": {
        "lif": soma((20, 3), (10, 1), (60, 30)),
        "lif_alt": soma((50, 5), (60, 10), (30, 3)),
        "input": soma((0, 0), (0, 0), (0, 0)),
    },
    "axon_out": {"energy_per_message": "100 pJ/packet", "time_per_message": "5 ns/packet"},
    "hop": hops(north=(2.0, 1.4), east=(2.5, 1.2), south=(2.0, 1.5), west=(1.8, 2.0)),
}
"""A core of ex2x2.yaml."""


@cache
def package_of(architecture: str) -> Package:
    if architecture == "loihi":
        return load_package("packages/loihi_pipeline")
    return mesh_of_cores("ex2x2", (2, 2), [{"tile": EX_CORE, "per_router": 4}])


@cache
def load_case(name: str) -> Case:
    about = json.loads((DATA / name / "case.json").read_text())
    given = dict(np.load(DATA / name / "inputs.npz"))
    expected = dict(np.load(DATA / name / "expected.npz"))
    package = package_of(Path(about["arch_yaml"]).stem)
    network = _network(name, about["groups"], given)
    slices = _slices(package, about["soma_names"], given)
    synapses = {
        projection.name: _synapse_unit(package, about["syn_names"][int(projection.name[-1])])
        for projection in network.projections
    }
    mapping = Mapping(network, package, tuple(slices), "given", 0, "none", synapses)
    spikes = expected["spikes"]
    return Case(mapping, _activity(network, given, spikes, expected["potentials"]), expected)


def _network(name: str, groups: list[str], given: dict[str, np.ndarray]) -> Network:
    populations, projections = [], []
    members = [np.flatnonzero(given["group"] == number) for number in range(len(groups))]
    for group, own in zip(groups, members, strict=True):
        if given["is_input"][own].all():
            populations.append(Population(group, (own.size,), "input"))
        else:
            numbers = {key: given[key][own].astype(np.float64) for key in NUMBERS}
            populations.append(Population(group, (own.size,), "loihi_lif", numbers))
    place = np.empty(given["group"].size, np.int64)
    for own in members:
        place[own] = np.arange(own.size)
    ends = given["group"][given["src"]], given["group"][given["dst"]], given["syn_unit"]
    for source, target, unit in sorted(set(zip(*(end.tolist() for end in ends), strict=True))):
        mine = np.flatnonzero((ends[0] == source) & (ends[1] == target) & (ends[2] == unit))
        mine = mine[np.argsort(place[given["src"][mine]], kind="stable")]
        counts = np.bincount(place[given["src"][mine]], minlength=members[source].size)
        connection = Sparse(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            place[given["dst"][mine]].astype(np.int32),
            given["weight"][mine],
            members[target].size,
        )
        label = f"{groups[source]}>{groups[target]}:{unit}"
        projections.append(Projection(label, groups[source], groups[target], connection, delay=1))
    return Network(name, tuple(populations), tuple(projections), 1e-3)


def _slices(package: Package, soma_names: list[str], given: dict[str, np.ndarray]):
    """Yield a slice for each run of neurons of one group on one core."""
    group, core = given["group"], given["core"]
    width, height = (max(r.at[axis] for r in package.routers) + 1 for axis in (0, 1))
    per_router = len(package.tiles) // len(package.routers)
    units = np.array([_soma_unit(name) for name in soma_names])[given["soma_unit"]]
    changes = (np.diff(group) != 0) | (np.diff(core) != 0) | (units[1:] != units[:-1])
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1, [group.size]])
    for first, stop in pairwise(starts):
        tile, of_tile = divmod(int(core[first]), per_router)
        x, y = divmod(tile, height)  # SANA-FE numbers its tiles column by column
        number = (y * width + x) * per_router + of_tile
        offset = int(given["offset"][first])
        box = ((offset, offset + int(stop - first)),)
        yield Slice(int(group[first]), box, number, number, str(units[first]))


def _soma_unit(name: str) -> str:
    known = {"loihi_lif": "lif", "lif": "lif", "lif_alt": "lif_alt"}
    return known.get(name, "input")


def _synapse_unit(package: Package, name: str) -> str:
    known = {"loihi_dense_synapse": "dense", "loihi_sparse_synapse": "sparse"}
    return known.get(name, name)


def _activity(
    network: Network, given: dict[str, np.ndarray], spikes: np.ndarray, potentials: np.ndarray
) -> Activity:
    """Return the spikes, and who did work by the rule of SANA-FE's Loihi neuron."""
    before = np.concatenate([np.zeros_like(potentials[:1]), potentials[:-1]])
    sent = np.concatenate([np.zeros_like(spikes[:1]), spikes[:-1]])
    present = np.zeros_like(spikes)
    for step in range(len(spikes)):
        present[step, given["dst"][sent[step][given["src"]]]] = True
    forced = (given["bias"] != 0) | given["force_update"]
    worked = (before != 0) | present | forced
    names = [population.name for population in network.populations]
    own = [given["group"] == number for number in range(len(names))]
    return Activity.from_spikes(
        {population.name: population.shape for population in network.populations},
        {name: spikes[None, :, mine] for name, mine in zip(names, own, strict=True)},
        updates={
            name: worked[None, :, mine]
            for name, mine in zip(names, own, strict=True)
            if not given["is_input"][mine].all()
        },
    )
