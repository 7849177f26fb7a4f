"""Prices on packages of several structures: what is shared among them changes no bit."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import NPU, mixed_network, mixed_package, random_activity, random_mapping

import chipletsim as cs
from chipletsim.cost.price import price_many
from chipletsim.cost.structure import structure
from chipletsim.noc import packet_plan as packet_plans

pytestmark = pytest.mark.usefixtures("quick_programs")

FRAME = {"payload": "192 bit", "total": "256 bit"}
VARIANTS = {
    "as it is": {},
    "wider flits": {"flit": "32 bit"},
    "longer frames": {"frame": FRAME},
    "frames that wait": {"frame": FRAME | {"wait": "30 ns"}},
    "no frames": {"frame": None},
    "a slower link": {"bandwidth": "1 Gb/s"},
    "a faster tile": {"npu": NPU | {"clock": "5 GHz"}},
    "copies on both dies": {"multicast": (True, True)},
    "a wider array": {"npu": NPU | {"array_rows": 7}},
}


@pytest.mark.parametrize("timing", ["bound", "queue", "cycle", "auto"])
def test_packages_of_several_structures_are_priced_as_each_alone(timing: str) -> None:
    packages = [mixed_package(**each) for each in VARIANTS.values()]
    mapping = random_mapping(mixed_network(), packages[0], 3)
    activity = random_activity(mixed_network(), 2, 3, 0.2, 3)
    together = price_many(activity, mapping, packages, timing=timing)
    for package, found in zip(packages, together, strict=True):
        (alone,) = price_many(activity, mapping, [package], timing=timing)
        np.testing.assert_array_equal(found.latency_s, alone.latency_s)
        np.testing.assert_array_equal(found.energy.energy_j, alone.energy.energy_j)
        assert found.events == alone.events
        assert found.timed == alone.timed
    if timing != "bound":  # the variants do differ
        times = {each.latency_s.tobytes() for each in together}
        assert len(times) > len(packages) - 2


def test_plans_are_made_once_for_packages_of_the_same_ways(monkeypatch) -> None:
    made = []
    plan = packet_plans.packet_plan

    def counting(*arguments: object):
        made.append(arguments)
        return plan(*arguments)

    monkeypatch.setattr(packet_plans, "packet_plan", counting)
    names = ["as it is", "wider flits", "copies on both dies", "no frames", "a faster tile"]
    packages = [mixed_package(**VARIANTS[name]) for name in names]
    mapping = random_mapping(mixed_network(), packages[0], 3)
    activity = random_activity(mixed_network(), 1, 2, 0.2, 3)
    price_many(activity, mapping, packages, timing="queue")
    assert len(made) == 2  # routers that copy on one die, and on both
    made.clear()
    cs.price(activity, mapping, timing="bound")
    assert not made


def test_structures_by_hand() -> None:
    ways, rest = np.array([structure(mixed_package(**each)) for each in VARIANTS.values()]).T
    names = list(VARIANTS)
    same_ways = [name for name, each in zip(names, ways, strict=True) if each == ways[0]]
    assert same_ways == [x for x in names if x not in ("copies on both dies", "a wider array")]
    same = [name for name, each in zip(names, rest, strict=True) if each == rest[0]]
    assert same == [
        "as it is",
        "a slower link",
        "a faster tile",
        "copies on both dies",
        "a wider array",
    ]
