"""Networks and packages of the speed benchmark, each described where it is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import chipletsim as cs
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Conv2d, Dense, Pool2d, Sparse
from chipletsim.network.model import Network, Population, Projection
from chipletsim.package.model import Package

DT_OVER_TAU = 0.05
"""Of the recurrent networks: tau is 20 steps."""
LAYER_DT_OVER_TAU = 0.25
"""Of the layered networks."""

_PORT = {"at": [[0, 0]], "tile": {"use": "tiles/io"}}


def recurrent(neurons: int, fan_out: int, *, low: float = 0.8, high: float = 1.35) -> Network:
    """Return random LIF neurons that drive each other, kept busy by a constant bias each.

    Four fifths of the sources excite, with weights uniform up to 1 / sqrt(fan-out); the others
    inhibit four times as strongly. Biases are uniform between ``low`` and ``high``, thresholds
    are 1. The one input channel drives nothing.
    """
    rng = np.random.default_rng(0)
    targets = rng.integers(0, neurons, neurons * fan_out, dtype=np.int32)
    weight = (rng.random((neurons, fan_out), np.float32) / np.sqrt(fan_out)).astype(np.float32)
    weight[4 * neurons // 5 :] *= -4
    indptr = np.arange(neurons + 1, dtype=np.int64) * fan_out
    synapses = Sparse(indptr, targets, weight.ravel(), neurons)
    parameters = {"tau": np.array(1e-3 / DT_OVER_TAU, np.float32)}
    bias = rng.uniform(low, high, neurons).astype(np.float32)
    return Network(
        f"recurrent_{neurons}",
        (Population("idle", (1,), "input"), Population("n", (neurons,), "lif", parameters, bias)),
        (_unconnected("n", neurons), Projection("w", "n", "n", synapses, delay=1)),
        1e-3,
    )


def layered(batch: int, steps: int, rate: float) -> tuple[Network, np.ndarray]:
    """Return 784-1024-1024-10 with real weights, and random spikes [batch, steps, 784].

    Weights grow as inputs get rarer, so that about a tenth of the first layers spikes.
    """
    sizes, rng = (784, 1024, 1024, 10), np.random.default_rng(0)
    populations, projections = [Population("p0", (784,), "input")], []
    active = 784 * rate
    for number in range(1, 4):
        weight = _weights(rng, sizes[number], sizes[number - 1], active=active)
        populations.append(_leaky(f"p{number}", (sizes[number],)))
        projections.append(Projection(f"w{number}", f"p{number - 1}", f"p{number}", Dense(weight)))
        active = 0.1 * sizes[number]
    inputs = rng.random((batch, steps, 784), np.float32) < rate
    return Network("layered", tuple(populations), tuple(projections), 1e-3), inputs


def convolutional(batch: int, steps: int, rate: float) -> tuple[Network, np.ndarray]:
    """Return 2x34x34 - 32 5x5 - pool - 64 3x3 - pool - 512 - 10, and random spikes.

    Pools are sums of 2x2 spikes in front of the next layer, the weights of which are drawn as
    for the ones above, with a tenth of the inputs active.
    """
    rng, pool = np.random.default_rng(0), Pool2d((2, 2), (2, 2), (0, 0), "sum")
    first = _weights(rng, 32, 2, 5, 5, active=50 * rate)
    second = _weights(rng, 64, 32, 3, 3, active=288 * 4 * 0.1)
    third = _weights(rng, 512, 64 * 6 * 6, active=2304 * 4 * 0.1)
    last = _weights(rng, 10, 512, active=512 * 0.1)
    network = Network(
        "convolutional",
        (
            Population("p0", (2, 34, 34), "input"),
            _leaky("p1", (32, 30, 30)),
            _leaky("p2", (64, 13, 13)),
            _leaky("p3", (512,)),
            _leaky("p4", (10,)),
        ),
        (
            Projection("w1", "p0", "p1", Conv2d(first)),
            Projection("w2", "p1", "p2", Conv2d(second), pool),
            Projection("w3", "p2", "p3", Dense(third), pool),
            Projection("w4", "p3", "p4", Dense(last)),
        ),
        1e-3,
    )
    return network, rng.random((batch, steps, 2, 34, 34), np.float32) < rate


def gesture(path: Path) -> Network:
    """Return the network of ``dvs_challenge.npz``, which the ``sanafe`` package ships.

    32x32 neurons driven by a constant bias each, four 3x3 convolutions without padding, the
    first with stride 2, and 11 outputs: integrators without leak, a step from layer to layer.
    All weights, biases and thresholds are whole numbers.
    """
    given = np.load(path, allow_pickle=False)
    shapes = [(1, 32, 32), (16, 15, 15), (32, 13, 13), (64, 11, 11), (11, 9, 9), (11,)]
    populations = [Population("idle", (1,), "input")]
    for number, (shape, threshold) in enumerate(zip(shapes, given["thresholds"], strict=True)):
        constants = {"r": 1e3, "v_threshold": threshold}
        parameters = {name: np.array(value, np.float32) for name, value in constants.items()}
        bias = given["inputs"].astype(np.float32).reshape(shape) if number == 0 else None
        populations.append(Population(f"layer{number}", shape, "if", parameters, bias))
    projections = [_unconnected("layer0", 1024)]
    for number in range(1, 5):
        weight = np.ascontiguousarray(given[f"conv{number}"].transpose(3, 2, 0, 1))
        made = Conv2d(weight, (2, 2) if number == 1 else (1, 1))
        pair = (f"layer{number - 1}", f"layer{number}")
        projections.append(Projection(f"w{number}", *pair, made, None, 1))
    dense = Dense(np.ascontiguousarray(given["dense1"].T))
    projections.append(Projection("w5", "layer4", "layer5", dense, None, 1))
    return Network("gesture", tuple(populations), tuple(projections), 1e-3)


def on_cores(network: Network, package: Package, cuts: dict[str, list[int]]) -> Mapping:
    """Return a mapping with populations cut along their first axis, piece by piece on tiles.

    Args:
        network: The network.
        package: A package whose first tiles are the cores.
        cuts: Population name to lengths of its pieces along the first axis.
    """
    slices, tile = [], 0
    for number, population in enumerate(network.populations):
        start = 0
        for length in cuts[population.name]:
            whole = tuple((0, extent) for extent in population.shape[1:])
            slices.append(Slice(number, ((start, start + length), *whole), tile, tile))
            start, tile = start + length, tile + 1
    return Mapping(network, package, tuple(slices), "given", 0)


def four_dies(neurons: int, weight_bits: int) -> Package:
    """Return 2x2 dies of 2x2 neurocores that hold ``neurons`` in all.

    Costs are those of shipped presets; a core holds what it is given.
    """
    core = {
        "use": "tiles/loihi1",
        "neurons": -(-neurons // 16) + 1,
        "synaptic_memory": "1 GiB",
        "fan_in": 2**31,
        "fan_out": 2**31,
        "weight_bits": weight_bits,
    }
    return cs.load_package(
        {
            "name": "four_dies_of_neurocores",
            "packet": {"header": "8 bit", "address": "24 bit"},
            "virtual_channels": 4,
            "chiplet_types": {
                "die": {
                    "network": _mesh("links/noc_64b", {"router": {"use": "routers/noc_64b"}}),
                    "tiles": [{"at": "all", "tile": core}, _PORT],
                }
            },
            "chiplets": {
                f"die{x}{y}": {"type": "die", "at": [x, y]} for x in range(2) for y in range(2)
            },
            "network": _mesh("links/ucie_standard", {}),
        }
    )


def loihi_like(weight_bits: int) -> Package:
    """Return the 8x4 routers with four cores each of a Loihi, cores of 1,024 neurons.

    Memory and axons of a core are not limited, as in SANA-FE.
    """
    core = {
        "use": "tiles/loihi1",
        "synaptic_memory": "1 GiB",
        "fan_in": 2**31,
        "fan_out": 2**31,
        "weight_bits": weight_bits,
    }
    network = {
        "topology": "mesh",
        "shape": [8, 4],
        "link": {"use": "links/loihi1_east_west"},
        "link_vertical": {"use": "links/loihi1_north_south"},
        "router": {"use": "routers/loihi1"},
    }
    tiles = [{"at": "all", "per_router": 4, "tile": core}, _PORT]
    return cs.load_package(
        {
            "name": "loihi_like",
            "packet": {"header": "8 bit", "address": "32 bit"},
            "barrier": "465 ns",
            "chiplet_types": {"die": {"network": network, "tiles": tiles}},
            "chiplets": {"die": {"type": "die"}},
        }
    )


def _mesh(link: str, others: dict[str, Any]) -> dict[str, Any]:
    return {"topology": "mesh", "shape": [2, 2], "link": {"use": link}, **others}


def _unconnected(target: str, neurons: int) -> Projection:
    """Return a projection without synapses: every network has an input."""
    nothing = Sparse(np.zeros(2, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), neurons)
    return Projection("none", "idle", target, nothing)


def _leaky(name: str, shape: tuple[int, ...]) -> Population:
    tau = np.array(1e-3 / LAYER_DT_OVER_TAU, np.float32)
    return Population(name, shape, "lif", {"tau": tau})


def _weights(rng: np.random.Generator, *shape: int, active: float) -> np.ndarray:
    """Return weights that make a tenth or so of the targets spike, with so many active inputs."""
    return rng.normal(0.3 / active, 2.0 / np.sqrt(active), shape).astype(np.float32)
