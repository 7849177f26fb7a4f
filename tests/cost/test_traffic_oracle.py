"""Every count of the program equals that of walking packets one by one."""

from dataclasses import replace
from math import ceil

import jax
import numpy as np
import pytest
from cost_cases import (
    NEUROCORE,
    mixed_network,
    mixed_package,
    random_activity,
    random_mapping,
    row_of_tiles,
)
from walker import Walk

from chipletsim.cost.class_counter import ClassCounter
from chipletsim.cost.gradients import row_counts
from chipletsim.cost.incidence import traffic_model
from chipletsim.cost.native_counter import NativeCounter
from chipletsim.cost.native_rows import native_row_numbers, row_tables
from chipletsim.cost.native_tables import traffic_tables
from chipletsim.cost.program import count, direct_amounts
from chipletsim.cost.row_numbers import STEP_TOTALS, counted_of, row_numbers
from chipletsim.mapping.map import map_network
from chipletsim.network.connections import Sparse
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.pipeline import stages
from chipletsim.tiles import TileEvents

pytestmark = pytest.mark.usefixtures("quick_programs")

SAMPLES, STEPS = 2, 3
NETWORK_FIELDS = (
    "link_packets",
    "link_bits",
    "injected",
    "router_packets",
    "router_bits",
)


def counted(mapping, activity, kernels):
    """Return the model, its direct quantities in all rows in order, and the rows of a sample.

    They are counted window by window.
    """
    model, pipeline = traffic_model(mapping), stages(mapping.network)
    kind = NativeCounter if kernels == "native" else ClassCounter
    counter = kind(model, pipeline, np.zeros((1, model.classes.size)))
    batches = []
    for first, stop in ((0, 1), (1, 1), (1, activity.steps)):
        rasters = {name: raster[:, first:stop] for name, raster in activity.rasters.items()}
        batches += counter.add(replace(activity, rasters=rasters, steps=stop - first))
    batches += counter.close()
    rows = pipeline.rows(activity.steps)
    direct = np.zeros((sum(model.incidence.sizes.direct), activity.samples * rows), np.int64)
    for batch in batches:
        sample, row = batch.places.T
        direct[:, sample * rows + row] = np.asarray(batch.direct)[:, : len(batch.places)]
    assert sum(len(batch.places) for batch in batches) == direct.shape[1]
    return model, direct, rows


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("multicast", [(True, True), (True, False), (False, True), (False, False)])
def test_counts_equal_those_of_walking(seed, multicast, kernels):
    network, package = mixed_network(), mixed_package(multicast)
    mapping = random_mapping(network, package, seed)
    activity = random_activity(network, SAMPLES, STEPS, 0.15, seed)
    model, direct, rows = counted(mapping, activity, kernels)
    walk = Walk(mapping, activity)

    def expected(what, places):
        table = np.zeros((places, SAMPLES * rows), np.int64)
        for (name, where, sample, row), amount in walk.counts.items():
            if name == what:
                table[where, sample * rows + row] += amount
        return table

    def equal(found, what):
        np.testing.assert_array_equal(found, expected(what, found.shape[0]), err_msg=what)

    with jax.enable_x64(True):
        found = jax.tree.map(np.asarray, jax.jit(count)(direct, model.incidence))
    for name in NETWORK_FIELDS:
        equal(getattr(found, name), name)
    equal(found.tiles.delivered, "delivered")
    for link, bits, wire_bits in zip(package.links, found.link_bits, found.wire_bits, strict=True):
        frame = link.spec.frame
        due = [ceil(b / frame.payload_bits) * frame.total_bits if frame else b for b in bits]
        assert wire_bits.tolist() == due
    for name in TileEvents._fields:
        equal(found.tiles.amount(name), name)
    assert walk.counts.total() > 1000


