"""Bursts that kernels cannot follow are refused, with what was expected."""

import numpy as np
import pytest
from burst_cases import Features, random_job

from chipletsim.errors import UsageError
from chipletsim.noc.cycle import cycle
from chipletsim.noc.flit_network import MAX_CHANNELS, NO_PEER, Job, delivery_nodes
from chipletsim.noc.job_checks import check_jobs
from chipletsim.noc.queue import queue


def good() -> Job:
    """Return a job with frames, clocks, work and answers, whose first packet takes a flow."""
    chosen = ("clocks", "kinds", "work", "steps", "frames", "answers")
    return random_job(3, Features(**dict.fromkeys(chosen, True)))


def changed(job: Job, part: str, place, value) -> Job:
    """Return a job with one number of an array, or one field, replaced."""
    owner, _, name = part.partition(".")
    values = getattr(job, owner)
    new = value
    if place is not None:
        new = getattr(values, name).copy()
        new[place] = value
    return job._replace(**{owner: values._replace(**{name: new})})


LINKED = int(np.flatnonzero(good().network.port[:, 0] != NO_PEER)[0])
NODES = delivery_nodes(good().flows, good().burst)
ELSEWHERE = int(np.flatnonzero(good().burst.packet[0, 0] != NODES)[0])
FAULTS = {
    "no channels": ("network.channels", None, 0, "1 to 62 virtual channels"),
    "channels": ("network.channels", None, MAX_CHANNELS + 1, "this network has 63"),
    "cycle": ("network.router", (0, 1), 0, "the cycle of a router"),
    "delay": ("network.router", (0, 2), -1, "not negative"),
    "forward": ("network.port", (LINKED, 1), -1, "not negative"),
    "backward": ("network.port", (LINKED, 2), 0, "a credit takes a tick"),
    "node": ("network.node", (0, 4), 0, "a cycle of its router or more"),
    "buffer": ("network.port", (LINKED, 4), 0, "a buffer holds 1 to"),
    "node buffer": ("network.node", (0, 1), 2**31, "a buffer holds 1 to"),
    "no branch": ("flows.stop", 1, 0, "a stop has a branch or more"),
    "late sleep": ("network.links", (LINKED, 3), (1 << 56) + 1, "sleeps after 7.21e+16 ticks"),
    "no bits": ("network.kind_bits", slice(None), 0, "kind_bits"),
    "order": ("burst.packet", (0, 0), 1 << 20, "sorted by the node"),
    "flow": ("burst.packet", (0, 1), 1 << 20, "takes a flow"),
    "unknown flow": ("burst.packet", (0, 1), -3, "takes a flow"),
    "flits": ("burst.packet", (0, 2), 0, "a flit or more"),
    "ready": ("burst.packet", (0, 3), -1, "not negative"),
    "generation": ("burst.packet", (0, 4), -1, "not negative"),
    "processing": ("burst.processing", 0, -1, "not negative"),
    "step": ("burst.packet", (0, 5), 1 << 20, "one of the steps"),
    "kind": ("burst.kind", 0, 1 << 20, "one of the kinds"),
    "answer": ("burst.after", 0, 1 << 20, "answers a delivery of its burst"),
    "answer elsewhere": ("burst.after", 0, ELSEWHERE, "to the node that sends it"),
    "late": ("burst.packet", (0, 3), 1 << 57, "may take 1.44e+17 ticks"),
    "too many flits": ("burst.packet", (0, 2), 1 << 31, "2,147,483,647 flits at most"),
    "long": ("burst.packet", (0, 2), 1 << 60, "`queue` and `cycle` count up to 7.21e+16"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("model", [cycle, queue])
def test_faults(fault: str, model) -> None:
    part, place, value, message = FAULTS[fault]
    check_jobs([good()])
    with pytest.raises(UsageError) as error:
        model([changed(good(), part, place, value)])
    assert message in str(error.value)


def test_a_router_with_too_many_ports() -> None:
    network = good().network
    port = np.tile(network.port[:1], (1025, 1))
    with pytest.raises(UsageError, match=r"1,024 ports at most, this network has one with 1,025"):
        cycle([good()._replace(network=network._replace(router=network.router[:1], port=port))])


def forking() -> Job:
    seeds = (random_job(seed, Features(forks=True)) for seed in range(100))
    return next(job for job in seeds if (np.diff(job.flows.stop) > 1).any())


def test_a_long_packet_is_not_copied() -> None:
    # Only inputs at which a flow parts count: the first stops of flows are at their nodes' ports.
    job = forking()
    roots = job.flows.flow[:, 1]
    flow = int(np.flatnonzero(np.diff(job.flows.stop)[roots] > 1)[0])
    source = int(job.flows.flow[flow, 0])
    at = job.network.node[source, 0]
    port = job.network.port.copy()
    port[:, 4], port[at, 4] = 50, 5
    packet = np.array([[source, flow, 6, 0, 0, 0]])
    deliveries = np.zeros(job.flows.deliveries[flow], np.int64)
    job = Job(
        job.network._replace(port=port), job.flows, job.burst._replace(packet=packet, kind=None,
        processing=deliveries)
    )  # fmt: skip
    with pytest.raises(UsageError) as error:
        cycle([job])
    assert "of 6 flits is copied at a router whose buffers hold 5" in str(error.value)
    packet[0, 2] = 5
    assert cycle([job]).times[0].undelivered == 0


def test_branches_stand_in_order() -> None:
    job = forking()
    stop = int(np.flatnonzero(np.diff(job.flows.stop) > 1)[0])
    branch = job.flows.branch.copy()
    first = job.flows.stop[stop]
    branch[first, 0] = branch[:, 0].max() + 1
    with pytest.raises(UsageError, match="order of their outputs"):
        cycle([job._replace(flows=job.flows._replace(branch=branch))])
