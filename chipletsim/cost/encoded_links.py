"""Messages of encoded links: what each event and each step adds to their bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from chipletsim.codecs import SpikeCodec, ValueCodec
from chipletsim.cost.classes import Message, TrafficClasses
from chipletsim.cost.entries import Form, PacketLedger
from chipletsim.cost.spike_packets import Crossings
from chipletsim.errors import ConfigError, Problem
from chipletsim.mapping.model import Mapping
from chipletsim.network.model import Population
from chipletsim.network.neurons import NEURON_MODELS, Event
from chipletsim.network.spans import spans


class MessageStream(NamedTuple):
    """The messages of a population over a link.

    Attributes:
        link: The link.
        population: The population.
        classes: int64 [classes], sorted: spike classes whose events take the link.
        neurons: Number of neurons of those classes.
        codec: How they are written.
    """

    link: int
    population: int
    classes: np.ndarray
    neurons: int
    codec: SpikeCodec | ValueCodec


def add_messages(
    ledger: PacketLedger, mapping: Mapping, classes: TrafficClasses, crossings: Crossings
) -> TrafficClasses:
    """Add the bits of messages to the ledger.

    Bits that follow from numbers of events and steps are added per event of a spike class and
    per tick of a clock class. All other messages get a class of their own, which counts bits;
    links with the same message share it.

    Args:
        ledger: Where to add.
        mapping: Where the network lives.
        classes: Its classes, without messages.
        crossings: Events that cross links in messages.

    Returns:
        The classes with messages.

    Raises:
        ConfigError: Widths of a codec are too small for the neurons that cross.

    Example:
        Of 100 neurons that cross a link 3 spike in a step. Address events of 7 bits take
        21 bits, a bitmap 100; the first are 7 per event, the other is 100 per step.
    """
    streams = list(message_streams(mapping, classes, crossings))
    _check_widths(mapping, streams)
    # A population may work in steps in which it sends nothing, as decoders do.
    silent = [each.works != each.sends for each in spans(mapping.network)]
    numbers: dict[tuple[bytes, str], int] = {}
    messages: list[Message] = []
    for stream in streams:
        linear = stream.codec.linear_bits(stream.neurons)
        if linear:
            _add_bits(ledger, stream.classes, stream.link, linear.event_bits)
        if linear and not silent[stream.population]:
            clock = np.array([classes.clock(stream.population)])
            _add_bits(ledger, clock, stream.link, linear.step_bits)
        elif not linear or linear.step_bits:
            same = stream.classes.tobytes(), repr(stream.codec)
            if same not in numbers:
                numbers[same] = len(messages)
                step_bits = linear.step_bits if linear else 0
                messages.append(_message(mapping, classes, stream, step_bits))
            message = np.array([classes.size + numbers[same]])
            _add_bits(ledger, message, stream.link, 1)
    populations = [message.population for message in messages]
    return replace(
        classes,
        population=np.concatenate([classes.population, populations]).astype(np.int32),
        messages=tuple(messages),
    )


def message_streams(
    mapping: Mapping, classes: TrafficClasses, crossings: Crossings
) -> Iterator[MessageStream]:
    """Yield the messages of all links, link by link."""
    population = classes.population[crossings.traffic_class]
    order = np.lexsort((crossings.traffic_class, population, crossings.link))
    of_class, link, population = (
        column[order] for column in (crossings.traffic_class, crossings.link, population)
    )
    members = np.bincount(classes.neuron_class, minlength=classes.spike_classes)
    changes = np.flatnonzero((np.diff(link) != 0) | (np.diff(population) != 0)) + 1
    for part in np.split(np.arange(order.size), changes) if order.size else ():
        first = part[0]
        value_bits = mapping.network.populations[population[first]].value_bits
        codec = mapping.package.links[link[first]].spec.codec(value_bits)
        if codec is not None:
            neurons = int(members[of_class[part]].sum())
            yield MessageStream(
                int(link[first]), int(population[first]), of_class[part], neurons, codec
            )


def _add_bits(ledger: PacketLedger, traffic_class: np.ndarray, link: int, bits: int) -> None:
    """Add bits of messages on a link, per event of each class."""
    if bits:
        ones = np.ones(traffic_class.size, np.int64)
        ledger.add(traffic_class, link * ones, bits * ones, ones, Form.MESSAGE)


def _message(
    mapping: Mapping, classes: TrafficClasses, stream: MessageStream, step_bits: int
) -> Message:
    first, last = mapping.network.offsets[stream.population : stream.population + 2]
    crossing = np.flatnonzero(np.isin(classes.neuron_class[first:last], stream.classes))
    if step_bits or not isinstance(stream.codec, SpikeCodec):
        return Message(stream.population, crossing, None, step_bits)
    return Message(stream.population, crossing, stream.codec)


def _check_widths(mapping: Mapping, streams: list[MessageStream]) -> None:
    """Refuse codecs that cannot tell the neurons that cross apart, or carry what they send.

    Raises:
        ConfigError: Every such link and population; links with the same fault together.
    """
    faults: dict[tuple[int, int, str], list[str]] = {}
    for stream in streams:
        for fault in _faults(stream, mapping.network.populations[stream.population]):
            name = mapping.package.links[stream.link].name
            faults.setdefault((stream.population, stream.neurons, fault), []).append(name)
    if faults:
        raise ConfigError(
            [
                Problem(
                    f"encoding of link {names[0]}{_others(names)}, which events of {neurons:,} "
                    f"neurons of {mapping.network.populations[population].name!r} cross: {fault}"
                )
                for (population, neurons, fault), names in faults.items()
            ]
        )


def _faults(stream: MessageStream, population: Population) -> Iterator[str]:
    value_bits = population.value_bits
    if NEURON_MODELS[population.model].event is Event.COUNT and not value_bits:
        yield (
            "codecs of spikes do not say how often a neuron spiked in a step; give the population "
            "value_bits, so that its counts are values"
        )
    try:
        stream.codec.linear_bits(stream.neurons)
    except ConfigError as error:
        yield str(error)
    width_bits = getattr(stream.codec, "width_bits", value_bits)
    if width_bits < value_bits:
        yield f"width of {width_bits} bit does not hold values; expected at least {value_bits} bit"


def _others(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
