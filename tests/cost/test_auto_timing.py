"""Timing `auto` of runs: within its tolerance of `cycle`, and it says what it did and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cost_cases import (
    NEUROCORE,
    ROUTER,
    mixed_network,
    mixed_package,
    population,
    random_activity,
    random_mapping,
    row_of_tiles,
)

import chipletsim as cs
from chipletsim.cost import auto_timer
from chipletsim.cost.price import CostStream, Pricer, price_many
from chipletsim.engine.rates import RateActivity
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Projection
from chipletsim.noc import auto_timing, timing_model
from chipletsim.report.interconnect import interconnect_report
from chipletsim.tables import render

SLOW = NEUROCORE | {"time_per_synaptic_op": "2 ms/op", "time_per_neuron_update": "1 ns/op"}


def placed(package, seed: int) -> Mapping:
    mapping = random_mapping(mixed_network(), package, seed)
    slices = tuple(replace(part, weight_tile=part.tile) for part in mapping.slices)
    return replace(mapping, slices=slices)


def one_slow_tile(seed: int, operation: str = "2 ms/op") -> Mapping:
    """All neurons but inputs on a tile that takes long, with little else to do."""
    package = row_of_tiles(3, tile=SLOW | {"time_per_synaptic_op": operation})
    mapping = placed(package, seed)
    tile = next(part.tile for part in mapping.slices if part.population)
    slices = [part if not part.population else replace(part, tile=tile) for part in mapping.slices]
    return replace(mapping, slices=tuple(replace(x, weight_tile=x.tile) for x in slices))


def few_neurons(targets: int = 1) -> Mapping:
    """An input on an io tile, and neurons on one tile or each on one."""
    network = Network(
        "few",
        (population("in", (1,), "input"), population("out", (2,))),
        (Projection("a", "in", "out", Dense(np.ones((2, 1), np.float32))),),
        1e-3,
    )
    package = row_of_tiles(3)
    kinds = [tile.kind for tile in package.tiles]
    io = kinds.index("io")
    cores = [at for at, kind in enumerate(kinds) if kind == "neurocore"][-targets:]
    each = 2 // targets
    parts = [Slice(1, ((n * each, (n + 1) * each),), at, at) for n, at in enumerate(cores)]
    return Mapping(network, package, (Slice(0, ((0, 1),), io, io), *parts), "by hand", 0)


def plain_package():
    return mixed_package(frame=None)


@pytest.mark.parametrize(("seed", "rate"), [(0, 0.3), (1, 0.02)])
@pytest.mark.parametrize("make", [one_slow_tile, lambda seed: placed(plain_package(), seed)])
def test_each_step_is_within_the_tolerance_of_cycle(make, seed: int, rate: float) -> None:
    mapping = make(seed)
    activity = random_activity(mapping.network, 2, 3, rate, seed)
    auto, cycle = (cs.price(activity, mapping, timing=name) for name in ("auto", "cycle"))
    assert auto.latency_s == pytest.approx(cycle.latency_s, rel=0.01)
    assert (auto.latency_s <= cycle.latency_s * (1 + 1e-12)).all()
    assert sum(auto.timed.steps.values()) == auto.latency_s.size
    assert auto.events == cycle.events
    assert auto.energy.dynamic_j == pytest.approx(cycle.energy.dynamic_j, rel=1e-12, abs=0)
    followed = auto.timed.steps.get("cycle", 0)
    assert (auto.latency_s != cycle.latency_s).sum() <= auto.latency_s.size - followed


def test_a_busy_tile_needs_no_packets() -> None:
    mapping = one_slow_tile(0)
    activity = random_activity(mapping.network, 1, 4, 0.3, 0)
    result = cs.price(activity, mapping, timing="auto")
    assert result.timing == "bound"
    assert result.timed.asked == "auto"
    assert result.timed.steps == {"bound": result.latency_s.size}
    assert "certain to be within 1% of `cycle` in each step" in result.timed.why
    assert "timing `bound`" in " ".join(result.not_modelled)
    bound = cs.price(activity, mapping)
    assert result.latency_s == pytest.approx(bound.latency_s, rel=0.01)


def test_packets_that_may_meet_are_followed(monkeypatch) -> None:
    mapping = placed(plain_package(), 1)
    activity = random_activity(mapping.network, 2, 3, 0.2, 1)
    auto = cs.price(activity, mapping, timing="auto")
    assert auto.timing == "cycle"
    assert "packets may meet" in auto.timed.why
    assert "timing `cycle`, as packets may meet" in str(auto)
    assert auto.to_dict()["timed"]["hardware_steps"] == auto.timed.steps
    assert auto.metrics()["steps_timed_by_cycle"] == auto.timed.steps["cycle"]
    monkeypatch.setattr(auto_timing, "AUTO_FLIT_HOPS", 10)
    queue = cs.price(activity, mapping, timing="auto")
    assert queue.timing == "queue"
    own = cs.price(activity, mapping, timing="queue")
    assert queue.latency_s == pytest.approx(own.latency_s, rel=0.01)
    # A stream that will go on foresees more than its first window has.
    hops = int(auto.timed.why.split("some ")[1].split()[0].replace(",", ""))
    monkeypatch.setattr(auto_timing, "AUTO_FLIT_HOPS", hops)
    for sample_steps, model in ((None, "cycle"), (6, "cycle"), (7, "queue")):
        stream = CostStream(mapping, timing="auto", sample_steps=sample_steps)
        stream.add(activity)
        assert stream.close().timing == model


def test_requests_for_weights_are_always_followed() -> None:
    mapping = one_slow_tile(0)
    package = plain_package()
    kinds = [tile.kind for tile in package.tiles]
    core, memory = kinds.index("neurocore"), kinds.index("memory")
    slices = [
        replace(part, tile=core if part.population else kinds.index("io"), weight_tile=memory)
        for part in mapping.slices
    ]
    slices = [part if part.population else replace(part, weight_tile=part.tile) for part in slices]
    fetching = replace(mapping, package=package, slices=tuple(slices))
    activity = random_activity(mapping.network, 1, 2, 0.1, 0)
    auto, cycle = (cs.price(activity, fetching, timing=name) for name in ("auto", "cycle"))
    assert auto.timed.steps["cycle"] > 0
    assert auto.latency_s == pytest.approx(cycle.latency_s, rel=0.01)
    assert (auto.latency_s <= cycle.latency_s * (1 + 1e-12)).all()


def test_frames_are_always_followed() -> None:
    """Energy depends on how full they are, which `bound` does not say."""
    mapping = placed(mixed_package(), 1)
    activity = random_activity(mapping.network, 1, 3, 0.0, 1)
    auto = cs.price(activity, mapping, timing="auto")
    assert auto.timed.steps == {"cycle": auto.latency_s.size}
    assert auto.link_uses is not None


def test_the_interconnect_is_told_of_followed_steps_alone() -> None:
    """Step by step it is what `cycle` has there; no time of other steps is in any share."""
    mapping = one_slow_tile(1, "20 ns/op")
    activity = random_activity(mapping.network, 1, 8, 0.1, 1)
    auto, cycle = (
        cs.price(activity, mapping, timing=name, interconnect=True) for name in ("auto", "cycle")
    )
    found, every = auto.interconnect, cycle.interconnect
    followed = auto.timed.steps["cycle"]
    assert 0 < followed < auto.latency_s.size
    assert (found.steps_followed, found.steps_in_all) == (followed, auto.latency_s.size)
    assert (every.steps_followed, every.steps_in_all) == (auto.latency_s.size,) * 2
    rows = found.steps["hardware_step"]
    assert len(rows) == followed
    whole = {row[1]: row for row in every.steps.rows()}
    assert [tuple(row) for row in found.steps.rows()] == [tuple(whole[row]) for row in rows]
    latency_s = cycle.latency_s[0, rows].sum()
    assert found.spent.steps_s == pytest.approx(latency_s, rel=1e-12, abs=0)
    assert found.packet_latency["all"].packets == sum(found.steps["packets"])
    busy_s = every.history.busy_s[rows]
    assert np.array_equal(found.history.busy_s[rows], busy_s)
    assert found.links["busy_s"] == pytest.approx(busy_s.sum(axis=0), rel=1e-12, abs=0)
    shares = busy_s.sum(axis=0) / latency_s
    assert found.links["utilisation"] == pytest.approx(shares, rel=1e-12, abs=0)
    there = np.isin(np.arange(auto.latency_s.size), rows)
    assert np.array_equal(found.history.followed, there.astype(int))
    assert np.array_equal(found.history.time_s > 0, there)
    told = found.to_dict()
    assert [each["hardware_step"] for each in told["over_time"]] == list(rows)
    assert (told["steps_followed"], told["steps_in_all"]) == (followed, auto.latency_s.size)
    for table in (found.links, found.latencies):
        assert set(table["steps_followed"]) == {followed}
        assert set(table["steps_in_all"]) == {auto.latency_s.size}
    text = "\n".join(render(each, width=300) for each in interconnect_report(told, 1))
    assert f"are of {followed} of {auto.latency_s.size} hardware steps" in text
    assert f"in {followed} of {auto.latency_s.size} hardware steps" in str(auto)
    text = "\n".join(render(each, width=300) for each in interconnect_report(every.to_dict(), 1))
    assert "left to" not in text


def test_without_followed_steps_there_is_no_interconnect() -> None:
    mapping = one_slow_tile(0)
    activity = random_activity(mapping.network, 1, 4, 0.3, 0)
    assert cs.price(activity, mapping, timing="auto", interconnect=True).interconnect is None


def as_bound(result, mapping: Mapping, activity) -> None:
    bound = cs.price(activity, mapping, timing="bound")
    assert result.timing == "bound"
    assert np.array_equal(result.latency_s, bound.latency_s)
    assert result.energy.to_dict() == bound.energy.to_dict()
    assert result.latency.to_dict() == bound.latency.to_dict()


def test_what_cannot_be_followed_is_bounded(monkeypatch) -> None:
    package = mixed_package(encoding={"spikes": {"kind": "spike_counts"}})
    mapping = random_mapping(mixed_network(), package, 3)
    activity = random_activity(mapping.network, 1, 2, 0.1, 0)
    encoded = cs.price(activity, mapping, timing="auto")
    as_bound(encoded, mapping, activity)
    assert encoded.timed.forced
    assert "`spike_counts` come once in an inference" in encoded.timed.why

    # Packets of 28 bit are two flits of 24, and copied where the buffer holds one.
    monkeypatch.setitem(ROUTER, "buffer_flits", 1)
    shallow = few_neurons(targets=2)
    activity = random_activity(shallow.network, 1, 2, 0.5, 0)
    with pytest.raises(UsageError, match="is copied at a router"):
        cs.price(activity, shallow, timing="cycle")
    copied = cs.price(activity, shallow, timing="auto")
    as_bound(copied, shallow, activity)
    assert "is copied at a router" in copied.timed.why

    pair = few_neurons()
    drawn = RateActivity.of(pair.network, {"in": 0.5, "out": 0.1}, steps=2, samples=1, seed=0)
    monkeypatch.setattr("chipletsim.engine.rates.MOST_LISTED_BYTES", 0)
    result = cs.price(drawn, pair, timing="auto")
    as_bound(result, pair, drawn)
    assert "too many to list" in result.timed.why

    monkeypatch.setattr(auto_timer, "native_functions", lambda: False)
    activity = random_activity(pair.network, 1, 2, 0.5, 0)
    result = cs.price(activity, pair, timing="auto")
    as_bound(result, pair, activity)
    assert "native kernels" in result.timed.why


def test_packages_are_priced_together_as_apart() -> None:
    mapping = placed(mixed_package(), 1)
    activity = random_activity(mapping.network, 2, 3, 0.2, 1)
    changes = [{}, {"latency": "30 ns"}, {"bandwidth": "2 Gb/s"}, {"energy_per_bit": "9 pJ/bit"}]
    packages = [mixed_package(**change) for change in changes]
    together = price_many(activity, mapping, packages, timing="queue")
    for package, found in list(zip(packages, together, strict=True))[1:3]:
        own = cs.price(activity, replace(mapping, package=package), timing="queue")
        assert own.metrics() == found.metrics()
    times = [float(result.latency_s.sum()) for result in together]
    assert times[0] == times[3] < times[1]
    assert times[0] < times[2]


def test_a_pricer_begins_anew() -> None:
    mapping = placed(mixed_package(), 1)
    pricer = Pricer(mapping, timing="auto")
    for seed, rate in ((0, 0.3), (1, 0.05), (0, 0.3)):
        activity = random_activity(mapping.network, 1, 2, rate, seed)
        own = cs.price(activity, mapping, timing="auto")
        assert pricer.price(activity).metrics() == own.metrics()


def test_where_one_model_has_to_be_named() -> None:
    with pytest.raises(UsageError, match="one has to be named"):
        timing_model("auto")
