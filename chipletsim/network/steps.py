"""Times as whole numbers of time steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.units import parse_quantity

TOLERANCE = 1e-3
"""Steps by which a time may miss a whole number of them: some are kept in float32."""


def whole_steps(times_s: Any, dt_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return int64 numbers of steps, and whether each time is a whole number of them.

    Args:
        times_s: Times in seconds.
        dt_s: Time step in seconds.
    """
    steps = np.asarray(times_s, np.float64) / dt_s
    nearest = np.rint(steps)
    return nearest.astype(np.int64), np.abs(steps - nearest) <= TOLERANCE


def delay_steps(delay: int | str, dt_s: float) -> int:
    """Return a delay, given in steps or as text with a unit, in steps.

    >>> delay_steps("1.5 ms", 1e-4)
    15

    Args:
        delay: Whole steps, or a time.
        dt_s: Time step in seconds.

    Raises:
        ValueError: The unit is wrong, or the delay is negative or no whole number of steps.
    """
    if isinstance(delay, int):
        if delay < 0:
            raise ValueError(f"must be at least 0 steps, got {delay}")
        return delay
    time_s = parse_quantity(delay, "s")
    steps, whole = whole_steps(time_s, dt_s)
    if not whole or steps < 0:
        raise ValueError(f"{delay!r} is no whole number of time steps of {dt_s:g} s")
    return int(steps)