@pytest.mark.parametrize(
    ("neurons", "rate", "least", "most"),
    [(300, 0.5, 100, 700), (300, 0.01, 100, 700), (20_000, 0.02, 16_385, 40_100)],
)
def test_counts_of_few_and_many_groups(neurons, rate, least, most, kernels):
    """Few groups of classes, each in most rows or in hardly any, or more than are kept by row."""
    rng = np.random.default_rng(neurons)
    targets = rng.integers(0, neurons, 6 * neurons, dtype=np.int32)
    indptr = np.arange(0, 6 * neurons + 1, 6)
    synapses = Sparse(indptr, targets, rng.normal(size=targets.size).astype(np.float32), neurons)
    network = Network(
        "drawn",
        (Population("in", (neurons,), "input"), Population("n", (neurons,), "if")),
        (Projection("a", "in", "n", synapses), Projection("b", "n", "n", synapses, delay=1)),
        1e-3,
    )
    tile = NEUROCORE | {"neurons": -(-neurons // 24)}
    mapping = map_network(network, row_of_tiles(24, tile=tile), strategy="sequential")
    activity = random_activity(network, 2, 21, rate, 1)
    model, direct, rows = counted(mapping, activity, kernels)
    tables = traffic_tables(model, np.zeros((1, model.classes.size)))
    assert least <= tables.group_routes_s.shape[1] <= most
    with jax.enable_x64(True):
        expected = jax.jit(direct_amounts)(row_counts(model, activity), model.incidence)
    assert direct.shape[1] == 2 * rows
    np.testing.assert_array_equal(direct, expected)


@pytest.mark.parametrize("rows", [1, 63, 64, 700, 1025])
def test_numbers_of_rows_equal_sums_of_counts(rows, kernels):
    """Numbers, sums over rows and sums of each row, of any direct quantities."""
    package = mixed_package((True, False))
    mapping = random_mapping(mixed_network(), package, 3)
    model = traffic_model(mapping)
    incidence = model.incidence
    draw = np.random.default_rng(rows)
    direct = draw.integers(0, 9, (sum(incidence.sizes.direct), rows))
    direct[:, draw.random(rows) < 0.2] *= 3_000_000_019
    between = np.array([link.between_dies for link in package.links])
    assert 0 < between.sum() < between.size
    assert incidence.crossbars.reads.size
    with jax.enable_x64(True):
        rows_of = jax.tree.map(np.asarray, jax.jit(count)(direct, incidence))
        if kernels == "native":
            tables = row_tables(incidence, between)
            numbers = native_row_numbers(direct, tables, incidence.sizes, 2)
        else:
            numbers = row_numbers(direct, incidence, between)
        numbers = jax.tree.map(np.asarray, numbers)
    np.testing.assert_array_equal(numbers.tiles.numbers, rows_of.tiles.numbers)
    np.testing.assert_array_equal(numbers.wire_bits, rows_of.wire_bits)
    np.testing.assert_array_equal(numbers.busiest_bits, rows_of.wire_bits.max(axis=1))
    total = counted_of(numbers.total, incidence.sizes)
    for found, each in zip(jax.tree.leaves(total), jax.tree.leaves(rows_of), strict=True):
        np.testing.assert_array_equal(found, each.sum(axis=-1, keepdims=True))
    of_rows = {
        "synaptic_operations": rows_of.tiles.amount("synaptic_operations"),
        "messages": rows_of.tiles.amount("input_messages"),
        "packets_injected": rows_of.injected,
        "packets_delivered": rows_of.tiles.delivered,
        "hops": rows_of.link_packets,
        "bits_on_chip": rows_of.link_bits[~between],
        "bits_across_dies": rows_of.link_bits[between],
        "wire_bits_on_chip": rows_of.wire_bits[~between],
        "wire_bits_across_dies": rows_of.wire_bits[between],
        "neuron_updates": rows_of.tiles.amount("neuron_updates"),
    }
    for name, found in zip(STEP_TOTALS, numbers.steps, strict=True):
        np.testing.assert_array_equal(found, of_rows[name].sum(axis=0), err_msg=name)
