"""What links did over time: by hardware steps, or by the time of samples whose steps overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class LinkHistory:
    """What links did, bin by bin, summed over samples.

    Attributes:
        time_s: float64 [bins], time of the samples that is in each.
        busy_s: float64 [bins, links], time that flits, or frames, took on the wire.
    """

    time_s: np.ndarray
    busy_s: np.ndarray

    @property
    def utilisation(self) -> np.ndarray:
        """float64 [bins, links]: share of the time in which the link is busy."""
        return per_time(self.busy_s, self.time_s[:, None])

    def busiest(self, names: list[str]) -> list[dict[str, Any]]:
        """Return the busiest link of each bin, for JSON.

        Args:
            names: Of the links.
        """
        found = []
        for shares in self.utilisation if names else []:
            at = int(shares.argmax())
            share = float(shares[at])
            found.append({"busiest_link": names[at] if share else None, "utilisation": share})
        return found


@dataclass(frozen=True, eq=False)
class StepHistory(LinkHistory):
    """What links did in the hardware steps of samples, some of these in a bin.

    Attributes:
        steps_per_bin: Hardware steps in each bin, 1 up to 256 steps.
        followed: int64 [bins], steps of all samples that are told of; a model without packets has
            timed all others.
        waited_s: float64 [bins, links], time that flits stood in queues for the link.
        starved_s: float64 [bins, links], time of channels without room behind the link.
    """

    steps_per_bin: int
    followed: np.ndarray
    waited_s: np.ndarray
    starved_s: np.ndarray

    @property
    def mean_queue(self) -> np.ndarray:
        """float64 [bins, links]: flits that wait for the link on average (Little's law)."""
        return per_time(self.waited_s, self.time_s[:, None])

    def over_time(self, names: list[str]) -> list[dict[str, Any]]:
        """Return the busiest link and the longest queue of each bin that is told of, for JSON.

        Args:
            names: Of the links.
        """
        found = []
        for number, (busiest, queue) in enumerate(
            zip(self.busiest(names), self.mean_queue, strict=False)
        ):
            at, followed = int(queue.argmax()), int(self.followed[number])
            if followed:
                longest = {"longest_queue": names[at] if queue[at] else None}
                found.append(
                    {"hardware_step": number * self.steps_per_bin, "steps_followed": followed}
                    | busiest
                    | longest
                    | {"mean_queue": float(queue[at])}
                )
        return found


MEANT = "each flit counts with the mean time that one keeps its link in use, whatever its packet"
"""What links in use over time stand for, where bins are of time."""


@dataclass(frozen=True, eq=False)
class TimeHistory(LinkHistory):
    """What links did over the time of samples, from the start of each.

    Flits are exact, and those of a packet by `queue` count when its head is sent. Times in use are
    estimates: each flit counts from the start of its bin with the mean time that one keeps its link
    in use over all samples, `MEANT`; but their sums over bins are exact. What would keep a link
    busy beyond the end of a bin goes into the next one, as far as samples run.

    Attributes:
        bin_s: Length of each bin.
        flits: int64 [bins, links], flits sent.
    """

    bin_s: float
    flits: np.ndarray

    def over_time(self, names: list[str]) -> list[dict[str, Any]]:
        """Return the busiest link of each bin, for JSON.

        Args:
            names: Of the links.
        """
        return [
            {"from_s": number * self.bin_s, "length_s": self.bin_s} | busiest
            for number, busiest in enumerate(self.busiest(names))
        ]


def per_time(values: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Return values by time, 0 where there is none."""
    found: np.ndarray = np.divide(values, time_s, out=np.zeros_like(values), where=time_s > 0)
    return found
