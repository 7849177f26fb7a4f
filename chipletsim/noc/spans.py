"""What timing models show of a hardware step: what tiles and messages do in it, and when."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from chipletsim.noc.message_timing import CoreMesh
from chipletsim.noc.messages import MessageLists
from chipletsim.noc.traffic import RowTraffic


class Doing(StrEnum):
    """What is done for a while.

    ``BUSY``: a tile does anything. ``MAKING``: a core computes neurons and makes messages of
    them; ``BLOCKED``: it has made one, but there is no room on its route. ``WORKING``: a core
    works on messages that it received; ``WAITING``: the next one is not there yet.
    ``ON_THE_WAY``: a message is on the network.
    """

    BUSY = "busy"
    MAKING = "making"
    BLOCKED = "blocked"
    WORKING = "working"
    WAITING = "waiting"
    ON_THE_WAY = "on the way"


class Span(NamedTuple):
    """What a tile, core or message does for a while in a step.

    Attributes:
        doing: What.
        place: The tile, or the core; of a message on its way the one that sent it.
        start_s: Seconds since the step began.
        length_s: Seconds.
        other: The one at the other end of the message; -1 where there is none, or several.
        messages: How many.
        step: Number of the step that it belongs to, where several are shown together.
    """

    doing: Doing
    place: int
    start_s: float
    length_s: float
    other: int = -1
    messages: int = 0
    step: int = 0


class ShownStep(NamedTuple):
    """A step as a timing model of messages shows it.

    Attributes:
        latency_s: How long it takes, without a barrier; as the model says of it among others.
        resource: What bounds it, see `MessageTiming`.
        spans: What cores and messages do in it.
    """

    latency_s: float
    resource: int
    spans: list[Span]


RowSpans = Callable[[RowTraffic], list[Span]]
"""What tiles do in a single row: arrays are [links] and [tiles], of NumPy."""
MessageSpans = Callable[[MessageLists, CoreMesh], ShownStep]
"""What cores and messages do in a single row."""


def busy_spans(traffic: RowTraffic) -> list[Span]:
    """Return busy tiles; where in the step they are busy is not known, so it is the beginning."""
    busy_s = traffic.tile_busy_s.tolist()
    return [Span(Doing.BUSY, tile, 0.0, time_s) for tile, time_s in enumerate(busy_s) if time_s]
