"""Packets of a mapping: what a placement decides, whatever its neurons do."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from chipletsim.noc.encoded_packets import EncodedPackets, message_flows
from chipletsim.noc.event_legs import EventLegs
from chipletsim.noc.event_trees import Events
from chipletsim.noc.fetches import Fetched
from chipletsim.noc.flit_network import OWN_NODE, Flows
from chipletsim.noc.message_plan import MessagePlan
from chipletsim.noc.message_times import PlanTimes, plan_times
from chipletsim.noc.neuron_legs import (
    LegsTaken,
    Onward,
    away_of,
    legs_behind,
    legs_of,
    legs_taken,
    neuron_events,
)
from chipletsim.noc.package_network import PackageNetwork
from chipletsim.package.model import Package
from chipletsim.tiles import TileParameters


class PacketPlan(NamedTuple):
    """Packets of each neuron, one flow each; and ways of those that fetch weights.

    Behind the packets of neurons stand two for each stream of weights that is sent unasked: one
    with the largest payload, and the last; then those that go on behind links that encode, see
    `EncodedPackets`.

    Attributes:
        messages: The plan of the mapping, but with packets for axons: ``axon_core`` of a packet is
            its own number.
        fetched: Weights that its messages fetch.
        flow: int64 [packets], flow of each, or `OWN_NODE`.
        flows: Ways of the packets.
        axon: int64 [deliveries], axon of the mapping's plan that each delivery is, -1 of streams;
            packet by packet.
        delivery_start: int64 [packets + 1], first delivery of each packet.
        request: int64 [fetches], flow by which each asks the memory.
        reply: int64 [fetches], flow by which the memory answers.
        encoded: Packets behind links that encode, and of their messages.
    """

    messages: MessagePlan
    fetched: Fetched
    flow: np.ndarray
    flows: Flows
    axon: np.ndarray
    delivery_start: np.ndarray
    request: np.ndarray
    reply: np.ndarray
    encoded: EncodedPackets

    @property
    def joined(self) -> np.ndarray:
        """int64 [packets]: axons that each packet of a neuron serves beyond the first."""
        own = self.messages.axon_core.size
        ends = np.add.reduceat(self.axon >= 0, self.delivery_start[:-1], dtype=np.int64)
        found = np.zeros(ends.size, np.int64)
        found[:own] = self.with_onward(ends)[:own] - 1
        return found

    def with_onward(self, values: np.ndarray) -> np.ndarray:
        """Return what packets have together with all that goes on behind links for them.

        Args:
            values: [packets], of each alone.
        """
        onward = self.encoded.onward
        ends = np.flatnonzero(onward >= 0)
        owner = np.repeat(np.arange(values.size), np.diff(self.delivery_start))[ends]
        found = values
        for _ in range(int(self.encoded.level.max(initial=-1)) + 1):
            before, found = found, values.copy()
            np.add.at(found, owner, before[onward[ends]])
        return found


class PacketPlans:
    """Packets of a plan on packages of one structure, made once where they go alike.

    Args:
        messages: Messages of a mapping.
        fetched: Weights that these fetch.
    """

    def __init__(self, messages: MessagePlan, fetched: Fetched) -> None:
        self.messages, self.fetched = messages, fetched
        self._known: dict[bytes, PacketPlan] = {}
        self._times: dict[tuple[TileParameters, ...], PlanTimes] = {}

    def times(self, package: Package) -> PlanTimes:
        """Return what messages take on the tiles of a package, once for all with the same tiles.

        Work on weights that are fetched is not in it. Packets go by links, so no hop has a time.

        Args:
            package: The package.

        Raises:
            ConfigError: A tile in use has no times for single messages.
        """
        tiles = tuple(tile.parameters for tile in package.tiles)
        if tiles not in self._times:
            local = replace(self.messages, synapses=self.fetched.synapses)
            found = plan_times(local, package, by_turns=True, whole_steps=True)
            self._times[tiles] = found._replace(hop_s=np.full_like(found.hop_s, np.nan))
        return self._times[tiles]

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

    Raises:
        ConfigError: Links that encode wait for one another in a ring.
    """
    away = away_of(plan)
    event, graded, events = neuron_events(plan, package, away)
    fetching = _fetching(plan, fetched)
    pairs = fetching.pairs  # each is an event with one packet, behind those of neurons
    legs = legs_of(package, network, _with_pairs(events, package, pairs), graded)
    sent = legs_taken(plan, away, legs, np.arange(event.size), legs.root[event])
    behind = legs_taken(plan, away, legs, *legs_behind(event, legs))
    request, reply, stream = (sent.packet.size + each for each in fetching.flows)
    start = np.concatenate([[0], np.cumsum(sent.counts + (away.own >= 0))])
    own = np.zeros(start[-1], bool)
    own[start[1:][away.own >= 0] - 1] = True
    counts = np.ones(own.size, np.int64)
    counts[~own] = legs.ways.deliveries[sent.packet]
    of_own = np.repeat(own, counts)
    axon = np.full(of_own.size, -1)
    axon[~of_own] = sent.axon
    axon[of_own] = (plan.axon_start[:-1] + away.own)[away.own >= 0]
    streams, links = np.full(2 * stream.size, -1), np.full(network.encoded.size, -1)
    first_behind = own.size + streams.size
    follows = Onward(legs, event, behind, first_behind)
    onward = np.full(of_own.size, -1)
    onward[~of_own] = follows.of(sent)
    deliveries = [
        counts,
        np.ones_like(streams),
        legs.ways.deliveries[behind.packet],
        np.ones_like(links),
    ]
    flow = [
        np.where(own, OWN_NODE, np.cumsum(~own) - 1),
        np.repeat(stream, 2),
        sent.packet.size + len(pairs) + np.arange(behind.packet.size + links.size),
    ]
    return PacketPlan(
        messages=replace(plan, axon_start=start, axon_core=np.arange(own.size)),
        fetched=fetched,
        flow=np.concatenate(flow),
        flows=_flows(plan, package, network, _Ways(legs, sent, pairs, behind)),
        axon=np.concatenate([axon, streams, behind.axon, links]),
        delivery_start=np.concatenate([[0], np.cumsum(np.concatenate(deliveries))]),
        request=request,
        reply=reply,
        encoded=EncodedPackets(
            neuron=np.repeat(behind.neuron, behind.counts),
            link=np.repeat(legs.link[behind.leg], behind.counts),
            onward=np.concatenate([onward, streams, follows.of(behind), links]),
            first=first_behind,
            level=legs.level,
        ),
    )


