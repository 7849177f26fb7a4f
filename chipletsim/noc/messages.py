"""Messages of each step, one by one: who sends when, to which core, how long that works on them.

What a timing model that follows single messages is given. Nothing here knows of such a model.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.message_plan import MessagePlan
from chipletsim.noc.message_times import PlanTimes


class RowEvents(NamedTuple):
    """What the neurons of a plan did in some rows.

    Attributes:
        works: bool [rows, neurons], whether its population works in the row.
        updated: bool [rows, neurons], whether it did work.
        spikes: int64 [rows, neurons], events that it sent.
        sends: bool [rows, populations], whether the row is one in which it sends, events or none.
    """

    works: np.ndarray
    updated: np.ndarray
    spikes: np.ndarray
    sends: np.ndarray


class MessageLists(NamedTuple):
    """Messages of some rows, in the order in which each core makes them.

    What a core still does after its last message stands behind it, as a message to nowhere.

    Attributes:
        start: int64 [rows x cores + 1], first message of each core in each row.
        target: int64 [messages], the core where it ends, -1 for nowhere.
        generation_s: float64 [messages], from the message before to this one.
        processing_s: float64 [messages], at its target.
        level: int64 [messages], 0 of those of neurons. A core makes a message once it has got all
            of lower levels that come to it in the row; such are weights that are sent unasked.
    """

    start: np.ndarray
    target: np.ndarray
    generation_s: np.ndarray
    processing_s: np.ndarray
    level: np.ndarray


def message_lists(plan: MessagePlan, times: PlanTimes, events: RowEvents) -> MessageLists:
    """Return the messages of some rows.

    A core computes its neurons one after the other: ``g += dendrite + (access [+ update]
    [+ spike])``. For each message of a neuron that fired ``generation = g + out``, and ``g``
    starts at 0 again. Sums are made in this order, one number at a time.

    Args:
        plan: Of the mapping.
        times: Of the package.
        events: What the neurons of the plan did.
    """
    rows, neurons = events.spikes.shape
    cores = plan.tile.size
    axons = np.diff(plan.axon_start)
    sent = (events.spikes * axons).reshape(-1)
    core = np.arange(rows)[:, None] * cores + plan.core  # of each row
    seconds = np.where(events.works, _neuron_seconds(times, events), 0.0).reshape(-1)
    # A stretch ends with a neuron that sends, or with the last one of its core.
    after = np.zeros(rows * neurons, bool)
    after[1:] = (sent[:-1] > 0) | (np.diff(core.reshape(-1)) != 0)
    made_s = np.bincount(np.cumsum(after), weights=seconds)[: seconds.size]
    last = np.flatnonzero(np.append(after[1:], [True] * bool(seconds.size)))
    leaves = (sent[last] == 0) & (made_s > 0)  # work after the last message of a core
    stretches = _Stretches(
        core=core.reshape(-1)[last],
        neuron=last % neurons,
        messages=np.where(leaves, 1, sent[last]),
        leaves=leaves,
        made_s=made_s,
    )
    return _listed(plan, times, stretches, rows * cores)


class FirstMessages(NamedTuple):
    """Messages that cores make before all others of a row.

    Attributes:
        at: int64 [messages], row times number of cores + core of each.
        target: int64 [messages], as in `MessageLists`, and so the next two.
        generation_s: float64 [messages].
        level: int64 [messages].
    """

    at: np.ndarray
    target: np.ndarray
    generation_s: np.ndarray
    level: np.ndarray


def with_messages_first(lists: MessageLists, first: FirstMessages) -> MessageLists:
    """Return lists in which cores make further messages before all others.

    Args:
        lists: Messages of rows.
        first: What is made before them, of each core in its order.
    """
    order = np.argsort(first.at, kind="stable")
    at, target, generation_s, level = (column[order] for column in first)
    place = lists.start[at]
    before = np.searchsorted(at, np.arange(lists.start.size))
    return MessageLists(
        lists.start + before,
        np.insert(lists.target, place, target),
        np.insert(lists.generation_s, place, generation_s),
        np.insert(lists.processing_s, place, 0.0),
        np.insert(lists.level, place, level),
    )


class _Stretches(NamedTuple):
    """Stretches of neurons up to one that sends, or to the end of a core, in order.

    Attributes:
        core: int64, row x cores + core.
        neuron: int64, the last neuron.
        messages: int64, how many follow.
        leaves: bool, whether that is a message to nowhere.
        made_s: float64, time of the neurons.
    """

    core: np.ndarray
    neuron: np.ndarray
    messages: np.ndarray
    leaves: np.ndarray
    made_s: np.ndarray


def _listed(plan: MessagePlan, times: PlanTimes, found: _Stretches, lists: int) -> MessageLists:
    """Return the messages at the ends of stretches."""
    which = np.repeat(np.arange(found.core.size), found.messages)
    first = np.cumsum(found.messages) - found.messages
    number = np.arange(which.size) - first[which]
    neuron, nowhere = found.neuron[which], found.leaves[which]
    start, count = plan.axon_start[neuron], np.diff(plan.axon_start)[neuron]
    axon = np.where(nowhere, 0, start + number % np.maximum(count, 1))
    generation_s = np.where(number == 0, found.made_s[which], 0.0)
    generation_s = np.where(nowhere, generation_s, generation_s + times.out_s[plan.core[neuron]])
    target = np.full(which.size, -1, np.int64)
    processing_s = np.zeros(which.size)
    target[~nowhere] = plan.axon_core[axon[~nowhere]]
    processing_s[~nowhere] = times.processing_s[axon[~nowhere]]
    begins = np.searchsorted(found.core[which], np.arange(lists + 1))
    return MessageLists(begins, target, generation_s, processing_s, np.zeros_like(target))


def _neuron_seconds(times: PlanTimes, events: RowEvents) -> np.ndarray:
    """Return float64 [rows, neurons]: time of each neuron that works."""
    worked = events.updated | (events.spikes > 0)
    soma_s = np.where(worked, times.access_s + times.update_s, times.access_s)
    for spike in range(int(events.spikes.max(initial=0))):
        soma_s = np.where(events.spikes > spike, soma_s + times.spike_s, soma_s)
    return times.dendrite_s + soma_s
