"""What times samples for a trace, whatever rows it is asked for: which models it takes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import copy
from typing import Generic, Protocol, Self, TypeVar

from chipletsim.cost.batch import Window
from chipletsim.cost.follows_packets import FollowsPackets
from chipletsim.engine.activity import Activity
from chipletsim.errors import ConfigError, UsageError
from chipletsim.kernels import native_functions
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import stages
from chipletsim.noc import check_timing


class _Timer(Protocol):
    def fresh(self) -> Self: ...


Timer = TypeVar("Timer", bound=_Timer)
Packets = TypeVar("Packets", bound=FollowsPackets)


class Tracer(ABC, Generic[Timer, Packets]):
    """Times samples on a mapping for a trace, one sample at a time.

    Args:
        mapping: Where the network lives.
        timing: Name of a timing model.

    Attributes:
        pipeline: In which row a population runs.

    Raises:
        UsageError: There is no such timing model.
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it, or the package
            is none that the timing model knows.
    """

    _timer: Timer
    _packets: Packets | None = None  # that `auto` may choose

    def __init__(self, mapping: Mapping, timing: str) -> None:
        check_timing(timing)
        self.pipeline = stages(mapping.network)

    @abstractmethod
    def _chosen(self, packets: Packets) -> Timer:
        """Return what times as `auto` does, where it has chosen a model of packets."""

    def foresee(self, window: Window, sample_steps: int | None = None) -> None:
        """Choose models for all samples, where the timing is `auto` and none are chosen yet.

        Args:
            window: First window of the run.
            sample_steps: Network steps of all samples; those of the window if left out.
        """
        packets = self._packets
        if packets and isinstance(window, Activity):
            packets.choose(window, sample_steps)
            self._timer, self._packets = self._chosen(packets), None

    def fresh(self) -> Self:
        """Return a tracer for another sample, which shares all that the mapping has in common."""
        other = copy(self)
        other._timer = self._timer.fresh()
        return other


def where_followed(make: Callable[[], Packets]) -> Packets | None:
    """Return what follows packets, None where `auto` leaves all steps to `bound`.

    Args:
        make: Makes it, and raises ConfigError or UsageError if models of packets do not follow the
            mapping.
    """
    if not native_functions():
        return None
    try:
        return make()
    except (ConfigError, UsageError):
        return None
