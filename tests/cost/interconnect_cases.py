"""Two tiles and one link, whose times are whole nanoseconds and can be worked out by hand.

Routers have a clock of 1 ns and take 4 ns: a flit is written, its route is computed, and two
allocators take a cycle each. The link takes a flit of 64 bits, which is a packet, in 4 ns at
16 Gb/s, and has a latency of 1 ns. The io tile makes a packet each 0.25 ns. The core takes 1 ns for
a message and 2 ns for a synapse on 2 lanes.

A packet whose head leaves its tile at t is in the queue of the first router at t + 2 and may be
sent at t + 4. It is in the next queue 1 + 4 + 4 - 3 (the pipeline) + 1 = 7 ns later at t + 11, is
sent on at t + 13 and arrives at t + 16.
"""

import numpy as np
from cost_cases import IO, NEUROCORE, package_of, population

from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Projection
from chipletsim.package.model import Package

ALONE_NS = 16.0


def pair(inputs: int, *, queue: int = 8) -> Mapping:
    """Input channels on an io tile, and one neuron that never fires on a core beside it.

    Args:
        inputs: How many.
        queue: Packets that the io tile holds.
    """
    die = {
        "network": {
            "topology": "mesh",
            "shape": [2, 1],
            "link": {"bandwidth": "16 Gb/s", "latency": "1 ns", "flit": "64 bit"},
            "router": {"latency": "4 ns", "clock": "1 GHz", "buffer_flits": 8},
        },
        "tiles": [
            {"at": [[0, 0]], "tile": IO | {"event_rate": "4 Gpacket/s", "output_queue": queue}},
            {"at": [[1, 0]], "tile": NEUROCORE},
        ],
    }
    package = package_of(
        chiplet_types={"die": die}, chiplets={"d": {"type": "die", "at": [0, 0]}}, barrier="0 s"
    )
    network = Network(
        "pair",
        (population("in", (inputs,), "input"), population("out", (1,))),
        (Projection("a", "in", "out", Dense(np.ones((1, inputs), np.float32))),),
        1e-3,
    )
    slices = (Slice(0, ((0, inputs),), 0, 0), Slice(1, ((0, 1),), 1, 1))
    return Mapping(network, package, slices, "by hand", 0)


def row_of(*tiles: dict) -> Package:
    """One die of routers in a row, a tile on each; links take a flit of 128 bits in 4 ns."""
    die = {
        "network": {
            "topology": "mesh",
            "shape": [len(tiles), 1],
            "link": {"bandwidth": "32 Gb/s", "latency": "1 ns", "flit": "128 bit"},
            "router": {"latency": "4 ns", "clock": "1 GHz", "buffer_flits": 8, "multicast": True},
        },
        "tiles": [{"at": [[x, 0]], "tile": tile} for x, tile in enumerate(tiles)],
    }
    return package_of(
        chiplet_types={"die": die}, chiplets={"d": {"type": "die", "at": [0, 0]}}, barrier="0 s"
    )


def all_at_once(mapping: Mapping, steps: int = 1, samples: int = 1) -> Activity:
    """All input channels spike in the first step alone; nothing else ever does."""
    sizes = {each.name: each.shape for each in mapping.network.populations}
    spikes = {name: np.zeros((samples, steps, *shape), bool) for name, shape in sizes.items()}
    spikes["in"][:, 0] = True
    return Activity.from_spikes(sizes, spikes)
