"""What another simulator recorded of a burst."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chipletsim.exchange.bursts.document import Document, shown

SECTION = "booksim"
KEY = "packets_headinject_arrive_hops"
FIGURES = (
    "makespan", "mean_packet_latency", "p50", "p95", "max_latency", "mean_network_latency",
    "flits", "flit_hops",
)  # fmt: skip


class Recorded(NamedTuple):
    """A recorded result; times in cycles.

    Attributes:
        packets: int64 [packets, 3] in the order of the file: when the head left, when the tail
            came, routers visited; None if that was not recorded.
        figures: What was recorded of `FIGURES`, by name.
    """

    packets: np.ndarray | None
    figures: dict[str, float]


def read_recorded(document: Document, packets: int, *, copies: bool) -> Recorded | None:
    """Return what a file recorded, or None; faults of the document are noted.

    Args:
        document: The file.
        packets: How many packets it has.
        copies: Whether some of them have several destinations.
    """
    section = document.root.get(SECTION)
    if section is None:
        return None
    if not isinstance(section, dict):
        document.fault(f"expected an object, got {shown(section)}", SECTION)
        return None
    figures = {key: section[key] for key in FIGURES if key in section}
    for key, value in figures.items():
        if not _is_number(value):
            document.fault(f"expected a number, got {shown(value)}", SECTION, key)
    if KEY not in section:
        return Recorded(None, figures)
    if copies:
        document.fault("records packets of one destination each, but some have several",
                       SECTION, KEY)  # fmt: skip
        return None
    rows = document.many(section[KEY], packets, "packets", SECTION, KEY)
    if rows is None:
        return None
    return Recorded(document.rows(rows, [(0, 2**62)] * 3, SECTION, KEY), figures)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63
