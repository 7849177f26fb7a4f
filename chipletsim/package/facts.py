"""Numbers that describe a package: hops, bisection, totals, and its links in groups."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from chipletsim.package.model import Link, Package
from chipletsim.package.trees import path_sums
from chipletsim.spec.package import LinkSpec
from chipletsim.tables import si

_CHUNK_ENTRIES = 1 << 22


@dataclass(frozen=True)
class KindTotals:
    """All tiles of one kind.

    Attributes:
        kind: Tile kind.
        tiles: Number of tiles.
        neurons: Neurons they hold.
        synaptic_memory_bits: Bits of weights they hold.
        static_power_w: Their static power.
    """

    kind: str
    tiles: int
    neurons: int
    synaptic_memory_bits: int
    static_power_w: float


@dataclass(frozen=True)
class LinkGroup:
    """Links of the same costs in one place.

    Attributes:
        place: A chiplet, or two of them such as ``east - west``.
        between_dies: Whether they join two dies.
        links: Number of directed links.
        spec: Costs of each.
    """

    place: str
    between_dies: bool
    links: int
    spec: LinkSpec


@dataclass(frozen=True)
class PackageFacts:
    """What `show` prints about a package.

    Attributes:
        chiplets: Number of dies.
        routers: Number of routers.
        tiles: Number of tiles.
        mean_hops: Mean number of links from a tile to another.
        max_hops: Largest number of links from a tile to another.
        bisection_bandwidth_bit_per_s: Bandwidth in the weaker direction of the weakest
            straight cut into halves, see `bisection_bandwidth`; None for one router.
        static_power_w: Static power of tiles, routers, links, dies and package.
        kinds: Totals by tile kind.
        link_groups: Links by place and costs.
    """

    chiplets: int
    routers: int
    tiles: int
    mean_hops: float
    max_hops: int
    bisection_bandwidth_bit_per_s: float | None
    static_power_w: float
    kinds: tuple[KindTotals, ...]
    link_groups: tuple[LinkGroup, ...]


def package_facts(package: Package) -> PackageFacts:
    """Return the numbers that describe a package."""
    mean_hops, max_hops = tile_hops(package)
    return PackageFacts(
        chiplets=len(package.chiplets),
        routers=len(package.routers),
        tiles=len(package.tiles),
        mean_hops=mean_hops,
        max_hops=max_hops,
        bisection_bandwidth_bit_per_s=bisection_bandwidth(package),
        static_power_w=static_power(package),
        kinds=_kinds(package),
        link_groups=_link_groups(package),
    )


def encoded_links(package: Package) -> list[str]:
    """Return in words on which links events cross in messages, and how they are written.

    Example:
        ``4 of 4 die-to-die links: spikes as address_events, values as masked``
    """
    kinds = {True: "die-to-die links", False: "on-chip links"}
    totals = Counter(link.between_dies for link in package.links)
    groups = Counter((link.between_dies, coding(link.spec)) for link in package.links)
    return [
        f"{count:,} of {totals[between]:,} {kinds[between]}: {text}"
        for (between, text), count in groups.items()
        if text
    ]


def framing(spec: LinkSpec) -> str:
    """Return in words the frames of a link, the errors in them, and when the link sleeps.

    Nothing if there is none of it.

    Example:
        ``64 B in 68 B, bit error rate 1e-12, asleep after 5 ns``
    """
    found = []
    if spec.frame:
        found.append(f"{_size(spec.frame.payload_bits)} in {_size(spec.frame.total_bits)}")
    if spec.retry:
        found.append(f"bit error rate {spec.retry.bit_error_rate:g}")
    if spec.sleep:
        found.append(f"asleep after {si(spec.sleep.after_s, 's')}")
    return ", ".join(found)


def _size(bits: int) -> str:
    return f"{bits} bit" if bits % 8 else f"{bits // 8} B"


def coding(spec: LinkSpec) -> str:
    """Return in words how events cross a link in messages; nothing if they do not."""
    if spec.encoding is None:
        return ""
    codecs = {"spikes": spec.encoding.spikes, "values": spec.encoding.values}
    return ", ".join(f"{what} as {codec.kind}" for what, codec in codecs.items() if codec)


def tile_hops(package: Package) -> tuple[float, int]:
    """Return mean and largest number of links between two different tiles.

    Tiles at the same router are no link apart. Both are 0 for a single tile.
    """
    tiles = np.bincount(package.tile_router, minlength=len(package.routers))
    sources = np.flatnonzero(tiles)
    ones = np.ones(len(package.links), np.int64)
    total, longest = 0, 0
    size = max(1, _CHUNK_ENTRIES // len(package.routers))
    for start in range(0, len(sources), size):
        part = sources[start : start + size]
        hops = path_sums(package, part, ones)[:, sources]
        total += int(tiles[part] @ hops @ tiles[sources])
        longest = max(longest, int(hops.max()))
    pairs = len(package.tiles) * (len(package.tiles) - 1)
    return (total / pairs if pairs else 0.0), longest


def bisection_bandwidth(package: Package) -> float | None:
    """Return the bandwidth of the weakest straight cut into two halves, in bit/s.

    A package of several dies is cut between dies, by their places (in file order where
    they have none); a single die between its routers. Each axis is cut where the
    halves are most equal, and the weaker direction counts. None where nothing can be cut.
    """
    at = _places(package)
    ends = at[package.link_source], at[package.link_target]
    bandwidth = np.array([link.spec.bandwidth_bit_per_s for link in package.links])
    weakest = None
    for axis in range(at.shape[1]):
        values = np.unique(at[:, axis])
        below = np.array([np.count_nonzero(at[:, axis] < value) for value in values[1:]])
        uneven = np.abs(2 * below - len(at))
        for value in values[1:][uneven == uneven.min(initial=len(at))]:
            out, back = ends[0][:, axis] < value, ends[1][:, axis] < value
            through = min(bandwidth[out & ~back].sum(), bandwidth[~out & back].sum())
            weakest = through if weakest is None else min(weakest, through)
    return None if weakest is None else float(weakest)


def _places(package: Package) -> np.ndarray:
    """Return int64 [routers, axes]: where routers lie for a cut."""
    if len(package.chiplets) == 1:
        return np.array([router.at for router in package.routers], np.int64)
    dies = [chiplet.at for chiplet in package.chiplets]
    if len({len(at) for at in dies}) > 1 or not dies[0]:
        dies = [(number,) for number in range(len(dies))]
    return np.array([dies[router.chiplet] for router in package.routers], np.int64)


def static_power(package: Package) -> float:
    """Return the static power of a package in watts, all its parts included."""
    return (
        package.spec.static_power_w
        + sum(chiplet.static_power_w for chiplet in package.chiplets)
        + sum(tile.parameters.static_power_w for tile in package.tiles)
        + sum(router.spec.static_power_w for router in package.routers)
        + sum(link.spec.static_power_w for link in package.links)
    )


def _kinds(package: Package) -> tuple[KindTotals, ...]:
    groups = defaultdict(list)
    for tile in package.tiles:
        groups[tile.kind].append(tile.parameters)
    return tuple(
        KindTotals(
            kind=kind,
            tiles=len(members),
            neurons=sum(member.neurons for member in members),
            synaptic_memory_bits=sum(member.synaptic_memory_bits for member in members),
            static_power_w=sum(member.static_power_w for member in members),
        )
        for kind, members in groups.items()
    )


def _link_groups(package: Package) -> tuple[LinkGroup, ...]:
    counts: dict[tuple[str, LinkSpec], list[Link]] = defaultdict(list)
    for link in package.links:
        dies = sorted({package.routers[end].chiplet for end in (link.source, link.target)})
        place = " - ".join(package.chiplets[die].name for die in dies)
        counts[place, link.spec].append(link)
    return tuple(
        LinkGroup(place, links[0].between_dies, len(links), spec)
        for (place, spec), links in counts.items()
    )
