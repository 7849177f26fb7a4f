"""Two dies, two layers, every number worked out by hand.

Four inputs, three hidden values, two outputs, without biases; layer 0 on the west die and layer
1 on the east one, a 4 x 3 array at 0.5 GHz on each. No io tile: inputs are there and answers
stay. What crosses is three hidden values.
"""

from __future__ import annotations

import numpy as np
import pytest
from deployment_cases import perceptron, row_of_dies

from chipletsim.codecs import AddressEvents, Bitmap
from chipletsim.codecs.conversion import Conversion
from chipletsim.deployment.deploy import deploy
from chipletsim.deployment.plan import Plan

CYCLE_S = 2e-9
FIRST_S = 10 * CYCLE_S
"""4 x 3 weights: one fold of 2 x 4 + 3 + 1 - 2 cycles."""
SECOND_S = 10 * CYCLE_S
"""3 x 2 weights take one fold as well."""


def east(result) -> int:
    names = [link.name for link in result.package.links]
    return names.index("die_0_0(0,0)>die_1_0(0,0)")


def test_dense() -> None:
    result = deploy(perceptron(4, 3, 2), row_of_dies(2), Plan(stages=2))
    # 3 x 8 bit and a header of 8 are a packet of 32 bits: two flits of 16, one frame of 128.
    assert result.traffic.link_packets[east(result)] == 1
    assert result.traffic.link_bits[east(result)] == 32
    assert result.traffic.link_wire_bits[east(result)] == 128
    assert result.traffic.link_bits.sum() == 32
    energy = result.energy.by_component()
    assert energy["die-to-die die_0_0(0,0)>die_1_0(0,0)"] == pytest.approx(
        128 * 2e-12, rel=1e-9, abs=0
    )
    # It enters the router of its own die and that of the other.
    assert energy["routers"] == pytest.approx(2 * (1.5e-12 + 32 * 0.125e-12), rel=1e-9, abs=0)
    # 12 and 6 products, as many weights of 8 bits read, 3 and 2 outputs.
    assert energy["synaptic_operations"] == pytest.approx(18 * 0.5e-12, rel=1e-9, abs=0)
    assert energy["memory"] == pytest.approx(18 * 8 * 0.25e-12, rel=1e-9, abs=0)
    assert energy["neuron_updates"] == pytest.approx(5e-12, rel=1e-9, abs=0)
    # Router 1 ns, frame 128 bit / 8 Gb/s = 16 ns, link 10 ns, router 1 ns.
    assert result.latency_s == pytest.approx(FIRST_S + 28e-9 + SECOND_S)
    assert result.timing.stages_s == pytest.approx((FIRST_S, 28e-9 + SECOND_S))
    assert result.interval_s == pytest.approx(28e-9 + SECOND_S)
    dearest = result.dearest_boundary
    assert dearest.name == "die_0_0 > die_1_0"
    assert (dearest.bits, dearest.wire_bits) == (32, 128)
    assert dearest.bits_by_kind == {"values": 32}


def hybrid(**more) -> Plan:
    return Plan(stages=2, activations="hybrid", steps=4, rate=0.25, **more)


def test_hybrid_with_a_packet_for_each_spike() -> None:
    conversion = Conversion(energy_per_update="0.5 pJ/op", energy_per_add="0.25 pJ/op")
    result = deploy(perceptron(4, 3, 2), row_of_dies(2), hybrid(conversion=conversion))
    # 0.75 spikes a step, each 8 + 20 bits in two flits of 16: 24 bits a step, in one frame.
    assert result.traffic.link_packets[east(result)] == pytest.approx(3)
    assert result.traffic.link_bits[east(result)] == pytest.approx(4 * 24)
    assert result.traffic.link_wire_bits[east(result)] == pytest.approx(4 * 128)
    assert result.latency_s == pytest.approx(FIRST_S + 4 * 28e-9 + SECOND_S)
    energy = result.energy.by_component()
    # Three neurons in four steps are encoded, three spikes decoded.
    assert energy["boundary_conversions"] == pytest.approx(
        12 * 0.5e-12 + 3 * 0.25e-12, rel=1e-9, abs=0
    )
    # Both layers compute with values, as without spikes.
    assert energy["synaptic_operations"] == pytest.approx(18 * 0.5e-12, rel=1e-9, abs=0)
    assert energy["routers"] == pytest.approx(2 * 3 * (1.5e-12 + 28 * 0.125e-12), rel=1e-9, abs=0)


