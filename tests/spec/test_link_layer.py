"""Retransmission and sleep of links: expected values by exact arithmetic, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chipletsim.spec.package import LinkSpec

FRAME = {"payload": "64 B", "total": "68 B"}
LINK = {"bandwidth": "100 Gb/s", "latency": "2 ns", "flit": "8 bit", "energy_per_bit": "1 pJ/bit"}


def link(**more: Any) -> LinkSpec:
    return LinkSpec.model_validate(LINK | more)


def with_errors(rate: float, latency: str = "6 ns", total: str = "68 B") -> LinkSpec:
    retry = {"bit_error_rate": rate, "latency": latency}
    return link(frame={"payload": "8 bit", "total": total}, retry=retry)


@given(st.floats(1e-18, 5e-3), st.integers(8, 1000))
def test_transmissions_are_exact(rate: float, bits: int) -> None:
    arrives = (1 - Fraction(rate)) ** bits  # of rational numbers, without rounding
    spec = with_errors(rate, total=f"{bits} bit")
    again = 1 / arrives - 1
    assert spec.transmissions == pytest.approx(float(1 + again), rel=1e-12, abs=0)
    # What is sent again keeps its digits where it is far below the rounding of 1.
    assert spec.expected_latency_s - 2e-9 == pytest.approx(float(again) * 6e-9, rel=1e-9, abs=1e-24)
    assert spec.expected_bandwidth_bit_per_s == pytest.approx(
        float(100e9 * arrives), rel=1e-12, abs=0
    )
    assert spec.expected_energy_j_per_bit == pytest.approx(float(1e-12 / arrives), rel=1e-12, abs=0)


def test_transmissions_are_those_of_a_simulation() -> None:
    # 8 bits at an error rate of 0.1: frames are drawn until one is whole.
    random = np.random.default_rng(1)
    sent = 20000
    whole = (random.random((sent, 8)) >= 0.1).all(axis=1).sum()
    spread = 5 * np.sqrt(0.9**8 * (1 - 0.9**8) / sent)
    spec = with_errors(0.1, total="8 bit")
    assert 1 / spec.transmissions == pytest.approx(whole / sent, abs=spread)


def test_no_errors_cost_nothing() -> None:
    for spec in (with_errors(0), link(frame=FRAME), link()):
        assert spec.transmissions == 1
        assert spec.expected_bandwidth_bit_per_s == spec.bandwidth_bit_per_s
        assert spec.expected_latency_s == spec.latency_s
        assert spec.expected_energy_j_per_bit == spec.energy_j_per_bit


SLEEP = {"after": "5 ns", "wake_up": "7 ns", "power": "0.1 W"}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"retry": {"bit_error_rate": 0, "latency": "1 ns"}}, "it needs a `frame`"),
        ({"frame": FRAME, "retry": {"bit_error_rate": 0.5, "latency": "1 ns"}}, "hardly any frame"),
        (
            {"frame": FRAME, "retry": {"bit_error_rate": 0.999, "latency": "0 s"}},
            "over 1,000 times",
        ),
        ({"frame": FRAME, "retry": {"bit_error_rate": 1, "latency": "1 ns"}}, "less than 1"),
        ({"frame": FRAME, "retry": {"bit_error_rate": -1e-9, "latency": "1 ns"}}, "greater than"),
        (
            {"frame": FRAME, "retry": {"bit_error_rate": float("nan"), "latency": "0 s"}},
            "less than",
        ),
        ({"frame": FRAME, "retry": {"bit_error_rate": 0}}, "latency"),
        ({"static_power": "50 mW", "sleep": SLEEP}, r"sleep.power \(0.1 W\) is above static_power"),
        ({"static_power": "1 W", "sleep": SLEEP | {"after": "-1 ns"}}, "must not be below 0"),
    ],
)
def test_refuses(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        link(**more)


def test_the_limit_of_transmissions() -> None:
    # 1000 retransmissions: (1 - p)^544 = 1/1001.
    just = 1 - (1 / 1001) ** (1 / 544)
    assert with_errors(just * 0.9999).transmissions == pytest.approx(1001, rel=1e-2, abs=0)
    with pytest.raises(ValidationError, match="hardly any frame"):
        with_errors(just * 1.0001)


def test_a_link_may_sleep_without_frames() -> None:
    spec = link(static_power="1 W", sleep=SLEEP)
    assert spec.sleep is not None
    assert (spec.sleep.after_s, spec.sleep.wake_up_s, spec.sleep.power_w) == (5e-9, 7e-9, 0.1)
