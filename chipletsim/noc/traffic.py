"""What a timing model is given, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from chipletsim.noc.routes import RouteTables


class NetworkTimes(NamedTuple):
    """Numbers of the network that take time.

    Attributes:
        link_bandwidth_bit_per_s: float64 [links].
        link_latency_s: float64 [links].
        link_flit_bits: int64 [links].
        router_latency_s: float64 [routers].
        barrier_s: float64, synchronisation of each row.
    """

    link_bandwidth_bit_per_s: Any
    link_latency_s: Any
    link_flit_bits: Any
    router_latency_s: Any
    barrier_s: Any


class RowTraffic(NamedTuple):
    """What happens in each row; a row is one hardware step of one sample.

    Attributes:
        longest_route_s: float64 [rows], longest route of an event (``class_routes``); 0 in
            rows without any.
        wire_bits: int64 [links, rows], bits on the wire, frames included.
        tile_busy_s: float64 [tiles, rows].
    """

    longest_route_s: Any
    wire_bits: Any
    tile_busy_s: Any


class RowTiming(NamedTuple):
    """How long each row takes, and why.

    Attributes:
        latency_s: float64 [rows], the barrier included.
        resource: int32 [rows], what bounds the row: a tile (its index), a link (number
            of tiles + its index), a route (tiles + links), or nothing but the barrier
            (tiles + links + 1).
    """

    latency_s: Any
    resource: Any


TimingModel = Callable[[RowTraffic, NetworkTimes, RouteTables], RowTiming]
