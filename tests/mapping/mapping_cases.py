"""Small packages and networks for the mapping tests, made from spec objects."""

from __future__ import annotations

import numpy as np

from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Population, Projection
from chipletsim.package.build import build_package
from chipletsim.package.model import Package
from chipletsim.spec.package import PackageSpec

ON_DIE = {
    "bandwidth": "32 Gb/s",
    "latency": "1 ns",
    "flit": "40 bit",
    "energy_per_bit": "0.1 pJ/bit",
}
BETWEEN = {
    "bandwidth": "8 Gb/s",
    "latency": "10 ns",
    "flit": "40 bit",
    "energy_per_bit": "2 pJ/bit",
}


def neurocore(**changes: object) -> dict[str, object]:
    return {
        "kind": "neurocore",
        "neurons": 64,
        "synaptic_memory": "1 MiB",
        "weight_bits": 8,
        "energy_per_synaptic_op": "1 pJ/op",
        "energy_per_neuron_update": "1 pJ/op",
        "time_per_synaptic_op": "1 ns/op",
        "time_per_neuron_update": "1 ns/op",
    } | changes


def npu(**changes: object) -> dict[str, object]:
    return {
        "kind": "npu",
        "neurons": 4096,
        "synaptic_memory": "1 MiB",
        "weight_bits": 8,
        "array_rows": 8,
        "array_columns": 8,
        "clock": "1 GHz",
        "energy_per_mac": "1 pJ/op",
        "sram_energy_per_bit": "0.1 pJ/bit",
    } | changes


def crossbar(**changes: object) -> dict[str, object]:
    return {
        "kind": "crossbar",
        "neurons": 64,
        "synaptic_memory": "64 KiB",
        "weight_bits": 4,
        "shares_weights": False,
        "array_rows": 64,
        "array_columns": 64,
        "cell_bits": 4,
        "adcs_per_array": 8,
        "energy_per_row_activation": "1 pJ/op",
        "energy_per_cell": "0.01 pJ/op",
        "energy_per_conversion": "1 pJ/op",
        "energy_per_neuron_update": "1 pJ/op",
        "time_per_read": "10 ns/op",
        "time_per_conversion": "1 ns/op",
    } | changes


def io(**changes: object) -> dict[str, object]:
    return {
        "kind": "io",
        "neurons": 100_000,
        "energy_per_input": "1 pJ/packet",
        "energy_per_output": "1 pJ/packet",
        "event_rate": "1 Gpacket/s",
    } | changes


def memory(**changes: object) -> dict[str, object]:
    return {
        "kind": "memory",
        "synaptic_memory": "64 MiB",
        "energy_per_bit": "1 pJ/bit",
        "bandwidth": "64 Gb/s",
        "access_latency": "50 ns",
    } | changes


def die(*tiles: dict[str, object]) -> dict[str, object]:
    """Return a chiplet type with these tiles on a row of routers."""
    placed = [{"tile": tile, "at": [[x, 0]]} for x, tile in enumerate(tiles)]
    network = {"topology": "mesh", "shape": [len(tiles), 1], "link": ON_DIE}
    return {"network": network, "tiles": placed}


def package(*dies: dict[str, object], link: dict[str, object] | None = None) -> Package:
    """Return a row of dies."""
    content: dict[str, object] = {
        "name": "row",
        "packet": {"header": "8 bit", "address": "32 bit"},
        "chiplet_types": {f"type{i}": die for i, die in enumerate(dies)},
        "chiplets": {f"die{i}": {"type": f"type{i}", "at": [i, 0]} for i in range(len(dies))},
    }
    if len(dies) > 1:
        content["network"] = {
            "topology": "mesh", "shape": [len(dies), 1], "link": link or BETWEEN,
        }  # fmt: skip
    return build_package(PackageSpec.model_validate(content))


def dense(sources: int, targets: int) -> Dense:
    return Dense(np.full((targets, sources), 0.5, np.float32))


def one_to_one(neurons: int) -> OneToOne:
    return OneToOne(np.ones(neurons, np.float32))


def conv(out: int, into: int, kernel: int = 3, padding: int = 0, groups: int = 1) -> Conv2d:
    weight = np.ones((out, into // groups, kernel, kernel), np.float32)
    return Conv2d(weight, padding=((padding, padding), (padding, padding)), groups=groups)


def sparse_random(sources: int, targets: int, fan_out: int, seed: int = 0) -> Sparse:
    rng = np.random.default_rng(seed)
    chosen = np.stack([rng.permutation(targets)[:fan_out] for _ in range(sources)])
    indptr = np.arange(sources + 1, dtype=np.int64) * fan_out
    weight = np.ones(sources * fan_out, np.float32)
    return Sparse(indptr, np.sort(chosen).astype(np.int32).ravel(), weight, targets)


def cells(name: str, *shape: int, output: bool = False) -> Population:
    return Population(name, shape, "if", {}, output=output)


def inputs(name: str, *shape: int) -> Population:
    return Population(name, shape, "input")


def edge(
    source: str, target: str, connection: object, *, delay: int = 0, pool: Pool2d | None = None
) -> Projection:
    return Projection(f"{source}_{target}", source, target, connection, pool, delay)


def network(*parts: Population | Projection) -> Network:
    populations = tuple(part for part in parts if isinstance(part, Population))
    projections = tuple(part for part in parts if isinstance(part, Projection))
    return Network("net", populations, projections, 1e-3)