class _Ways(NamedTuple):
    """Legs of all events, those that neurons take from their tiles, pairs of tiles, and the rest.

    Attributes:
        legs: All of them; those of pairs of tiles stand last among the events.
        sent: Those from tiles of neurons.
        pairs: int64 [pairs, 2], source and target of packets that fetch weights.
        behind: Those behind links that encode.
    """

    legs: EventLegs
    sent: LegsTaken
    pairs: np.ndarray
    behind: LegsTaken


def _flows(plan: MessagePlan, package: Package, network: PackageNetwork, found: _Ways) -> Flows:
    """Return the flows of packets of neurons, of pairs of tiles, behind links, and of messages."""
    legs, sent, pairs, behind = found
    messages = message_flows(package, network, legs.ways)
    of_pairs = legs.root[legs.root.size - len(pairs) :]
    packet = np.concatenate([sent.packet, legs.ways.first[of_pairs], behind.packet])
    places = np.concatenate([sent.delivery, legs.start[of_pairs], behind.delivery])
    decoder = network.tile_port.size + 2 * legs.link[behind.leg] + 1
    sources = [
        np.repeat(plan.tile[plan.core], sent.counts),
        pairs[:, 0],
        np.repeat(decoder, behind.counts),
    ]
    channels = np.full(packet.size, network.class_channels[0])
    flow = np.stack([np.concatenate(sources), legs.ways.root[packet], channels], axis=1)
    ones = np.ones(len(messages.flow), np.int64)
    return Flows(
        messages.stop,
        messages.branch,
        np.concatenate([flow, messages.flow]),
        np.concatenate([legs.ways.deliveries[packet], ones]),
        np.concatenate([legs.node[places], messages.target]),
        np.concatenate([legs.ways.routers[places], 2 * ones]),
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
