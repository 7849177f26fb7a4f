"""Packets that the neurons of a mapping send: what a placement decides, whatever they do."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from chipletsim.noc.flit_network import OWN_NODE, Flows
from chipletsim.noc.message_plan import MessagePlan
from chipletsim.noc.package_flows import Way, Ways
from chipletsim.noc.package_network import PackageNetwork
from chipletsim.package.model import Package


class PacketPlan(NamedTuple):
    """Packets of each neuron, one flow each.

    Attributes:
        messages: The plan of the mapping, but with packets for axons: ``axon_core`` of a packet is
            its own number.
        flow: int64 [packets], flow of each, or `OWN_NODE`.
        flows: Ways of the packets.
        axon: int64 [deliveries], axon of the mapping's plan that each delivery is; packet by
            packet.
        delivery_start: int64 [packets + 1], first delivery of each packet.
        joined: int64 [packets], axons that a packet serves beyond the first.
    """

    messages: MessagePlan
    flow: np.ndarray
    flows: Flows
    axon: np.ndarray
    delivery_start: np.ndarray
    joined: np.ndarray


class _Sent(NamedTuple):
    """Packets of the neurons that send alike.

    Attributes:
        ways: Packets to other tiles.
        own: Whether there is one for the own tile.
        places: Place of each delivery among the axons of a neuron; packet by packet.
    """

    ways: tuple[Way, ...]
    own: bool
    places: np.ndarray


class PacketPlans:
    """Packets of a plan on packages of one structure, made once where they go alike.

    Args:
        messages: Messages of a mapping.
    """

    def __init__(self, messages: MessagePlan) -> None:
        self.messages = messages
        self._known: dict[bytes, PacketPlan] = {}

    def of(self, package: Package, network: PackageNetwork) -> PacketPlan:
        """Return the packets on a package.

        Args:
            package: The package.
            network: It as routers and ports.
        """
        ports = network.network.router[:, 0], network.link_port, network.tile_port
        key = b" ".join(each.tobytes() for each in (*ports, network.class_channels))
        if key not in self._known:
            self._known[key] = packet_plan(self.messages, package, network)
        return self._known[key]


def packet_plan(plan: MessagePlan, package: Package, network: PackageNetwork) -> PacketPlan:
    """Return the packets of a plan on a package.

    Args:
        plan: Of a mapping to the package.
        package: The package.
        network: It as routers and ports.
    """
    ways = Ways(package, network)
    sent, kind = _groups(plan, ways)
    per_neuron = np.array([len(each.ways) + each.own for each in sent], np.int64)[kind]
    start = np.concatenate([[0], np.cumsum(per_neuron)])
    packets = int(start[-1])
    deliveries = [[len(way.targets) for way in each.ways] + [1] * each.own for each in sent]
    counts = _listed([np.array(each, np.int64) for each in deliveries], kind)
    own = _listed(
        [np.array([False] * len(each.ways) + [True] * each.own, bool) for each in sent], kind
    )
    owner = np.repeat(np.arange(kind.size), per_neuron)
    root = _listed(
        [np.array([way.root for way in each.ways] + [-1] * each.own, np.int64) for each in sent],
        kind,
    )
    places = _listed([each.places for each in sent], kind)
    delivered = np.bincount(owner, weights=counts, minlength=kind.size).astype(np.int64)
    axon = np.repeat(plan.axon_start[:-1], delivered) + places
    stop, branch = ways.arrays()
    flow = np.where(own, OWN_NODE, np.cumsum(~own) - 1)
    sources = plan.tile[plan.core[owner]]
    routed = ~own
    rows = np.stack(
        [sources[routed], root[routed], np.full(int(routed.sum()), ways.entry_channels)], axis=1
    )
    of_delivery = np.repeat(routed, counts)
    routers = _listed(
        [
            np.array([n for way in each.ways for n in way.routers] + [0] * each.own, np.int64)
            for each in sent
        ],
        kind,
    )
    flows = Flows(
        stop,
        branch,
        rows.astype(np.int64),
        counts[routed],
        plan.tile[plan.axon_core[axon]][of_delivery],
        routers[of_delivery],
    )
    return PacketPlan(
        messages=replace(plan, axon_start=start, axon_core=np.arange(packets)),
        flow=flow,
        flows=flows,
        axon=axon,
        delivery_start=np.concatenate([[0], np.cumsum(counts)]),
        joined=counts - 1,
    )


def _groups(plan: MessagePlan, ways: Ways) -> tuple[list[_Sent], np.ndarray]:
    """Return the packets of each group of neurons that send alike, and the group of each."""
    known: dict[tuple[int, bytes], int] = {}
    sent: list[_Sent] = []
    kind = np.empty(plan.core.size, np.int64)
    bounds, cores = plan.axon_start.tolist(), plan.core.tolist()
    for neuron, core in enumerate(cores):
        targets = plan.axon_core[bounds[neuron] : bounds[neuron + 1]]
        key = core, targets.tobytes()
        if key not in known:
            known[key] = len(sent)
            sent.append(_sent(plan, ways, core, targets))
        kind[neuron] = known[key]
    return sent, kind


def _sent(plan: MessagePlan, ways: Ways, core: int, targets: np.ndarray) -> _Sent:
    place = {int(plan.tile[target]): number for number, target in enumerate(targets.tolist())}
    source = int(plan.tile[core])
    own = source in place
    found = ways.of(source, [tile for tile in place if tile != source]) if len(place) > own else ()
    order = [place[tile] for way in found for tile in way.targets]
    return _Sent(found, own, np.array(order + ([place[source]] if own else []), np.int64))


def _listed(parts: list[np.ndarray], kind: np.ndarray) -> np.ndarray:
    """Return the part of each neuron's kind, one after the other."""
    if not parts:
        return np.zeros(0, np.int64)
    sizes = np.array([part.size for part in parts], np.int64)
    first = np.cumsum(sizes) - sizes
    count = sizes[kind]
    rank = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    found: np.ndarray = np.concatenate(parts)[np.repeat(first[kind], count) + rank]
    return found
