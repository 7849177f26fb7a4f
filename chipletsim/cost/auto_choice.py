"""What timing `auto` follows in a trace: the same as in the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from chipletsim.cost.auto_timer import foreseen
from chipletsim.engine.activity import Activity
from chipletsim.errors import ConfigError, UsageError
from chipletsim.kernels import native_kernels
from chipletsim.noc.auto_timing import packet_timing


class Following(Protocol):
    """Steps by a model of packets that can be named later."""

    def follow(self, timing: str) -> None:
        """Take a model of packets for all steps from now on."""
        ...

    def flit_hops(self, window: Activity) -> int:
        """Return flits times routers of the packets of a window, at most."""
        ...


Timer = TypeVar("Timer", bound=Following)


def where_followed(make: Callable[[], Timer]) -> Timer | None:
    """Return what follows packets, None where `auto` leaves all steps to `bound`.

    Args:
        make: Makes it, and raises ConfigError or UsageError if models of packets do not follow the
            mapping.
    """
    if not native_kernels():
        return None
    try:
        return make()
    except (ConfigError, UsageError):
        return None


def choose(timer: Following, window: Activity, sample_steps: int | None) -> None:
    """Have packets followed by the model that a run takes.

    Args:
        timer: Follows packets.
        window: First window of the run.
        sample_steps: Network steps of all samples; those of the window if left out.
    """
    timer.follow(packet_timing(foreseen(timer.flit_hops(window), window, sample_steps)))
