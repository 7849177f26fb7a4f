"""Rows of free-running packages by timing `queue` or `cycle`: each sample is one burst."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chipletsim.cost.packet_rows import PacketRows, Told
from chipletsim.cost.row_times import PortSums, RowTimes
from chipletsim.errors import UsageError
from chipletsim.noc.flit_network import Job
from chipletsim.noc.free_bursts import free_job
from chipletsim.noc.messages import RowEvents

MOST_PACKETS = 1 << 24
"""Packets of samples that are held at once, at most; each was measured to take up to 600 bytes."""
_TOGETHER = 1 << 21
"""Packets of samples that are followed by one call, unless a single sample has more."""
_GATES = 16
"""Gates that take no more memory than a packet: numbers of 8 bytes, up to four for each."""


class FreeRows:
    """Holds the rows of samples until these are whole, and times them.

    Args:
        model: Makes and times bursts.
    """

    def __init__(self, model: PacketRows) -> None:
        self._model = model
        self._held: list[list[list[Job]]] = []
        self._packets: list[int] = []

    def add(self, events: RowEvents, sample: np.ndarray) -> None:
        """Take the next rows of samples.

        Args:
            events: What neurons did, in the order of the message plan.
            sample: int64 [rows], number of the sample of each.

        Raises:
            UsageError: There are too many packets to be held at once.
        """
        missing = int(sample.max(initial=-1)) + 1 - len(self._held)
        self._held += [[[] for _ in range(self._model.packages)] for _ in range(missing)]
        self._packets += [0] * missing
        for package, own in enumerate(self._model.jobs(events)):
            for number, job in zip(sample.tolist(), own.jobs, strict=True):
                self._held[number][package].append(job)
                self._packets[number] += held_packets(job)
        check_packets(sum(self._packets))

    def timed(
        self, timing: str, told: Told | None
    ) -> Iterator[tuple[int, RowTimes, list[PortSums]]]:
        """Yield how many samples are timed next, their times, and what links did.

        Args:
            timing: Name of the model.
            told: Gathers what packets and links do in the samples, each by its first row; None for
                nothing.
        """
        first = 0
        while first < len(self._held):
            packets = np.cumsum(self._packets[first:])
            stop = first + max(1, int(np.searchsorted(packets, _TOGETHER, side="right")))
            jobs = [
                [free_job(sample[package]) for sample in self._held[first:stop]]
                for package in range(self._model.packages)
            ]
            self._held[first:stop] = [[]] * (stop - first)
            part = told and told.of(slice(first, stop))
            yield stop - first, *self._model.timed_samples(jobs, timing, part)
            first = stop


def held_packets(job: Job) -> int:
    """Return as how many packets a step of a sample counts.

    That is those it has, and the memory of what tells each node when it may go on: a gate for each
    level of the step.

    Args:
        job: Burst of the step.
    """
    return len(job.burst.packet) + job.burst.levels * len(job.network.node) // _GATES


def check_packets(packets: int) -> None:
    """Check that packets of samples can be held at once.

    Args:
        packets: As how many the steps of the samples count, see `held_packets`.

    Raises:
        UsageError: There are too many.
    """
    if packets > MOST_PACKETS:
        raise UsageError(
            "steps of a free-running package are followed together, and samples take more memory "
            f"than {MOST_PACKETS:,} packets, the most that are held at once; use timing `bound`, "
            "fewer steps, or fewer samples or packages at once"
        )
