"""The differentiable cost: equal to the price of an actual activity, with true gradients."""

import sys
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[1] / "cost"))

from cost_cases import (
    IO,
    NEUROCORE,
    ROUTER,
    mixed_network,
    mixed_package,
    package_of,
    random_activity,
    random_mapping,
)

import chipletsim as cs
from chipletsim.cost.constants import constants_of
from chipletsim.cost.incidence import traffic_model
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Population, Projection
from chipletsim.training.mapped_cost import cost_at, mapped_cost, sent

pytestmark = pytest.mark.usefixtures("quick_programs")

LINK = {"bandwidth": "10 Gb/s", "latency": "1 ns", "flit": "16 bit", "energy_per_bit": "1 pJ/bit"}


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def events_of(activity, network):
    """Events as `forward` gives them: [steps, samples, *shape]; a graded one has some value."""
    found = {}
    for item in network.populations:
        raster = activity.spikes(item.name).reshape(activity.samples, -1, *item.shape)
        found[item.name] = jnp.moveaxis(jnp.asarray(raster, jnp.float64), 1, 0)
    return found


# --- values ---------------------------------------------------------------------------------


@cache
def mapped(seed):
    """A random mapping without frames, its cost as one function, and what prices it."""
    with jax.enable_x64(True):
        mapping = random_mapping(mixed_network(), mixed_package(frame=None), seed)
        cost = mapped_cost(mapping)
        return mapping, cost, jax.jit(cost.terms), cs.Pricer(mapping)


@settings(max_examples=10, deadline=None, derandomize=True)
@example(mapping_seed=0, seed=0, rate=1.0)  # more is pooled than the NPU has products
@given(
    mapping_seed=st.sampled_from([0, 1]),
    seed=st.integers(0, 2**32 - 1),
    rate=st.sampled_from([0.0, 0.15, 0.9]),
)
def test_values_are_those_of_the_price(mapping_seed, seed, rate):
    mapping, cost, terms_of, pricer = mapped(mapping_seed)
    activity = random_activity(mapping.network, samples=3, steps=5, rate=rate, seed=seed)
    result, terms = pricer.price(activity), terms_of(events_of(activity, mapping.network))
    across = result.events.bits_across_dies / 3
    assert float(terms.die_to_die_bits) == pytest.approx(across, rel=1e-9, abs=0)
    assert float(terms.energy_j) == pytest.approx(result.energy.dynamic_j / 3, rel=1e-9, abs=0)
    priced = dict(zip(result.links["link"], result.links["bits"], strict=True))
    expected = [priced[name] / 3 for name in cost.links]
    np.testing.assert_allclose(terms.link_bits, expected, rtol=1e-9)


def test_with_frames_the_energy_is_a_lower_bound_and_bits_stay_exact():
    network = mixed_network()
    mapping = random_mapping(network, mixed_package(), 3)
    activity = random_activity(network, samples=2, steps=4, rate=0.2, seed=4)
    result = cs.price(activity, mapping)
    terms = jax.jit(mapped_cost(mapping).terms)(events_of(activity, network))
    assert result.events.wire_bits_across_dies > 4 / 3 * result.events.bits_across_dies
    assert 0.5 * result.energy.dynamic_j / 2 < float(terms.energy_j) < result.energy.dynamic_j / 2
    assert float(terms.die_to_die_bits) == result.events.bits_across_dies / 2


def chain():
    """Two inputs on the west die, two cells and an answer on the east one, read in the west."""
    one = np.ones
    network = Network(
        "chain",
        (
            Population("in", (2,), "input"),
            Population("cells", (2,), "if"),
            Population("answer", (1,), "if", output=True),
        ),
        (
            Projection("a", "in", "cells", Dense(one((2, 2), np.float32))),
            Projection("b", "cells", "answer", Dense(one((1, 2), np.float32))),
        ),
        1e-3,
    )
    die = {"network": {"topology": "mesh", "shape": [1, 1], "link": LINK, "router": ROUTER}}
    package = package_of(
        chiplet_types={
            "west": {**die, "tiles": [{"at": "all", "tile": IO}]},
            "east": {**die, "tiles": [{"at": "all", "tile": NEUROCORE}]},
        },
        chiplets={"w": {"type": "west", "at": [0]}, "e": {"type": "east", "at": [1]}},
        network={"topology": "mesh", "shape": [2], "link": LINK},
    )
    places = [(0, ((0, 2),), 0), (1, ((0, 2),), 1), (2, ((0, 1),), 1)]
    slices = tuple(Slice(number, box, tile, tile) for number, box, tile in places)
    return Mapping(network, package, slices, "by hand", 0)


