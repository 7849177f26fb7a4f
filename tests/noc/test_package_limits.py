"""Times and packets of a package that the models of packets do not follow, each by its name."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.errors import ConfigError
from chipletsim.noc import PACKET_MODELS
from chipletsim.noc.package_network import package_network, whole_ticks
from chipletsim.package.model import Package
from chipletsim.spec.package import LinkSpec, RouterSpec

sys.path.insert(0, str(Path(__file__).parents[1] / "cost"))
from interconnect_cases import all_at_once, pair

NS = 1e-9

LINK = {"bandwidth": "16 Gb/s", "latency": "1 ns", "flit": "64 bit"}
FRAME = {"payload": "64 bit", "total": "80 bit"}
SLEEP = {"after": "1 ns", "wake_up": "1 ns", "power": "0 W"}


def package_with(link: dict, router: dict | None = None) -> Package:
    """Return the package of `interconnect_cases`, with another link and perhaps another router."""
    package = pair(1).package
    spec = LinkSpec.model_validate(LINK | link)
    links = tuple(replace(each, spec=spec) for each in package.links)
    if router is None:
        return replace(package, links=links)
    own = RouterSpec.model_validate({"clock": "1 GHz"} | router)
    routers = tuple(replace(each, spec=own) for each in package.routers)
    return replace(package, links=links, routers=routers)


@pytest.mark.parametrize(
    ("link", "router", "named"),
    [
        ({"latency": "1 s"}, None, "latency of link d(0,0)>d(1,0) and the router behind it is 1 s"),
        ({"bandwidth": "64 bit/s"}, None, "time of a flit on link d(0,0)>d(1,0) is 1 s"),
        ({"frame": FRAME, "bandwidth": "80 bit/s"}, None, "time of a frame on link d(0,0)"),
        ({"frame": FRAME | {"wait": "1 s"}}, None, "`wait` of a frame on link d(0,0)>d(1,0) is"),
        ({"sleep": SLEEP | {"wake_up": "1 s"}}, None, "`wake_up` of link d(0,0)>d(1,0) is 1 s"),
        ({}, {"latency": "1 s"}, "and the router behind it is 1 s"),
    ],
)  # fmt: skip
def test_a_time_beyond_a_million_cycles_is_refused_by_name(link, router, named) -> None:
    with pytest.raises(ConfigError) as error:
        package_network(package_with(link, router), (64,))
    (problem,) = error.value.problems
    assert named in problem.message
    assert "follow at most 0.00105 s" in problem.message  # 2^20 cycles of 1 ns
    assert problem.message.endswith("use `bound`")


def test_packets_without_bits_fill_no_frame() -> None:
    package_network(package_with({}), (0, 64))
    with pytest.raises(ConfigError, match=r"packets of 0 bit fill no frame of link d\(0,0\)"):
        package_network(package_with({"frame": FRAME}), (0, 64))


def test_times_beyond_what_can_be_counted_are_refused() -> None:
    """A tick is 2^-6 ns here: 2^56 of them are 2^50 ns."""
    tick_s = NS / 64
    assert whole_ticks(np.array([0.0, 1.5 * tick_s]), tick_s).tolist() == [0, 2]
    assert whole_ticks(np.zeros(0), tick_s).size == 0
    for seconds in (1.01 * 2**50 * NS, 1e30, np.inf):
        with pytest.raises(ConfigError, match=r"a time of a tile is .* at most 1.13e\+06 s"):
            whole_ticks(np.array([0.0, seconds]), tick_s)


@pytest.mark.parametrize("timing", PACKET_MODELS)
def test_a_link_that_sleeps_in_ages_is_awake(timing: str) -> None:
    mapping = pair(3)
    activity = all_at_once(mapping)
    never = package_with({"static_power": "1 W"}, {"latency": "4 ns"})
    ages = {"static_power": "1 W", "sleep": SLEEP | {"after": "1e20 s"}}
    late = package_with(ages, {"latency": "4 ns"})
    results = [
        cs.price(activity, replace(mapping, package=each), timing=timing) for each in (never, late)
    ]
    assert results[0].latency_s.tolist() == results[1].latency_s.tolist()
    assert results[0].energy.total_j == results[1].energy.total_j
