"""Bits of the messages of links that encode, in rows that are given as events of neurons."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from chipletsim.codecs import SpikeCodec, ValueCodec
from chipletsim.cost.classes import TrafficClasses
from chipletsim.cost.encoded_links import MessageStream, message_streams
from chipletsim.cost.entries import PacketLedger
from chipletsim.cost.spike_packets import add_spike_packets, messages_per_tile, synapses_per_tile
from chipletsim.mapping.model import Mapping
from chipletsim.noc.messages import RowEvents


class RowMessages:
    """Tells how many bits links send in messages in a row: those that a price has.

    Args:
        mapping: Where the network lives.
        classes: Its traffic classes.
        neuron: int64 [neurons], number of each neuron of the rows' events.
    """

    def __init__(self, mapping: Mapping, classes: TrafficClasses, neuron: np.ndarray) -> None:
        synapses = synapses_per_tile(mapping, classes)
        messages = messages_per_tile(mapping, classes, synapses)
        crossings = add_spike_packets(PacketLedger(mapping.package), mapping, classes, messages)
        self._links = len(mapping.package.links)
        self._streams = list(message_streams(mapping, classes, crossings))
        place = np.empty(neuron.size, np.int64)
        place[neuron] = np.arange(neuron.size)
        self._members = [_members(mapping, classes, each, place) for each in self._streams]
        sizes = [each.size for each in self._members]
        start = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        every = np.concatenate([np.zeros(0, np.int64), *self._members])
        shape = len(self._streams), neuron.size
        self._counts = csr_array((np.ones(every.size, np.int64), every, start), shape=shape)

    @property
    def most_bits(self) -> np.ndarray:
        """int64 [links]: bits of all messages of a link in a row in which each neuron spikes."""
        found = np.zeros(self._links, np.int64)
        for stream in self._streams:
            linear = stream.codec.linear_bits(stream.neurons)
            if linear:
                bits = linear.event_bits * stream.neurons + linear.step_bits
            else:
                bits = int(_bits(stream.codec, np.ones((1, stream.neurons), bool))[0])
            found[stream.link] += bits
        return found

    def bits(self, events: RowEvents) -> np.ndarray:
        """Return int64 [rows, links]: bits of all messages of a link in each row."""
        found = np.zeros((len(events.spikes), self._links), np.int64)
        counts = (self._counts @ events.spikes.T).T
        for number, (stream, members) in enumerate(zip(self._streams, self._members, strict=True)):
            rows = np.flatnonzero(events.sends[:, stream.population])
            linear = stream.codec.linear_bits(stream.neurons)
            if linear:
                bits = linear.event_bits * counts[rows, number] + linear.step_bits
            else:
                bits = _bits(stream.codec, events.spikes[np.ix_(rows, members)] > 0)
            found[rows, stream.link] += bits
        return found


def _members(
    mapping: Mapping, classes: TrafficClasses, stream: MessageStream, place: np.ndarray
) -> np.ndarray:
    """Return the places of the neurons whose events a message carries, in their own order."""
    first, last = mapping.network.offsets[stream.population : stream.population + 2]
    crossing = np.flatnonzero(np.isin(classes.neuron_class[first:last], stream.classes))
    return place[first + crossing]


def _bits(codec: SpikeCodec | ValueCodec, spikes: np.ndarray) -> np.ndarray:
    """Return int64 [rows]: bits of a message of spikes in each row."""
    assert isinstance(codec, SpikeCodec)  # noqa: S101 - codecs of values are linear
    return codec.bits(spikes) if len(spikes) else np.zeros(0, np.int64)
