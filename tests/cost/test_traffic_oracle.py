"""Every count of the program equals that of walking packets one by one."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from cost_cases import mixed_network, mixed_package, random_activity, random_mapping
from walker import Walk

from chipletsim.cost.class_counter import ClassCounter
from chipletsim.cost.incidence import traffic_model
from chipletsim.cost.native_counter import NativeCounter
from chipletsim.cost.program import count
from chipletsim.network.pipeline import stages
from chipletsim.tiles import TileEvents

SAMPLES, STEPS = 2, 3
NETWORK_FIELDS = (
    "link_packets",
    "link_bits",
    "injected",
    "router_packets",
    "router_bits",
    "delivered",
)


def counted(mapping, activity, kernels):
    """Return Counted of all rows in order, and the rows of a sample; counted window by window."""
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
    with jax.enable_x64(True):
        result = jax.jit(count)(direct, model.incidence)
    return jax.tree.map(np.asarray, result), rows


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("multicast", [(True, True), (True, False), (False, True), (False, False)])
def test_counts_equal_those_of_walking(seed, multicast, kernels):
    network, package = mixed_network(), mixed_package(multicast)
    mapping = random_mapping(network, package, seed)
    activity = random_activity(network, SAMPLES, STEPS, 0.15, seed)
    found, rows = counted(mapping, activity, kernels)
    walk = Walk(mapping, activity)

    def expected(what, places):
        table = np.zeros((places, SAMPLES * rows), np.int64)
        for (name, where, sample, row), amount in walk.counts.items():
            if name == what:
                table[where, sample * rows + row] += amount
        return table

    for name in NETWORK_FIELDS:
        table = getattr(found, name)
        np.testing.assert_array_equal(table, expected(name, table.shape[0]), err_msg=name)
    for name in TileEvents._fields:
        table = found.amount(name)
        np.testing.assert_array_equal(table, expected(name, table.shape[0]), err_msg=name)
    assert walk.counts.total() > 1000
