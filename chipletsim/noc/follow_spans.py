"""Timing `detailed` with a note of what each core and message does, and when."""

from __future__ import annotations

from chipletsim.noc.follow import Follower
from chipletsim.noc.message_timing import CoreMesh
from chipletsim.noc.messages import MessageLists
from chipletsim.noc.spans import Doing, ShownStep, Span


def detailed_spans(lists: MessageLists, mesh: CoreMesh) -> ShownStep:
    """Return a single row as timing `detailed` has it, message by message.

    Args:
        lists: Messages of the row.
        mesh: The cores.
    """
    noting = _Noting(lists, mesh, 0)
    latency_s, resource = noting.run()
    return ShownStep(latency_s, resource, noting.spans)


class _Noting(Follower):
    """Follows the messages of a row, and notes spans of some length."""

    def __init__(self, lists: MessageLists, mesh: CoreMesh, row: int) -> None:
        super().__init__(lists, mesh, row)
        self.spans: list[Span] = []

    def _note(self, doing: Doing, place: int, start_s: float, length_s: float, other: int) -> None:
        if length_s > 0:
            self.spans.append(Span(doing, place, start_s, length_s, other, int(other >= 0)))

    def _makes(self, core: int, target: int, start_s: float, length_s: float) -> None:
        self._note(Doing.MAKING, core, start_s, length_s, target)

    def _sends(self, core: int, target: int, made_s: float, sent_s: float, at_s: float) -> None:
        self._note(Doing.BLOCKED, core, made_s, sent_s - made_s, target)
        self._note(Doing.ON_THE_WAY, core, sent_s, at_s - sent_s, target)

    def _takes(self, core: int, target: int, free_s: float, at_s: float, work_s: float) -> None:
        self._note(Doing.WAITING, target, free_s, at_s - free_s, core)
        self._note(Doing.WORKING, target, max(free_s, at_s), work_s, core)
