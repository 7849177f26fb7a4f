"""What a run tells of its interconnect: by hand, against a slow reference, and sums."""

from __future__ import annotations

import sys
from dataclasses import astuple
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from cost_cases import random_mapping
from interconnect_cases import ALONE_NS, all_at_once, pair

import chipletsim as cs
from chipletsim.cost.stream import CostStream
from chipletsim.noc import PACKET_MODELS, packet_model
from chipletsim.noc.blocked import Made, Worked, blocked
from chipletsim.noc.flit_network import delivery_nodes, delivery_starts

sys.path.insert(0, str(Path(__file__).parents[1] / "noc"))
from test_package_timing import case, dies, mixed_network, without_fetches

pytestmark = pytest.mark.usefixtures("quick_programs")


def told(activity, mapping, timing: str):
    found = cs.price(activity, mapping, timing=timing, interconnect=True)
    assert found.interconnect is not None
    return found


@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_three_packets_on_one_link(timing) -> None:
    """Three packets are made at 0.25, 0.5 and 0.75 ns, and the link takes one in 4 ns.

    They leave with the clock, at 1, 2 and 3 ns, come to the link 4 ns later and go on at once, 3 ns
    and 6 ns later. The core works 2 ns on each, from their arrivals 4 ns apart on. Flits stand in
    the queue for 2 ns at least.
    """
    mapping = pair(3)
    result = told(all_at_once(mapping), mapping, timing)
    found, first_ns = result.interconnect, 1.0
    at_source = [first_ns + number - 0.25 * (1 + number) for number in range(3)]
    latencies = [wait + ALONE_NS + 3 * number for number, wait in enumerate(at_source)]
    every = found.packet_latency["all"]
    assert np.array(astuple(every)) == pytest.approx(
        [3, *(1e-9 * np.array([np.mean(latencies), latencies[1], *[latencies[2]] * 3]))]
    )
    network = np.array(astuple(found.network_latency["all"]))
    assert network[1:] == pytest.approx(1e-9 * np.array([19, 19, 22, 22, 22]))
    assert found.packet_latency["within_die"] == every
    assert astuple(found.packet_latency["across_dies"]) == (0, *[None] * 5)
    spent = found.spent
    assert spent.zero_load_s == pytest.approx(3e-9 * ALONE_NS)
    assert spent.source_wait_s == pytest.approx(1e-9 * sum(at_source))
    assert spent.network_wait_s == pytest.approx(9e-9)
    assert (spent.starved_s, spent.starved_at_tiles_s, spent.tiles_blocked_s) == (0.0, 0.0, 0.0)
    step_s = 1e-9 * (first_ns + ALONE_NS + 8 + 2)
    assert result.latency_s[0, 0] == pytest.approx(step_s)
    link = {name: values[0] for name, values in found.links.data.items()}
    total_s = result.latency_s.sum()
    assert (link["flits"], link["frames"], link["frames_full_share"]) == (3, 0, None)
    assert link["busy_s"] == pytest.approx(12e-9)
    assert link["utilisation"] == pytest.approx(12e-9 / total_s)
    assert link["waited_s"] == pytest.approx(1e-9 * (2 + 5 + 8))
    assert link["mean_queue"] == pytest.approx(15e-9 / total_s)
    assert found.history.utilisation[0] == pytest.approx([12e-9 / step_s, 0])
    step = next(dict(zip(found.steps.data, row, strict=True)) for row in found.steps.rows())
    assert step["packets"] == 3
    assert step["max_packet_latency_s"] == pytest.approx(1e-9 * latencies[2])
    assert step["busiest_link"] == mapping.package.links[0].name
    # `bound` has neither packets that wait nor work that comes after them.
    bound = cs.price(all_at_once(mapping), mapping)
    assert step["beyond_bound_s"] == pytest.approx(step_s - bound.latency_s[0, 0])
    assert spent.beyond_bound_s == pytest.approx(total_s - bound.latency_s.sum())


