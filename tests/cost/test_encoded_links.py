"""Events in messages over links, against walking, and all at once."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from cost_cases import (
    mixed_network,
    mixed_package,
    random_activity,
    random_mapping,
)
from encoded_cases import (
    BY_POSITION,
    LINEAR,
    SPIKES,
    VALUES,
    encoded,
    mixed_mapping,
    random_encoding,
    random_network,
    two_dies,
    windows,
)
from encoded_walk import EncodedWalk, on_the_wire
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.cost.class_counter import ClassCounter
from chipletsim.cost.constants import constants_of
from chipletsim.cost.gradients import compiled_value, row_counts
from chipletsim.cost.incidence import traffic_model
from chipletsim.cost.native_counter import NativeCounter
from chipletsim.cost.price import CostStream, price
from chipletsim.cost.program import count
from chipletsim.network.pipeline import stages

pytestmark = pytest.mark.usefixtures("quick_programs")

SAMPLES, STEPS = 2, 3


def counted(mapping, activity, kernels):
    """Return the whole numbers of all rows in order, counted window by window."""
    model, pipeline = traffic_model(mapping), stages(mapping.network)
    kind = NativeCounter if kernels == "native" else ClassCounter
    counter = kind(model, pipeline, np.zeros((1, model.classes.size)))
    batches = [batch for part in windows(activity, 1, 1) for batch in counter.add(part)]
    batches += counter.close()
    rows = pipeline.rows(activity.steps)
    direct = np.zeros((sum(model.incidence.sizes.direct), activity.samples * rows), np.int64)
    for batch in batches:
        sample, row = batch.places.T
        direct[:, sample * rows + row] = np.asarray(batch.direct)[:, : len(batch.places)]
    with jax.enable_x64(True):
        return rows, jax.tree.map(np.asarray, jax.jit(count)(direct, model.incidence))


def assert_walked(mapping, activity, rows, found):
    """Check packets and bits of every link and router in every row against the walk."""
    package, walk = mapping.package, EncodedWalk(mapping, activity)
    sizes = {name: len(getattr(found, name)) for name in ("link_packets", "link_bits")}
    sizes |= {name: len(package.routers) for name in ("injected", "router_packets", "router_bits")}
    for name, places in sizes.items():
        due = walk.table(name, places, activity.samples, rows)
        np.testing.assert_array_equal(getattr(found, name), due, err_msg=name)
    for link, bits, wire in zip(package.links, found.link_bits, found.wire_bits, strict=True):
        assert wire.tolist() == [on_the_wire(link.spec, int(each)) for each in bits]
    return walk


@pytest.mark.parametrize("name", [name for name in SPIKES if name not in BY_POSITION])
def test_codecs_of_numbers_of_events_equal_walking(name, kernels):
    assert_codec_equals_walking(name, kernels)


@pytest.mark.parametrize("name", BY_POSITION)
def test_codecs_of_spikes_themselves_equal_walking(name):
    assert_codec_equals_walking(name, "xla")  # the native counter knows no positions


def assert_codec_equals_walking(name, kernels):
    seed = list(SPIKES).index(name)
    values = list(VALUES.values())[seed % 2]
    encoding = {"spikes": SPIKES[name], "values": values}
    on_die = {"spikes": SPIKES["bitmap"]} if seed % 2 else {"values": VALUES["dense"]}
    multicast = (seed % 4 > 1, seed % 4 % 2 > 0)
    package = two_dies(encoding, on_die, framed=seed % 3 > 0, multicast=multicast)
    mapping = random_mapping(mixed_network(), package, seed)
    activity = random_activity(mapping.network, SAMPLES, STEPS, 0.15, seed)
    rows, found = counted(mapping, activity, kernels)
    walk = assert_walked(mapping, activity, rows, found)
    assert {name for _, name in walk.crossing()} >= {"in", "hidden"}


@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), rate=st.sampled_from([0.05, 0.3, 1]))
def assert_drawn_networks_equal_walking(kernels, names, seed, rate):
    draw = np.random.default_rng(seed)
    network, plain = random_network(draw), mixed_package(tuple(draw.random(2) < 0.5))
    choices = [random_encoding(draw, names) for _ in plain.links]
    package = encoded(plain, lambda number, _: choices[number])
    mapping = random_mapping(network, package, seed % 1000)
    activity = random_activity(network, 2, int(draw.integers(1, 6)), rate, seed)
    rows, found = counted(mapping, activity, kernels)
    assert_walked(mapping, activity, rows, found)


def test_drawn_networks_equal_walking(kernels):
    """Networks, packages, mappings and the codec of each link are drawn, on either counter."""
    names = list(LINEAR if kernels == "native" else SPIKES)
    assert_drawn_networks_equal_walking(kernels=kernels, names=names)


@pytest.fixture(scope="module")
def mapping():
    return mixed_mapping()


@pytest.fixture(scope="module")
def linear_mapping(mapping):
    encoding = {"spikes": SPIKES["counted"], "values": VALUES["masked"]}
    return replace(mapping, package=two_dies(encoding, {"spikes": SPIKES["bitmap"]}))


@pytest.mark.parametrize("which", ["linear_mapping", "mapping"])
def test_prices_equal_walking(which, request):
    """Totals, each row summed over samples, busiest rows; packets as without encoding."""
    mapping = request.getfixturevalue(which)
    package, activity = mapping.package, random_activity(mapping.network, 2, 6, 0.2, 2)
    result, rows = price(activity, mapping), stages(mapping.network).rows(6)
    bits = EncodedWalk(mapping, activity).table("link_bits", len(package.links), 2, rows)
    wire = np.array(
        [
            [on_the_wire(link.spec, int(each)) for each in row]
            for link, row in zip(package.links, bits, strict=True)
        ]
    )
    totals = result.totals
    assert result.links["bits"].tolist() == bits.sum(axis=1).tolist()
    assert result.links["wire_bits"].tolist() == wire.sum(axis=1).tolist()
    np.testing.assert_array_equal(totals.busiest_row_bits, wire.max(axis=1))
    per_row = wire.reshape(len(wire), 2, rows).sum(axis=1).T
    np.testing.assert_array_equal(result.link_load_bits, per_row)
    across = np.array([link.between_dies for link in package.links])
    of_steps = wire[across].sum(axis=0).reshape(2, rows)
    np.testing.assert_array_equal(totals.steps["wire_bits_across_dies"], of_steps)
    plain = price(activity, replace(mapping, package=mixed_package((True, False)))).totals
    for name in ("link_packets", "injected", "router_packets", "router_bits"):
        due = getattr(plain.counted, name)
        np.testing.assert_array_equal(getattr(totals.counted, name), due)


def test_nothing_at_all_costs_nothing_on_links(mapping):
    stream = CostStream(mapping)
    stream.add(windows(random_activity(mapping.network, 2, 1, 0.2, 2), 0)[0])
    assert stream.close().events.wire_bits_across_dies == 0


def test_all_rows_at_once_cost_what_the_price_is(mapping):
    """The program that gradients go through has the same messages."""
    activity = random_activity(mapping.network, 2, 6, 0.2, 2)
    model, result = traffic_model(mapping), price(activity, mapping)
    with jax.enable_x64(True):
        counts = row_counts(model, activity)
        numbers = constants_of(mapping.package, mapping.barrier_s)
        value = compiled_value(counts, model.incidence, numbers, 2, "bound")
    assert float(value.energy_j) == pytest.approx(result.energy_per_inference_j, rel=1e-12, abs=0)
    assert float(value.latency_s) == pytest.approx(result.latency_per_inference_s, rel=1e-12, abs=0)
