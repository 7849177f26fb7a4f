"""A package as a network of routers with clocks, for the timing models `queue` and `cycle`."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import ceil, lcm
from typing import NamedTuple

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.noc.flit_network import MOST_TICKS, FlitNetwork, PortCounts
from chipletsim.noc.flit_width import flit_bits_of
from chipletsim.noc.package_ports import Ports, end_nodes
from chipletsim.package.deadlock import channel_classes
from chipletsim.package.model import Link, Package

TICKS = 64
"""Ticks of the shortest cycle, so that rates of links need not be whole cycles."""
_MOST_RATIO = 12
"""Denominator of the ratio of two clocks at most; ratios are rounded to such."""
_ALONE_S = 1e-9
"""Cycle of a router without links or clock, of a package that has no other: it moves nothing."""
_MOST_CYCLES = 1 << 20
"""Cycles of a latency, or of a flit on a link, at most."""


class PackageNetwork(NamedTuple):
    """A package as routers and ports.

    Attributes:
        network: Nodes are the tiles of the package, and behind them the two ends of each link that
            encodes: what writes its messages, then what reads them. Ports of a router are its tiles
            in order, then its links in order, then ends of links; of each link the sending router
            has the output and the receiving one the input, at the port of the link back.
        link_port: int64 [links], port of the sending router.
        tile_port: int64 [tiles].
        encoded: int64 [links that encode], these links.
        end_port: int64 [links that encode, 2], ports of the ends that write, and that read.
        class_channels: int64 [classes], virtual channels of each class, as bits.
        flit_bits: Bits of a flit, by which packets are cut.
        pipeline_cycles: Cycles that the model takes beyond the latency of a router and link that
            the package states, at most; 0 where latencies leave room for the model's pipeline.
    """

    network: FlitNetwork
    link_port: np.ndarray
    tile_port: np.ndarray
    encoded: np.ndarray
    end_port: np.ndarray
    class_channels: np.ndarray
    flit_bits: int
    pipeline_cycles: int

    def asleep_s(self, counts: PortCounts) -> np.ndarray:
        """Return float64 [links]: seconds that each link slept, summed over all bursts.

        A burst ends with the last work on a tile, so barriers are not in it.

        Args:
            counts: What happened at the ports of the network.
        """
        return counts.asleep[self.link_port] * (self.network.tick_s or 1.0)


def packet_flits(bits: int, flit_bits: int) -> int:
    """Return the flits of a packet."""
    return max(1, -(-bits // flit_bits))


def whole_ticks(seconds: np.ndarray, tick_s: float) -> np.ndarray:
    """Return int64: times in ticks, rounded up but for what floating point adds to whole ones.

    Raises:
        ConfigError: A time has more ticks than can be counted.
    """
    ticks = np.ceil(seconds / tick_s * (1 - 1e-12))
    if ticks.max(initial=0.0) >= MOST_TICKS:
        raise _too_long("a time of a tile", float(seconds.max()), tick_s * MOST_TICKS)
    return ticks.astype(np.int64)


def _too_long(what: str, seconds: float, most_s: float) -> ConfigError:
    """Return the refusal of a time."""
    message = (
        f"{what} is {seconds:g} s; timing `queue` and `cycle` follow at most {most_s:.3g} s on"
        " routers as fast as this package's; use `bound`"
    )
    return ConfigError([Problem(message, "timing")])


def package_network(package: Package, packet_bits: tuple[int, ...]) -> PackageNetwork:
    """Return the network of a package.

    A packet is cut into flits of one size in the whole package, see `flit_bits_of`. A link takes
    the time for them that it takes for the whole packet in flits of its own. One with frames
    takes the flits in the clock of its router, and the time of each frame that they are packed
    into, as `bound` does. Frames that are sent again take the time that is expected of that. From
    the latencies that the package states those of the modelled pipeline are taken off, so that a
    packet in an idle network takes as long as they say, or longer where a router is faster than the
    pipeline.

    Args:
        package: The package.
        packet_bits: Sizes of packets, which are its kinds.

    Raises:
        ConfigError: A router has too many ports, times differ by more than a million times, or
            packets without bits go into frames.
    """
    flit_bits = flit_bits_of(package, packet_bits)
    cycle_s = _cycles(package, flit_bits)
    tick_s, cycle = _ticks(cycle_s)
    ports = Ports(package)
    kinds = np.array([packet_flits(bits, flit_bits) for bits in packet_bits], np.int64)
    routers = np.array(
        [
            [first, ticks, router.spec.routing_delay]
            for first, ticks, router in zip(ports.first, cycle, package.routers, strict=True)
        ],
        np.int64,
    )
    port = np.zeros((ports.count, 5), np.int64)
    intervals = np.ones((ports.count, kinds.size), np.int64)
    framed_bits = np.zeros_like(intervals)
    links = np.tile(np.array([0, 0, 0, -1, 0], np.int64), (ports.count, 1))
    over = 0
    for number, link in enumerate(package.links):
        at, back = ports.link[number], ports.link[ports.reverse[number]]
        source, target = cycle[link.source], cycle[link.target]
        wire_bits = _link_bits(link, packet_bits)
        flit_ticks = 0
        if link.spec.frame:  # flits are gathered in the router's clock
            if not wire_bits.all():
                raise _fills_no_frame(link)
            intervals[at] = source
            framed_bits[at] = -(-wire_bits // kinds)
        else:
            intervals[at] = _intervals(link, wire_bits, kinds, tick_s)
            flit_ticks = int(intervals[at].max(initial=1))
        link_s = link.spec.expected_latency_s
        router_s = package.routers[link.target].spec.latency_s
        named = f"latency of link {link.name}"
        wanted = _whole(link_s + router_s, tick_s, f"{named} and the router behind it")
        # The next router computes the route and allocates twice; the flit is written in a cycle.
        pipeline = (package.routers[link.target].spec.routing_delay + 2) * target
        forward = max(wanted + flit_ticks - pipeline, source)
        over = max(over, -(-(source - (wanted + flit_ticks - pipeline)) // target))
        credit = max(_whole(link_s, tick_s, named), target)
        port[at, :2] = back, forward
        port[back, 2] = target + credit
        port[at, 3] = intervals[at, 0] if kinds.size else 1
        links[at] = _link_row(link, tick_s)
    buffers = np.array([router.spec.buffer_flits for router in package.routers], np.int64)
    owner = np.repeat(np.arange(len(package.routers)), ports.own)
    port[:, 4] = buffers[owner]
    tile_cycle = cycle[package.tile_router]
    port[ports.tile, 0] = -1 - np.arange(len(package.tiles))
    port[ports.tile, 1] = port[ports.tile, 2] = 2 * tile_cycle
    port[ports.tile, 3] = tile_cycle
    intervals[ports.tile] = tile_cycle[:, None]
    tiles = np.stack(
        [
            ports.tile,
            buffers[package.tile_router],
            [tile.parameters.output_queue for tile in package.tiles],
            _entry(package, cycle, tick_s),
            2 * tile_cycle,
        ],
        axis=1,
    )
    network = FlitNetwork(
        routers,
        port,
        np.concatenate([tiles.astype(np.int64), end_nodes(ports, cycle, buffers, port, intervals)]),
        package.spec.virtual_channels,
        tick_s,
        intervals,
        framed_bits,
        links,
    )
    return PackageNetwork(
        network,
        ports.link,
        ports.tile,
        ports.encoded,
        ports.end,
        _class_channels(package),
        flit_bits,
        max(over, 0),
    )


def _cycles(package: Package, flit_bits: int) -> np.ndarray:
    """Return float64 [routers], seconds of a cycle: of its clock, or of a flit on its links."""
    found = np.full((2, len(package.routers)), np.inf)  # of links inside dies, and between them
    for link in package.links:
        own_flits = -(-flit_bits // link.spec.flit_bits)
        flit_s = own_flits * link.spec.flit_bits / link.spec.bandwidth_bit_per_s
        for router in (link.source, link.target):
            at = int(link.between_dies), router
            found[at] = min(found[at], flit_s)
    cycle_s = np.where(np.isfinite(found[0]), found[0], found[1])
    for number, each in enumerate(package.routers):
        if each.spec.clock_hz is not None:
            cycle_s[number] = 1.0 / each.spec.clock_hz
    known = cycle_s[np.isfinite(cycle_s)]
    return np.where(np.isfinite(cycle_s), cycle_s, known.min() if known.size else _ALONE_S)


def _ticks(cycle_s: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the seconds of a tick, and int64 [routers], ticks of each cycle."""
    shortest = float(cycle_s.min())
    ratios = {
        value: Fraction(value / shortest).limit_denominator(_MOST_RATIO)
        for value in np.unique(cycle_s).tolist()
    }
    parts = lcm(*(ratio.denominator for ratio in ratios.values()))
    whole = {value: int(ratio * parts) * TICKS for value, ratio in ratios.items()}
    return shortest / (parts * TICKS), np.array([whole[value] for value in cycle_s.tolist()])


