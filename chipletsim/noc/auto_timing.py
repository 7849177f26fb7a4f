"""Which model that follows packets suits how many of them."""

from __future__ import annotations

AUTO_FLIT_HOPS = 20_000_000
"""Flits times routers that `auto` follows flit by flit, at most: some seconds."""


def packet_timing(flit_hops: int) -> str:
    """Return `cycle` where flits are few enough to follow one by one, else `queue`.

    Args:
        flit_hops: Flits times routers that send them.
    """
    return "cycle" if flit_hops <= AUTO_FLIT_HOPS else "queue"
