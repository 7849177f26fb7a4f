"""What timing `auto` follows in a trace: the same as in the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from chipletsim.cost.auto_timer import foreseen
from chipletsim.cost.package_rows import PackageRows
from chipletsim.cost.row_events import total_events
from chipletsim.engine.activity import Activity
from chipletsim.errors import ConfigError, UsageError
from chipletsim.kernels import native_functions
from chipletsim.noc.auto_timing import packet_timing


class FollowsPackets:
    """A timer of packets on a package, by a model that can be chosen later."""

    _rows: PackageRows
    _neuron: np.ndarray
    _timing: str

    def choose(self, window: Activity, sample_steps: int | None) -> None:
        """Have packets followed by the model that a run by `auto` takes.

        Args:
            window: First window of the run.
            sample_steps: Network steps of all samples; those of the window if left out.
        """
        events = total_events(window, self._neuron)
        hops = self._rows.flit_hops(events, window.samples * window.steps)
        self._timing = packet_timing(foreseen(hops, window, sample_steps))


Timer = TypeVar("Timer", bound=FollowsPackets)


def where_followed(make: Callable[[], Timer]) -> Timer | None:
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
