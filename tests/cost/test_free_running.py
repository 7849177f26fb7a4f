"""Steps that run freely, without barriers: times by hand, bounds, counts and reports."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cost_cases import IO, ON_DIE, package_of
from encoded_cases import windows
from interconnect_cases import pair
from test_link_uses import WAIT, on_link_j, spikes_over, two_dies

import chipletsim as cs
from chipletsim.cost import free_rows
from chipletsim.cost.gradients import gradients
from chipletsim.cost.price import CostStream, price_many
from chipletsim.cost.row_numbers import RowNumbers
from chipletsim.cost.running_rows import RunningRows
from chipletsim.cost.sample_trace import SampleTracer
from chipletsim.cost.structure import structure
from chipletsim.cost.tile_amounts import TileAmounts
from chipletsim.engine.activity import Activity
from chipletsim.errors import ConfigError, UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.noc import PACKET_MODELS
from chipletsim.noc.flit_network import Burst, Job, delivery_starts
from chipletsim.noc.free_bursts import free_job
from chipletsim.report.summary import summarise

sys.path.insert(0, str(Path(__file__).parents[1] / "noc"))
from burst_cases import Features, random_job
from test_package_timing import PACKAGES, case

NS = 1e-9
BOTH = pytest.mark.parametrize("timing", PACKET_MODELS)


def freely(mapping: Mapping) -> Mapping:
    """The same mapping on a package whose steps run freely."""
    package = mapping.package
    spec = package.spec.model_copy(update={"synchronisation": "free"})
    return replace(mapping, package=replace(package, spec=spec))


def in_each_step(mapping: Mapping, steps: int, samples: int = 1) -> Activity:
    """All input channels spike in each step; nothing else ever does."""
    sizes = {each.name: each.shape for each in mapping.network.populations}
    spikes = {name: np.zeros((samples, steps, *shape), bool) for name, shape in sizes.items()}
    spikes["in"][:] = True
    return Activity.from_spikes(sizes, spikes)


@BOTH
def test_a_core_that_is_never_idle_takes_what_it_works_by_hand(timing: str) -> None:
    # See interconnect_cases: the packet of the first step, made at 0.25 ns, leaves with the clock
    # at 1 ns and arrives at 17 ns; the others follow in 4 ns each, as fast as the link is. Of each
    # step the core works 2 ns on a message and 3 ns on its neuron, which is 5 ns, one thing at a
    # time, and so it is never idle again: the last of T steps ends at 17 + 5 T ns. It updates the
    # neuron once the message of the step is worked on, and then takes the next one.
    steps = 4
    mapping = pair(1)
    activity = in_each_step(mapping, steps)
    found = cs.price(activity, freely(mapping), timing=timing)
    ends_ns = [17 + 2 + 5 * row for row in range(steps)] + [17 + 5 * steps]
    assert found.latency_s.cumsum() / NS == pytest.approx(ends_ns, rel=1e-12, abs=0)
    # With barriers each step waits for its own packet, and the last one for the update.
    held = cs.price(activity, mapping, timing=timing)
    assert held.latency_s.sum() / NS == pytest.approx(19 * steps + 3, rel=1e-12, abs=0)
    # What no schedule undercuts: the core works 5 ns of each step, whenever packets come.
    bound = cs.price(activity, freely(mapping), timing="bound")
    assert 5 * steps * NS <= bound.latency_s.sum() <= found.latency_s.sum()


@BOTH
def test_a_single_step_is_as_with_barriers_that_take_no_time(timing: str) -> None:
    mapping = pair(3)
    activity = in_each_step(mapping, 1)
    held, found = (cs.price(activity, on, timing=timing) for on in (mapping, freely(mapping)))
    assert found.latency_s.sum() == pytest.approx(held.latency_s.sum(), rel=1e-12, abs=0)
    assert found.events == held.events


@pytest.mark.parametrize("name", PACKAGES)
def test_no_step_ends_before_its_bound(name: str) -> None:
    mapping, activity = case(name, 1)
    held = cs.price(activity, mapping, timing="bound")
    mapping = freely(mapping)
    bound = cs.price(activity, mapping, timing="bound")
    assert (bound.latency_s.sum(axis=1) <= held.latency_s.sum(axis=1) * (1 + 1e-12)).all()
    for timing in PACKET_MODELS:
        found = cs.price(activity, mapping, timing=timing)
        ends_s = found.latency_s.cumsum(axis=1)
        assert (ends_s >= bound.latency_s.cumsum(axis=1) * (1 - 1e-12)).all()
        assert (found.latency_s >= 0).all()
        assert found.events == held.events


@pytest.mark.parametrize("timing", ["bound", *PACKET_MODELS])
def test_windows_and_batches_of_samples_change_nothing(timing: str, monkeypatch) -> None:
    mapping, activity = case("copies", 3)
    mapping = freely(mapping)
    whole = cs.price(activity, mapping, timing=timing, interconnect=True)
    monkeypatch.setattr(free_rows, "_TOGETHER", 1)
    stream = CostStream(mapping, timing=timing, interconnect=True)
    for sample in range(activity.samples):
        part = activity.of_samples(sample, 1)
        for each in windows(part, 1, 2):
            stream.add(each)
        stream.next_samples()
    found = stream.close()
    assert np.array_equal(found.latency_s, whole.latency_s)
    assert found.metrics() == whole.metrics()
    if timing != "bound":
        steps = [result.interconnect.steps.to_dict() for result in (found, whole)]
        assert steps[0] == steps[1]
        histories = [result.interconnect.history for result in (found, whole)]
        assert histories[0].bin_s == histories[1].bin_s
        assert np.array_equal(histories[0].busy_s, histories[1].busy_s)


def test_a_burst_of_all_steps_has_the_packets_of_each_in_order() -> None:
    features = Features(clocks=True, kinds=True, work=True)
    job = random_job(5, features)
    rng = np.random.default_rng(5)
    jobs, told = [], {}
    for step in range(3):
        chosen = np.flatnonzero(rng.random(len(job.burst.packet)) < 0.5)
        starts = delivery_starts(job.flows, job.burst)
        work = [job.burst.processing[starts[n] : starts[n + 1]] + step for n in chosen]
        kind = None if job.burst.kind is None else job.burst.kind[chosen]
        packet = job.burst.packet[chosen]
        jobs.append(Job(job.network, job.flows, Burst(packet, np.concatenate(work), kind=kind)))
        for row, its in zip(packet.tolist(), work, strict=True):
            told.setdefault(row[0], []).append((*row[:5], step, its.tolist()))
    whole = free_job(jobs)
    starts = delivery_starts(whole.flows, whole.burst)
    listed = [
        (*row, whole.burst.processing[starts[n] : starts[n + 1]].tolist())
        for n, row in enumerate(whole.burst.packet.tolist())
    ]
    assert whole.burst.steps == 3
    assert listed == [each for node in sorted(told) for each in told[node]]


def test_sums_over_rows_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(2)
    samples, rows, frame_bits = 3, 5, np.array([0, 128])
    tiles = rng.integers(0, 9, (2, 4, samples, rows))
    bits = rng.integers(0, 3, (2, samples, rows)) * 128
    longest_s = rng.random((1, samples, rows))
    running = RunningRows(frame_bits)
    # Samples side by side, rows in three windows; two rows of padding behind each batch.
    for window in (slice(0, 2), slice(2, 3), slice(3, 5)):
        number = np.arange(rows)[window]
        places = np.stack([np.repeat(np.arange(samples), number.size), np.tile(number, samples)], 1)

        def batch(values: np.ndarray, window=window) -> np.ndarray:
            flat = values[..., window].reshape(*values.shape[:-2], -1)
            return np.concatenate([flat, np.zeros((*flat.shape[:-1], 2), flat.dtype)], axis=-1)

        numbers = RowNumbers(TileAmounts(batch(tiles), ("a", "b")), batch(bits), 0, 0, 0)
        sums, longest = running.add(places, numbers, batch(longest_s))
        for at, (sample, row) in enumerate(places.tolist()):
            upto = np.s_[..., sample, : row + 1]
            assert np.array_equal(sums.tiles.numbers[..., at], tiles[upto].sum(axis=-1))
            assert longest[0, at] == longest_s[upto].max()
            used = bits[upto] > 0
            # A frame of each row but the first may be one that rows share.
            shared = np.maximum(used.sum(axis=-1) - 1, 0) * frame_bits
            assert np.array_equal(sums.wire_bits[:, at], bits[upto].sum(axis=-1) - shared)
    running.forget()  # and samples of the same numbers begin anew
    sums, _ = running.add(places, numbers, batch(longest_s))
    assert np.array_equal(sums.tiles.numbers[..., 0], tiles[..., 0, 3])


@BOTH
def test_steps_share_frames(timing: str) -> None:
    # Packets of 12 steps, one in a nanosecond, of which the first waits for all others: 12 x 40 of
    # the 512 bits of one frame. With barriers each goes alone.
    activity, mapping = spikes_over(two_dies(**WAIT), 1, steps=12)
    held = cs.price(activity, mapping, timing=timing)
    assert sum(on_link_j(held)) == pytest.approx(12 * 544e-12, rel=1e-12, abs=0)
    found = cs.price(activity, freely(mapping), timing=timing)
    assert sum(on_link_j(found)) == pytest.approx(544e-12, rel=1e-12, abs=0)
    assert found.link_uses.padding_bits.tolist() == [-11 * 544, 0]
    bound = cs.price(activity, freely(mapping), timing="bound")
    assert bound.latency_s.sum() <= found.latency_s.sum()


def test_packets_are_told_of_by_step_and_links_by_time() -> None:
    mapping, activity = case("copies", 3)
    held, found = (
        cs.price(activity, on, timing="cycle", interconnect=True)
        for on in (mapping, freely(mapping))
    )
    steps, links = found.interconnect.steps, found.interconnect.links
    for column in ("sample", "hardware_step", "packets", "packets_across_dies"):
        assert np.array_equal(steps[column], held.interconnect.steps[column])
    assert np.array_equal(links["flits"], held.interconnect.links["flits"])
    assert set(steps["busiest_link"]) == set(steps["starved_s"]) == {None}
    spent, history = found.interconnect.spent, found.interconnect.history
    assert spent.starved_s == pytest.approx(links["starved_s"].sum(), rel=1e-12, abs=0)
    assert spent.tiles_blocked_s == pytest.approx(sum(steps["tiles_blocked_s"]), rel=1e-12, abs=0)
    assert spent.beyond_bound_s == pytest.approx(sum(steps["beyond_bound_s"]), rel=1e-12, abs=0)
    assert spent.beyond_bound_s > 0
    assert history.busy_s.sum(axis=0) == pytest.approx(links["busy_s"], rel=1e-12, abs=0)
    assert history.utilisation.max() <= 1


def test_auto_follows_all_free_steps() -> None:
    mapping = freely(pair(1))
    activity = in_each_step(mapping, 3)
    found, cycle = (cs.price(activity, mapping, timing=name) for name in ("auto", "cycle"))
    assert np.array_equal(found.latency_s, cycle.latency_s)
    assert found.timed.steps == {"cycle": 4}


def test_what_is_not_told_of_free_steps_is_said() -> None:
    mapping = freely(pair(1))
    activity = in_each_step(mapping, 2)
    for timing in ("bound", "cycle"):
        result = cs.price(activity, mapping, timing=timing)
        told = summarise("x", result, accuracy=None, comparison=None, provenance={}, notes=[])
        assert any("steps run freely" in note for note in told["notes"])
        said = result.not_modelled
        assert any("tells a tile that it has got all" in entry for entry in said)
        assert not any("time of the barrier" in entry for entry in said)
    for timing in ("simple", "detailed"):
        with pytest.raises(ConfigError, match="run freely"):
            cs.price(activity, mapping, timing=timing)
        with pytest.raises(ConfigError, match="run freely"):
            SampleTracer(mapping, timing)
    with pytest.raises(UsageError, match="free-running"):
        gradients(activity, mapping)


def test_too_many_packets_are_refused(monkeypatch) -> None:
    mapping = freely(pair(1))
    monkeypatch.setattr(free_rows, "MOST_PACKETS", 3)
    cs.price(in_each_step(mapping, 1), mapping, timing="cycle")
    for steps, samples in ((9, 1), (1, 9)):
        with pytest.raises(UsageError, match="than 3 packets"):
            cs.price(in_each_step(mapping, steps, samples), mapping, timing="cycle")


def test_steps_of_many_gates_count_as_more_packets(monkeypatch) -> None:
    """Each tile has a gate for each level of a step: 16 of them are no less than a packet."""
    job = random_job(np.random.default_rng(0), Features())
    nodes, packets = len(job.network.node), len(job.burst.packet)
    many = job._replace(burst=job.burst._replace(levels=32))
    assert free_rows.held_packets(many) == packets + 2 * nodes
    monkeypatch.setattr(free_rows, "MOST_PACKETS", packets + 2 * nodes - 1)
    with pytest.raises(UsageError, match="more memory than"):
        free_rows.check_packets(free_rows.held_packets(many))


def test_free_steps_are_another_structure_and_have_no_barrier() -> None:
    mapping = pair(1)
    free = freely(mapping).package
    assert structure(free) != structure(mapping.package)
    activity = in_each_step(mapping, 3)
    both = [mapping.package, free]
    found = price_many(activity, mapping, both, timing="cycle")
    alone = [cs.price(activity, on, timing="cycle") for on in (mapping, freely(mapping))]
    assert [each.metrics() for each in found] == [each.metrics() for each in alone]
    die = {
        "network": {"topology": "mesh", "shape": [1], "link": ON_DIE},
        "tiles": [{"at": "all", "tile": IO}],
    }
    sections = {"chiplet_types": {"die": die}, "chiplets": {"a": {"type": "die", "at": [0, 0]}}}
    for synchronisation, barrier_s in (("free", 0.0), ("barrier", 1e-9)):
        package = package_of(**sections, synchronisation=synchronisation, barrier="1 ns")
        assert package.spec.barrier_of(1) == barrier_s