@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_a_link_that_always_has_a_packet_is_all_in_use(timing) -> None:
    """Of n packets the first is sent 4 ns after it left and the last is there 4 (n - 1) ns later.

    The core works for 2 ns on each, so not even the last waits for it; the link is idle before the
    first packet, and 12 ns on the way of the last, 2 ns of them in its queue.
    """
    count = 60
    mapping = pair(count)
    result = told(all_at_once(mapping), mapping, timing)
    first_ns = 1.0
    step_ns = first_ns + ALONE_NS + 4 * (count - 1) + 2
    assert 1e9 * result.latency_s[0, 0] == pytest.approx(step_ns)
    found = result.interconnect
    assert found.history.busy_s[0, 0] == pytest.approx(4e-9 * count)
    assert found.history.utilisation[0, 0] == pytest.approx(4 * count / step_ns)
    assert step_ns - 4 * count == pytest.approx(first_ns + ALONE_NS - 2)
    # More packets wait than tile and router have room for. Behind the link there is always some.
    assert found.spent.tiles_blocked_s > 0
    assert found.links["starved_s"][0] == 0
    assert found.links["mean_queue"][0] > 1


@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_a_tile_that_holds_one_packet_is_blocked(timing) -> None:
    """Each packet is begun when the one before has left, and takes 0.25 ns.

    They leave at 1, 2 and 3 ns and are made at 0.25, 1.25 and 2.25: the tile waits twice for
    0.75 ns.
    """
    mapping = pair(3, queue=1)
    spent = told(all_at_once(mapping), mapping, timing).interconnect.spent
    assert 1e9 * spent.tiles_blocked_s == pytest.approx(1.5)
    at_source = 3 * 0.75
    assert 1e9 * spent.source_wait_s == pytest.approx(at_source)


def test_what_is_between_packets_and_is_no_work_is_blocked() -> None:
    """Node 0 works in part of the time from 2 to 9; node 1 waits for another step, not for room."""
    made = Made(*np.array([[0, 0, 2, 0, 0], [0, 9, 10, 0, 0], [1, 0, 1, 0, 0], [1, 5, 6, 1, 0]]).T)
    worked = Worked(*np.array([[0, 3, 4], [0, 4, 7], [0, 10, 12], [1, 2, 3]]).T)
    assert np.array(blocked(made, worked)).T.tolist() == [[0, 2, 3, 0], [0, 7, 9, 0]]
    nothing = Worked(*np.zeros((3, 0), np.int64))
    assert np.array(blocked(made, nothing)).T.tolist() == [[0, 2, 9, 0]]
    # The second packet of node 0 answers what it has worked on until 5, or one behind it, 4.
    made.available[:2] = 0, 5
    assert np.array(blocked(made, nothing)).T.tolist() == [[0, 5, 9, 0]]
    later = Made(*np.append(np.array(made), [[0], [10], [11], [0], [4]], axis=1))
    assert np.array(blocked(later, nothing)).T.tolist() == [[0, 4, 9, 0]]
    assert np.array(blocked(Made(*np.zeros((5, 0), np.int64)), worked)).size == 0


@pytest.mark.parametrize("timing", PACKET_MODELS)
@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("clocks that differ", lambda: dies((True, True))),
        ("frames", lambda: dies((False, False), d2d={
            "frame": {"payload": "96 bit", "total": "128 bit", "wait": "40 ns"}})),
    ],
)  # fmt: skip
def test_a_packet_alone_waits_for_none(timing, name, package) -> None:
    """One spike in a step: whatever clocks, copies and frames there are, nothing is lost to others.

    But for packets of one neuron to several tiles, which leave one after the other.
    """
    network = mixed_network()
    mapping = without_fetches(random_mapping(network, package(), 1))
    sizes = {each.name: each.shape for each in network.populations}
    spikes = {key: np.zeros((1, 4, *shape), bool) for key, shape in sizes.items()}
    source = next(each.name for each in network.populations if each.model == "input")
    spikes[source][0, 0].flat[0] = True
    spikes[source][0, 2].flat[3] = True
    found = told(cs.Activity.from_spikes(sizes, spikes), mapping, timing).interconnect
    alone = [row for row in found.steps.rows() if row[4] == 1]
    assert alone
    assert all(row[list(found.steps.data).index("network_wait_s")] == 0 for row in alone)


