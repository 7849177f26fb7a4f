"""Packages, networks and mappings for the cost tests, regular or drawn at random."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Population, Projection
from chipletsim.package.build import build_package
from chipletsim.package.model import Package
from chipletsim.spec.package import PackageSpec

ON_DIE = {
    "bandwidth": "64 Gb/s",
    "latency": "2 ns",
    "flit": "24 bit",
    "energy_per_bit": "0.25 pJ/bit",
    "energy_per_packet": "0.5 pJ/packet",
    "static_power": "1 mW",
}
DIE_TO_DIE = {
    "bandwidth": "8 Gb/s",
    "latency": "10 ns",
    "flit": "16 bit",
    "energy_per_bit": "2 pJ/bit",
    "static_power": "3 mW",
    "frame": {"payload": "96 bit", "total": "128 bit"},
}
ROUTER = {
    "latency": "1 ns",
    "energy_per_packet": "1.5 pJ/packet",
    "energy_per_bit": "0.125 pJ/bit",
    "static_power": "0.5 mW",
}
NEUROCORE = {
    "kind": "neurocore",
    "neurons": 4096,
    "synaptic_memory": "1 MiB",
    "weight_bits": 8,
    "energy_per_synaptic_op": "3 pJ/op",
    "energy_per_neuron_update": "5 pJ/op",
    "energy_per_spike": "2 pJ/packet",
    "energy_per_message": "1 pJ/packet",
    "time_per_synaptic_op": "2 ns/op",
    "time_per_neuron_update": "3 ns/op",
    "time_per_spike": "1 ns/packet",
    "time_per_message": "1 ns/packet",
    "synaptic_lanes": 2,
    "static_power": "2 mW",
}
NPU = {
    "kind": "npu",
    "neurons": 4096,
    "synaptic_memory": "1 MiB",
    "weight_bits": 8,
    "array_rows": 4,
    "array_columns": 3,
    "clock": "0.5 GHz",
    "energy_per_mac": "0.5 pJ/op",
    "zero_gating": True,
    "energy_per_gated_mac": "0.125 pJ/op",
    "sram_energy_per_bit": "0.25 pJ/bit",
    "energy_per_neuron_update": "1 pJ/op",
    "energy_per_spike": "1 pJ/packet",
    "energy_per_message": "0.5 pJ/packet",
    "static_power": "4 mW",
}
CROSSBAR = {
    "kind": "crossbar",
    "neurons": 4096,
    "synaptic_memory": "1 MiB",
    "weight_bits": 4,
    "array_rows": 6,
    "array_columns": 16,
    "cell_bits": 2,
    "adcs_per_array": 4,
    "energy_per_row_activation": "1 pJ/op",
    "energy_per_cell": "0.0625 pJ/op",
    "energy_per_conversion": "2 pJ/op",
    "energy_per_neuron_update": "1 pJ/op",
    "energy_per_spike": "1 pJ/packet",
    "energy_per_message": "0.5 pJ/packet",
    "time_per_read": "20 ns/op",
    "time_per_conversion": "4 ns/op",
    "time_per_neuron_update": "1 ns/op",
    "static_power": "1 mW",
}
IO = {
    "kind": "io",
    "neurons": 100_000,
    "energy_per_input": "4 pJ/packet",
    "energy_per_output": "6 pJ/packet",
    "event_rate": "1 Gpacket/s",
    "static_power": "1 mW",
}
MEMORY = {
    "kind": "memory",
    "synaptic_memory": "64 MiB",
    "energy_per_bit": "3.5 pJ/bit",
    "energy_per_request": "8 pJ/packet",
    "bandwidth": "64 Gb/s",
    "access_latency": "50 ns",
    "static_power": "10 mW",
}


def package_of(**spec: Any) -> Package:
    """Build a package; a spec without packets gets headers of 8 and addresses of 20 bits."""
    spec.setdefault("name", "case")
    spec.setdefault("packet", {"header": "8 bit", "address": "20 bit", "max_payload": "100 bit"})
    return build_package(PackageSpec.model_validate(spec))


def row_of_tiles(
    count: int, *, tile: dict = NEUROCORE, multicast: bool = True, **link: Any
) -> Package:
    """One die: ``count`` routers in a row, a tile on each, and an io tile on the first."""
    tiles = [{"at": "all", "tile": tile}, {"at": [[0, 0]], "tile": IO}]
    network = {
        "topology": "mesh",
        "shape": [count, 1],
        "link": ON_DIE | link,
        "router": ROUTER | {"multicast": multicast},
    }
    return package_of(
        chiplet_types={"die": {"network": network, "tiles": tiles}},
        chiplets={"die": {"type": "die", "at": [0, 0]}},
    )


def mixed_package(
    multicast: tuple[bool, bool] = (True, False), *, npu: dict = NPU, **d2d: Any
) -> Package:
    """Two dies of different types, five tile kinds, two tiles on some routers."""
    west = {
        "network": {
            "topology": "mesh",
            "shape": [2, 2],
            "link": ON_DIE,
            "router": ROUTER | {"multicast": multicast[0]},
        },
        "tiles": [
            {"at": [[0, 0]], "tile": IO},
            {"at": [[0, 1]], "tile": MEMORY},
            {"at": [[1, 0], [1, 1]], "tile": NEUROCORE, "per_router": 2},
            {"at": [[1, 1]], "tile": npu},
        ],
        "static_power": "5 mW",
    }
    east = {
        "network": {
            "topology": "torus",
            "shape": [3, 2],
            "link": ON_DIE | {"flit": "32 bit"},
            "router": ROUTER | {"multicast": multicast[1], "latency": "2 ns"},
        },
        "tiles": [
            {"at": [[0, 0], [2, 1]], "tile": CROSSBAR},
            {"at": [[1, 1]], "tile": npu},
            {"at": "rest", "tile": NEUROCORE},
        ],
    }
    return package_of(
        chiplet_types={"west": west, "east": east},
        chiplets={"a": {"type": "west", "at": [0, 0]}, "b": {"type": "east", "at": [1, 0]}},
        network={
            "topology": "mesh",
            "shape": [2, 1],
            "link": DIE_TO_DIE | d2d,
            "parallel_links": 2,
        },
        barrier="7 ns",
        static_power="100 mW",
        virtual_channels=4,
    )


def population(name: str, shape: tuple[int, ...], model: str = "if", **more: Any) -> Population:
    return Population(name, shape, model, **more)


def mixed_network() -> Network:
    """All projection kinds, pooling in front, delays, recurrence, graded events, two outputs."""
    rng = np.random.default_rng(3)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    indptr = np.array([0, 2, 2, 5, 6, 8, 9, 9, 12, 13, 15, 15, 16, 18])
    targets = rng.integers(0, 10, 18).astype(np.int32)
    listed = Sparse(indptr, targets, normal(18), 10)
    return Network(
        "mixed",
        (
            population("in", (2, 6, 6), "input", value_bits=5),
            population("conv", (4, 6, 6)),
            population("pooled", (4, 3, 3)),
            population("hidden", (13,)),
            population("ten", (10,), output=True),
            population("last", (10,), output=True),
        ),
        (
            Projection(
                "a", "in", "conv", Conv2d(normal(4, 1, 3, 3), padding=((1, 1), (1, 1)), groups=2)
            ),
            Projection("b", "conv", "pooled", Pool2d((2, 2), (2, 2))),
            Projection("c", "conv", "hidden", Dense(normal(13, 36)), pool=Pool2d((2, 2), (2, 2))),
            Projection("d", "pooled", "hidden", Dense(normal(13, 36))),
            Projection("e", "hidden", "hidden", Dense(normal(13, 13)), delay=1),
            Projection("f", "hidden", "ten", listed),
            Projection("g", "ten", "last", OneToOne(normal(10))),
            Projection("h", "last", "hidden", Dense(normal(13, 10)), delay=2),
        ),
        1e-3,
    )


def random_boxes(
    shape: tuple[int, ...], rng: np.random.Generator
) -> list[tuple[tuple[int, int], ...]]:
    """Cut a shape into up to three pieces along a random axis."""
    axis = int(rng.integers(len(shape)))
    cuts = sorted({0, shape[axis], *rng.integers(0, shape[axis], 2).tolist()})
    whole = [(0, length) for length in shape]
    return [
        tuple([*whole[:axis], (start, stop), *whole[axis + 1 :]]) for start, stop in pairwise(cuts)
    ]


def random_mapping(network: Network, package: Package, seed: int) -> Mapping:
    """Put random slices on random tiles; some keep their weights on a memory tile."""
    rng = np.random.default_rng(seed)
    kinds = np.array([tile.kind for tile in package.tiles])
    inputs = np.flatnonzero(kinds == "io")
    computing = np.flatnonzero([tile.parameters.computes for tile in package.tiles])
    memories = np.flatnonzero(kinds == "memory")
    slices = []
    for number, item in enumerate(network.populations):
        for box in random_boxes(item.shape, rng):
            tile = int(rng.choice(inputs if item.model == "input" else computing))
            streams = package.tiles[tile].parameters.streams_weights and memories.size
            spilled = streams and rng.random() < 0.5
            holder = int(rng.choice(memories)) if spilled else tile
            slices.append(Slice(number, box, tile, holder))
    return Mapping(network, package, tuple(slices), "random", seed)


def random_activity(network: Network, samples: int, steps: int, rate: float, seed: int) -> Activity:
    """Random spikes; graded populations get random values where they spike."""
    rng = np.random.default_rng(seed)
    spikes: dict[str, np.ndarray] = {}
    for item in network.populations:
        fired = rng.random((samples, steps, *item.shape)) < rate
        spikes[item.name] = fired * np.float32(0.5) if item.value_bits else fired
    return Activity.from_spikes({p.name: p.shape for p in network.populations}, spikes)
