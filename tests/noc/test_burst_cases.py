"""Bursts beside BookSim, which recorded when every packet left and came."""

import math

import numpy as np
import pytest
from burst_files import KEPT, REFERENCES
from chipletsim.kernels import THREADS, describe, native_kernels

from chipletsim.exchange.bursts.burst_file import read_burst
from chipletsim.noc.burst_bound import bound
from chipletsim.noc.burst_timing import TimedBurst
from chipletsim.noc.cycle import cycle
from chipletsim.noc.queue import queue
from chipletsim.report.burst import BurstReport


@pytest.fixture(scope="module", autouse=True)
def _native():
    if not native_kernels():
        pytest.skip(f"no native kernels: {describe()}")


@pytest.fixture(scope="module")
def kept():
    files = [read_burst(path) for path in KEPT]
    return files, cycle([each.job for each in files], bins=7, bin_ticks=20)


@pytest.fixture(scope="module")
def references():
    if not REFERENCES.exists():
        pytest.skip(f"there is no {REFERENCES}")
    files = [read_burst(path) for path in sorted(REFERENCES.glob("*.json"))]
    assert len(files) == 51
    return files, cycle([each.job for each in files])


def check(file, times, counts):
    """Every packet as recorded, and every figure; names the wrong packet that came first."""
    job, recorded = file.job, file.recorded
    found = np.zeros_like(recorded.packets)
    routers = job.flows.routers[job.burst.packet[:, 1]]
    found[file.order] = np.stack([times.injected, times.arrived, routers], 1)
    wrong = np.flatnonzero((found != recorded.packets).any(1))
    if len(wrong):
        first = wrong[recorded.packets[wrong, 1].argmin()]
        pytest.fail(f"{file.name}: packet {first} {found[first]}, not {recorded.packets[first]}")
    assert times.undelivered == 0
    timed = TimedBurst(
        "cycle", "", True, times.injected, times.arrived, counts.flits, counts, bound(job)
    )
    report = BurstReport(file, timed)
    assert report.figures == {**recorded.figures, "p99": report.figures["p99"]}
    assert len(recorded.figures) == 8
    assert report.comparison.different == 0
    assert report.comparison.figures == {}


@pytest.mark.parametrize("number", range(len(KEPT)), ids=[path.stem for path in KEPT])
def test_every_packet_goes_and_comes_when_it_did_in_booksim(number, kept):
    files, found = kept
    check(files[number], found.times[number], found.counts[number])


def test_every_packet_of_all_references_as_well(references):
    files, found = references
    for file, times, counts in zip(files, found.times, found.counts, strict=True):
        check(file, times, counts)


def test_percentiles_are_the_sorted_latencies_at_floor_of_the_share(kept):
    file = kept[0][0]
    packets = file.recorded.packets
    ready = np.zeros(len(packets), np.int64)
    ready[file.order] = file.job.burst.packet[:, 3]
    latency = sorted((packets[:, 1] - ready).tolist())
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        assert file.recorded.figures[name] == latency[math.floor(share * len(latency))]


def test_flits_that_were_sent_are_flits_that_came(kept):
    """What nodes receive is what was sent, and the history of a port holds all of its flits."""
    files, found = kept
    for file, counts, history in zip(files, found.counts, found.history, strict=True):
        burst, port = file.job.burst, file.job.network.port
        to_nodes = (port[:, 0] < 0) & (port[:, 0] > np.iinfo(np.int64).min)
        received = np.zeros(len(file.job.network.node), np.int64)
        received[-1 - port[to_nodes, 0]] = counts.flits[to_nodes]
        target = file.job.flows.target[burst.packet[:, 1]]
        sent = np.bincount(target, burst.packet[:, 2], len(received))
        np.testing.assert_array_equal(received, sent)
        np.testing.assert_array_equal(history.sum(1), counts.flits)
        assert (counts.most_queued <= port[:, 4]).all()


def test_jobs_together_are_jobs_alone_on_any_number_of_threads(kept, monkeypatch):
    files, together = kept
    for threads, number in ((1, 0), (3, len(files) - 2)):
        monkeypatch.setenv(THREADS, str(threads))
        alone = cycle([files[number].job])
        for own, theirs in zip(alone.times[0], together.times[number], strict=True):
            np.testing.assert_array_equal(own, theirs)
        for own, theirs in zip(alone.counts[0], together.counts[number], strict=True):
            np.testing.assert_array_equal(own, theirs)


def test_bursts_that_share_a_network_do_not_meet(kept):
    file, times = kept[0][0], kept[1].times[0]
    found = cycle([file.job] * 3)
    for each in found.times:
        np.testing.assert_array_equal(each.arrived, times.arrived)
    np.testing.assert_array_equal(found.counts[0].flits, 3 * kept[1].counts[0].flits)


def errors_of(model, files):
    """Relative errors of the makespan beside what was recorded."""
    ends = [times.end(each.job.burst) for times, each in zip(model, files, strict=True)]
    recorded = [each.recorded.figures["makespan"] for each in files]
    return np.array(ends) / np.array(recorded) - 1


def test_queue_is_near(kept):
    errors = errors_of(queue([each.job for each in kept[0]]).times, kept[0])
    assert np.abs(errors).mean() < 0.05
    assert np.abs(errors).max() < 0.2


def test_queue_is_near_on_all_references(references):
    errors = errors_of(queue([each.job for each in references[0]]).times, references[0])
    assert np.abs(errors).mean() < 0.05
    assert np.abs(errors).max() < 0.2


def test_no_packet_is_faster_than_the_bound(kept):
    check_bounds(kept[0])


def test_no_packet_of_all_references_is_faster_than_the_bound(references):
    """A simpler one, of the busiest link alone, is 23 % below on average."""
    assert np.mean(check_bounds(references[0])) < 0.23


def check_bounds(files):
    short = []
    ends = queue([each.job for each in files]).times
    for file, times in zip(files, ends, strict=True):
        least, recorded = bound(file.job), file.recorded.packets[file.order]
        assert (least.injected <= recorded[:, 0]).all()
        assert (least.arrived <= recorded[:, 1]).all()
        assert least.ticks <= recorded[:, 1].max()
        assert least.ticks <= times.end(file.job.burst)
        assert least.arrived.max() <= least.ticks
        assert not least.apart
        short.append(1 - least.ticks / recorded[:, 1].max())
    return short
