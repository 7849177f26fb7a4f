"""Which version wins where: slow boundaries, and what turns the order round."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("benchmarks", reason="benchmarks are run from the root of the repository")
from benchmarks.talk.amounts import amounts_of, package_of
from benchmarks.talk.costs import ENCODINGS, Versions
from benchmarks.talk.grid import (
    FAIR,
    IDEAL,
    IN_STEPS,
    LOIHI_CORES,
    RATES,
    STEPS,
    case_of,
    width_bits,
)  # fmt: skip
from benchmarks.talk.prices import ideal_core, prices_of, with_link
from chipletsim.models import build_model

AT = (STEPS.index(4), RATES.index(0.05), ENCODINGS.index("packed events"))


@cache
def amounts(dies: int, model: str = "resnet18"):
    return amounts_of(build_model(model), package_of(dies, "ucie_standard"))


@cache
def prices(link: str):
    return with_link(prices_of(package_of(2, "ucie_standard")), link)


@cache
def case(dies: int, link: str):
    return case_of(amounts(dies), prices(link), link)


def test_hybrid_beats_both_across_slow_boundaries() -> None:
    slow = case(4, "slow serial")
    energy, latency = slow.over_dense("8 bit")[(slice(None), *AT)]
    assert energy > 1.2
    assert latency > 1.02
    for cores in (IN_STEPS, LOIHI_CORES):
        assert (slow.over_spiking(cores)[(slice(None), *AT)] > 1.5).all()


def test_its_margin_grows_with_the_dies() -> None:
    gains = np.array([case(d, "slow serial").over_dense("8 bit")[(slice(None), *AT)]
                      for d in (2, 4, 16)])  # fmt: skip
    assert (np.diff(gains, axis=0) > 0).all()


def test_with_links_of_a_package_little_is_left() -> None:
    gains = case(4, "UCIe advanced").over_dense("8 bit")
    assert gains.max() < 1.05
    assert gains.max() < case(4, "slow serial").over_dense("8 bit").max() - 0.5


def test_many_steps_or_a_dear_converter_turn_the_order_round() -> None:
    slow = case(4, "slow serial")
    many = STEPS.index(16), RATES.index(0.1), ENCODINGS.index("packed events")
    assert (slow.over_dense("8 bit")[(slice(None), *many)] < 1).all()
    base = prices("board SerDes")
    gains = []
    for encode_j in (base.encode_j, 52e-12):
        versions = Versions(amounts(4), replace(base, encode_j=encode_j))
        hybrid = versions.hybrid(4, 0.05, "packed events", 8.0)
        gains.append(versions.dense(8.0).energy_j / hybrid.energy_j)
    assert gains[0] > 1 > gains[1]


def test_against_the_fair_width_packed_events_lose_and_counts_never_win() -> None:
    slow = case(4, "slow serial").over_dense(FAIR)
    assert (slow[(slice(None), *AT)] < 1).all()
    counts = slow[..., ENCODINGS.index("counts")]
    assert counts.max() <= 1


def test_ideal_event_driven_cores_are_faster_than_a_hybrid() -> None:
    assert case(4, "slow serial").over_spiking(IDEAL)[(1, *AT)] < 0.5


def test_the_fair_value_carries_what_the_count_does() -> None:
    """T = 4, r = 0.1: 3 bits, 0.9^4 of the values 0, so 1 + 0.3439 x 3 bits with a mask."""
    assert width_bits(FAIR, 4, 0.1) == pytest.approx(1 + 0.3439 * 3)
    assert width_bits(FAIR, 16, 0.5) == 5.0


@settings(deadline=None, max_examples=30)
@given(
    steps=st.integers(1, 32),
    rates=st.tuples(st.floats(0.001, 0.4), st.floats(0.001, 0.4)),
    encoding=st.sampled_from(("packet per event", "packed events", "bitmap", "Rice gaps")),
    link=st.sampled_from(("UCIe standard", "slow serial")),
)
def test_more_spikes_never_cost_less(steps, rates, encoding, link) -> None:
    versions = Versions(amounts(2), prices(link))
    low, high = sorted(rates)
    ideal = ideal_core(prices(link))
    for version in (
        lambda *point: versions.hybrid(*point, encoding, 8.0),
        lambda *point: versions.spiking(*point, encoding, ideal),
    ):
        few, more, longer = (version(steps, low), version(steps, high), version(steps + 1, low))
        for other in (more, longer):
            assert other.energy_j >= few.energy_j * (1 - 1e-12)
            assert other.latency_s >= few.latency_s * (1 - 1e-12)
