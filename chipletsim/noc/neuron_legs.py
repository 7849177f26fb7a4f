"""Legs that the events of neurons take: away from their tiles, and behind links that encode."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from chipletsim.mapping.equal_rows import group_rows
from chipletsim.noc.event_legs import EventLegs, event_legs, whole_legs
from chipletsim.noc.event_trees import Events
from chipletsim.noc.listed import listed
from chipletsim.noc.message_plan import MessagePlan
from chipletsim.noc.package_flows import package_ways
from chipletsim.noc.package_network import PackageNetwork
from chipletsim.package.model import Package


class Away(NamedTuple):
    """Axons of neurons to other cores.

    Attributes:
        start: int64 [neurons + 1], first of each neuron.
        core: int64 [axons to other cores].
        own: int64 [neurons], place of the axon to the own core among those of each; -1 if none.
    """

    start: np.ndarray
    core: np.ndarray
    own: np.ndarray


def away_of(plan: MessagePlan) -> Away:
    """Return the axons of neurons to other cores."""
    count = np.diff(plan.axon_start)
    owner = np.repeat(np.arange(count.size), count)
    home = np.flatnonzero(plan.axon_core == plan.core[owner])
    own = np.full(count.size, -1, np.int64)
    own[owner[home]] = home - plan.axon_start[owner[home]]
    start = np.concatenate([[0], np.cumsum(count - (own >= 0))])
    return Away(start, np.delete(plan.axon_core, home), own)


def neuron_events(
    plan: MessagePlan, package: Package, away: Away
) -> tuple[np.ndarray, np.ndarray, Events]:
    """Return the event that each neuron sends, int64 [neurons], and these: those that differ.

    Neurons of one router send alike if they do so to the same other cores; where links encode, only
    if they all send values, or none does, which is bool [events].
    """
    shape = away.own.size, plan.tile.size
    table = csr_array((np.ones(away.core.size, np.int64), away.core, away.start), shape=shape)
    router = package.tile_router[plan.tile[plan.core]]
    graded = plan.graded & any(link.spec.encoding for link in package.links)
    group, member = group_rows(table, router, graded)
    order = np.argsort(member)  # by the first neuron
    event = np.empty(order.size, np.int64)
    event[order] = np.arange(order.size)
    first = member[order]
    count = np.diff(away.start)[first]
    tile = plan.tile[away.core[listed(away.start[first], count)]]
    start = np.concatenate([[0], np.cumsum(count)])
    return event[group], graded[first], Events(router[first], start, tile)


class LegsTaken(NamedTuple):
    """Packets of legs that neurons take, and their deliveries, packet by packet.

    Attributes:
        neuron: int64 [legs taken], and so the next two.
        leg: The leg of its event.
        counts: How many packets each is.
        packet: int64 [packets], number among those of legs.
        delivery: int64 [deliveries], number among those of legs.
        axon: int64 [deliveries], axon that each is; -1 at a link.
        owner: int64 [deliveries], neuron of each.
    """

    neuron: np.ndarray
    leg: np.ndarray
    counts: np.ndarray
    packet: np.ndarray
    delivery: np.ndarray
    axon: np.ndarray
    owner: np.ndarray


def legs_taken(
    plan: MessagePlan, away: Away, legs: EventLegs, neuron: np.ndarray, leg: np.ndarray
) -> LegsTaken:
    """Return the packets of legs that neurons take.

    Args:
        plan: Of a mapping.
        away: Axons to other cores.
        legs: Legs of all events.
        neuron: int64 [legs taken].
        leg: int64 [legs taken], the leg of its event that each takes.
    """
    counts = np.diff(legs.ways.first)[leg]
    count = np.diff(legs.start)[leg]
    delivery = listed(legs.start[leg], count)
    owner = np.repeat(neuron, count)
    target, own = legs.target[delivery], away.own[owner]
    axon = plan.axon_start[owner] + target + ((own >= 0) & (target >= own))
    packet = listed(legs.ways.first[leg], counts)
    axon = np.where(target < 0, -1, axon)
    return LegsTaken(neuron, leg, counts, packet, delivery, axon, owner)


def legs_of(
    package: Package, network: PackageNetwork, events: Events, graded: np.ndarray
) -> EventLegs:
    """Return the legs of events; those behind the ``graded`` ones fetch weights, without codecs."""
    if not network.encoded.size:
        return whole_legs(package_ways(package, network, events), events)
    form = np.full(events.router.size, 2)
    form[: graded.size] = graded
    return event_legs(package, network, events, form)


def legs_behind(event: np.ndarray, legs: EventLegs) -> tuple[np.ndarray, np.ndarray]:
    """Return int64 twice: neuron and leg of all that goes on behind links, neuron by neuron."""
    counts = np.diff(legs.first)[event]
    neuron = np.repeat(np.arange(event.size), counts)
    leg = listed(legs.first[event], counts)
    inner = legs.link[leg] >= 0
    return neuron[inner], leg[inner]


class Onward(NamedTuple):
    """Tells by which packet of the plan goes on what came to a link.

    Attributes:
        legs: Legs of all events.
        event: int64 [neurons], event of each.
        behind: Legs that are taken behind links.
        first: Number of the first packet of these.
    """

    legs: EventLegs
    event: np.ndarray
    behind: LegsTaken
    first: int

    def of(self, sent: LegsTaken) -> np.ndarray:
        """Return int64 [deliveries]: the packet that each goes on by, -1 at a tile."""
        legs = self.legs
        found = np.full(sent.delivery.size, -1)
        ends = np.flatnonzero(legs.onward[sent.delivery] >= 0)
        if not ends.size:
            return found
        packet, owner = legs.onward[sent.delivery[ends]], sent.owner[ends]
        leg = np.searchsorted(legs.ways.first, packet, side="right") - 1
        event = self.event[owner]
        rank = leg - legs.first[event] - (leg > legs.root[event])
        known = np.searchsorted(self.behind.neuron, owner)  # first that the neuron takes
        begins = self.first + np.cumsum(self.behind.counts) - self.behind.counts
        found[ends] = begins[known + rank] + packet - legs.ways.first[leg]
        return found
