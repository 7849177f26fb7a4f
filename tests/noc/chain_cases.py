"""Routers in a row, and bursts on them that can be followed by hand."""

import numpy as np

from chipletsim.noc.flit_network import (
    ALL_CHANNELS,
    NO_PEER,
    NOWHERE,
    Burst,
    FlitNetwork,
    Flows,
    Job,
)


def array(rows) -> np.ndarray:
    return np.array(rows, np.int64)


def chain(
    routers: int = 2,
    *,
    delay=1,
    channels=1,
    buffer=8,
    latency=1,
    interval=1,
    node_buffer=8,
    queue=0,
) -> FlitNetwork:
    """Return routers in a row with a node each, as BookSim has them: one clock, a tick a cycle."""
    router, port, node = [], [], []
    for r in range(routers):
        router.append([3 * r, 1, delay])
        left = 3 * (r - 1) + 1 if r else NO_PEER  # what comes from the left left by port 1
        right = 3 * (r + 1) if r + 1 < routers else NO_PEER
        port.append([left, latency + 1, latency + 1, interval, buffer])
        port.append([right, latency + 1, latency + 1, interval, buffer])
        port.append([-1 - r, 2, 2, 1, buffer])
        node.append([3 * r + 2, node_buffer, queue, 1, 2])
    return FlitNetwork(array(router), array(port), array(node), channels)


def paths(*ways: tuple[int, int]) -> Flows:
    """Return the flows of a chain from node to node."""
    stop, branch, flow = [0], [], []
    for source, target in ways:
        flow.append([source, len(branch), ALL_CHANNELS])
        for _ in range(abs(target - source)):
            branch.append([int(target > source), len(branch) + 1, ALL_CHANNELS])
        branch.append([2, -1, ALL_CHANNELS])
    stop = np.arange(len(branch) + 1)
    ones = np.ones(len(ways), np.int64)
    routers = array([abs(b - a) + 1 for a, b in ways])
    return Flows(stop, array(branch), array(flow), ones, array([b for _, b in ways]), routers)


def burst(rows, processing=None, **others) -> Burst:
    packet = array(rows)
    work = np.zeros((packet[:, 1] != NOWHERE).sum(), np.int64) if processing is None else processing
    return Burst(packet, array(work), **others)


def send(model, network: FlitNetwork, flows: Flows, given: Burst):
    found = model([Job(network, flows, given)])
    return found.times[0], found.counts[0]
