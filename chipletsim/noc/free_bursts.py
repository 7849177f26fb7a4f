"""Steps of a sample that run freely, without barriers, as one burst."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chipletsim.noc.flit_network import Burst, BurstTimes, Job, delivery_starts, kinds_of
from chipletsim.noc.listed import listed


def free_job(jobs: Sequence[Job]) -> Job:
    """Return the burst of all steps of a sample.

    A node makes its packets step by step, those of a step once it has worked on all deliveries of
    the steps before; levels of a step, see `Burst`, are steps of the burst. Work on deliveries is
    done as they come, of whichever step they are; and so are packets made that answer them.

    Args:
        jobs: Burst of each step, in order, on one network and with flows in common.
    """
    network, flows, _ = jobs[0]
    rows = [len(job.burst.packet) for job in jobs]
    levels = jobs[0].burst.levels
    packet = np.concatenate([job.burst.packet for job in jobs])
    packet[:, 5] += levels * np.repeat(np.arange(len(jobs)), rows)
    processing = np.concatenate([job.burst.processing for job in jobs])
    kind = np.concatenate([kinds_of(job.burst) for job in jobs])
    start = delivery_starts(flows, Burst(packet, processing))
    order = np.argsort(packet[:, 0], kind="stable")  # the steps of a node follow one another
    at = listed(start[:-1][order], np.diff(start)[order])
    after = _answers(jobs, at)[order]
    steps = levels * len(jobs)
    burst = Burst(packet[order], processing[at], steps, kind[order], after, levels)
    return Job(network, flows, burst)


def step_ends(job: Job, times: BurstTimes) -> np.ndarray:
    """Return int64 [network steps]: tick when all work of a step, and of those before, is done.

    Args:
        job: From `free_job`.
        times: What it did.
    """
    burst = job.burst
    step = burst.network_step
    of_delivery = np.repeat(step, np.diff(delivery_starts(job.flows, burst)))
    ends = np.zeros(burst.network_steps, np.int64)
    np.maximum.at(ends, step, times.made)
    np.maximum.at(ends, of_delivery, np.maximum(times.arrived, times.taken + burst.processing))
    return np.maximum.accumulate(ends)


def _answers(jobs: Sequence[Job], at: np.ndarray) -> np.ndarray:
    """Return int64 [packets]: what each answers among all deliveries.

    Args:
        jobs: Burst of each step.
        at: int64 [deliveries], number of each among those of the steps, one after the other.
    """
    now = np.empty_like(at)
    now[at] = np.arange(at.size)
    parts, first = [], 0
    for job in jobs:
        after = job.burst.after
        if after is None:
            parts.append(np.full(len(job.burst.packet), -1))
        else:
            parts.append(np.where(after >= 0, now[first + np.maximum(after, 0)], -1))
        first += job.burst.processing.size
    return np.concatenate(parts)
