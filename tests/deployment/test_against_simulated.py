"""A small network, mapped by hand and priced as simulated networks are, against `deploy`.

The same layers on the same tiles at the same rates: spikes are drawn for the one and expected
in the other. A count of spikes with N neurons, S samples and T steps at rate r has the standard
deviation sqrt(N S T r (1 - r)); all amounts are such counts times constants, or sums of two.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from deployment_cases import (
    CROSSBAR,
    DIE_TO_DIE,
    IO,
    NEUROCORE,
    NPU,
    die_type,
    package_of,
    perceptron,
)

import chipletsim as cs
from chipletsim.deployment.plan import Plan
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Population, Projection

pytestmark = pytest.mark.usefixtures("quick_programs")

SIZES = (12, 20, 16, 8)
RATES = {"input": 0.3, "neuron0": 0.2, "neuron1": 0.15, "neuron2": 0.1}
STEPS, SAMPLES, SIGMAS = 10, 400, 4.5


def network() -> Network:
    names = list(RATES)
    return Network(
        "perceptron",
        (
            Population(names[0], (SIZES[0],), "input"),
            Population(names[1], (SIZES[1],), "if"),
            Population(names[2], (SIZES[2],), "if"),
            Population(names[3], (SIZES[3],), "if", output=True),
        ),
        tuple(
            Projection(f"to {names[n + 1]}", names[n], names[n + 1], Dense(np.ones((b, a), "f4")))
            for n, (a, b) in enumerate(pairwise(SIZES))
        ),
        1e-3,
    )


@cache
def both():
    """Return the result of drawn spikes, and that of expected ones.

    A port, and behind it in a row a neurocore, a dense tile and a crossbar, a layer each.
    """
    types = {
        "port": die_type(IO),
        "core": die_type(NEUROCORE),
        "npu": die_type(NPU | {"zero_gating": True}),
        "array": die_type(CROSSBAR),
    }
    chiplets = {name: {"type": name, "at": [x, 0]} for x, name in enumerate(types)}
    # Without frames: whole frames of a mean are not the mean of whole frames.
    link = {key: value for key, value in DIE_TO_DIE.items() if key != "frame"}
    package = package_of(types, chiplets, (4, 1), link)
    slices = tuple(Slice(n, ((0, size),), n, n) for n, size in enumerate(SIZES))
    mapping = Mapping(network(), package, slices, "by hand", 0)
    rates = cs.RateActivity.of(mapping.lowered(), RATES, steps=STEPS, samples=SAMPLES, seed=3)
    drawn = cs.price(rates, mapping)
    model = perceptron(*SIZES, spiking=True, steps=STEPS)
    expected = cs.deploy(model, package, Plan(stages=3, rates=RATES))
    return drawn, expected


def deviation(name: str) -> float:
    """Return the relative standard deviation of the mean number of spikes of a population."""
    size, rate = dict(zip(RATES, SIZES, strict=True))[name], RATES[name]
    return float(np.sqrt((1 - rate) / (rate * size * STEPS * SAMPLES)))


TOLERANCE = SIGMAS * max(map(deviation, RATES))
QUANTITIES = (
    "synaptic_operations", "input_messages", "output_spikes", "neuron_updates",
    "dense_operations", "weight_reads", "dense_cycles", "row_activations",
)  # fmt: skip


def test_bits_and_packets_on_every_link() -> None:
    drawn, expected = both()
    bits = drawn.totals.counted.link_bits[:, 0] / SAMPLES
    packets = drawn.totals.counted.link_packets[:, 0] / SAMPLES
    assert np.count_nonzero(bits) == 6  # three forwards, and answers all the way back
    assert expected.traffic.link_bits == pytest.approx(bits, rel=TOLERANCE)
    assert expected.traffic.link_packets == pytest.approx(packets, rel=TOLERANCE)
    assert expected.traffic.router_bits == pytest.approx(
        drawn.totals.counted.router_bits[:, 0] / SAMPLES, rel=TOLERANCE
    )


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_events_of_every_tile(quantity: str) -> None:
    drawn, expected = both()
    counted = drawn.totals.counted.tiles.amount(quantity)[:, 0] / SAMPLES
    assert counted.any()
    assert expected.events(quantity) == pytest.approx(counted, rel=TOLERANCE)


def test_neurons_are_updated_in_every_step() -> None:
    _, expected = both()
    assert expected.events("neuron_updates").tolist() == [0, *(size * STEPS for size in SIZES[1:])]


def test_energy_of_every_component() -> None:
    drawn, expected = both()
    energy = drawn.energy.by_component()
    assert set(energy) == set(expected.energy.by_component())
    for name, value in expected.energy.by_component().items():
        if name != "conversions":  # those of crossbars are bounded step by step
            assert value == pytest.approx(energy[name] / SAMPLES, rel=TOLERANCE), name


def test_reads_of_crossbars_are_bounds_of_expectations() -> None:
    """An array is read once a step at most; expecting that bounds what is drawn from above."""
    drawn, expected = both()
    counted = drawn.totals.counted.tiles.amount("column_reads").sum() / SAMPLES
    assert counted <= expected.events("column_reads").sum() * (1 + TOLERANCE)
    assert counted == pytest.approx(expected.events("column_reads").sum(), rel=0.2)
