"""Bits of messages that depend on which neurons spike, from activity itself."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from chipletsim.codecs import SpikeCodec
from chipletsim.codecs.spike_counts import SpikeCounts, fair_bits
from chipletsim.cost.batch import Window
from chipletsim.cost.classes import TrafficClasses
from chipletsim.cost.updates import update_counts
from chipletsim.engine.activity import Activity
from chipletsim.engine.rates import RateActivity
from chipletsim.network.model import Network
from chipletsim.network.pipeline import Pipeline

MOST_DRAWN = 1 << 22
"""Most neurons times steps of a sample whose spikes are drawn one by one from rates."""
_CHUNK = 1 << 22
"""Elements of the temporary arrays in which rasters are read."""


def step_events(
    window: Window, network: Network, classes: TrafficClasses, pipeline: Pipeline, first: int
) -> np.ndarray:
    """Return what the classes of spikes, updates and messages count in each step.

    Messages of a codec that sends once for a whole window are empty here, see `last_bits`, but
    for populations that send in a span of steps: that is their window.

    Args:
        window: Steps of activity.
        network: The network.
        classes: Classes with messages.
        pipeline: In which steps populations send.
        first: Number of the window's first step.

    Returns:
        int64 [samples, steps, spike classes + update classes + messages]: events, neurons that
        did work, then bits.
    """
    spikes = window.class_counts(classes.neuron_class, classes.spike_classes)
    updates = update_counts(window, network, classes, pipeline, first)
    events = np.concatenate([spikes, updates], axis=2) if updates.size else spikes
    if not classes.messages:
        return events
    bits = np.zeros((*events.shape[:2], len(classes.messages)), np.int64)
    if isinstance(window, Activity):
        _add_listed(bits, window, classes)
    else:
        _add_drawn(bits, window, classes, spikes)
    for number, message in enumerate(classes.messages):
        sending = np.array(pipeline.sending(message.population, first, window.steps), np.int64)
        silent = np.delete(np.arange(window.steps), sending)
        bits[:, silent, number] = 0
        bits[:, sending, number] += message.step_bits
        span = pipeline.span(message.population)
        if span and isinstance(message.codec, SpikeCounts):
            last = np.flatnonzero(np.arange(window.steps) == span.stop - 1 - first)
            bits[:, last, number] = message.neurons.size * fair_bits(span.length)
    return np.concatenate([events, bits], axis=2)


def last_bits(classes: TrafficClasses, pipeline: Pipeline, steps: int) -> np.ndarray:
    """Return int64 [messages]: bits sent after the last step, for the whole window.

    Args:
        classes: Classes with messages.
        pipeline: In which steps populations send; those that do in every step alone count here.
        steps: Steps of the whole window.
    """
    return np.array(
        [
            each.neurons.size * fair_bits(steps)
            if steps and isinstance(each.codec, SpikeCounts) and not pipeline.span(each.population)
            else 0
            for each in classes.messages
        ],
        np.int64,
    )


def populations_as_expected(window: Window, classes: TrafficClasses) -> list[str]:
    """Return the populations that are too large to draw which of their neurons spike.

    Their messages have the bits expected at their rate.

    Args:
        window: Steps of activity.
        classes: Classes with messages.
    """
    if isinstance(window, Activity):
        return []
    return [
        name
        for name, messages in _by_population(window, classes)
        if messages and not _is_drawn(window, name)
    ]


class _Written(NamedTuple):
    """A message that is written from the spikes of a step: its number, and as `Message`."""

    number: int
    neurons: np.ndarray
    codec: SpikeCodec


def _by_population(window: Window, classes: TrafficClasses) -> list[tuple[str, list[_Written]]]:
    """Return each population with the messages that follow from its spikes."""
    found: list[list[_Written]] = [[] for _ in window.populations]
    for number, message in enumerate(classes.messages):
        if message.codec is not None and not isinstance(message.codec, SpikeCounts):
            written = _Written(number, message.neurons, message.codec)
            found[message.population].append(written)
    return list(zip(window.populations, found, strict=True))


def _is_drawn(window: RateActivity, population: str) -> bool:
    return window.steps * prod(window.populations[population]) <= MOST_DRAWN


def _add_listed(bits: np.ndarray, window: Activity, classes: TrafficClasses) -> None:
    """Add the bits of listed spikes, chunk by chunk of their raster."""
    rows = bits.reshape(-1, bits.shape[-1])
    for name, messages in _by_population(window, classes):
        if not messages:
            continue
        size, raster = prod(window.populations[name]), window.rasters[name]
        raster = raster.reshape(-1, raster.shape[-1])
        width = max(_CHUNK // size, 1)
        for start in range(0, len(raster), width):
            part = slice(start, start + width)
            spikes = np.unpackbits(raster[part], axis=-1, count=size, bitorder="little")
            _add(rows[part], spikes.view(bool), messages)


def _add_drawn(
    bits: np.ndarray, window: RateActivity, classes: TrafficClasses, events: np.ndarray
) -> None:
    """Add the bits of spikes that are drawn for the number of events of each class."""
    first = 0
    for name, messages in _by_population(window, classes):
        size = prod(window.populations[name])
        own = classes.neuron_class[first : first + size]
        first += size
        if not messages:
            continue
        if _is_drawn(window, name):
            for sample in range(window.samples):
                one = window.of_samples(sample, 1)
                _add(bits[sample], one.spikes(name, own, events[sample]), messages)
        else:
            for each in messages:
                expected = each.codec.expected_bits(each.neurons.size, 1, window.rates[name])
                bits[..., each.number] += round(expected)


def _add(rows: np.ndarray, spikes: np.ndarray, messages: list[_Written]) -> None:
    """Add the bits of each message after each of several steps.

    Args:
        rows: int64 [steps, messages], added to in place.
        spikes: bool [steps, neurons], at least one step.
        messages: What is written of them.
    """
    for each in messages:
        rows[:, each.number] += each.codec.bits(spikes[:, each.neurons])
