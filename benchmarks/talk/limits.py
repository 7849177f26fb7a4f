"""Limits that a package dominated by one boundary has to reach, whatever the model.

With s = T r spikes per value and inference, the hybrid version's traffic is 1 / s of the dense
one's for a packet for each value or event, and ``b / (s a)`` for values of b bits and packed
events of a bits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from rich.table import Table

from benchmarks.harness import Row
from benchmarks.talk.amounts import amounts_of, package_of
from benchmarks.talk.costs import Versions
from benchmarks.talk.output import factor
from benchmarks.talk.prices import Prices, prices_of, with_link
from chipletsim.models import Model
from chipletsim.models.builder import Builder
from chipletsim.tables import table

STEPS = 4
VALUES = 65536
"""Channels of the pass: each of a die's sixteen cores has 4,096, named by 12 bits."""
CASES = (
    ("a packet for each value or event", None, "packet per event", 0.19),
    ("a packet for each value or event", None, "packet per event", 0.066),
    ("8-bit values, 12-bit packed events", 8.0, "packed events", 0.126),
    ("8-bit values, 12-bit packed events", 8.0, "packed events", 0.044),
)
"""What is sent, bits of a value, encoding, and s of the conditions under test."""


class Limit(NamedTuple):
    """One condition.

    Attributes:
        name: What is sent.
        spikes: Spikes s per value and inference.
        expected: Ratio of traffic by the formula.
        energy: Dense over hybrid as simulated.
        latency: The same.
    """

    name: str
    spikes: float
    expected: float
    energy: float
    latency: float


def pass_through() -> Model:
    """Return a model of two layers without weights to speak of, one for each die."""
    builder = Builder("pass_through", "test")
    x = builder.input((VALUES, 1, 1))
    for number in range(2):
        builder.block = f"block{number}"
        x = builder.convolution(f"depthwise{number}", x, VALUES, 1, groups=VALUES, bias=False)
    return builder.model()


def dominated(prices: Prices) -> Prices:
    """Return prices by which nothing but bits between dies costs anything."""
    free = replace(
        prices,
        mac_j=0.0,
        weight_bit_j=0.0,
        update_j=0.0,
        encode_j=0.0,
        decode_j=0.0,
        static_w=0.0,
        clock_hz=1e18,
        router_j_per_packet=0.0,
        router_j_per_bit=0.0,
        router_latency_s=0.0,
        header_bits=0,
    )
    free = free.on_chip(energy_j_per_bit=0.0, bandwidth_bit_per_s=1e18, latency_s=0.0)
    return free.boundary(latency_s=0.0)


def limits() -> list[Limit]:
    """Return all conditions, simulated across one slow serial link."""
    package = package_of(2, "ucie_standard")
    prices = dominated(with_link(prices_of(package), "slow serial"))
    versions = Versions(amounts_of(pass_through(), package), prices)
    found = []
    for name, bits, encoding, spikes in CASES:
        dense = versions.dense(bits)
        hybrid = versions.hybrid(STEPS, spikes / STEPS, encoding, bits)
        expected = 1 / spikes if bits is None else bits / (versions.address_bits * spikes)
        found.append(
            Limit(
                name,
                spikes,
                expected,
                dense.energy_j / hybrid.energy_j,
                dense.latency_s / hybrid.latency_s,
            )
        )
    return found


def limit_table(found: list[Limit]) -> Table:
    """Return the conditions as a table."""
    rows = [
        (each.name, f"{each.spikes:g}", factor(each.expected), factor(each.energy),
         factor(each.latency))
        for each in found
    ]  # fmt: skip
    columns = ("sent", "s = T r", "1/s or b/(s a)", "simulated energy gain", "latency gain")
    title = f"Only bits over one boundary cost anything: conditions at T = {STEPS}"
    return table(title, columns, rows)


def limit_rows(found: list[Limit]) -> list[Row]:
    """Return the conditions as rows of a file."""
    return [
        Row(f"{each.name}, s={each.spikes:g}", quantity, "x", value, "formula", each.expected)
        for each in found
        for quantity, value in (("energy gain", each.energy), ("latency gain", each.latency))
    ]
