"""Timing `simple`: the busiest core of each step, where neurons and messages work side by side."""

from __future__ import annotations

import numpy as np

from chipletsim.noc.message_timing import CoreMesh, MessageTiming
from chipletsim.noc.messages import MessageLists


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
    size = lists.start.size - 1
    source = np.repeat(np.arange(size), np.diff(lists.start))
    making_s = np.bincount(source, weights=lists.generation_s, minlength=size)
    arrives = np.flatnonzero(lists.target >= 0)
    target = source[arrives] // cores * cores + lists.target[arrives]
    taking_s = np.bincount(target, weights=lists.processing_s[arrives], minlength=size)
    work_s = np.concatenate([taking_s.reshape(-1, cores), making_s.reshape(-1, cores)], axis=1)
    resource = np.argmax(work_s, axis=1)
    latency_s = np.take_along_axis(work_s, resource[:, None], axis=1)[:, 0]
    resource = np.where(latency_s > 0, resource, 2 * cores)
    return MessageTiming(latency_s, resource.astype(np.int32))
