"""What tiles, messages and links do, in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chipletsim.noc.packet_spans import Busy
from chipletsim.noc.spans import Doing, Span


class Moment(NamedTuple):
    """Something begins, or ends.

    Attributes:
        time_s: Seconds since the step, or the sample, began.
        begins: Whether it begins; what overlaps nothing of its kind is not told to end.
        number: Of the span, 0 of others.
        what: The span, or how busy a link is from now on.
    """

    time_s: float
    begins: bool
    number: int
    what: Span | Busy


def moments(spans: Sequence[Span], busy: Sequence[Busy], first: int) -> list[Moment]:
    """Return what begins and ends, in the order of time; ends come first.

    Args:
        spans: What tiles and messages do.
        busy: How busy links are.
        first: Number of the first span.
    """
    found: list[Moment] = []
    for number, span in enumerate(spans, first):
        found.append(Moment(span.start_s, True, number, span))
        if span.doing is Doing.ON_THE_WAY:
            found.append(Moment(span.start_s + span.length_s, False, number, span))
    found += [Moment(each.start_s, True, 0, each) for each in busy]
    return sorted(found, key=lambda each: each[:3])
