"""What happens in samples whose steps run freely, and overlap; see `chipletsim.cost.row_trace`."""

from __future__ import annotations

from chipletsim.cost.batch import Window
from chipletsim.cost.core_rows import cores_of
from chipletsim.cost.counted_rows import CountedRows
from chipletsim.cost.sample_timers import (
    BoundSampleTimer,
    PacketSampleTimer,
    SampleTimer,
    TimedSample,
)
from chipletsim.cost.tracer import Tracer, where_followed
from chipletsim.mapping.model import Mapping
from chipletsim.noc import MESSAGE_MODELS, PACKET_MODELS
from chipletsim.noc.message_plan import message_plan


class SampleTracer(Tracer[SampleTimer, PacketSampleTimer]):
    """Times a single sample as a whole, on a package whose steps run freely; see `Tracer`."""

    def __init__(self, mapping: Mapping, timing: str) -> None:
        super().__init__(mapping, timing)
        placed = mapping, self.pipeline
        if timing in MESSAGE_MODELS:  # which refuse the package
            cores_of(message_plan(mapping), mapping.package, timing, mapping.routers_in_use)
        if timing in PACKET_MODELS:
            self._timer = PacketSampleTimer(*placed, timing)
        else:
            self._timer = BoundSampleTimer(mapping, CountedRows(*placed))
        if timing == "auto":
            self._packets = where_followed(lambda: PacketSampleTimer(*placed, timing))

    def _chosen(self, packets: PacketSampleTimer) -> SampleTimer:
        return packets

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
