"""Timing `simple`: the busiest core of each step, where neurons and messages work side by side."""

from __future__ import annotations

import numpy as np

from chipletsim.noc.message_timing import CoreMesh, MessageTiming
from chipletsim.noc.messages import MessageLists
from chipletsim.noc.spans import Doing, ShownStep, Span


def simple(lists: MessageLists, mesh: CoreMesh) -> MessageTiming:
    """Return how long each row takes.

    ``max(longest sum of generation times of a core, longest sum of processing times of what a core
    receives)``, summed in the order of the messages. Routes and the room of links do not matter.
    It is the mode of that name of SANA-FE 2.2.9 (J. A. Boyle et al., IEEE TCAD 2025), bit for
    bit.

    Args:
        lists: Messages of the rows.
        mesh: The cores.
    """
    cores = len(mesh.place)
    work_s = _work(lists, cores)
    resource = np.argmax(work_s, axis=1)
    latency_s = np.take_along_axis(work_s, resource[:, None], axis=1)[:, 0]
    resource = np.where(latency_s > 0, resource, 2 * cores)
    return MessageTiming(latency_s, resource.astype(np.int32))


def simple_spans(lists: MessageLists, mesh: CoreMesh) -> ShownStep:
    """Return a single row: cores side by side, each from the beginning of the step.

    When in the step a core does its part is not known, nor when a message is on its way.

    Args:
        lists: Messages of the row.
        mesh: The cores.
    """
    cores = len(mesh.place)
    timing, (work_s,) = simple(lists, mesh), _work(lists, cores)
    arriving = np.bincount(lists.target[lists.target >= 0], minlength=cores)
    source = np.repeat(np.arange(cores), np.diff(lists.start))
    leaving = np.bincount(source[lists.target >= 0], minlength=cores)
    sides = ((Doing.WORKING, work_s[:cores], arriving), (Doing.MAKING, work_s[cores:], leaving))
    spans = [
        Span(doing, core, 0.0, float(time_s[core]), messages=int(messages[core]))
        for doing, time_s, messages in sides
        for core in np.flatnonzero(time_s > 0).tolist()
    ]
    return ShownStep(float(timing.latency_s[0]), int(timing.resource[0]), spans)


def _work(lists: MessageLists, cores: int) -> np.ndarray:
    """Return float64 [rows, 2 x cores]: time on messages received, then of making messages."""
    size = lists.start.size - 1
    source = np.repeat(np.arange(size), np.diff(lists.start))
    making_s = np.bincount(source, weights=lists.generation_s, minlength=size)
    arrives = np.flatnonzero(lists.target >= 0)
    target = source[arrives] // cores * cores + lists.target[arrives]
    taking_s = np.bincount(target, weights=lists.processing_s[arrives], minlength=size)
    return np.concatenate([taking_s.reshape(-1, cores), making_s.reshape(-1, cores)], axis=1)
