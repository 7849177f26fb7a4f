"""Packets of a burst file, and the flows that they take."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chipletsim.exchange.bursts.document import Document
from chipletsim.exchange.bursts.routes import NextRouters, Paths, follow
from chipletsim.exchange.bursts.topology import Topology
from chipletsim.noc.flit_network import ALL_CHANNELS, Flows

MAX_FLITS = 1 << 24
MAX_TIME = 1 << 40
KEY = "packets_src_dst_flits_t"
KNOWN = {KEY, "n_packets", "packet_flits", "matrix_packets", "source_queue"}


class Packets(NamedTuple):
    """Packets in the order of the file.

    Attributes:
        source: int64 [packets]: node.
        flits: int64 [packets].
        ready: int64 [packets]: cycle before which each does not leave.
        copies: int64 [packets]: destinations of each.
        target: int64 [sum of copies]: nodes, packet by packet.
    """

    source: np.ndarray
    flits: np.ndarray
    ready: np.ndarray
    copies: np.ndarray
    target: np.ndarray


def read_packets(document: Document, nodes: int) -> Packets | None:
    """Return the packets of a file; None, and faults of the document, if they are none."""
    section = document.section("traffic", KNOWN)
    if section is None or not document.needed(section, ("traffic",), KEY, KNOWN):
        return None
    place = ("traffic", KEY)
    listed = document.many(section[KEY], None, "", *place)
    if listed is None:
        return None
    if not listed:
        document.fault("expected at least one packet", *place)
        return None
    targets = [
        row[1] if isinstance(row, list) and len(row) == 4 and isinstance(row[1], list) else None
        for row in listed
    ]
    found = document.rows(
        [
            row if target is None else [row[0], 0, *row[2:]]
            for row, target in zip(listed, targets, strict=True)
        ],
        ((0, nodes - 1), (0, nodes - 1), (1, MAX_FLITS), (0, MAX_TIME)),
        *place,
    )
    sound = all(
        [
            _is_list(document, target, nodes, *place, number, 1)
            for number, target in enumerate(targets)
            if target is not None
        ]
    )
    if found is None or not sound:
        return None
    lists = [
        [one] if many is None else many
        for one, many in zip(found[:, 1].tolist(), targets, strict=True)
    ]
    copies = np.array([len(each) for each in lists], np.int64)
    return Packets(found[:, 0], found[:, 2], found[:, 3], copies, np.concatenate(lists))


def _is_list(document: Document, targets: list[Any], nodes: int, *place: str | int) -> bool:
    """Return whether a packet's destinations are nodes, each once."""
    if not targets:
        document.fault("expected at least one destination", *place)
        return False
    whole = [document.whole(each, 0, nodes - 1, *place, n) for n, each in enumerate(targets)]
    if None in whole:
        return False
    if len(set(whole)) < len(whole):
        document.fault("names a destination twice", *place)
        return False
    return True


def make_flows(
    document: Document, topology: Topology, towards: NextRouters, packets: Packets
) -> tuple[Flows, np.ndarray] | None:
    """Return the flows of packets; None, and faults of the document, if routes do not lead there.

    Returns:
        The flows, each once, and int64 [packets], that of each packet.
    """
    first = np.concatenate([[0], np.cumsum(packets.copies)])
    sources = np.repeat(packets.source, packets.copies)
    key, pair_of = np.unique(sources * topology.nodes + packets.target, return_inverse=True)
    pairs = np.stack([key // topology.nodes, key % topology.nodes], 1)
    paths = follow(document, topology, towards, pairs)
    if paths is None:
        return None
    alone = packets.copies == 1
    single, flow_of_single = np.unique(pair_of[first[:-1][alone]], return_inverse=True)
    of = np.full(len(packets.copies), -1, np.int64)
    of[alone] = flow_of_single
    trees: dict[tuple[int, ...], int] = {}
    for packet in np.flatnonzero(~alone).tolist():
        chosen = tuple(pair_of[first[packet] : first[packet + 1]].tolist())
        of[packet] = len(single) + trees.setdefault(chosen, len(trees))
    return _joined(topology, pairs, paths, single, list(trees)), of


def _joined(
    topology: Topology,
    pairs: np.ndarray,
    paths: Paths,
    single: np.ndarray,
    trees: list[tuple[int, ...]],
) -> Flows:
    """Return single paths, and trees that are made of several, as flows."""
    local = paths.port - topology.first_port[topology.router[paths.port]]
    ends = np.cumsum(paths.routers)
    first = ends - paths.routers
    counts = paths.routers[single]
    stops = int(counts.sum())
    last = np.cumsum(counts)
    port = local[np.arange(stops) + np.repeat(first[single] - last + counts, counts)]
    following = np.arange(1, stops + 1)
    following[last - 1] = -1
    branch = [np.stack([port, following, np.full(stops, ALL_CHANNELS)], 1)]
    degree = [np.ones(stops, np.int64)]
    may = np.full(len(single), ALL_CHANNELS)
    flow = [np.stack([pairs[single, 0], last - counts, may], 1)]
    for chosen in trees:
        rows, counts = _tree([local[first[path] : ends[path]].tolist() for path in chosen], stops)
        branch.append(rows)
        degree.append(counts)
        flow.append(np.array([[pairs[chosen[0], 0], stops, ALL_CHANNELS]]))
        stops += len(counts)
    every = np.concatenate([single, *(np.array(each) for each in trees)])
    return Flows(
        np.concatenate([[0], *degree]).cumsum(),
        np.concatenate(branch),
        np.concatenate(flow),
        np.array([1] * len(single) + [len(each) for each in trees], np.int64),
        pairs[every, 1],
        paths.routers[every],
    )


def _tree(paths: list[list[int]], first_stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the branches of the tree of paths from one node, and how many each stop has.

    A packet is copied where paths part; they share what they begin with.
    """
    children: list[dict[int, int]] = [{}]
    for delivery, ports in enumerate(paths):
        stop = 0
        for port in ports[:-1]:
            if port not in children[stop]:
                children[stop][port] = len(children)
                children.append({})
            stop = children[stop][port]
        children[stop][ports[-1]] = -1 - delivery
    rows = [
        [port, following if following < 0 else following + first_stop, ALL_CHANNELS]
        for each in children
        for port, following in sorted(each.items())
    ]
    return np.array(rows, np.int64), np.array([len(each) for each in children], np.int64)
