"""What packets take alone: beside bursts of one packet each."""

from __future__ import annotations

import numpy as np
import pytest
from chipletsim.kernels import CHOICE
from test_package_timing import PACKAGES, case

from chipletsim.cost.fetched_weights import fetched_weights
from chipletsim.noc import PACKET_MODELS, packet_model
from chipletsim.noc.alone import Alone
from chipletsim.noc.flit_network import Burst, Job
from chipletsim.noc.message_plan import message_plan
from chipletsim.noc.packet_plan import PacketPlans
from chipletsim.noc.packet_times import packet_times

pytestmark = pytest.mark.usefixtures("quick_programs")


def drawn_packets(timing: str, name: str, seed: int):
    """Packets of a drawn mapping, and 60 of them with the ticks that each takes as a burst."""
    mapping, _ = case(name, seed)
    plan = message_plan(mapping)
    plans = PacketPlans(plan, fetched_weights(mapping, plan))
    packets = packet_times(mapping, mapping.package, plans)
    network, flows = packets.network.network, packets.plan.flows
    draw = np.random.default_rng(seed)
    flow, kind = draw.integers(0, len(flows.flow), 60), draw.integers(0, packets.flits.size, 60)
    cycle = network.router[network.port_router[network.node[flows.flow[flow, 0], 0]], 1]
    leaves = draw.integers(0, 40, 60) * cycle
    jobs = []
    for one, size, ready in zip(flow.tolist(), kind.tolist(), leaves.tolist(), strict=True):
        row = [[flows.flow[one, 0], one, packets.flits[size], ready, 0, 0]]
        nothing = np.zeros(flows.deliveries[one], np.int64)
        jobs.append(Job(network, flows, Burst(np.array(row), nothing, kind=np.array([size]))))
    times = [packet_model(timing)([job]).times[0] for job in jobs]  # each by a call of its own
    assert [each.injected[0] for each in times] == leaves.tolist()
    expected = [int(each.arrived.max() - each.injected[0]) for each in times]
    return packets, (flow, kind, leaves), expected


@pytest.mark.parametrize("timing", PACKET_MODELS)
@pytest.mark.parametrize("name", PACKAGES)
def test_packets_take_what_bursts_of_one_take(timing: str, name: str) -> None:
    packets, (flow, kind, leaves), expected = drawn_packets(timing, name, 4)
    alone = Alone(packets, timing)
    first = alone.ticks(flow[:40], kind[:40], leaves[:40])
    assert first.tolist() == expected[:40]
    assert alone.ticks(flow, kind, leaves).tolist() == expected
    if name == "copies":  # dies with clocks of 0.375 and 0.5 ns: it matters when a packet leaves
        assert len(set(zip(flow.tolist(), expected, strict=True))) > len(set(flow.tolist()))


@pytest.mark.slow
@pytest.mark.parametrize("timing", PACKET_MODELS)
@pytest.mark.parametrize("name", [name for name in PACKAGES if name != "clock"])  # short buffers
def test_packets_of_many_mappings(timing: str, name: str) -> None:
    for seed in range(10, 30):
        packets, (flow, kind, leaves), expected = drawn_packets(timing, name, seed)
        assert Alone(packets, timing).ticks(flow, kind, leaves).tolist() == expected


@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_without_kernels_packets_take_the_same(timing: str, monkeypatch) -> None:
    packets, (flow, kind, leaves), expected = drawn_packets(timing, "copies on one die", 5)
    monkeypatch.setenv(CHOICE, "xla")
    assert Alone(packets, timing).ticks(flow[:6], kind[:6], leaves[:6]).tolist() == expected[:6]
