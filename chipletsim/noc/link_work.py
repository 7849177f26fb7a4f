"""When links are in use, from when their flits are sent: an estimate, bin by bin."""

from __future__ import annotations

import math

import numpy as np


def flit_by_flit(flits: np.ndarray, per_flit: np.ndarray, width: int) -> np.ndarray:
    """Return float64 [bins, links]: ticks of links in use, each flit from the start of its bin on.

    What goes beyond the last bin is in it.

    Args:
        flits: int64 [bins, links], flits sent.
        per_flit: float64 [links], ticks that one keeps its link in use.
        width: Ticks of a bin.
    """
    work = np.zeros(flits.shape)
    for late in range(min(len(flits), math.ceil(per_flit.max(initial=0.0) / width))):
        here = np.clip(per_flit - late * width, 0, width)
        work[late:] += flits[: len(flits) - late] * here
    if len(work):
        beyond = flits.sum(axis=0) * per_flit - work.sum(axis=0)
        work[-1] += np.maximum(beyond, 0.0)  # rounding may make it less
    return work


def spread(work: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Return work bin by bin where it is done, none of it beyond the room of a bin.

    What has no room goes into the bins behind; if those are full, into the last ones before that
    have room. All work is done as long as there is room for it at all.

    Args:
        work: float64 [bins, links], by the bin in which it begins.
        room: float64 [bins].
    """
    done = np.zeros_like(work)
    left = np.zeros(work.shape[1:])
    for at in range(len(work)):
        left = left + work[at]
        done[at] = np.minimum(left, room[at])
        left = left - done[at]
    for at in reversed(range(len(work))):
        more = np.minimum(left, room[at] - done[at])
        done[at] += more
        left = left - more
    return done