def _whole(seconds: float, tick_s: float, what: str) -> int:
    """Return a time in ticks, rounded up; what floating point adds to a whole number is not.

    Args:
        seconds: The time.
        tick_s: Seconds of a tick.
        what: What takes it, in words.

    Raises:
        ConfigError: It has too many.
    """
    ticks = _rounded_up(seconds, tick_s)
    if ticks > _MOST_CYCLES * TICKS:
        raise _too_long(f"the {what}", seconds, _MOST_CYCLES * TICKS * tick_s)
    return ticks


def _fills_no_frame(link: Link) -> ConfigError:
    """Return the refusal of packets without bits on a link with frames."""
    message = (
        f"packets of 0 bit fill no frame of link {link.name}, which timing `queue` and `cycle` do"
        " not follow; use `bound`, or give the `packet` of the package a header or an address"
    )
    return ConfigError([Problem(message, "timing")])


def _rounded_up(seconds: float, tick_s: float) -> int:
    return ceil(seconds / tick_s * (1 - 1e-12))


def _link_bits(link: Link, packet_bits: tuple[int, ...]) -> np.ndarray:
    """Return int64 [kinds]: bits of packets in whole flits of the link."""
    own = link.spec.flit_bits
    return -(-np.array(packet_bits, np.int64) // own) * own


def _intervals(link: Link, wire_bits: np.ndarray, flits: np.ndarray, tick_s: float) -> list[int]:
    """Return the ticks from one flit of a packet to the next, for each size of packets."""
    rate = link.spec.expected_bandwidth_bit_per_s
    return [
        max(1, _whole(bits / rate / count, tick_s, f"time of a flit on link {link.name}"))
        for bits, count in zip(wire_bits.tolist(), flits.tolist(), strict=True)
    ]


def _link_row(link: Link, tick_s: float) -> tuple[int, int, int, int, int]:
    """Return the row of a link in `FlitNetwork.links`."""
    frame, sleep = link.spec.frame, link.spec.sleep
    frames = (0, 0, 0)
    if frame:
        frame_s = frame.total_bits / link.spec.expected_bandwidth_bit_per_s
        frames = (
            frame.payload_bits,
            _whole(frame_s, tick_s, f"time of a frame on link {link.name}"),
            _whole(frame.wait_s, tick_s, f"`wait` of a frame on link {link.name}"),
        )
    if sleep is None:
        return *frames, -1, 0
    wake_up = _whole(sleep.wake_up_s, tick_s, f"`wake_up` of link {link.name}")
    # No burst is as long as the most ticks: a link that waits for longer never sleeps.
    return *frames, min(_rounded_up(sleep.after_s, tick_s), MOST_TICKS), wake_up


def _entry(package: Package, cycle: np.ndarray, tick_s: float) -> list[int]:
    """Return the ticks from a tile to its router, such that the router's latency is in."""
    found = []
    for router in package.tile_router.tolist():
        spec = package.routers[router].spec
        pipeline = (spec.routing_delay + 2) * int(cycle[router])
        latency = _whole(
            spec.latency_s, tick_s, f"latency of router {package.routers[router].name}"
        )
        found.append(max(latency - pipeline, int(cycle[router])))
    return found


def _class_channels(package: Package) -> np.ndarray:
    """Return int64 [classes]: virtual channels, shared out among the classes that are needed."""
    channels, classes = package.spec.virtual_channels, channel_classes(package)
    bounds = [number * channels // classes for number in range(classes + 1)]
    masks = [(1 << last) - (1 << first) for first, last in pairwise(bounds)]
    return np.array(masks, np.int64)
