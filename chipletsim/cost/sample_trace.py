"""What happens in samples whose steps run freely, and overlap; see `chipletsim.cost.row_trace`."""

from __future__ import annotations

from copy import copy

from chipletsim.cost.auto_choice import where_followed
from chipletsim.cost.batch import Window
from chipletsim.cost.core_rows import cores_of
from chipletsim.cost.counted_rows import CountedRows
from chipletsim.cost.sample_timers import (
    BoundSampleTimer,
    PacketSampleTimer,
    SampleTimer,
    TimedSample,
)
from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import stages
from chipletsim.noc import MESSAGE_MODELS, PACKET_MODELS, check_timing
from chipletsim.noc.message_plan import message_plan


class SampleTracer:
    """Times a single sample on a mapping, as a whole.

    Args:
        mapping: Where the network lives, on a package whose steps run freely.
        timing: Name of a timing model.

    Attributes:
        pipeline: In which row a population runs.

    Raises:
        UsageError: There is no such timing model.
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it, or the package
            is none that the timing model knows.
    """

    def __init__(self, mapping: Mapping, timing: str) -> None:
        check_timing(timing)
        self.pipeline = stages(mapping.network)
        self._timer: SampleTimer
        self._packets: PacketSampleTimer | None = None  # that `auto` may choose
        placed = mapping, self.pipeline
        if timing in MESSAGE_MODELS:  # which refuse the package
            cores_of(message_plan(mapping), mapping.package, timing, mapping.routers_in_use)
        if timing in PACKET_MODELS:
            self._timer = PacketSampleTimer(*placed, timing)
        else:
            self._timer = BoundSampleTimer(mapping, CountedRows(*placed))
        if timing == "auto":
            self._packets = where_followed(lambda: PacketSampleTimer(*placed, timing))

    def foresee(self, window: Window, sample_steps: int | None = None) -> None:
        """Choose a model for all samples, where the timing is `auto` and none is chosen yet.

        Args:
            window: First window of the run.
            sample_steps: Network steps of all samples; those of the window if left out.
        """
        packets = self._packets
        if packets and isinstance(window, Activity):
            packets.choose(window, sample_steps)
            self._timer, self._packets = packets, None

    def fresh(self) -> SampleTracer:
        """Return a tracer for another sample, which shares all that the mapping has in common."""
        other = copy(self)
        other._timer = self._timer.fresh()
        return other

    def add(self, window: Window) -> None:
        """Take the next steps of the sample.

        Raises:
            UsageError: The sample has too many packets.
        """
        self.foresee(window)
        self._timer.push(window)

    def close(self, most_events: int) -> TimedSample:
        """Return the sample.

        Args:
            most_events: Of the steps that are shown, with one for each step.
        """
        return self._timer.end(most_events)
