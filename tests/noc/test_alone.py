"""What packets take alone: beside bursts of one packet each."""

from __future__ import annotations

import numpy as np
import pytest
from test_package_timing import case

from chipletsim.cost.fetched_weights import fetched_weights
from chipletsim.noc import packet_model
from chipletsim.noc.alone import Alone
from chipletsim.noc.flit_network import Burst, Job
from chipletsim.noc.message_plan import message_plan
from chipletsim.noc.packet_plan import PacketPlans
from chipletsim.noc.packet_times import packet_times

pytestmark = pytest.mark.usefixtures("quick_programs")


@pytest.mark.parametrize(
    ("timing", "name"),
    [("queue", "kinds of tiles"), ("cycle", "copies"), ("cycle", "frames that wait")],
)
def test_packets_that_are_far_apart_are_alone(timing, name) -> None:
    mapping, _ = case(name, 4)
    plan = message_plan(mapping)
    plans = PacketPlans(plan, fetched_weights(mapping, plan))
    packets = packet_times(mapping, mapping.package, plans)
    model, network, flows = packet_model(timing), packets.network.network, packets.plan.flows
    draw = np.random.default_rng(0)
    flow, kind = draw.integers(0, len(flows.flow), 60), draw.integers(0, packets.flits.size, 60)
    cycle = network.router[network.port_router[network.node[flows.flow[flow, 0], 0]], 1]
    leaves = draw.integers(0, 40, 60) * cycle
    jobs = []
    for one, size, ready in zip(flow.tolist(), kind.tolist(), leaves.tolist(), strict=True):
        row = [[flows.flow[one, 0], one, packets.flits[size], ready, 0, 0]]
        nothing = np.zeros(flows.deliveries[one], np.int64)
        jobs.append(Job(network, flows, Burst(np.array(row), nothing, kind=np.array([size]))))
    times = model(jobs).times
    assert [each.injected[0] for each in times] == leaves.tolist()
    expected = [int(each.arrived.max() - each.injected[0]) for each in times]
    alone = Alone(packets, model)
    first = alone.ticks(flow[:40], kind[:40], leaves[:40])
    assert first.tolist() == expected[:40]
    assert alone.ticks(flow, kind, leaves).tolist() == expected
    if name == "copies":  # dies with clocks of 0.375 and 0.5 ns: it matters when a packet leaves
        assert len(set(zip(flow.tolist(), expected, strict=True))) > len(set(flow.tolist()))