@pytest.mark.parametrize("timing", PACKET_MODELS)
@pytest.mark.parametrize("name", ["kinds of tiles", "frames that wait", "clock"])
def test_packets_are_those_of_the_bursts(name, timing, monkeypatch) -> None:
    """Packet by packet, from what the model says of bursts: latencies, splits, steps, sums."""
    runs = []
    model = packet_model(timing)

    def noting(jobs, **options):
        results = model(jobs, **options)
        if options.get("each"):
            runs.extend(zip(jobs, results.times, results.each, strict=True))
        return results

    monkeypatch.setattr("chipletsim.cost.packet_rows.packet_model", lambda _: noting)
    mapping, activity = case(name, 5)
    stream = CostStream(mapping, timing=timing, interconnect=True)
    for sample in range(activity.samples):  # so that rows come in the order of the table
        stream.add(activity.of_samples(sample, 1))
        stream.next_samples()
    result = stream.close()
    monkeypatch.undo()
    found, package = result.interconnect, mapping.package
    tick_s = runs[0][0].network.tick_s
    latencies: dict[str, list[int]] = {"all": [], "within_die": [], "across_dies": []}
    steps = found.steps.to_dict()
    assert list(zip(steps["sample"], steps["hardware_step"], strict=True)) == [
        (sample, row) for sample in range(result.samples) for row in range(result.totals.rows)
    ]
    for number, (job, times, _) in enumerate(runs):
        own, source_wait = [], 0
        starts, nodes = delivery_starts(job.flows, job.burst), delivery_nodes(job.flows, job.burst)
        for at, (first, stop) in enumerate(pairwise(starts.tolist())):
            source, flow = job.burst.packet[at, :2].tolist()
            if flow < 0:
                continue
            latency = int(times.arrived[first:stop].max() - times.made[at])
            places = {package.tiles[node].chiplet for node in nodes[first:stop].tolist()}
            crosses = places != {package.tiles[source].chiplet}
            own.append(latency)
            latencies["all"].append(latency)
            latencies["across_dies" if crosses else "within_die"].append(latency)
            source_wait += int(times.injected[at] - times.made[at])
        assert steps["packets"][number] == len(own)
        assert steps["source_wait_s"][number] == source_wait * tick_s
        for share, column in ((50, "p50"), (95, "p95"), (100, "max")):
            value = steps[f"{column}_packet_latency_s"][number]
            if own:
                assert value == np.percentile(own, share, method="inverted_cdf") * tick_s
            else:
                assert value is None
    for place, values in latencies.items():
        numbers = found.packet_latency[place]
        assert numbers.packets == len(values)
        shares = [np.percentile(values, each, method="inverted_cdf") for each in (50, 95, 99, 100)]
        assert astuple(numbers)[2:] == tuple(tick_s * each for each in shares)
        assert numbers.mean_s == pytest.approx(tick_s * np.mean(values))
    assert found.resolution == 0
    assert_sums(result, sum(latencies["all"]) * tick_s)