def test_hybrid_with_a_bitmap() -> None:
    result = deploy(perceptron(4, 3, 2), row_of_dies(2), hybrid(spike_codec=Bitmap()))
    # Three bits and a header of 8 in each step: one flit of 16.
    assert result.traffic.link_packets[east(result)] == pytest.approx(4)
    assert result.traffic.link_bits[east(result)] == pytest.approx(4 * 16)
    assert result.traffic.link_wire_bits[east(result)] == pytest.approx(4 * 128)


def test_all_steps_in_one_message_take_one_frame() -> None:
    events = AddressEvents(address="2 bit", other="6 bit")
    result = deploy(
        perceptron(4, 3, 2), row_of_dies(2), hybrid(spike_codec=events, batched_steps=True)
    )
    # Three spikes of 8 bits and a header of 8: as many bits as three values.
    assert result.traffic.link_bits[east(result)] == pytest.approx(32)
    assert result.traffic.link_wire_bits[east(result)] == pytest.approx(128)
    assert result.latency_s == pytest.approx(FIRST_S + 28e-9 + SECOND_S)


def test_spiking_computes_in_every_step() -> None:
    plan = Plan(stages=2, activations="spiking", steps=4, rate=0.25)
    result = deploy(perceptron(4, 3, 2), row_of_dies(2), plan)
    # The array makes every product in each of four steps, spike or none.
    assert result.events("dense_operations").tolist() == [4 * 12, 4 * 6]
    assert result.events("synaptic_operations") == pytest.approx([12, 6])
    assert result.events("neuron_updates").tolist() == [4 * 3, 4 * 2]
    assert result.latency_s == pytest.approx(4 * (FIRST_S + 28e-9 + SECOND_S))


def test_a_batch_shares_weights() -> None:
    result = deploy(perceptron(4, 3, 2), row_of_dies(2), Plan(stages=2, batch=3))
    # 9 values of 8 bits and a header: 80 bits, 5 flits of 16.
    assert result.traffic.link_bits[east(result)] == 80
    assert result.events("weight_reads").tolist() == [12, 6]
    assert result.events("dense_operations").tolist() == [36, 18]
    cycles = 2 * 4 + 3 + 3 - 2
    assert result.latency_s == pytest.approx(2 * cycles * CYCLE_S + 28e-9)
    assert result.energy_per_inference_j == pytest.approx(
        result.energy.total_j / 3, rel=1e-9, abs=0
    )


def test_a_barrier_ends_each_application_of_a_layer() -> None:
    without = deploy(perceptron(4, 3, 2), row_of_dies(2), hybrid())
    barrier = deploy(perceptron(4, 3, 2), row_of_dies(2, barrier="1 us"), hybrid())
    assert barrier.latency_s == pytest.approx(without.latency_s + 2e-6)
    spiking = Plan(stages=2, activations="spiking", steps=4)
    barrier = deploy(perceptron(4, 3, 2), row_of_dies(2, barrier="1 us"), spiking)
    assert barrier.timing.terms_s["barriers"] == pytest.approx(8e-6)


def test_one_tile_sends_nothing() -> None:
    for activations in ("own", "dense", "spiking", "hybrid"):
        result = deploy(perceptron(4, 3, 2), row_of_dies(1), Plan(activations=activations))
        assert not result.traffic.link_packets.any()
        assert not result.traffic.router_packets.any()
        assert result.bits_across_dies == 0
        assert result.dearest_boundary is None
        assert "nothing crosses one" in str(result)


def test_energy_and_latency_add_up_exactly() -> None:
    result = deploy(perceptron(4, 3, 2), row_of_dies(2), hybrid())
    assert sum(result.energy_by_class.values()) == result.energy.total_j
    assert sum(result.energy.by_place().values()) == result.energy.total_j
    assert sum(result.timing.terms_s.values()) == result.latency_s
    assert np.isclose(sum(result.timing.stages_s), result.latency_s)
