"""Transfers as bits on links: routes, whole flits, frames, and what enters routers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from chipletsim.deployment.rows import Row, Transfers
from chipletsim.deployment.signals import KINDS
from chipletsim.noc.routes import links_on_routes
from chipletsim.package.model import Package


@dataclass(frozen=True, eq=False)
class Traffic:
    """What transfers put on the network.

    Attributes:
        wire_bits: csr_array float64 [rows, links], bits on the wire in one repetition, frames
            included.
        longest_route_s: float64 [rows], zero-load time of the longest route of a row.
        routes: int64 [2, routes], source and target router of each route in use.
        link_packets: float64 [links], over all repetitions.
        link_bits: float64 [links], whole flits, over all repetitions.
        link_wire_bits: float64 [links], frames included.
        injected: float64 [routers], packets that tiles send, over all repetitions.
        router_packets: float64 [routers], that enter from links and tiles.
        router_bits: float64 [routers], of those.
        kind_bits: float64 [kinds, links], whole flits by kind of traffic.
    """

    wire_bits: csr_array
    longest_route_s: np.ndarray
    routes: np.ndarray
    link_packets: np.ndarray
    link_bits: np.ndarray
    link_wire_bits: np.ndarray
    injected: np.ndarray
    router_packets: np.ndarray
    router_bits: np.ndarray
    kind_bits: np.ndarray


def traffic_of(package: Package, rows: tuple[Row, ...], transfers: Transfers) -> Traffic:
    """Return the traffic of all transfers, on the package's own routes.

    A packet takes whole flits of each link. In each repetition of a row a link with frames
    sends whole frames, as many as the expected bits take, and so at least one if any.
    """
    times = np.array([row.times for row in rows], float)
    count, links = len(package.routers), len(package.links)
    ends = package.tile_router[transfers.source], package.tile_router[transfers.target]
    pairs, pair = np.unique(ends[0] * count + ends[1], return_inverse=True)
    routes = np.stack([pairs // count, pairs % count])
    hop_route, hop_link = links_on_routes(package, routes[0], routes[1])
    entry, link = _hops_of_entries(pair, hop_route, hop_link, pairs.size)

    flit = np.array([item.spec.flit_bits for item in package.links], np.int64)[link]
    packets = transfers.packets[entry]
    packet_bits = transfers.packet_bits[entry]
    bits = packets * np.ceil(packet_bits / flit) * flit
    row = transfers.row[entry]
    shape = (len(rows), links)
    all_bits = csr_array((bits, (row, link)), shape=shape)
    wire = _framed(package, all_bits)

    longest = np.zeros(len(rows))
    route_s = _zero_load_s(package, routes, hop_route, hop_link)
    np.maximum.at(longest, transfers.row, route_s[pair])
    repeated = times[row]
    sent = times[transfers.row] * transfers.packets
    injected = np.bincount(ends[0], sent, count)
    entering = package.link_target[link]
    router_packets = injected + np.bincount(entering, packets * repeated, count)
    injected_bits = np.bincount(ends[0], sent * transfers.packet_bits, count)
    entering_bits = np.bincount(entering, packets * packet_bits * repeated, count)
    kind = transfers.kind[entry] * links + link
    return Traffic(
        wire_bits=wire,
        longest_route_s=longest,
        routes=routes,
        link_packets=np.bincount(link, packets * repeated, links),
        link_bits=np.bincount(link, bits * repeated, links),
        link_wire_bits=wire.T @ times,
        injected=injected,
        router_packets=router_packets,
        router_bits=injected_bits + entering_bits,
        kind_bits=np.bincount(kind, bits * repeated, len(KINDS) * links).reshape(len(KINDS), links),
    )


def _hops_of_entries(
    pair: np.ndarray, hop_route: np.ndarray, hop_link: np.ndarray, routes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return entry and link of each hop of each entry, given the hops of each route."""
    order = np.argsort(hop_route, kind="stable")
    sorted_links = hop_link[order]
    length = np.bincount(hop_route, minlength=routes)
    first = np.cumsum(length) - length
    hops = length[pair]
    entry = np.repeat(np.arange(pair.size), hops)
    within = np.arange(entry.size) - np.repeat(np.cumsum(hops) - hops, hops)
    return entry, sorted_links[first[pair[entry]] + within]


def _framed(package: Package, bits: csr_array) -> csr_array:
    """Return bits with those of frames: whole frames in each row where a link has frames."""
    frames = [link.spec.frame for link in package.links]
    payload = np.array([frame.payload_bits if frame else 0 for frame in frames], float)
    total = np.array([frame.total_bits if frame else 0 for frame in frames], float)
    framed = bits.copy()
    framed.sum_duplicates()
    link = framed.indices
    # Sums of floats may lie a hair above a whole number of frames that they make exactly.
    number = np.ceil(framed.data / np.maximum(payload[link], 1) * (1 - 1e-12))
    framed.data = np.where(payload[link] > 0, number * total[link], framed.data)
    return framed


def _zero_load_s(
    package: Package, routes: np.ndarray, hop_route: np.ndarray, hop_link: np.ndarray
) -> np.ndarray:
    """Return float64 [routes]: time of a flit alone on each route, as in `noc.bound`."""
    router_s = np.array([router.spec.latency_s for router in package.routers])
    hop_s = np.array(
        [
            x.spec.flit_bits / x.spec.expected_bandwidth_bit_per_s + x.spec.expected_latency_s
            for x in package.links
        ],
        float,
    )
    hop_s += router_s[package.link_target]
    return router_s[routes[0]] + np.bincount(hop_route, hop_s[hop_link], routes.shape[1])
