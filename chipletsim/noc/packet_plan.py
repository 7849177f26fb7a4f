"""Packets of a mapping: what a placement decides, whatever its neurons do."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from chipletsim.mapping.equal_rows import group_rows
from chipletsim.noc.event_trees import Events
from chipletsim.noc.fetches import Fetched
from chipletsim.noc.flit_network import OWN_NODE, Flows
from chipletsim.noc.listed import listed
from chipletsim.noc.message_plan import MessagePlan
from chipletsim.noc.package_flows import PackageWays, package_ways
from chipletsim.noc.package_network import PackageNetwork
from chipletsim.package.model import Package


class PacketPlan(NamedTuple):
    """Packets of each neuron, one flow each; and ways of those that fetch weights.

    Behind the packets of neurons stand two for each stream of weights that is sent unasked: one
    with the largest payload, and the last.

    Attributes:
        messages: The plan of the mapping, but with packets for axons: ``axon_core`` of a packet is
            its own number.
        fetched: Weights that its messages fetch.
        flow: int64 [packets], flow of each, or `OWN_NODE`.
        flows: Ways of the packets.
        axon: int64 [deliveries], axon of the mapping's plan that each delivery is, -1 of streams;
            packet by packet.
        delivery_start: int64 [packets + 1], first delivery of each packet.
        joined: int64 [packets], axons that a packet serves beyond the first.
        request: int64 [fetches], flow by which each asks the memory.
        reply: int64 [fetches], flow by which the memory answers.
    """

    messages: MessagePlan
    fetched: Fetched
    flow: np.ndarray
    flows: Flows
    axon: np.ndarray
    delivery_start: np.ndarray
    joined: np.ndarray
    request: np.ndarray
    reply: np.ndarray


class PacketPlans:
    """Packets of a plan on packages of one structure, made once where they go alike.

    Args:
        messages: Messages of a mapping.
        fetched: Weights that these fetch.
    """

    def __init__(self, messages: MessagePlan, fetched: Fetched) -> None:
        self.messages, self.fetched = messages, fetched
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
            self._known[key] = packet_plan(self.messages, self.fetched, package, network)
        return self._known[key]


def packet_plan(
    plan: MessagePlan, fetched: Fetched, package: Package, network: PackageNetwork
) -> PacketPlan:
    """Return the packets of a plan on a package.

    Those of a neuron to other tiles come first, then the one for its own.

    Args:
        plan: Of a mapping to the package.
        fetched: Weights that its messages fetch.
        package: The package.
        network: It as routers and ports.
    """
    away = _away(plan)
    event, events = _events(plan, package, away)
    fetching = _fetching(plan, fetched)
    ways = package_ways(package, network, _with_pairs(events, package, fetching.pairs))
    routed = np.diff(ways.first)[event]
    start = np.concatenate([[0], np.cumsum(routed + (away.own >= 0))])
    packet = listed(ways.first[event], routed)  # of the event, for each that is routed
    owner = np.repeat(np.arange(event.size), routed)
    own = np.zeros(start[-1], bool)
    own[start[1:][away.own >= 0] - 1] = True
    counts = np.ones(own.size, np.int64)
    counts[~own] = ways.deliveries[packet]
    axon, delivery = _deliveries(plan, away, event, events, ways)
    every = np.empty(plan.axon_core.size, np.int64)
    of_own = np.repeat(own, counts)
    every[~of_own] = axon
    every[of_own] = (plan.axon_start[:-1] + away.own)[away.own >= 0]
    pairs = fetching.pairs  # each is an event with one packet, behind those of neurons
    sources = np.concatenate([plan.tile[plan.core[owner]], pairs[:, 0]])
    targets = np.concatenate([plan.tile[plan.axon_core[axon]], pairs[:, 1]])
    places = np.concatenate([delivery, events.start[-1] + np.arange(len(pairs))])
    request, reply, stream = (packet.size + each for each in fetching.flows)
    packet = np.concatenate([packet, ways.first[events.router.size : -1]])
    flows = Flows(
        ways.stop,
        ways.branch,
        np.stack(
            [sources, ways.root[packet], np.full(packet.size, network.class_channels[0])], axis=1
        ),
        ways.deliveries[packet],
        targets,
        ways.routers[places],
    )
    counts = np.concatenate([counts, np.ones(2 * stream.size, np.int64)])
    return PacketPlan(
        messages=replace(plan, axon_start=start, axon_core=np.arange(own.size)),
        fetched=fetched,
        flow=np.concatenate([np.where(own, OWN_NODE, np.cumsum(~own) - 1), np.repeat(stream, 2)]),
        flows=flows,
        axon=np.concatenate([every, np.full(2 * stream.size, -1)]),
        delivery_start=np.concatenate([[0], np.cumsum(counts)]),
        joined=counts - 1,
        request=request,
        reply=reply,
    )


class _Fetching(NamedTuple):
    """Tiles between which packets fetch weights.

    Attributes:
        pairs: int64 [pairs, 2], source and target, each pair once.
        flows: Pair of each request, reply and stream, by number.
    """

    pairs: np.ndarray
    flows: list[np.ndarray]


def _fetching(plan: MessagePlan, fetched: Fetched) -> _Fetching:
    """Return tiles that fetch weights, those that hold them, and who sends to whom."""
    tile, memory = plan.tile[plan.axon_core[fetched.axon]], fetched.memory
    source = np.concatenate([tile, memory, fetched.streams[:, 1]])
    target = np.concatenate([memory, tile, fetched.streams[:, 2]])
    pairs, flow = np.unique(np.stack([source, target], axis=1), axis=0, return_inverse=True)
    return _Fetching(pairs, np.split(flow.reshape(-1), [tile.size, 2 * tile.size]))


def _with_pairs(events: Events, package: Package, pairs: np.ndarray) -> Events:
    """Return events, and behind them one for each pair of tiles."""
    return Events(
        np.concatenate([events.router, package.tile_router[pairs[:, 0]]]),
        np.concatenate([events.start, events.start[-1] + 1 + np.arange(len(pairs))]),
        np.concatenate([events.tile, pairs[:, 1]]),
    )


class _Away(NamedTuple):
    """Axons of neurons to other cores.

    Attributes:
        start: int64 [neurons + 1], first of each neuron.
        core: int64 [axons to other cores].
        own: int64 [neurons], place of the axon to the own core among those of each; -1 if none.
    """

    start: np.ndarray
    core: np.ndarray
    own: np.ndarray


def _away(plan: MessagePlan) -> _Away:
    count = np.diff(plan.axon_start)
    owner = np.repeat(np.arange(count.size), count)
    home = np.flatnonzero(plan.axon_core == plan.core[owner])
    own = np.full(count.size, -1, np.int64)
    own[owner[home]] = home - plan.axon_start[owner[home]]
    start = np.concatenate([[0], np.cumsum(count - (own >= 0))])
    return _Away(start, np.delete(plan.axon_core, home), own)


def _events(plan: MessagePlan, package: Package, away: _Away) -> tuple[np.ndarray, Events]:
    """Return the event that each neuron sends, int64 [neurons], and these: those that differ.

    Neurons of one router send alike if they do so to the same other cores.
    """
    shape = away.own.size, plan.tile.size
    table = csr_array((np.ones(away.core.size, np.int64), away.core, away.start), shape=shape)
    router = package.tile_router[plan.tile[plan.core]]
    group, member = group_rows(table, router)
    order = np.argsort(member)  # by the first neuron
    event = np.empty(order.size, np.int64)
    event[order] = np.arange(order.size)
    first = member[order]
    count = np.diff(away.start)[first]
    tile = plan.tile[away.core[listed(away.start[first], count)]]
    start = np.concatenate([[0], np.cumsum(count)])
    return event[group], Events(router[first], start, tile)


def _deliveries(
    plan: MessagePlan, away: _Away, event: np.ndarray, events: Events, ways: PackageWays
) -> tuple[np.ndarray, np.ndarray]:
    """Return int64 [axons to other cores] twice, packet by packet.

    The axon that each delivery is, and the delivery of the event that it is.
    """
    count = np.diff(away.start)
    delivery = listed(events.start[event], count)
    neuron = np.repeat(np.arange(event.size), count)
    place, own = ways.place[delivery], away.own[neuron]
    return plan.axon_start[neuron] + place + ((own >= 0) & (place >= own)), delivery
