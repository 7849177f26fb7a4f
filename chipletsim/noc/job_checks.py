"""What bursts and their networks have to be for the timing models `queue` and `cycle`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chipletsim.errors import UsageError
from chipletsim.noc.flit_network import (
    MAX_CHANNELS,
    MAX_PORTS,
    MOST_TICKS,
    NO_PEER,
    OWN_NODE,
    FlitNetwork,
    Flows,
    Job,
    delivery_nodes,
)
from chipletsim.noc.kept import kept
from chipletsim.noc.listed import listed

_MOST_ROWS = (1 << 31) - 1
"""Packets, branches, flits of a packet or a buffer: kernels number them by 31 bits."""


def check_jobs(jobs: Sequence[Job]) -> None:
    """Check what kernels rely on.

    Raises:
        UsageError: A network, a flow or a packet is not as `chipletsim.noc.flit_network` says, or
            a packet that is copied on its way is longer than a buffer in which it is.
    """
    forking: dict[
        tuple[int, int], list[Job]
    ] = {}  # by network and flows, where packets may not fit
    for job in jobs:
        network, flows = job.network, job.flows
        _check_burst(job, _longest_hop(network) * _most_branches(flows))
        forks = len(flows.branch) != flows.stop.size - 1
        if forks and job.burst.packet[:, 2].max(initial=0) > _least_buffer(network):
            forking.setdefault((id(network), id(flows)), []).append(job)
    for alike in forking.values():
        _check_forks(alike)


def _require(holds: bool | np.bool_, message: str) -> None:
    if not holds:
        raise UsageError(message)


def _check_network(network: FlitNetwork) -> None:
    router, port, node = network.router, network.port, network.node
    channels = network.channels
    _require(
        1 <= channels <= MAX_CHANNELS,
        f"a port has 1 to {MAX_CHANNELS} virtual channels, this network has {channels}",
    )
    own = np.diff(np.append(router[:, 0], len(port)))
    _require(
        own.max(initial=0) <= MAX_PORTS,
        f"a router has {MAX_PORTS:,} ports at most, this network has one with {own.max():,}",
    )
    _require(router[:, 1].min() >= 1, "the cycle of a router takes a tick or more")
    linked = port[port[:, 0] != NO_PEER]
    ticks = [router[:, 2], port[:, 1], port[:, 3], node[:, 2:4]]
    if network.intervals is not None:
        ticks.append(network.intervals)
    if network.links is not None:
        ticks.append(network.links[:, [0, 1, 2, 4]])
        _require(
            network.links[:, 3].max(initial=-1) <= MOST_TICKS,
            f"a link sleeps after {MOST_TICKS:.3g} ticks at most",
        )
    _require(all(each.min(initial=0) >= 0 for each in ticks), "times of a network are not negative")
    _require(
        linked[:, 2].min(initial=1) >= 1, "a credit takes a tick or more on its way (`backward`)"
    )
    cycle = router[network.port_router[node[:, 0]], 1]
    _require(
        bool((node[:, 4] >= cycle).all()),
        "a credit of a node takes a cycle of its router or more on its way (`backward`)",
    )
    rooms = np.concatenate([linked[:, 4], node[:, 1]])
    _require(
        rooms.min(initial=1) >= 1 and rooms.max(initial=1) <= _MOST_ROWS,
        f"a buffer holds 1 to {_MOST_ROWS:,} flits of each virtual channel",
    )
    _check_frames(network)


def _check_frames(network: FlitNetwork) -> None:
    if network.links is None or not (framed := network.links[:, 0] > 0).any():
        return
    _require(
        network.kind_bits is not None and bool((network.kind_bits[framed] > 0).all()),
        "links send frames, so a flit of each kind has some bits (`kind_bits`)",
    )


@kept
def _longest_hop(network: FlitNetwork) -> int:
    """Return more ticks than pass by one flit alone at one router and the link behind it."""
    _check_network(network)
    port, node, router = network.port, network.node, network.router
    parts = [port[:, 1], port[:, 2], port[:, 3], node[:, 3], node[:, 4]]
    if network.intervals is not None:
        parts.append(network.intervals)
    if network.links is not None:
        # A link that waits before it sleeps keeps nothing waiting.
        parts += [network.links[:, column] for column in (1, 2, 4)]
    total = sum(int(each.max(initial=0)) for each in parts)
    return total + int(router[:, 1].max()) * (int(router[:, 2].max()) + 8)


@kept
def _most_branches(flows: Flows) -> float:
    """Return the branches of a flow, at most.

    Branches of a stop, one or more, stand in the order of their outputs.
    """
    _require(bool((np.diff(flows.stop) > 0).all()), "a stop has a branch or more")
    _require(len(flows.branch) <= _MOST_ROWS, f"flows have {_MOST_ROWS:,} branches at most")
    begins = np.zeros(len(flows.branch) + 1, bool)
    begins[flows.stop] = True
    _require(
        bool((begins[1:-1] | (np.diff(flows.branch[:, 0]) >= 0)).all()),
        "branches of a stop stand in the order of their outputs",
    )
    return float(flows.routers.max(initial=0) + 1) * float(flows.deliveries.max(initial=1))


def _check_burst(job: Job, flit_ticks: float) -> None:
    """Check a burst.

    Args:
        job: The burst.
        flit_ticks: Ticks of a flit on all branches of a flow, at most.
    """
    burst = job.burst
    if not len(burst.packet):
        return
    columns = np.ascontiguousarray(burst.packet.T)
    low, high = columns.min(axis=1).tolist(), columns.max(axis=1).tolist()
    _require(
        low[0] >= 0
        and high[0] < len(job.network.node)
        and bool((columns[0, 1:] >= columns[0, :-1]).all()),
        "packets are sorted by the node that sends them, which is one of the network",
    )
    _require(
        low[1] >= OWN_NODE and high[1] < len(job.flows.flow),
        "a packet takes a flow, or is for its own node, or for none",
    )
    _require(
        low[2] >= 1 and len(burst.packet) <= _MOST_ROWS,
        f"a packet has a flit or more, and a burst {_MOST_ROWS:,} packets at most",
    )
    _require(
        min(low[3:5]) >= 0 and burst.processing.min(initial=0) >= 0,
        "times of a burst are not negative",
    )
    _require(
        not burst.steps or (low[5] >= 0 and high[5] < burst.steps),
        "a packet is of one of the steps of its burst",
    )
    kinds = 1 if job.network.intervals is None else job.network.intervals.shape[1]
    _require(
        burst.kind is None or (burst.kind.min() >= 0 and burst.kind.max() < kinds),
        "a packet is of one of the kinds that its network knows",
    )
    if burst.after is not None:
        _check_answers(job, burst.after)
    # The burst ends in time even if all of it happens one after the other. Sums that may be too
    # large for int64 are made of floating-point numbers.
    flits, ready, generation = columns[2:5].sum(axis=1, dtype=float).tolist()
    own = ready + generation + float(burst.processing.sum(dtype=float))
    _require(
        (total := own + flits * flit_ticks) < MOST_TICKS,
        f"packets of a step, or of a burst, may take {total:.3g} ticks, if they go one after the"
        f" other; timing `queue` and `cycle` count up to {MOST_TICKS:.3g}; use `bound`",
    )
    _require(high[2] <= _MOST_ROWS, f"a packet has {_MOST_ROWS:,} flits at most")


def _check_answers(job: Job, after: np.ndarray) -> None:
    """Packets answer deliveries to the nodes that send them."""
    nodes = delivery_nodes(job.flows, job.burst)
    answers = np.flatnonzero(after >= 0)
    _require(
        after.min() >= -1 and after.max() < nodes.size,
        "a packet answers a delivery of its burst, or none",
    )
    _require(
        bool((nodes[after[answers]] == job.burst.packet[answers, 0]).all()),
        "a packet answers a delivery to the node that sends it",
    )


@kept
def _least_buffer(network: FlitNetwork) -> int:
    linked = network.port[:, 0] != NO_PEER
    return int(network.port[linked, 4].min(initial=_MOST_ROWS))


def _check_forks(jobs: Sequence[Job]) -> None:
    """Check bursts of the same flows on the same network."""
    network, flows = jobs[0].network, jobs[0].flows
    flits = np.zeros(len(flows.flow), np.int64)  # of the longest packet of each flow
    for job in jobs:
        sent = job.burst.packet[job.burst.packet[:, 1] >= 0]
        np.maximum.at(flits, sent[:, 1], sent[:, 2])
    taken = np.flatnonzero(flits)
    room = _fork_room(network, flows, taken)
    short = np.flatnonzero(flits[taken] > room)
    if short.size:
        longest, least = int(flits[taken[short[0]]]), int(room[short[0]])
        raise UsageError(
            f"a packet of {longest:,} flits is copied at a router whose buffers hold {least:,} of "
            "a virtual channel; it has to fit: use deeper buffers (`buffer_flits`) or shorter "
            "packets"
        )


def _fork_room(network: FlitNetwork, flows: Flows, taken: np.ndarray) -> np.ndarray:
    """Return int64 [taken]: least buffer of an input from which packets of some flows are copied.

    Args:
        network: The network.
        flows: All flows.
        taken: int64 [taken], some of them.
    """
    count = np.diff(flows.stop)
    room = np.full(taken.size, _MOST_ROWS, np.int64)
    first = network.router[:, 0]
    owner = network.port_router
    flow = np.arange(taken.size)
    stop = flows.flow[taken, 1]
    port = network.node[flows.flow[taken, 0], 0]  # where each comes in
    while stop.size:
        forks = count[stop] > 1
        np.minimum.at(room, flow[forks], network.port[port[forks], 4])
        sizes = count[stop]
        branch = flows.branch[listed(flows.stop[stop], sizes)]
        output = np.repeat(first[owner[port]], sizes) + branch[:, 0]
        on = branch[:, 1] >= 0
        flow, stop, port = np.repeat(flow, sizes)[on], branch[on, 1], network.port[output[on], 0]
    return room
