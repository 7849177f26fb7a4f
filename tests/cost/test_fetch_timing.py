"""Weights fetched from memory tiles by timing `queue` and `cycle`: by hand, and against prices.

Routers in a row have a clock of 1 ns and take 4 ns; a link takes a flit of 128 bits in 4 ns and has
a latency of 1 ns, so that a packet of a flit that leaves a tile at t is sent to the next router at
t + 4 and arrives at t + 16, as `interconnect_cases` works out. The io tile is on the first, cores
on the next, and the memory on the last. It reads 64 bits in 1 ns, after 50 ns.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from cost_cases import (
    IO,
    MEMORY,
    NEUROCORE,
    NPU,
    mixed_network,
    mixed_package,
    population,
    random_activity,
    random_mapping,
)
from interconnect_cases import ALONE_NS, all_at_once, row_of

import chipletsim as cs
from chipletsim.cost.price import price_many
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Dense, Sparse
from chipletsim.network.model import Network, Projection
from chipletsim.noc import PACKET_MODELS

pytestmark = pytest.mark.usefixtures("quick_programs")

QUICK = NEUROCORE | {"time_per_neuron_update": "0 ns/op"}
TIMINGS = pytest.mark.parametrize("timing", PACKET_MODELS)


def fetching(
    inputs: int = 1,
    outputs: int = 25,
    *,
    cores: int = 1,
    core: dict = QUICK,
    connection: Sparse | None = None,
    **memory: object,
) -> Mapping:
    """Input channels, and neurons that never fire on each core, whose weights the memory holds."""
    package = row_of(IO, *[core] * cores, MEMORY | memory)
    every = Dense(np.ones((outputs * cores, inputs), np.float32))
    network = Network(
        "fetching",
        (population("in", (inputs,), "input"), population("out", (outputs * cores,))),
        (Projection("a", "in", "out", connection or every),),
        1e-3,
    )
    slices = [Slice(1, ((outputs * n, outputs * (n + 1)),), 1 + n, 1 + cores) for n in range(cores)]
    return Mapping(network, package, (Slice(0, ((0, inputs),), 0, 0), *slices), "by hand", 0)


@TIMINGS
def test_a_fetch(timing: str) -> None:
    """A spike is made in 1 ns and arrives at 17. The core takes 1 ns for it, and asks at 18.

    The request arrives at 34 and is answered from 84 on: 200 bits in packets of 100, each read in
    1.5625 ns. They leave at 86 and 88; the link takes the second 4 ns after the first. The core
    works for 12.5 ns on the 25 synapses in two halves, from 102 and 114.5 on.
    """
    mapping = fetching()
    arrives = 1 + ALONE_NS
    assert arrives + 1 + ALONE_NS + 50 == 84
    expected_ns = 86 + ALONE_NS + 25
    activity = all_at_once(mapping)
    result = cs.price(activity, mapping, timing=timing, interconnect=True)
    assert 1e9 * result.latency_s[0, 0] == pytest.approx(expected_ns, rel=1e-12)
    # The spike, the request, and two packets with weights, of which the second waits.
    found = result.interconnect
    assert found.packet_latency["all"].packets == 4
    assert 1e9 * found.spent.network_wait_s == pytest.approx(2)
    assert 1e9 * found.spent.tiles_blocked_s == pytest.approx(86 - 85.5625)
    bound = cs.price(activity, mapping)
    assert 1e9 * bound.latency_s[0, 0] == pytest.approx(50 + 200 / 64)
    assert result.events == bound.events


@TIMINGS
def test_dense_tiles_compute_as_their_weights_come(timing: str) -> None:
    """In the step after the spike the memory reads from the start on.

    The first packet leaves at 52 and is there at 68; the second leaves at 54, waits 2 ns for the
    link, and is there at 72. The tile computes for half of its 90 cycles on each.
    """
    for clock, expected_ns in (("10 GHz", 68 + 4.5 + 4.5), ("45 GHz", 72 + 1), ("0.5 GHz", 248)):
        mapping = fetching(core=NPU | {"clock": clock})
        activity = all_at_once(mapping)
        result = cs.price(activity, mapping, timing=timing)
        assert 1e9 * result.latency_s[0, 1] == pytest.approx(expected_ns, rel=1e-12)
        assert result.latency_s[0, 1] >= cs.price(activity, mapping).latency_s[0, 1]
        assert "room on npu tiles for weights" in " ".join(result.not_modelled)


@TIMINGS
def test_a_block_without_weights_takes_an_access(timing: str) -> None:
    """It is priced as a request, so that a step is no faster than its bound."""
    none = Sparse(np.zeros(2, int), np.zeros(0, np.int32), np.zeros(0, np.float32), 25)
    mapping = fetching(core=NPU | {"clock": "10 GHz"}, connection=none)
    activity = all_at_once(mapping)
    for name in ("bound", timing):
        found = cs.price(activity, mapping, timing=name)
        assert 1e9 * found.latency_s[0, 1] == pytest.approx(50)


def test_what_is_sent_unasked_may_be_left_to_bound() -> None:
    """A dense tile that computes for 90 us hides two packets with weights, whatever they do."""
    mapping = fetching(core=NPU | {"clock": "1 MHz"})
    activity = all_at_once(mapping)
    auto, cycle = (cs.price(activity, mapping, timing=name) for name in ("auto", "cycle"))
    assert auto.timed.steps == {"bound": 1, "cycle": 1}
    assert auto.latency_s == pytest.approx(cycle.latency_s, rel=0.01)
    assert 1e6 * auto.latency_s[0, 1] == pytest.approx(90)


@TIMINGS
def test_a_memory_that_is_slow_takes_all_of_the_time(timing: str) -> None:
    """The first of ten events asks at 18 as above; from 84 on the memory reads ten times 200 bits.

    All others have asked by then. The last packet leaves in the next cycle, and half of the
    synapses follow its arrival.
    """
    mapping = fetching(10, bandwidth="0.1 Gb/s")
    activity = all_at_once(mapping)
    result = cs.price(activity, mapping, timing=timing)
    expected_ns = 84 + 10 * 200 / 0.1 + ALONE_NS + 12.5
    assert 1e9 * result.latency_s[0, 0] == pytest.approx(expected_ns, rel=1e-12)
    memory = mapping.package.tiles[-1].name
    assert result.latency.bottlenecks[0][0] == memory
    assert 1e9 * cs.price(activity, mapping).latency_s[0, 0] == pytest.approx(50 + 20_000)


@TIMINGS
def test_a_memory_stops_where_the_network_is_full(timing: str) -> None:
    """Three cores ask at once for 3 x 8 x 20 packets, which one link of 4 ns a packet takes."""
    mapping = fetching(8, 250, cores=3, core=QUICK | {"time_per_synaptic_op": "0.1 ns/op"})
    result = cs.price(all_at_once(mapping), mapping, timing=timing, interconnect=True)
    packets, found = 3 * 8 * 20, result.interconnect
    link_ns, step_ns = 4 * packets, 1e9 * result.latency_s[0, 0]
    assert link_ns < step_ns < 1.2 * link_ns
    # The memory could read all of them in less than half of that.
    read_ns = packets * 100 / 64
    blocked_ns = 1e9 * found.spent.tiles_blocked_s
    assert blocked_ns > 0.8 * (link_ns - read_ns)
    assert blocked_ns < step_ns - read_ns
    assert found.packet_latency["all"].packets == result.events.packets_injected
    busiest = found.steps["busiest_link"][0]
    assert busiest == found.links["link"][np.argmax(found.links["busy_s"])]


@TIMINGS
def test_reports_and_traces_have_all_packets(timing: str, tmp_path) -> None:
    mapping = random_mapping(mixed_network(), mixed_package(), 3)
    assert any(part.weight_tile != part.tile for part in mapping.slices)
    activity = random_activity(mapping.network, 1, 3, 0.2, 0)
    result = cs.price(activity, mapping, timing=timing, interconnect=True)
    assert result.interconnect.packet_latency["all"].packets == result.events.packets_injected
    cs.save_trace(activity, mapping, tmp_path / "trace.json", timing=timing)
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    on_the_way = [each for each in events if each.get("cat") == "message" and each["ph"] == "b"]
    assert len(on_the_way) == result.events.packets_delivered
    memories = {tile.name for tile in mapping.package.tiles if tile.kind == "memory"}
    assert memories & {each["args"]["from"] for each in on_the_way}


@TIMINGS
def test_memories_of_several_packages_are_told_apart(timing: str) -> None:
    mapping = fetching(10)
    activity = all_at_once(mapping)
    changes = [{}, {"bandwidth": "1 Gb/s"}, {"access_latency": "90 ns"}]
    packages = [fetching(10, **change).package for change in changes]
    together = price_many(activity, mapping, packages, timing=timing)
    own = [
        cs.price(activity, replace(mapping, package=package), timing=timing) for package in packages
    ]
    times = [float(result.latency_s[0, 0]) for result in together]
    assert times == [float(result.latency_s[0, 0]) for result in own]
    assert times[0] < times[2] < times[1]
    assert 1e9 * (times[2] - times[0]) == pytest.approx(40)


@TIMINGS
def test_windows_change_nothing(timing: str, monkeypatch) -> None:
    mapping = random_mapping(mixed_network(), mixed_package(), 5)
    activity = random_activity(mapping.network, 2, 4, 0.2, 5)
    whole = cs.price(activity, mapping, timing=timing)
    monkeypatch.setattr("chipletsim.cost.packet_rows.MOST_PACKETS", 1)  # a row at a time
    assert np.array_equal(cs.price(activity, mapping, timing=timing).latency_s, whole.latency_s)
