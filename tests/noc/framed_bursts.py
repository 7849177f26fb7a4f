"""Bursts of packets over dies of one tile each, joined by one kind of link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from chipletsim.noc import packet_model
from chipletsim.noc.event_trees import Events
from chipletsim.noc.flit_network import Burst, Flows, Job, PortCounts
from chipletsim.noc.package_flows import package_ways
from chipletsim.noc.package_network import PackageNetwork, package_network
from chipletsim.package.build import build_package
from chipletsim.package.model import Package
from chipletsim.spec.package import PackageSpec

TILE = {
    "kind": "io",
    "neurons": 8,
    "energy_per_input": "1 pJ/packet",
    "energy_per_output": "1 pJ/packet",
    "event_rate": "1 Gpacket/s",
}
ROUTER = {"latency": "4 ns", "clock": "1 GHz", "buffer_flits": 32}
"""A router of 4 cycles: one in which a flit is written, routing, and two allocations."""


INSIDE = {"bandwidth": "64 Gb/s", "latency": "1 ns", "flit": "64 bit"}
"""A link inside a die, of which there are none where dies have one router."""


def row_of_dies(link: dict[str, Any], dies: int = 2, *, routers: int = 1, **more: Any) -> Package:
    """Return a row of dies, each with a tile at one of its routers.

    Args:
        link: Between dies.
        dies: Number of them.
        routers: Of each.
        more: Keys that lie over `ROUTER`.
    """
    own = {"topology": "mesh", "shape": [1, routers], "link": INSIDE, "router": ROUTER | more}
    tiles = [{"tile": TILE, "at": [[0, 0]]}]
    return build_package(
        PackageSpec.model_validate(
            {
                "name": "row",
                "packet": {"header": "8 bit", "address": "32 bit"},
                "chiplet_types": {"die": {"network": own, "tiles": tiles}},
                "chiplets": {f"d{x}": {"type": "die", "at": [x]} for x in range(dies)},
                "network": {"topology": "mesh", "shape": [dies], "link": link},
            }
        )
    )


class Packet(NamedTuple):
    """One packet: tiles, when it may leave, and the number of its size."""

    source: int
    target: int
    ready_s: float = 0.0
    kind: int = 0


class Sent(NamedTuple):
    """What packets did.

    Attributes:
        arrived_s: float64 [packets], in the order given.
        end_s: When the last one came.
        counts: Of the ports.
        network: Ports of links, and ticks.
    """

    arrived_s: np.ndarray
    end_s: float
    counts: PortCounts
    network: PackageNetwork

    def of_link(self, counts: np.ndarray, link: int = 0) -> int:
        """Return a count of a link's output."""
        return int(counts[self.network.link_port[link]])


def send(
    timing: str, package: Package, packets: Sequence[Packet], sizes: tuple[int, ...] = (40,)
) -> Sent:
    """Send packets; those of a tile leave in the order given.

    Args:
        timing: Name of the model.
        package: The package.
        packets: What is sent.
        sizes: Bits of packets, by their kind.
    """
    network = package_network(package, sizes)
    order = sorted(range(len(packets)), key=lambda number: packets[number].source)
    listed = [packets[number] for number in order]
    source = np.array([each.source for each in listed], np.int64)
    target = np.array([each.target for each in listed], np.int64)
    events = Events(package.tile_router[source], np.arange(len(listed) + 1), target)
    ways = package_ways(package, network, events)
    entry = np.full(len(listed), network.class_channels[0])
    flow = np.stack([source, ways.root, entry], axis=1)
    flows = Flows(ways.stop, ways.branch, flow, ways.deliveries, target, ways.routers)
    tick_s = network.network.tick_s or 0.0
    flits = [max(1, -(-size // network.flit_bits)) for size in sizes]
    rows = [
        [each.source, number, flits[each.kind], round(each.ready_s / tick_s), 0, 0]
        for number, each in enumerate(listed)
    ]
    kinds = np.array([each.kind for each in listed], np.int64)
    burst = Burst(np.array(rows, np.int64), np.zeros(len(rows), np.int64), kind=kinds)
    results = packet_model(timing)([Job(network.network, flows, burst)])
    times = results.times[0]
    assert not times.undelivered
    arrived = np.empty(len(packets))
    arrived[order] = times.arrived * tick_s
    return Sent(arrived, times.end(burst) * tick_s, results.counts[0], network)
