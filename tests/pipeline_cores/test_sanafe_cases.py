"""SANA-FE's own runs: every counter, energies, and the latency of every step to the last bit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import slow_latency
from sanafe_cases import CASES, load_case

from chipletsim.cost.message_timer import MessageTimer
from chipletsim.cost.price import CostStream, price
from chipletsim.cost.result import Result
from chipletsim.network.pipeline import stages

COUNTERS = {
    "spikes": "step_fired",
    "neuron_updates": "step_updated",
    "messages": "step_packets",
    "hops": "step_hops",
    "synaptic_operations": "step_spikes",
}
COMPONENTS = {
    "synaptic_operations": "step_synapse_energy",
    "dendrites": "step_dendrite_energy",
    "neuron_updates": "step_soma_energy",
    "network": "step_network_energy",
}


PRICED = [
    pytest.param(name, marks=pytest.mark.slow) if name.startswith("d_") else name for name in CASES
]
"""Pricing compiles a program for each; the latency of all is checked without."""


@cache
def result(name: str) -> Result:
    case = load_case(name)
    return price(case.activity, case.mapping, timing="detailed")


@pytest.mark.parametrize("name", PRICED)
@pytest.mark.parametrize("ours", COUNTERS)
def test_counters_of_every_step_are_equal(name: str, ours: str) -> None:
    expected = load_case(name).expected[COUNTERS[ours]]
    found = result(name)
    np.testing.assert_array_equal(found.per_step[ours], expected)
    assert getattr(found.events, ours) == expected.sum()


@pytest.mark.parametrize("name", PRICED)
def test_energies_are_equal(name: str) -> None:
    found, expected = result(name), load_case(name).expected
    by_component = found.energy.by_component()
    for ours, theirs in COMPONENTS.items():
        assert by_component[ours] == pytest.approx(expected[theirs].sum(), rel=1e-12, abs=0)
    total_j = expected["step_total_energy"].sum()
    assert found.energy.total_j == pytest.approx(total_j, rel=1e-12, abs=0)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("timing", ["simple", "detailed"])
def test_latency_of_every_step_is_equal_to_the_last_bit(name: str, timing: str) -> None:
    case = load_case(name)
    timer = MessageTimer(case.mapping, [case.mapping.package], stages(case.mapping.network), timing)
    timer.add(case.activity)
    timer.next_samples()
    expected = case.expected[f"latency_{timing}"]
    np.testing.assert_array_equal(timer.close().latency_s[0], expected[None])


@pytest.mark.parametrize("name", CASES)
def test_slow_reference_agrees(name: str) -> None:
    """What the random networks are compared with is SANA-FE's definition itself."""
    case = load_case(name)
    short = replace(
        case.activity,
        steps=4,
        rasters={key: each[:, :4] for key, each in case.activity.rasters.items()},
        updates={key: each[:, :4] for key, each in case.activity.updates.items()},
    )
    for timing in ("simple", "detailed"):
        buffer = next(iter(case.mapping.package.spec.chiplet_types.values())).network
        found = slow_latency.latencies(short, case.mapping, timing, buffer.link_buffer_size)
        np.testing.assert_array_equal(found, case.expected[f"latency_{timing}"][:4])


def test_without_native_kernels_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    case = load_case("a_ff_dense_2x2")
    monkeypatch.setattr("chipletsim.noc.detailed.native_kernels", lambda: False)
    found = price(case.activity, case.mapping, timing="detailed")
    np.testing.assert_array_equal(found.latency_s, case.expected["latency_detailed"][None])
    bound_by = result("a_ff_dense_2x2").latency
    np.testing.assert_array_equal(result("a_ff_dense_2x2").latency_s, found.latency_s)
    assert found.latency.to_dict() == bound_by.to_dict()


def test_windows_change_nothing() -> None:
    case = load_case("a_ff_dense_2x2")
    stream = CostStream(case.mapping, timing="detailed")
    for first in (0, 30, 31, 95):
        stop = {0: 30, 30: 31, 31: 95, 95: 100}[first]
        stream.add(
            replace(
                case.activity,
                steps=stop - first,
                rasters={key: each[:, first:stop] for key, each in case.activity.rasters.items()},
                updates={key: each[:, first:stop] for key, each in case.activity.updates.items()},
            )
        )
    found = stream.close()
    np.testing.assert_array_equal(found.latency_s, case.expected["latency_detailed"][None])
    np.testing.assert_array_equal(found.per_step["neuron_updates"], case.expected["step_updated"])


@pytest.mark.slow
def test_result_says_what_bounds_each_step() -> None:
    """In case d 31 tiles send to the four cores of one tile, which work all the time."""
    latency = result("d_hotspot_loihi").latency
    assert latency.share_of_hardware_steps == {"pipeline_core tiles working on messages": 1.0}
    name, steps, seconds = latency.bottlenecks[0]
    assert name.endswith("working on messages")
    assert steps == 20
    barriers = 20 * 1.8e-6  # 32 routers have neurons
    assert latency.terms_s["barriers"] == pytest.approx(barriers)
    assert seconds == pytest.approx(latency.per_inference_s - barriers)
    assert latency.throughput_per_s == pytest.approx(1 / latency.per_inference_s)
