"""Every count of the program equals that of walking packets one by one."""

import jax
import numpy as np
import pytest
from cost_cases import mixed_network, mixed_package, random_activity, random_mapping
from walker import Walk

from chipletsim.cost.counts import RowQueue
from chipletsim.cost.incidence import traffic_model
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


def counted(mapping, activity):
    """Return Counted of all rows, and the rows of a sample."""
    model = traffic_model(mapping)
    queue = RowQueue(model.classes, stages(mapping.network), activity.samples)
    events = activity.class_counts(model.classes.neuron_class, model.classes.spike_classes)
    rows = np.concatenate([queue.push(events), queue.close()], axis=1)
    with jax.enable_x64(True):
        result = jax.jit(count)(rows.reshape(-1, rows.shape[2]), model.incidence)
    return jax.tree.map(np.asarray, result), rows.shape[1]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("multicast", [(True, True), (True, False), (False, True), (False, False)])
def test_counts_equal_those_of_walking(seed, multicast):
    network, package = mixed_network(), mixed_package(multicast)
    mapping = random_mapping(network, package, seed)
    activity = random_activity(network, SAMPLES, STEPS, 0.15, seed)
    found, rows = counted(mapping, activity)
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
