"""Batches of hardware rows: the seam between counting events and pricing them.

Two counters make batches of activity: ``class_counter`` with XLA, ``native_counter`` in a
native kernel. Both count exactly, so prices are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.engine.compile import is_counted
from chipletsim.engine.rates import RateActivity
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping

Window = Activity | RateActivity
"""Steps of all samples: spikes that are listed, or drawn from rates."""


class Batch(NamedTuple):
    """Rows that are priced together; rows beyond the last place are empty.

    Attributes:
        places: int64 [places, 2], sample and row of each.
        direct: int64 [direct quantities, rows], what their events add by themselves.
        spikes: int64 [rows], events.
        longest_s: float64 [packages, rows], time of the longest route of an event of each.
    """

    places: np.ndarray
    direct: Any
    spikes: np.ndarray
    longest_s: Any

    def filled_up(self, places: np.ndarray, *numbers: np.ndarray) -> Batch:
        """Return the batch with more rows behind its last place, where there is room for them.

        Args:
            places: int64 [rows, 2], their places.
            numbers: Their ``direct``, ``spikes`` and ``longest_s``, rows along the last axis.
        """
        first, stop = len(self.places), len(self.places) + len(places)
        made = [np.array(each) for each in (self.direct, self.spikes, self.longest_s)]
        for into, values in zip(made, numbers, strict=True):
            into[..., first:stop] = values
        return Batch(np.concatenate([self.places, places]), *made)


class Counter(Protocol):
    """Turns windows of activity into batches of rows; the native one those of listed spikes.

    Attributes:
        class_events: int64 [classes], events of each class in all rows so far.
    """

    class_events: np.ndarray

    def fresh(self) -> Counter:
        """Return a counter that has counted nothing yet, and shares all else."""
        ...

    def further(self) -> Counter:
        """Return a counter for further samples, that has counted nothing yet."""
        ...

    def add(self, window: Any) -> Iterator[Batch]:
        """Yield batches of the rows that are complete with the next steps of all samples."""
        ...

    def close(self) -> Iterator[Batch]:
        """Yield batches of what is left."""
        ...


def require_same_network(window: Window, mapping: Mapping, network: str) -> None:
    """Refuse activity of another network than a mapping's.

    Args:
        window: The activity.
        mapping: Where the network lives.
        network: Fingerprint of the network as the mapping lowers it.

    Raises:
        UsageError: It is of another one, or counts spikes where the network's neurons do not, or
            the reverse.
    """
    shapes = {each.name: tuple(each.shape) for each in mapping.network.populations}
    if window.populations != shapes or window.network not in {"", network}:
        raise UsageError(
            f"the activity is of another network than {mapping.network.name!r} as the mapping's "
            "tiles compute it; simulate with mapping=... to lower the network first"
        )
    if isinstance(window, Activity):
        _require_same_counts(window, mapping)


def _require_same_counts(activity: Activity, mapping: Mapping) -> None:
    """Refuse values that would be priced as one event each where they are counts, or vice versa."""
    for each in mapping.network.populations:
        given = each.name in activity.values
        if given and is_counted(each) != (each.name in activity.counted):
            expected = "counts of spikes" if is_counted(each) else "values"
            raise UsageError(
                f"events of population {each.name!r} are {expected}, but the activity does not say"
                " so; name the populations that count in `counted`"
            )
