"""Bits across each die boundary: spikes as measured against dense activations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.cost.classes import TrafficClasses, traffic_classes
from chipletsim.cost.entries import PacketLedger
from chipletsim.cost.spike_packets import add_spike_packets, messages_per_tile, synapses_per_tile
from chipletsim.mapping.model import Mapping
from chipletsim.network.spans import spans
from chipletsim.package.model import Package


@dataclass(frozen=True)
class Boundary:
    """One direction of a boundary between two dies, per inference.

    Attributes:
        source: Name of the sending die.
        target: Name of the receiving die.
        populations: Populations whose neurons send across it.
        spike_bits: Bits on the wires with all overheads, memory traffic included.
        values: Activations that cross in one dense evaluation, copies counted.
        values_in_steps: The same over all steps in which their populations work.
        activation_bits: Bits of a dense activation.
    """

    source: str
    target: str
    populations: tuple[str, ...]
    spike_bits: float
    values: int
    values_in_steps: int
    activation_bits: int

    @property
    def ann_bits(self) -> int:
        """Dense activations of the T=1 ANN, payload alone."""
        return self.values * self.activation_bits

    @property
    def dense_bits(self) -> int:
        """Dense activations in each of the T steps, payload alone."""
        return self.values_in_steps * self.activation_bits

    @property
    def bitmap_bits(self) -> int:
        """One bit per neuron and step, payload alone."""
        return self.values_in_steps


def boundaries(
    mapping: Mapping, wire_bits: np.ndarray, steps: int, activation_bits: int
) -> tuple[Boundary, ...]:
    """Return the boundaries of a mapping that anything crosses.

    Dense activations take the routes of the spikes: a value crosses a boundary as often
    as a spike of its neuron would.

    Args:
        mapping: Where the neurons are.
        wire_bits: float [links], bits on the wire per inference.
        steps: Time steps per sample.
        activation_bits: Bits of a dense activation.
    """
    package = mapping.package
    values, in_steps, senders = _values_on_links(mapping, steps)
    found = []
    for (source, target), links in _links_by_boundary(package).items():
        crossing, bits = int(values[links].sum()), float(np.sum(wire_bits[links]))
        if crossing or bits:
            sending = np.flatnonzero(senders[links].any(axis=0))
            found.append(
                Boundary(
                    source=package.chiplets[source].name,
                    target=package.chiplets[target].name,
                    populations=tuple(mapping.network.populations[i].name for i in sending),
                    spike_bits=bits,
                    values=crossing,
                    values_in_steps=int(in_steps[links].sum()),
                    activation_bits=activation_bits,
                )
            )
    return tuple(found)


def crossing_classes(
    mapping: Mapping,
) -> tuple[TrafficClasses, dict[tuple[int, int], np.ndarray]]:
    """Return the traffic classes of a mapping, and which of them cross each die boundary.

    Returns:
        The classes, and sending and receiving die to the classes whose spikes take a link from
        the one to the other.
    """
    classes, channel, traffic_class, _ = _spikes_on_channels(mapping)
    found = {}
    for ends, links in _links_by_boundary(mapping.package).items():
        crossing = np.unique(traffic_class[np.isin(channel, links)])
        if crossing.size:
            found[ends] = crossing
    return classes, found


def _links_by_boundary(package: Package) -> dict[tuple[int, int], list[int]]:
    """Return sending and receiving die to the links between them."""
    pairs: dict[tuple[int, int], list[int]] = {}
    for number, link in enumerate(package.links):
        if link.between_dies:
            ends = package.routers[link.source].chiplet, package.routers[link.target].chiplet
            pairs.setdefault(ends, []).append(number)
    return pairs


def _spikes_on_channels(
    mapping: Mapping,
) -> tuple[TrafficClasses, np.ndarray, np.ndarray, np.ndarray]:
    """Return the classes, and of each entry its channel, class and packets per event."""
    classes = traffic_classes(mapping)
    messages = messages_per_tile(mapping, classes, synapses_per_tile(mapping, classes))
    ledger = PacketLedger(mapping.package)
    add_spike_packets(ledger, mapping, classes, messages)
    entries, cells = ledger.close()
    return classes, cells.channel[entries.quantity], entries.traffic_class, entries.weight


def _values_on_links(mapping: Mapping, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return packets on each link if every neuron sent one, and which populations send.

    Returns:
        int64 [links] if each sends once, int64 [links] if it does in all steps in which it works,
        and bool [links, populations].
    """
    classes, channel, traffic_class, packets = _spikes_on_channels(mapping)
    package = mapping.package
    members = np.bincount(classes.neuron_class, minlength=classes.size)
    channels = len(package.links) + len(package.routers)
    values, in_steps = np.zeros((2, channels), np.int64)
    sent = packets * members[traffic_class]
    working = [each.sends.length if each.sends else steps for each in spans(mapping.network)]
    np.add.at(values, channel, sent)
    np.add.at(in_steps, channel, sent * np.array(working)[classes.population[traffic_class]])
    senders = np.zeros((channels, len(mapping.network.populations)), bool)
    senders[channel, classes.population[traffic_class]] = True
    links = len(package.links)
    return values[:links], in_steps[:links], senders[:links]
