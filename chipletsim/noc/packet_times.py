"""Messages of each step as packets on a package: timing models `queue` and `cycle`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from chipletsim.codecs.spike_counts import SpikeCounts
from chipletsim.errors import ConfigError, Problem
from chipletsim.mapping.model import Mapping
from chipletsim.noc.encoded_packets import Stretches, stretch_sizes, stretches_of
from chipletsim.noc.fetch_rows import (
    FetchRows,
    fetch_rows,
    fetch_sizes,
    stream_parts,
    stream_sizes,
)
from chipletsim.noc.message_times import PlanTimes
from chipletsim.noc.package_network import (
    PackageNetwork,
    package_network,
    packet_flits,
    whole_ticks,
)
from chipletsim.noc.packet_plan import PacketPlan, PacketPlans
from chipletsim.package.model import Package
from chipletsim.spec.package import LinkSpec


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
        stretches: Packets that messages of links are cut into.
        parts: In how many weights are sent unasked, at most; 0 if none are.
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
    stretches: Stretches
    parts: int


def packet_times(mapping: Mapping, package: Package, plans: PacketPlans) -> PacketTimes:
    """Return the packets of a mapping on a package.

    Weights on memory tiles are fetched as they are priced: event-driven tiles ask for those of each
    event, see `chipletsim.noc.fetch_rows.fetch_rows`; dense tiles are sent theirs from the start of
    a step on, and compute as these come, see `chipletsim.noc.whole_steps`.

    Args:
        mapping: Where the network lives.
        package: Of the structure of the mapping's.
        plans: Packets of its messages on packages of that structure.

    Raises:
        ConfigError: The package or mapping has something that these models do not follow.
    """
    _check(package)
    packet, fetched = package.spec.packet, plans.fetched
    own_bits = np.array([each.value_bits for each in mapping.network.populations], np.int64)
    own_bits += packet.header_bits + packet.address_bits
    sizes = np.union1d(own_bits, fetch_sizes(fetched, packet))
    sizes = np.union1d(sizes, stretch_sizes(package))
    network = package_network(package, tuple(sizes.tolist()))
    plan, packets = plans.messages, plans.of(package, network)
    times = plans.times(package)
    listed = [tile.parameters.message_times() for tile in package.tiles]
    by_turns = np.array([each is not None and each.by_turns for each in listed], bool)
    network = network._replace(
        network=network.network._replace(
            processors=np.append(np.where(by_turns, 1, 2), np.full(network.end_port.size, 2))
        )
    )
    population = np.repeat(np.arange(own_bits.size), np.diff(mapping.network.offsets))[plan.neuron]
    owner = np.repeat(np.arange(plan.neuron.size), np.diff(packets.messages.axon_start))
    stretches = stretches_of(package, network, sizes)
    bits = [
        own_bits[population[owner]],
        stream_sizes(fetched, packet),
        own_bits[population[packets.encoded.neuron]],
        stretches.most * stretches.flit_bits,
    ]
    out_s = np.zeros(packets.flow.size)
    out_s[: owner.size] = times.out_s[plan.core[owner]]
    tick_s = network.network.tick_s or 1.0
    # Neurocores do not update input channels, nor spend anything on a spike without a destination.
    frugal = by_turns[plan.tile[plan.core]]
    idle = frugal & _inputs(mapping)[population]
    unheard = frugal & (np.diff(plan.axon_start) == 0)
    work_s = np.append(times.processing_s, 0.0)[packets.axon]  # none on streams
    return PacketTimes(
        network,
        packets,
        times._replace(
            access_s=np.where(idle, 0.0, times.access_s),
            spike_s=np.where(unheard, 0.0, times.spike_s),
        ),
        whole_ticks(work_s, tick_s),
        packets.joined * out_s,
        np.searchsorted(sizes, np.concatenate(bits)),
        np.array([packet_flits(int(each), network.flit_bits) for each in sizes], np.int64),
        np.array([each is None for each in listed], bool),
        fetch_rows(packets, package, sizes, tick_s),
        stretches,
        stream_parts(fetched, packet),
    )


def _inputs(mapping: Mapping) -> np.ndarray:
    """Return bool [populations]: input channels, which are not updated."""
    return np.array([each.model == "input" for each in mapping.network.populations], bool)


def _check(package: Package) -> None:
    """Refuse links that these models do not follow, those of one fault together."""
    faults: dict[str, list[str]] = {}
    for link in package.links:
        for fault in _faults(link.spec, package.spec.runs_freely):
            faults.setdefault(fault, []).append(link.name)
    if faults:
        raise ConfigError(
            [
                Problem(
                    f"timing `queue` and `cycle` do not follow the `encoding` of link {names[0]}"
                    f"{f' (and {len(names) - 1} more)' if names[1:] else ''}: {fault}",
                    "timing",
                )
                for fault, names in faults.items()
            ]
        )


def _faults(link: LinkSpec, runs_freely: bool) -> Iterator[str]:
    """Yield why the messages of a link cannot be followed, and what to use instead."""
    if link.encoding is None:
        return
    if runs_freely:
        yield "no step ends where they run freely; use `bound`, or `synchronisation: barrier`"
    if isinstance(link.encoding.spikes, SpikeCounts):
        yield "`spike_counts` come once in an inference; use `bound`, or another codec"
    if link.frame and link.frame.payload_bits % link.flit_bits:
        yield (
            f"a frame carries {link.frame.payload_bits} bit, no whole number of flits of"
            f" {link.flit_bits} bit; use `bound`, or a flit that divides it"
        )
