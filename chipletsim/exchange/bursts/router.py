"""Parameters of the routers of a burst file: those that may be chosen, and those that may not."""

from __future__ import annotations

from typing import Any, NamedTuple

from chipletsim.exchange.bursts.document import Document, shown
from chipletsim.noc.flit_network import MAX_CHANNELS
from chipletsim.spec.fault import nearest_names

MAX_BUFFER = 1 << 20
MAX_ROUTING_DELAY = 1 << 20
CHOSEN = {
    "num_vcs": (1, MAX_CHANNELS),
    "vc_buf_size": (1, MAX_BUFFER),
    "routing_delay": (0, MAX_ROUTING_DELAY),
}
FIXED: dict[str, Any] = {
    "vc_allocator": "islip",
    "sw_allocator": "islip",
    "alloc_iters": 1,
    "vc_alloc_delay": 1,
    "sw_alloc_delay": 1,
    "st_prepare_delay": 0,
    "st_final_delay": 1,
    "credit_delay": 0,
    "input_speedup": 1,
    "output_speedup": 1,
    "internal_speedup": 1,
    "speculative": 0,
    "wait_for_tail_credit": 0,
}
"""Parameters of BookSim 2 that the router of `cycle` has at one value alone."""
INFORMATIVE = ("flit_bits",)


class RouterParameters(NamedTuple):
    """What the routers of a file have.

    Attributes:
        channels: Virtual channels of a port.
        buffer: Flits of each.
        routing_delay: Cycles in which a route is computed.
    """

    channels: int
    buffer: int
    routing_delay: int


def read_router(document: Document) -> RouterParameters | None:
    """Return the parameters of a file; None, and faults of the document, if they are others."""
    known = {*CHOSEN, *FIXED, *INFORMATIVE}
    section = document.section("router", known)
    if section is None:
        return None
    chosen = [
        document.whole(section[key], least, most, "router", key)
        for key, (least, most) in CHOSEN.items()
        if document.needed(section, ("router",), key, known)
    ]
    misspelt = {nearest_names(key, set(section) - known)[0]
                for key in CHOSEN if key not in section
                and nearest_names(key, set(section) - known)}  # fmt: skip
    for key, value in section.items():
        if key in FIXED and (value != FIXED[key] or isinstance(value, bool)):
            message = f"only {shown(FIXED[key])} is supported, got {shown(value)}"
            document.fault(message, "router", key)
        elif key not in known and key not in misspelt:
            document.fault(_unknown(key, known), "router", key)
    numbers = [each for each in chosen if each is not None]
    return RouterParameters(*numbers) if len(numbers) == len(CHOSEN) else None


def _unknown(key: str, known: set[str]) -> str:
    close = nearest_names(key, known)
    if close:
        return f"is no parameter that is supported; did you mean `{close[0]}`?"
    return f"is no parameter that is supported; there are: {', '.join(sorted(known))}"