def assert_sums(result, latency_s: float) -> None:
    """Steps, links, bins and distributions add up to the same totals."""
    found = result.interconnect
    spent, steps, links, history = found.spent, found.steps, found.links, found.history
    parts = spent.zero_load_s + spent.source_wait_s + spent.network_wait_s
    assert parts == pytest.approx(latency_s, rel=1e-12, abs=0)
    every = found.packet_latency["all"]
    assert every.mean_s * every.packets == pytest.approx(latency_s, rel=1e-12, abs=0)
    for column in (
        "source_wait_s", "network_wait_s", "tiles_blocked_s", "starved_s", "starved_at_tiles_s"
    ):  # fmt: skip
        assert steps[column].sum() == pytest.approx(getattr(spent, column), rel=1e-12, abs=0)
    assert steps["packets"].sum() == every.packets
    assert steps["packets_across_dies"].sum() == found.packet_latency["across_dies"].packets
    assert steps["latency_s"].sum() == pytest.approx(spent.steps_s, rel=1e-12, abs=0)
    assert steps["beyond_bound_s"].sum() == pytest.approx(spent.beyond_bound_s, rel=1e-12, abs=0)
    assert (steps["beyond_bound_s"] >= 0).all()
    assert links["starved_s"].sum() == pytest.approx(spent.starved_s, rel=1e-12, abs=0)
    for of_bins, column in (
        (history.busy_s, "busy_s"), (history.waited_s, "waited_s"), (history.starved_s, "starved_s")
    ):  # fmt: skip
        np.testing.assert_allclose(of_bins.sum(axis=0), links[column], rtol=1e-12)
    assert history.time_s.sum() == pytest.approx(spent.steps_s, rel=1e-12, abs=0)
    assert (history.utilisation <= 1).all()
    for place, numbers in found.packet_latency.items():
        assert found.latencies[f"packets_{place}"].sum() == numbers.packets
    packets = result.totals.counted.link_packets[:, 0]
    assert ((links["flits"] > 0) == (packets > 0)).all()
    assert (links["flits"] >= packets).all()
    framed = [link.spec.frame is not None for link in result.mapping.package.links]
    assert ((links["frames"] > 0) == (framed & (packets > 0))).all()
    for full, frames in zip(links["frames_full_share"], links["frames"], strict=True):
        assert full is None if not frames else 0 < full <= 1


@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_sample_by_sample_is_the_same_to_the_last_bit(timing, monkeypatch) -> None:
    """So is a few rows at a time, and a second time."""
    mapping, activity = case("copies", 3)
    whole = told(activity, mapping, timing)
    stream = CostStream(mapping, timing=timing, interconnect=True)
    for _ in range(2):
        monkeypatch.setattr("chipletsim.cost.packet_report._NUMBERS", 1)
        for sample in range(activity.samples):
            stream.add(activity.of_samples(sample, 1))
            stream.next_samples()
        parts = stream.close()
        assert np.array_equal(parts.latency_s, whole.latency_s)
        assert parts.interconnect.to_dict() == whole.interconnect.to_dict()
        for table in ("links", "steps", "latencies"):
            one, other = (getattr(each.interconnect, table) for each in (parts, whole))
            assert one.to_dict() == other.to_dict()
        stream = stream.fresh()


def test_long_runs_join_steps() -> None:
    """300 steps take bins of two; sums stay, and the table of bins has half as many."""
    mapping = pair(3)
    steps = 300
    activity = all_at_once(mapping, steps)
    spikes = {name: activity.spikes(name).copy() for name in activity.populations}
    spikes["in"][0, ::2] = True
    again = cs.Activity.from_spikes(activity.populations, spikes)
    result = told(again, mapping, "queue")
    history = result.interconnect.history
    rows = result.totals.rows
    assert (history.steps_per_bin, len(history.time_s)) == (2, -(-rows // 2))
    assert history.busy_s[:150, 0] == pytest.approx(12e-9)  # three packets in every other step
    assert history.time_s.sum() == pytest.approx(result.latency_s.sum())


def test_nobody_is_told_who_did_not_ask() -> None:
    mapping, activity = case("row", 1)
    assert cs.price(activity, mapping, timing="queue").interconnect is None
    assert cs.price(activity, mapping, interconnect=True).interconnect is None
    silent = cs.Activity.from_spikes(
        activity.populations,
        {name: np.zeros_like(activity.spikes(name)) for name in activity.populations},
    )
    found = told(silent, mapping, "cycle").interconnect
    assert str(found) == "no packet entered a router"
    assert found.packet_latency["all"].packets == 0
    assert found.to_dict()["busiest_links"] == []
