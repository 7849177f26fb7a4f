"""The native kernels give what plain simulators give: every packet, delivery and count."""

import numpy as np
import pytest
from burst_cases import Features, random_job
from chipletsim.kernels import CHOICE, THREADS, describe, native_function, native_kernels
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.noc.burst_steps import follow
from chipletsim.noc.cycle import cycle
from chipletsim.noc.flit_network import (
    NO_PEER,
    Burst,
    FlitNetwork,
    Flows,
    Job,
    PortCounts,
    delivery_starts,
)
from chipletsim.noc.flit_steps import flit_steps
from chipletsim.noc.packet_steps import packet_steps
from chipletsim.noc.queue import queue

BINS, BIN_TICKS = 16, 7
SEEDS = st.integers(0, 2**32 - 1)
ANY = st.builds(Features, *[st.booleans()] * len(Features._fields))
ALL = Features(*[True] * len(Features._fields))
MODELS = pytest.mark.parametrize(
    ("model", "steps"), [(cycle, flit_steps), (queue, packet_steps)], ids=["cycle", "queue"]
)


@pytest.fixture(autouse=True, scope="module")
def _native():
    """Native kernels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(CHOICE, raising=False)
        if not native_kernels():
            pytest.skip(f"no native kernels: {describe()}")
        yield


def assert_equal(found, expected) -> None:
    for own, other in zip(found.times, expected.times, strict=True):
        for name in ("injected", "arrived", "taken", "made"):
            np.testing.assert_array_equal(getattr(own, name), getattr(other, name), name)
        assert own.undelivered == other.undelivered
        assert own.busiest == other.busiest
    for own, other in zip(found.counts, expected.counts, strict=True):
        for name in PortCounts._fields:
            np.testing.assert_array_equal(getattr(own, name), getattr(other, name), name)
    for own, other in zip(found.history, expected.history, strict=True):
        np.testing.assert_array_equal(own, other)


def equals_steps(model, steps, seed: int, features: Features) -> None:
    jobs = [random_job(seed, features)]
    found = model(jobs, bins=BINS, bin_ticks=BIN_TICKS)
    assert_equal(found, follow(jobs, BINS, BIN_TICKS, steps))


@settings(derandomize=True, deadline=None, max_examples=120)
@given(SEEDS, ANY)
def test_cycle(seed: int, features: Features) -> None:
    equals_steps(cycle, flit_steps, seed, features)


@settings(derandomize=True, deadline=None, max_examples=120)
@given(SEEDS, ANY)
def test_queue(seed: int, features: Features) -> None:
    equals_steps(queue, packet_steps, seed, features)


@MODELS
@pytest.mark.parametrize("name", Features._fields)
def test_each_feature_alone(name: str, model, steps) -> None:
    for seed in range(4):
        equals_steps(model, steps, seed, Features(**{name: True}))


@MODELS
@pytest.mark.slow
@settings(deadline=None, max_examples=3000)
@given(SEEDS, ANY)
def test_many(model, steps, seed: int, features: Features) -> None:
    equals_steps(model, steps, seed, features)


@MODELS
def test_bursts_are_independent_on_any_threads(model, steps, monkeypatch) -> None:
    # Two bursts on each network; those of one network add up in its counts.
    jobs = [random_job(seed, ALL) for seed in range(12)]
    again = [job._replace(burst=random_job(seed, ALL).burst) for seed, job in enumerate(jobs)]
    alone = [model([job]) for job in jobs]
    for threads in ("1", "3"):
        monkeypatch.setenv(THREADS, threads)
        together = model([*jobs, *reversed(again)])
        assert len(together.times) == 24
        assert len(together.counts) == 12
        for number, each in enumerate(alone):
            for place in (number, 23 - number):
                assert_equal_times(together.times[place], each.times[0])
            for field in ("flits", "waited", "starved", "frames", "asleep"):
                twice = 2 * getattr(each.counts[0], field)
                np.testing.assert_array_equal(getattr(together.counts[number], field), twice)
            most = each.counts[0].most_queued
            np.testing.assert_array_equal(together.counts[number].most_queued, most)


@MODELS
@settings(derandomize=True, deadline=None, max_examples=20)
@given(SEEDS)
def test_flows_that_no_burst_takes_change_nothing(model, steps, seed: int) -> None:
    # What answers a packet would have to be with it.
    job = random_job(seed, ALL._replace(answers=False))
    deliveries = delivery_starts(job.flows, job.burst)
    jobs = []
    for node in (0, 1):  # each burst has the packets of one node alone
        mine = np.flatnonzero(job.burst.packet[:, 0] == node)
        work = np.concatenate([np.arange(*deliveries[at : at + 2]) for at in mine] or [mine])
        burst = job.burst._replace(
            packet=job.burst.packet[mine],
            processing=job.burst.processing[work],
            kind=job.burst.kind[mine],
        )
        jobs.append(job._replace(burst=burst))
    found = model(jobs, bins=BINS, bin_ticks=BIN_TICKS)
    assert_equal(found, follow(jobs, BINS, BIN_TICKS, steps))


def assert_equal_times(own, other) -> None:
    for name in own._fields[:4]:
        np.testing.assert_array_equal(getattr(own, name), getattr(other, name), name)
    assert own[4:] == other[4:]


def flits_of_ports(job) -> np.ndarray:
    """Return the flits that each output sends if all goes through: by walking every flow."""
    network, flows = job.network, job.flows
    found, owner = np.zeros(len(network.port), np.int64), network.port_router

    def walk(stop: int, port: int, flits: int) -> None:
        for output, following, _ in flows.branch[flows.stop[stop] : flows.stop[stop + 1]].tolist():
            number = network.router[owner[port], 0] + output
            found[number] += flits
            if following >= 0:
                walk(following, network.port[number, 0], flits)

    for source, flow, flits, *_ in job.burst.packet.tolist():
        if flow >= 0:
            walk(int(flows.flow[flow, 1]), int(network.node[source, 0]), flits)
    return found


@MODELS
@settings(derandomize=True, deadline=None, max_examples=40)
@given(seed=SEEDS)
def test_flits_are_conserved(seed: int, model, steps) -> None:
    job = random_job(seed, ALL._replace(shortest=False, masks=False, answers=False))
    found = model([job], bins=BINS, bin_ticks=BIN_TICKS)
    times, counts = found.times[0], found.counts[0]
    assert times.undelivered == 0  # up and then down: nothing waits in a circle
    np.testing.assert_array_equal(counts.flits, flits_of_ports(job))
    np.testing.assert_array_equal(found.history[0].sum(axis=1), counts.flits)
    sent = job.burst.packet[:, 1] >= 0
    assert (times.made >= job.burst.packet[:, 4]).all()
    assert (times.injected[sent] >= times.made[sent]).all()
    assert (times.injected[sent] >= job.burst.packet[sent, 3]).all()
    assert (times.injected[~sent] == -1).all()
    assert (times.taken >= times.arrived).all()
    assert (times.arrived >= 0).all()
    assert (counts.flits[job.network.port[:, 0] == NO_PEER] == 0).all()


@MODELS
def test_without_kernels_the_plain_simulators_answer(model, steps, monkeypatch) -> None:
    jobs = [random_job(seed, ALL) for seed in (1, 2)]
    found = model([*jobs, jobs[0]], bins=BINS, bin_ticks=BIN_TICKS)
    monkeypatch.setenv(CHOICE, "xla")
    assert_equal(model([*jobs, jobs[0]], bins=BINS, bin_ticks=BIN_TICKS), found)


def star(seed: int, leaves: int, channels: int, forks: bool) -> Job:
    """Return a random burst in a router with a node at each of its ports."""
    rng = np.random.default_rng(seed)
    every = np.arange(leaves)
    ones = np.ones(leaves, np.int64)
    port = np.stack([-1 - every, 2 * ones, 2 * ones, 1 + every % 3, 2 + every % 4], axis=1)
    node = np.stack([every, 1 + every % 2, 0 * ones, ones, 2 * ones], axis=1)
    network = FlitNetwork(np.array([[0, 1, 1]]), port, node, channels)
    targets = [np.unique(rng.integers(leaves, size=4 if forks else 1)) for _ in every]
    sizes = np.array([each.size for each in targets])
    rank = np.concatenate([np.arange(size) for size in sizes])
    target = np.concatenate(targets)
    masks = np.where(rng.random(target.size) < 0.3, (1 << channels) - 2, -1)
    stop = np.concatenate([[0], np.cumsum(sizes)])
    flows = Flows(
        stop,
        np.stack([target, -1 - rank, masks], axis=1),
        np.stack([every, every, -ones], axis=1),
        sizes,
        target,
        np.ones_like(target),
    )
    source = np.sort(rng.integers(leaves, size=250))
    zeros = 0 * source
    flits = rng.integers(1, 3, source.size)
    packet = np.stack(
        [source, source, flits, rng.integers(0, 9, source.size), zeros, zeros], axis=1
    )
    return Job(network, flows, Burst(packet, np.zeros(sizes[source].sum(), np.int64)))


@MODELS
@pytest.mark.parametrize("forks", [False, True])
@pytest.mark.parametrize(("leaves", "channels"), [(5, 62), (64, 2), (70, 3)])
def test_many_ports_and_channels(leaves: int, channels: int, forks: bool, model, steps) -> None:
    job = star(leaves, leaves, channels, forks)
    found = model([job], bins=BINS, bin_ticks=BIN_TICKS)
    assert_equal(found, follow([job], BINS, BIN_TICKS, steps))
    assert found.times[0].undelivered == 0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (([], (), ()), "rows of bursts stand in tuples"),
        ((((),), (), ()), "a row of bursts lacks a field"),
        ((((np.zeros(4)[::2],),), (), ()), "not C-contiguous"),
    ],
)
def test_rows_of_another_form_are_refused(rows: tuple, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        native_function("cycle")(*rows, 1)
