"""How much work it is to follow the packets of events."""

from __future__ import annotations

import numpy as np

from chipletsim.noc.fetches import cut
from chipletsim.noc.packet_times import PacketTimes
from chipletsim.package.model import Package


def flit_hops(packets: PacketTimes, package: Package, events: np.ndarray, steps: int) -> int:
    """Return flits times routers of the packets of events, and of all that these fetch, at most.

    Messages of links that encode are left out, as their bits depend on which neurons spike.

    Args:
        packets: Packets of a mapping.
        package: The package.
        events: int64 [neurons], in the order of the message plan.
        steps: Steps of all samples, in each of which streams of weights are sent.
    """
    plan, fetches = packets.plan, packets.fetches
    counts = plan.flows.deliveries
    flow = np.repeat(np.arange(counts.size), counts)
    routers = np.bincount(flow, weights=plan.flows.routers, minlength=max(counts.size, 1))

    def hops(flow: np.ndarray, kind: np.ndarray) -> np.ndarray:
        return np.where(flow >= 0, routers[np.maximum(flow, 0)] * packets.flits[kind], 0.0)

    asked = np.concatenate([[0.0], np.cumsum(hops(fetches.flow, fetches.kind))])
    of_delivery = asked[fetches.first + fetches.counts] - asked[fetches.first]
    of_packet = hops(plan.flow, packets.kind)
    of_packet += np.diff(np.concatenate([[0.0], np.cumsum(of_delivery)])[plan.delivery_start])
    of_packet = plan.with_onward(of_packet)
    sent = plan.messages.axon_core.size
    of_neuron = np.diff(np.append(0.0, np.cumsum(of_packet[:sent]))[plan.messages.axon_start])
    full, rest_bits = cut(plan.fetched.streams[:, 3], package.spec.packet)
    times = np.stack([full, rest_bits > 0], axis=1).reshape(-1)
    streams = of_packet[sent : sent + times.size]
    return int(of_neuron @ events + steps * (streams @ times))
