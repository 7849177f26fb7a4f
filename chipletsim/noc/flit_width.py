"""How wide the routers of a package are: the bits of a flit, by which packets are cut."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import ceil

from chipletsim.package.model import Package


def flit_bits_of(package: Package, packet_bits: Sequence[int]) -> int:
    """Return the bits of a flit, which are what a router moves in a cycle.

    One width holds for the whole package: the widest flit of the links inside dies. Links with
    narrower flits take the time of their own for a packet, but pass it on in the wider ones, see
    `narrower_flits`; and routers of dies without such links take one flit a cycle like all others,
    see `held_back`. Results say both. A router that moved another width would have to send more
    than one flit a cycle, or a packet be cut anew at each die, which no model of routers here does.

    Where no die has any, flits of the links between them say little of a router, as they may be the
    bytes of which a frame is filled. So routers with a ``clock`` are then as wide as it takes to
    keep up with the fastest link, or as the longest packet, whichever is less, see
    `width_from_links`; and routers without one take a flit of their links in each cycle.

    Args:
        package: The package.
        packet_bits: Sizes of packets.

    Example:
        Dies of one router each at 1 GHz, joined by links of 1024 Gb/s with flits of 8 bit: the
        routers move 1024 bits a cycle if need be, so a packet of 48 bits is one flit of 48 bits,
        not 6 of 8.
    """
    inside = [link.spec.flit_bits for link in package.links if not link.between_dies]
    others = [link.spec.flit_bits for link in package.links]
    listed = max(inside or others or [package.spec.packet.header_bits or 1])
    return max(listed, width_from_links(package, packet_bits))


def width_from_links(package: Package, packet_bits: Sequence[int]) -> int:
    """Return the bits that routers move in a cycle of their clock where no link inside a die tells.

    That is what the fastest link of any of them moves in a cycle, or the longest packet if that is
    less; 0 where there are links inside dies, or no router with a link and a clock.

    Args:
        package: The package.
        packet_bits: Sizes of packets.
    """
    return 0 if _inside(package) else _moved(package, packet_bits)


def held_back(package: Package, packet_bits: Sequence[int]) -> int:
    """Return the bits that routers would move in a cycle by their own links, but do not.

    Routers with a clock, of dies without links inside, move one flit a cycle, as wide as the links
    inside other dies say. 0 if that holds none of them back.

    Args:
        package: The package.
        packet_bits: Sizes of packets.
    """
    inside = _inside(package)
    own = _moved(package, packet_bits, without=inside) if inside else 0
    return own if own > flit_bits_of(package, packet_bits) else 0


def narrower_flits(package: Package, packet_bits: Sequence[int]) -> int:
    """Return the bits of the narrowest flit inside a die that is cut wider; 0 if there is none.

    Packets that fit in it are one flit either way.

    Args:
        package: The package.
        packet_bits: Sizes of packets.
    """
    listed = [link.spec.flit_bits for link in package.links if not link.between_dies]
    least = min(listed, default=0)
    longest = max(packet_bits, default=0)
    return least if least < min(flit_bits_of(package, packet_bits), longest) else 0


def _inside(package: Package) -> set[int]:
    """Return the routers at links inside dies."""
    links = [link for link in package.links if not link.between_dies]
    return {router for link in links for router in (link.source, link.target)}


def _moved(
    package: Package, packet_bits: Sequence[int], without: Collection[int] = frozenset()
) -> int:
    """Return what the fastest link at a clocked router moves in a cycle, or the longest packet.

    Args:
        package: The package.
        packet_bits: Sizes of packets.
        without: Routers that do not count.
    """
    moved = [
        ceil(link.spec.bandwidth_bit_per_s / clock_hz * (1 - 1e-12))  # rounding is no bit
        for link in package.links
        for router in (link.source, link.target)
        if (clock_hz := package.routers[router].spec.clock_hz) is not None and router not in without
    ]
    return min(max(moved, default=0), max(packet_bits, default=0))
