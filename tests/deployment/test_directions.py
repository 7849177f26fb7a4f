"""Which way results move: more bandwidth, fewer bits, more spikes."""

from __future__ import annotations

import pytest
from deployment_cases import DIE_TO_DIE, perceptron, row_of_dies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chipletsim.codecs import AddressEvents, DenseValues, MaskedValues
from chipletsim.deployment.deploy import deploy
from chipletsim.deployment.plan import Plan
from chipletsim.models import build_model

pytestmark = pytest.mark.usefixtures("quick_programs")

MODEL = perceptron(64, 48, 40, 10)
ROW = row_of_dies(3)
KINDS = st.sampled_from(["own", "dense", "spiking", "hybrid"])
FEW = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))


@FEW
@given(KINDS, st.integers(1, 3), st.sampled_from([1, 3, 17, 100]))
def test_more_bandwidth_is_never_slower(activations: str, stages: int, times: int) -> None:
    plan = Plan(stages=stages, activations=activations)
    slow = deploy(MODEL, ROW, plan)
    fast = deploy(MODEL, row_of_dies(3, link=DIE_TO_DIE | {"bandwidth": f"{8 * times} Gb/s"}), plan)
    assert fast.latency_s <= slow.latency_s * (1 + 1e-12)
    assert fast.interval_s <= slow.interval_s * (1 + 1e-12)


@FEW
@given(st.integers(1, 3), st.integers(1, 15))
def test_fewer_bits_are_never_dearer(stages: int, bits: int) -> None:
    wide = deploy(MODEL, ROW, Plan(stages=stages, activation_bits=bits + 1))
    narrow = deploy(MODEL, ROW, Plan(stages=stages, activation_bits=bits))
    assert narrow.bits_across_dies <= wide.bits_across_dies
    assert narrow.energy.total_j <= wide.energy.total_j
    assert narrow.latency_s <= wide.latency_s


@FEW
@given(
    st.sampled_from(["spiking", "hybrid"]),
    st.floats(0, 0.5),
    st.floats(0.001, 0.5),
    st.integers(1, 3),
)
def test_more_spikes_are_more_bits(kind: str, rate: float, more: float, stages: int) -> None:
    few = deploy(MODEL, ROW, Plan(stages=stages, activations=kind, rate=rate))
    many = deploy(MODEL, ROW, Plan(stages=stages, activations=kind, rate=rate + more))
    assert many.bits_across_dies >= few.bits_across_dies
    assert many.energy.dynamic_j >= few.energy.dynamic_j
    if stages > 1:
        assert many.bits_across_dies > few.bits_across_dies


def test_a_step_takes_at_least_one_frame() -> None:
    """Eight hidden values at a rate of a thousandth: a frame in each of 16 steps, or one."""
    model = perceptron(8, 8, 8)
    codec = AddressEvents(address="3 bit")
    plan = Plan(stages=2, activations="hybrid", steps=16, rate=0.001, spike_codec=codec)
    stepwise = deploy(model, row_of_dies(2), plan).dearest_boundary
    assert stepwise.wire_bits == 16 * 128
    at_once = Plan(**{**dict(plan), "batched_steps": True})
    assert deploy(model, row_of_dies(2), at_once).dearest_boundary.wire_bits == 128
    dense = deploy(model, row_of_dies(2), Plan(stages=2)).dearest_boundary
    assert dense.wire_bits == 128


def test_value_codecs_decide_the_bits_of_values() -> None:
    plan = Plan(stages=2, value_codec=DenseValues(width="4 bit"))
    result = deploy(perceptron(8, 24, 8), row_of_dies(2), plan)
    # 96 bits and 8 of header, 7 flits of 16.
    assert result.dearest_boundary.bits == 112
    masked = Plan(stages=2, value_codec=MaskedValues(width="4 bit"), share_of_zeros=0.5)
    result = deploy(perceptron(8, 24, 8), row_of_dies(2), masked)
    # 24 (1 + 2) bits and 8 of header: 80 bits, 5 flits.
    assert result.dearest_boundary.bits == 80


def test_rates_by_layer() -> None:
    plan = Plan(stages=3, activations="hybrid", rate=0.25, steps=2)
    even = deploy(MODEL, ROW, plan)
    silent = Plan(**{**dict(plan), "rates": {"linear0": 0.0}})
    result = deploy(MODEL, row_of_dies(3), silent)
    assert len(even.boundaries) == 2
    assert [each.name for each in result.boundaries] == ["die_1_0 > die_2_0"]


def test_a_model_with_spikes_sends_its_own() -> None:
    model = perceptron(16, 16, 16, spiking=True, steps=5)
    plan = Plan(stages=2, rate=0.25)
    own = deploy(model, row_of_dies(2), plan)
    # Four spikes a step of 28 bits in two flits of 16.
    assert own.dearest_boundary.bits == pytest.approx(5 * 4 * 32)
    assert own.dearest_boundary.bits_by_kind.keys() == {"spikes"}
    dense = deploy(model, row_of_dies(2), Plan(stages=2, activations="dense"))
    # 16 values are a packet of 100 + 8 bits and one of 28 + 8: 7 and 3 flits.
    assert dense.dearest_boundary.bits == 160
    assert dense.events("dense_operations").sum() == model.macs_one_step
    assert own.events("dense_operations").sum() == 5 * model.macs_one_step


def test_the_break_even_of_a_boundary_is_that_of_the_codec() -> None:
    """Long messages without overhead: spikes save bits iff T r (a + h) < b."""
    model = build_model("gpt2_small", tokens=16)
    package = row_of_dies(
        3, {**dict(kind="npu", neurons=1, synaptic_memory="1 GiB", array_rows=8, array_columns=8),
            "clock": "1 GHz", "energy_per_mac": "1 pJ/op", "weight_bits": 8,
            "sram_energy_per_bit": "1 pJ/bit"},
        packet={"header": "0 bit", "address": "1 bit", "max_payload": "1048576 bit"},
        link={"bandwidth": "8 Gb/s", "latency": "1 ns", "flit": "1 bit"},
    )  # fmt: skip
    codec = AddressEvents(address="20 bit")
    dense = deploy(model, package, Plan(stages=3)).bits_across_dies
    for rate, fewer in ((0.09, True), (0.11, False)):  # r* = 8 / (4 x 20) = 0.1
        plan = Plan(stages=3, activations="hybrid", steps=4, rate=rate, spike_codec=codec)
        assert (deploy(model, package, plan).bits_across_dies < dense) == fewer