def test_prices_of_single_events_by_hand():
    # A packet is 8 + 20 bits, two flits of 16 on a link: 32 bits, 32 pJ. A router takes
    # 1.5 + 28 x 0.125 = 5 pJ, and both routers are entered.
    cost = mapped_cost(chain())
    into, cells, answer = (cost.populations[name] for name in ("in", "cells", "answer"))
    assert into.die_to_die_bits.tolist() == [32, 32]
    assert cells.die_to_die_bits.tolist() == [0, 0]
    assert answer.die_to_die_bits.tolist() == [32]
    # An input: 4 to enter, 1 to be received, 2 synapses of 3, a link, two routers.
    np.testing.assert_allclose(into.energy_j, [(4 + 1 + 6 + 32 + 10) * 1e-12] * 2)
    # A cell stays on its tile: 2 to send, 1 to receive, 1 synapse of 3.
    np.testing.assert_allclose(cells.energy_j, [6e-12] * 2)
    # An answer: 2 to send, 6 to leave, a link, two routers.
    np.testing.assert_allclose(answer.energy_j, [(2 + 6 + 32 + 10) * 1e-12])
    np.testing.assert_allclose(cost.tick_energy_j, [0, 10e-12, 5e-12])  # neurons of 5 pJ
    assert cost.tick_link_bits.tolist() == [[0, 0]] * 3
    assert set(cost.crossing()) == {"in", "answer"}


# --- gradients ------------------------------------------------------------------------------


def central(value_and_slope, x, step):
    """Return the slope between two values; the slopes themselves are not looked at."""
    (above, _), (below, _) = value_and_slope(x + step), value_and_slope(x - step)
    return float(above - below) / (2 * step)


@pytest.mark.parametrize("name", ["die_to_die_bits", "energy", "worst_link"])
def test_gradients_by_rates_are_finite_differences(name):
    # Rates in (0, 1) in place of spikes, through a smooth squashing of membranes.
    mapping, cost, *_ = mapped(0)
    network = mapping.network
    random = np.random.default_rng(6)
    shapes = {item.name: (4, 2, *item.shape) for item in network.populations}
    membranes = {key: random.normal(-2, 1, shape) for key, shape in shapes.items()}
    direction = {key: random.normal(0, 1, shape) for key, shape in shapes.items()}

    @jax.jit
    @jax.value_and_grad
    def value(shift):
        rates = {
            key: jax.nn.sigmoid(membranes[key] + shift * direction[key])
            for key in shapes
            if key != "in"  # graded, so that it counts in whole events
        }
        terms = cost.terms({**rates, "in": jnp.ones(shapes["in"])})
        return cost.objective(terms, name, temperature_bits=50.0)

    _, slope = value(0.0)
    assert float(slope) == pytest.approx(central(value, 0.0, 1e-5), rel=1e-4, abs=0)
    assert slope != 0


@pytest.mark.parametrize(
    ("group", "name"),
    [("links", "energy_j_per_bit"), ("routers", "energy_j_per_bit"), ("neurocore", None)],
)
def test_gradients_by_constants_are_finite_differences(group, name):
    mapping, *_ = mapped(1)
    model, constants = traffic_model(mapping), constants_of(mapping.package, mapping.barrier_s)
    events = events_of(random_activity(mapping.network, 2, 4, 0.3, 8), mapping.network)

    @jax.jit
    @jax.value_and_grad
    def value(scale):
        if name is None:
            tiles = {**constants.tiles[group]}
            tiles["energy_j_per_synaptic_op"] = tiles["energy_j_per_synaptic_op"] * scale
            changed = constants._replace(tiles={**constants.tiles, group: tiles})
        else:
            part = getattr(constants, group)
            part = part._replace(**{name: getattr(part, name) * scale})
            changed = constants._replace(**{group: part})
        return cost_at(model, changed).terms(events).energy_j * 1e12

    _, slope = value(1.0)
    assert float(slope) == pytest.approx(central(value, 1.0, 1e-4), rel=1e-4, abs=0)
    assert slope > 0


def test_the_worst_link_is_a_maximum_from_above():
    mapping, cost, terms_of, _ = mapped(1)
    terms = terms_of(events_of(random_activity(mapping.network, 3, 5, 0.3, 1), mapping.network))
    largest = float(terms.link_bits.max())
    for temperature_bits in (1.0, 20.0):
        smooth = float(cost.objective(terms, "worst_link", temperature_bits))
        assert largest <= smooth <= largest + temperature_bits * np.log(len(cost.links))


def test_graded_values_count_as_events_and_are_drawn_to_zero():
    values = jnp.array([0.0, 0.5, -3.0])
    assert sent(values).tolist() == [0, 1, 1]
    slopes = jax.grad(lambda x: sent(x).sum())(values)
    # d/dx |x| / (1 + |x|): 1 / 1.5^2 and -1 / 4^2
    np.testing.assert_allclose(slopes, [0, 1 / 2.25, -1 / 16])
