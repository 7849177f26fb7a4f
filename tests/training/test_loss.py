"""The loss: its parts by hand, and its network that of the tiles."""

import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "cost"))

from cost_cases import CROSSBAR, IO, NEUROCORE, ON_DIE, ROUTER, package_of

import chipletsim as cs
from chipletsim.engine.compile import compile_network
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense, Pool2d
from chipletsim.network.lower import lower
from chipletsim.spec.train import LossSpec, SparsitySpec, TrafficLossSpec
from chipletsim.training.loss import mapped_loss
from chipletsim.training.parameters import start_parameters
from chipletsim.training_runs.prepare import Prepared, folded
from tests.quick import quickly

ANSWERS = {"if": {"r": 1000.0}, "li": {"tau": "4 ms"}}


def network(seed=0, answer="if"):
    random = np.random.default_rng(seed)

    def weights(*shape):
        return random.normal(0.2, 0.6, shape).astype(np.float32)

    return (
        NetworkBuilder("mixed", dt="1 ms")
        .input("in", (2, 6, 6))
        .population("conv", (3, 4, 4), "lif", tau="4 ms", r=4.0)
        .population("cells", (7,), "if", r=1000.0)
        .population("out", (3,), answer, output=True, **ANSWERS[answer])
        .project("in", "conv", Conv2d(weights(3, 2, 3, 3)))
        .project("conv", "cells", Dense(weights(7, 12)), pool=Pool2d((2, 2), (2, 2), mode="avg"))
        .project("cells", "out", Dense(weights(3, 7)))
        .build()
    )


def mapping_of(given):
    """Inputs on one die, the rest on the other, on tiles of 1, 4 and 8 bits."""
    die = {"network": {"topology": "mesh", "shape": [3, 1], "link": ON_DIE, "router": ROUTER}}
    tiles = [
        {"at": [[0, 0]], "tile": NEUROCORE},
        {"at": [[1, 0]], "tile": CROSSBAR},
        {"at": [[2, 0]], "tile": NEUROCORE | {"weight_bits": 1}},
    ]
    package = package_of(
        chiplet_types={
            "west": {**die, "tiles": [{"at": [[0, 0]], "tile": IO}]},
            "east": {**die, "tiles": tiles},
        },
        chiplets={"w": {"type": "west", "at": [0]}, "e": {"type": "east", "at": [1]}},
        network={"topology": "mesh", "shape": [2], "link": ON_DIE},
    )
    named = {tile.name: tile for tile in package.tiles}
    core, binary = (
        next(name for name, tile in named.items() if tile.parameters.weight_bits == bits)
        for bits in (8, 1)
    )
    place = {"conv": {"tile": core}, "cells": {"kind": "crossbar"}, "out": {"tile": binary}}
    return cs.map_network(given, package, place=place, seed=0)


def prepared(given, spec):
    mapping = mapping_of(given)
    mapping = mapping.with_network(folded(mapping))
    compiled = compile_network(mapping.network, exact=False)
    loss = mapped_loss(compiled, mapping, spec, slope=2.0)
    return Prepared(mapping, None, loss, start_parameters(compiled, thresholds="population"))


SPEC = LossSpec(
    rate_weight=0.5,
    traffic=TrafficLossSpec(objective="die_to_die_bits", weights=(0.0, 1e-3)),
    sparsity={"in": 0.125, "out": SparsitySpec(target=0.0, weight=2.0)},
)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_training_pass_is_the_engine_on_the_stored_network(seed):
    given = network(seed)
    ready = prepared(given, SPEC)
    bits = ready.mapping.weight_bits()
    assert sorted(bits.values()) == [1, 4, 8]
    stored = ready.stored(ready.start).network
    assert lower(stored, bits) is stored
    again = mapping_of(given).lowered()  # what the tiles make of the network as given
    spikes = np.random.default_rng(seed).random((4, 6, 2, 6, 6)) < 0.4
    events = jax.jit(ready.loss.events)(ready.start, spikes)
    for one in (stored, again):
        activity = cs.simulate(one, spikes)
        for population in given.populations:
            ours = np.moveaxis(np.asarray(events[population.name]), 1, 0)
            theirs = activity.spikes(population.name).reshape(ours.shape)
            assert theirs.any()
            np.testing.assert_array_equal(ours, theirs, err_msg=population.name)


def test_parts_of_the_loss_by_hand():
    ready = prepared(network(), SPEC)
    spikes = np.random.default_rng(3).random((4, 6, 2, 6, 6)) < 0.4
    labels = np.array([0, 1, 2, 0], np.int32)
    total, measures = quickly(ready.loss)(ready.start, jnp.float32(1e-3), spikes, labels)
    activity = cs.simulate(ready.stored(ready.start).network, spikes)
    rates = {name: float(rate.mean()) for name, rate in activity.rates().items()}
    counts = activity.spikes("out").reshape(4, 6, 3).sum(axis=1)
    logits = counts * 10 / 6
    chosen = np.exp(logits)[np.arange(4), labels] / np.exp(logits).sum(axis=1)
    task = -np.log(chosen).mean()
    result = cs.price(activity, ready.stored(ready.start))
    traffic = 1e-3 * result.events.bits_across_dies / 4
    penalty = 0.5 * (rates["conv"] + rates["cells"])
    penalty += max(rates["in"] - 0.125, 0) + 2 * rates["out"]
    assert float(measures.task_loss) == pytest.approx(task, rel=1e-5, abs=0)
    assert float(measures.traffic_loss) == pytest.approx(traffic, rel=1e-5, abs=0)
    assert float(total) == pytest.approx(task + traffic + penalty, rel=1e-5, abs=0)
    assert float(measures.accuracy) == np.mean(counts.argmax(axis=1) == labels)
    assert float(measures.energy_j) == pytest.approx(result.energy.dynamic_j / 4, rel=1e-5, abs=0)
    np.testing.assert_allclose(measures.rates, list(rates.values()), rtol=1e-5)


def test_values_of_an_answer_are_added_up_and_sent_where_not_zero():
    ready = prepared(network(answer="li"), LossSpec())
    spikes = np.random.default_rng(3).random((4, 6, 2, 6, 6)) < 0.05
    labels = np.zeros(4, np.int32)
    _, measures = quickly(ready.loss)(ready.start, jnp.float32(0), spikes, labels)
    mapping = ready.stored(ready.start)
    activity = cs.simulate(mapping.network, spikes)
    result = cs.price(activity, mapping)
    values = activity.values["out"]
    assert 0 < np.mean(values != 0) < 1
    scores = values.sum(axis=1)
    assert float(measures.accuracy) == np.mean(scores.argmax(axis=1) == 0)
    assert float(measures.die_to_die_bits) == result.events.bits_across_dies / 4
    assert float(measures.energy_j) == pytest.approx(result.energy.dynamic_j / 4, rel=1e-5, abs=0)
    assert float(measures.rates[-1]) == pytest.approx(np.mean(values != 0))


def test_rates_below_their_target_cost_nothing():
    relaxed = replace_sparsity(SPEC, {"in": 0.9})
    ready = prepared(network(), relaxed)
    rates = dict.fromkeys(("in", "conv", "cells", "out"), jnp.float32(0.25))
    assert float(ready.loss.penalty(rates)) == pytest.approx(0.5 * (0.25 + 0.25))
    strict = replace(ready.loss, spec=replace_sparsity(SPEC, {"in": 0.125}))
    assert float(strict.penalty(rates)) == pytest.approx(0.25 + 0.125)


def replace_sparsity(spec, sparsity):
    return spec.model_copy(update={"sparsity": sparsity})
