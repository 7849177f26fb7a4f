"""Messages of each step as packets on a package: timing models `queue` and `cycle`."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.mapping.model import Mapping
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.neurons.base import Role
from chipletsim.noc.fetch_rows import FetchRows, fetch_rows, fetch_sizes, stream_sizes
from chipletsim.noc.message_times import PlanTimes, plan_times
from chipletsim.noc.package_network import (
    PackageNetwork,
    package_network,
    packet_flits,
    whole_ticks,
)
from chipletsim.noc.packet_plan import PacketPlan, PacketPlans
from chipletsim.package.model import Package


class PacketTimes(NamedTuple):
    """All that a package says of the packets of a mapping.

    Attributes:
        network: The package as routers and ports.
        plan: Packets of each neuron.
        times: Times of neurons, as the lists of messages need them.
        processing: int64 [deliveries], ticks that a tile works on each delivery of each packet.
        joined_s: float64 [packets], for making the further messages that a packet stands for.
        kind: int64 [packets], size of each by number.
        flits: int64 [kinds].
        whole_steps: bool [tiles], tiles that do the work of a step as a whole, before they send:
            those of kinds that have no times for single messages.
        fetches: Packets that fetch weights, which each delivery asks for.
    """

    network: PackageNetwork
    plan: PacketPlan
    times: PlanTimes
    processing: np.ndarray
    joined_s: np.ndarray
    kind: np.ndarray
    flits: np.ndarray
    whole_steps: np.ndarray
    fetches: FetchRows


def packet_times(mapping: Mapping, package: Package, plans: PacketPlans) -> PacketTimes:
    """Return the packets of a mapping on a package.

    Weights on memory tiles are fetched as they are priced: event-driven tiles ask for those of each
    event, see `chipletsim.noc.fetch_rows.fetch_rows`; dense tiles are sent theirs from the start of
    a step on, see `chipletsim.noc.fetch_rows.with_streams`, and compute while these come.

    Args:
        mapping: Where the network lives.
        package: Of the structure of the mapping's.
        plans: Packets of its messages on packages of that structure.

    Raises:
        ConfigError: The package or mapping has something that these models do not follow.
    """
    _check(mapping, package)
    packet, fetched = package.spec.packet, plans.fetched
    own_bits = np.array([each.value_bits for each in mapping.network.populations], np.int64)
    own_bits += packet.header_bits + packet.address_bits
    sizes = np.union1d(own_bits, fetch_sizes(fetched, packet))
    network = package_network(package, tuple(sizes.tolist()))
    plan, packets = plans.messages, plans.of(package, network)
    local = replace(plan, synapses=fetched.synapses)
    times = plan_times(local, package, by_turns=True, whole_steps=True)
    listed = [tile.parameters.message_times() for tile in package.tiles]
    by_turns = np.array([each is not None and each.by_turns for each in listed], bool)
    network = network._replace(
        network=network.network._replace(processors=np.where(by_turns, 1, 2))
    )
    population = np.repeat(np.arange(own_bits.size), np.diff(mapping.network.offsets))[plan.neuron]
    owner = np.repeat(np.arange(plan.neuron.size), np.diff(packets.messages.axon_start))
    streams = stream_sizes(fetched, packet)
    bits = np.concatenate([own_bits[population[owner]], streams])
    out_s = np.concatenate([times.out_s[plan.core[owner]], np.zeros(streams.size)])
    tick_s = network.network.tick_s or 1.0
    idle = _inputs(mapping)[population] & by_turns[plan.tile[plan.core]]
    work_s = np.append(times.processing_s, 0.0)[packets.axon]  # none on streams
    return PacketTimes(
        network,
        packets,
        times._replace(access_s=np.where(idle, 0.0, times.access_s)),
        whole_ticks(work_s, tick_s),
        packets.joined * out_s,
        np.searchsorted(sizes, bits),
        np.array([packet_flits(int(each), network.flit_bits) for each in sizes], np.int64),
        np.array([each is None for each in listed], bool),
        fetch_rows(packets, package, sizes, tick_s),
    )


def _inputs(mapping: Mapping) -> np.ndarray:
    """Return bool [populations]: input channels, which are not updated."""
    return np.array([each.model == "input" for each in mapping.network.populations], bool)


def _check(mapping: Mapping, package: Package) -> None:
    """Refuse what these models do not follow."""
    problems = []
    if any(link.spec.encoding for link in package.links):
        problems.append("links with an `encoding`, which send what a step has at its end")
    roles = {NEURON_MODELS[each.model].role for each in mapping.network.populations}
    if roles & {Role.ENCODER, Role.DECODER} and any(
        package.tiles[part.tile].parameters.converts for part in mapping.slices
    ):
        problems.append("conversion hardware of tiles")
    if problems:
        message = f"timing `queue` and `cycle` do not follow {' nor '.join(problems)}; use `bound`"
        raise ConfigError([Problem(message, "timing")])
