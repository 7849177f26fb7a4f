"""Times of rows by models that follow single messages or packets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class RowTimes(NamedTuple):
    """Times of rows.

    Attributes:
        latency_s: float64 [packages, samples, rows], the barrier included.
        resource: int32 [packages, samples, rows], what bounds each row: as
            `chipletsim.cost.latency.message_resources` numbers it for models of messages, and
            `row_resources` for models of packets.
    """

    latency_s: np.ndarray
    resource: np.ndarray
