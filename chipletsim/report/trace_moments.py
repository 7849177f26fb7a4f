"""What happens in a step, in the order of time."""

from __future__ import annotations

from typing import NamedTuple

from chipletsim.cost.step_timers import TimedStep
from chipletsim.noc.packet_spans import Busy
from chipletsim.noc.spans import Doing, Span


class Moment(NamedTuple):
    """Something begins, or ends.

    Attributes:
        time_s: Seconds since the step began.
        begins: Whether it begins; what overlaps nothing of its kind is not told to end.
        number: Of the span, 0 of others.
        what: The span, or how busy a link is from now on.
    """

    time_s: float
    begins: bool
    number: int
    what: Span | Busy


def moments(step: TimedStep, first: int) -> list[Moment]:
    """Return what begins and ends in a step, in the order of time; ends come first.

    Args:
        step: The step.
        first: Number of its first span.
    """
    found: list[Moment] = []
    for number, span in enumerate(step.spans, first):
        found.append(Moment(span.start_s, True, number, span))
        if span.doing is Doing.ON_THE_WAY:
            found.append(Moment(span.start_s + span.length_s, False, number, span))
    found += [Moment(busy.start_s, True, 0, busy) for busy in step.busy]
    return sorted(found, key=lambda each: each[:3])
