"""Gradients of prices in every number of a package: finite differences, and counts."""

import jax
import numpy as np
import pytest
from cost_cases import mixed_network, mixed_package, random_activity, random_mapping

from chipletsim.cost.constants import constants_of
from chipletsim.cost.gradients import PerInference, compiled_value, gradients, row_counts
from chipletsim.cost.incidence import traffic_model
from chipletsim.cost.price import price
from chipletsim.tiles import TILE_KINDS

pytestmark = pytest.mark.usefixtures("kernels", "quick_programs")

SAMPLES, STEPS = 3, 4


@pytest.fixture(scope="module")
def mapping():
    return random_mapping(mixed_network(), mixed_package(), 7)


@pytest.fixture(scope="module")
def activity(mapping):
    return random_activity(mapping.network, SAMPLES, STEPS, 0.2, 7)


def test_gradients_are_finite_differences(activity, mapping):
    """Each family of float constants, moved along a random direction of its members.

    All constants are first moved by some percent, since at ties of the maximum there is
    no derivative.
    """
    model = traffic_model(mapping)
    counts = row_counts(model, activity)
    rng = np.random.default_rng(0)
    nominal = constants_of(mapping.package, mapping.barrier_s)
    whole = whole_numbers()
    paths, tree = jax.tree_util.tree_flatten_with_path(nominal)
    names = [jax.tree_util.keystr(path) for path, _ in paths]
    floats = [not any(f"'{field}'" in name for field in whole) for name in names]
    leaves = [
        leaf * rng.uniform(0.9, 1.1, np.shape(leaf)) if movable else leaf
        for (_, leaf), movable in zip(paths, floats, strict=True)
    ]
    step, moves, values = 1e-6, [], []
    for number in np.flatnonzero(floats):
        direction = rng.uniform(0.5, 1.0, np.shape(leaves[number])) * leaves[number]
        moves.append((number, direction))
        for sign in (1, -1):
            moved = list(leaves)
            moved[number] = leaves[number] + sign * step * direction
            values.append(value_at(model, counts, jax.tree.unflatten(tree, moved)))
    base = jax.tree.unflatten(tree, leaves)
    _, slopes = gradients(activity, mapping, constants=base)
    for part in PerInference._fields:
        ends = np.array([getattr(value, part) for value in values]).reshape(-1, 2)
        differences = (ends[:, 0] - ends[:, 1]) / (2 * step)
        by_leaf = jax.tree.leaves(getattr(slopes, part))
        for (number, direction), difference in zip(moves, differences, strict=True):
            assert (by_leaf[number] * direction).sum() == pytest.approx(
                difference, rel=2e-4, abs=1e-9 * ends[0, 0]
            ), (names[number], part)
        assert np.count_nonzero(differences) > 5
    assert len(moves) > 40


def value_at(model, counts, constants):
    with jax.enable_x64(True):
        return jax.device_get(compiled_value(counts, model.incidence, constants, SAMPLES, "bound"))


def test_gradients_of_link_energy_are_wire_bits(mapping, activity):
    result = price(activity, mapping)
    value, slopes = gradients(activity, mapping)
    by_bit = slopes.energy_j.links.energy_j_per_bit
    np.testing.assert_allclose(by_bit, result.link_wire_bits / SAMPLES, rtol=1e-13)
    np.testing.assert_allclose(value.energy_j, result.energy_per_inference_j, rtol=1e-13)
    np.testing.assert_allclose(value.latency_s, result.latency_per_inference_s, rtol=1e-13)
    assert slopes.latency_s.barrier_s == pytest.approx(
        result.latency.hardware_steps, rel=1e-13, abs=0
    )


def whole_numbers():
    """Names of whole numbers and flags of tiles, which no derivative is asked for."""
    derived = {"bit_slices", "cells_per_weight"}
    return derived | {
        name
        for kind in TILE_KINDS.values()
        for name, field in kind.model_fields.items()
        if field.annotation in (int, bool)
    }
