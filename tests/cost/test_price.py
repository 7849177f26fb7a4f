"""Properties of prices: exact sums, an independent re-pricing, streams, sweeps, gradients."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from operator import attrgetter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cost_cases import mixed_network, mixed_package, random_activity, random_mapping

from chipletsim.cost.conservation import ConservationError, check_conservation
from chipletsim.cost.energy import on_common_grid
from chipletsim.cost.gradients import row_counts
from chipletsim.cost.incidence import traffic_model
from chipletsim.cost.price import CostStream, Pricer, price, price_many
from chipletsim.cost.program import count, direct_amounts, totals
from chipletsim.engine.activity import Activity
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.tiles import TileEvents

pytestmark = pytest.mark.usefixtures("kernels")

SAMPLES, STEPS = 3, 4


@pytest.fixture(scope="module")
def network():
    return mixed_network()


@pytest.fixture(scope="module")
def mapping(network):
    return random_mapping(network, mixed_package(), 7)


@pytest.fixture(scope="module")
def activity(network):
    return random_activity(network, SAMPLES, STEPS, 0.2, 7)


@pytest.fixture(scope="module")
def model(mapping):
    return traffic_model(mapping)


@pytest.fixture(scope="module")
def counts(model, activity):
    return row_counts(model, activity)


COUNT = jax.jit(lambda counts, incidence: count(direct_amounts(counts, incidence), incidence))


def counted_of(counts, model):
    with jax.enable_x64(True):
        return jax.device_get(COUNT(jnp.asarray(counts), model.incidence))


@pytest.fixture(scope="module")
def result(activity, mapping):
    return price(activity, mapping)


def window(activity: Activity, start: int, stop: int) -> Activity:
    rasters = {name: raster[:, start:stop] for name, raster in activity.rasters.items()}
    values = {name: value[:, start:stop] for name, value in activity.values.items()}
    return Activity.from_rasters(activity.populations, rasters, values)


def changed(mapping: Mapping, change) -> Mapping:
    """Return the mapping on a package whose specs ``change`` has rewritten."""
    package = mapping.package
    links = tuple(replace(link, spec=change(link.spec)) for link in package.links)
    routers = tuple(replace(router, spec=change(router.spec)) for router in package.routers)
    tiles = tuple(replace(tile, parameters=change(tile.parameters)) for tile in package.tiles)
    return replace(mapping, package=replace(package, links=links, routers=routers, tiles=tiles))


def scaled(spec, **factors):
    """Return a spec with some of its floats multiplied."""
    present = {name: getattr(spec, name) * f for name, f in factors.items() if hasattr(spec, name)}
    return spec.model_copy(update=present)


def test_parts_sum_to_the_total_exactly(result):
    total = Fraction(result.energy.total_j)
    for parts in (result.energy.by_component(), result.energy.by_place()):
        assert sum(map(Fraction, parts.values())) == total
        assert sum(parts.values()) == sum(reversed(parts.values())) == float(total)
    cells = map(Fraction, result.energy.energy_j.tolist())
    assert sum(cells) == total
    assert Fraction(result.energy.static_j) + Fraction(result.energy.dynamic_j) == total
    by_place = result.energy.of_places(static=False) + result.energy.of_places(static=True)
    assert sum(map(Fraction, by_place.tolist())) == total
    terms = map(Fraction, result.latency.terms_s.values())
    assert sum(terms) == Fraction(result.latency_per_inference_s)


def test_common_grid_moves_nothing_by_more_than_a_rounding():
    rng = np.random.default_rng(0)
    values = 10.0 ** rng.uniform(-20, 3, 500)
    grid = on_common_grid(values)
    assert np.abs(grid - values).max() <= values.sum() * 2**-52
    exact = sum(map(Fraction, grid.tolist()))
    for _ in range(20):
        assert Fraction(float(grid[rng.permutation(500)].sum())) == exact
    assert on_common_grid(np.zeros(3)).tolist() == [0, 0, 0]
    dyadic = rng.integers(0, 2**20, 100) * 2.0**-40
    np.testing.assert_array_equal(on_common_grid(dyadic), dyadic)


def test_repriced_by_hand(result, mapping, model, counts):
    """NumPy alone: events of each tile, router and link times what the files say."""
    package = mapping.package
    counted = counted_of(counts, model)
    time_s = result.latency_s.sum()
    total = package.spec.static_power_w * time_s
    total += sum(chiplet.static_power_w for chiplet in package.chiplets) * time_s
    for number, link in enumerate(package.links):
        bits = counted.wire_bits[number].sum()
        packets = counted.link_packets[number].sum()
        spec = link.spec
        total += bits * spec.energy_j_per_bit + packets * spec.energy_j_per_packet
        total += spec.static_power_w * time_s
    for number, router in enumerate(package.routers):
        spec = router.spec
        total += counted.router_packets[number].sum() * spec.energy_j_per_packet
        total += counted.router_bits[number].sum() * spec.energy_j_per_bit
        total += spec.static_power_w * time_s
    for number, tile in enumerate(package.tiles):
        events = {name: counted.tiles.amount(name)[number] for name in TileEvents._fields}
        total += tile_energy(tile.parameters, {n: int(e.sum()) for n, e in events.items()})
        total += tile.parameters.static_power_w * time_s
    assert result.energy.total_j == pytest.approx(total, rel=1e-13, abs=0)
    assert {tile.kind for tile in package.tiles} == {"io", "memory", "neurocore", "npu", "crossbar"}


def tile_energy(p, n):
    if p.kind == "neurocore":
        return (
            n["synaptic_operations"] * 3e-12
            + n["neuron_updates"] * 5e-12
            + n["output_spikes"] * 2e-12
            + n["input_messages"] * 1e-12
        )
    if p.kind == "npu":
        active = min(n["synaptic_operations"], n["dense_operations"])
        return (
            active * 0.5e-12
            + (n["dense_operations"] - active) * 0.125e-12
            + n["weight_reads"] * 8 * 0.25e-12
            + n["neuron_updates"] * 1e-12
            + n["output_spikes"] * 1e-12
            + n["input_messages"] * 0.5e-12
        )
    if p.kind == "crossbar":  # 2 slices of 2 bits, in pairs: 4 cells a weight
        return (
            n["row_activations"] * 1e-12
            + n["synaptic_operations"] * 4 * 0.0625e-12
            + n["column_reads"] * 2 * 2e-12
            + n["neuron_updates"] * 1e-12
            + n["output_spikes"] * 1e-12
            + n["input_messages"] * 0.5e-12
        )
    if p.kind == "io":
        return n["output_spikes"] * 4e-12 + n["input_messages"] * 6e-12
    return n["memory_read_bits"] * 3.5e-12 + n["memory_requests"] * 8e-12


@pytest.mark.parametrize("cuts", [(0, 1, 2, 3, 4), (0, 3, 4)])
def test_a_stream_of_windows_is_the_whole_run(result, mapping, activity, cuts):
    stream = CostStream(mapping)
    for start, stop in pairwise(cuts):
        stream.add(window(activity, start, stop))
    streamed = stream.close()
    np.testing.assert_array_equal(streamed.latency_s, result.latency_s)
    np.testing.assert_array_equal(streamed.link_load_bits, result.link_load_bits)
    assert streamed.metrics() == result.metrics()
    assert streamed.to_dict()["energy"] == result.to_dict()["energy"]
    assert streamed.per_step.to_dict() == result.per_step.to_dict()


def test_a_pricer_prices_each_activity_by_itself(result, mapping, activity, network):
    pricer = Pricer(mapping)
    other = random_activity(network, 2, 6, 0.3, 9)
    expected = [result, price(other, mapping), result]
    for given, due in zip([activity, other, activity], expected, strict=True):
        found = pricer.price(given)
        assert found.metrics() == due.metrics()
        assert found.to_dict() == due.to_dict()
        np.testing.assert_array_equal(found.link_load_bits, due.link_load_bits)


def test_samples_priced_in_groups_are_the_whole_run(result, mapping, activity, monkeypatch):
    monkeypatch.setattr("chipletsim.cost.class_counter._COUNT_BYTES", 1)
    monkeypatch.setattr("chipletsim.cost.native_counter.MOST_ROWS", 2)
    assert price(activity, mapping).metrics() == result.metrics()


def test_many_packages_at_once_are_each_priced_alone(activity, mapping):
    def variant(factor):
        return changed(
            mapping,
            lambda spec: scaled(
                spec, energy_j_per_bit=factor, latency_s=factor, bandwidth_bit_per_s=1 / factor
            ),
        ).package

    coarse = changed(
        mapping,
        lambda spec: (
            spec.model_copy(update={"flit_bits": 40}) if hasattr(spec, "flit_bits") else spec
        ),
    ).package
    packages = [variant(1.0), coarse, variant(3.0), variant(0.5)]
    together = price_many(activity, mapping, packages)
    for package, found in zip(packages, together, strict=True):
        alone = price(activity, replace(mapping, package=package))
        assert found.mapping.package is package
        assert found.events == alone.events
        for name, value in alone.metrics().items():
            assert found.metrics()[name] == pytest.approx(value, rel=1e-14, abs=0), name
    assert together[1].events.bits_on_chip != together[0].events.bits_on_chip


MORE_IS_WORSE = {
    "energy_per_inference_j": (
        "energy_j_per_bit",
        "energy_j_per_packet",
        "static_power_w",
        "energy_j_per_synaptic_op",
        "energy_j_per_conversion",
    ),
    "latency_per_inference_s": ("latency_s", "time_s_per_synaptic_op", "time_s_per_read"),
}


def test_monotonicity(activity, mapping, result):
    before = result.metrics()
    for metric, names in MORE_IS_WORSE.items():
        for name in names:
            dearer = price(activity, changed(mapping, lambda s, n=name: scaled(s, **{n: 2.0})))
            assert dearer.metrics()[metric] >= before[metric], name
    faster = changed(mapping, lambda spec: scaled(spec, bandwidth_bit_per_s=4.0))
    assert price(activity, faster).latency_per_inference_s < result.latency_per_inference_s
    silent = random_activity(mapping.network, SAMPLES, STEPS, 0.0, 0)
    idle = price(silent, mapping)
    assert idle.events.packets_injected <= result.events.packets_injected
    assert idle.energy.dynamic_j < result.energy.dynamic_j
    assert idle.latency_per_inference_s <= result.latency_per_inference_s


def test_fewer_bits_are_never_dearer(activity, mapping, result):
    package = mapping.package
    packet = package.spec.packet.model_copy(update={"header_bits": 0, "address_bits": 10})
    small = replace(package, spec=package.spec.model_copy(update={"packet": packet}))
    less = price(activity, replace(mapping, package=small))
    assert less.events.bits_across_dies < result.events.bits_across_dies
    assert (np.array(less.links["wire_bits"]) <= np.array(result.links["wire_bits"])).all()
    assert less.energy.dynamic_j < result.energy.dynamic_j
    assert (less.latency_s <= result.latency_s * (1 + 1e-12)).all()


def test_a_free_network_costs_nothing(activity, mapping):
    free = changed(
        mapping,
        lambda spec: scaled(
            spec, energy_j_per_bit=0.0, energy_j_per_packet=0.0, static_power_w=0.0
        ),
    )
    parts = price(activity, free).energy.by_component()
    assert parts["routers"] == parts["on-chip links"] == 0.0
    assert all(value == 0.0 for name, value in parts.items() if name.startswith("die-to-die"))


def test_counts_beyond_32_bits(model, counts):
    """Three billion events and more in each row: every product still exact in 64 bits."""
    factor = 3_000_000_019
    small, large = counted_of(counts, model), counted_of(counts * factor, model)
    for name in ("link_packets", "link_bits", "router_bits", "tiles.delivered"):
        expected = attrgetter(name)(small).astype(object) * factor
        assert (attrgetter(name)(large).astype(object) == expected).all(), name
    operations = small.tiles.amount("synaptic_operations").astype(object) * factor
    assert (large.tiles.amount("synaptic_operations").astype(object) == operations).all()
    assert large.link_bits.max() > 2**33


def test_lost_packets_are_noticed(network, activity):
    model = traffic_model(random_mapping(network, mixed_package((False, False)), 7))
    counts = row_counts(model, activity)
    rows = counted_of(counts, model)
    good = totals(rows)
    check_conservation(model, good, counts.sum(axis=0))
    for name in ("link_packets", "router_packets"):
        broken = getattr(good, name).copy()
        broken.reshape(-1)[int(broken.argmax())] -= 1
        with pytest.raises(ConservationError, match="do not add up"):
            check_conservation(model, replace(good, **{name: broken}), counts.sum(axis=0))
    lost = good.tiles.numbers.copy()
    lost[good.tiles.names.index("memory_packets")] -= 1
    with pytest.raises(ConservationError, match="leave"):
        check_conservation(
            model, replace(good, tiles=replace(good.tiles, numbers=lost)), counts.sum(axis=0)
        )
    with pytest.raises(ConservationError, match="messages"):
        check_conservation(model, good, counts.sum(axis=0) + 1)


def test_activity_of_another_network_is_refused(activity, mapping):
    other = replace(activity, network="0" * 64)
    with pytest.raises(UsageError, match="another network"):
        price(other, mapping)
    fewer = replace(activity, populations={"in": (1,)})
    with pytest.raises(UsageError, match="another network"):
        price(fewer, mapping)
    with pytest.raises(UsageError, match="no timing model"):
        price(activity, mapping, timing="guess")


def test_printing_and_json(result):
    import json

    text = str(result)
    assert "latency per inference" in text
    assert "not modelled" in text
    for part in (result.links, result.tiles, result.layers, result.per_step, result.energy):
        assert len(str(part).splitlines()) > 3
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["energy"]["total_j"] == result.energy.total_j
    assert (
        sum(plain["links"]["bits"]) == result.events.bits_on_chip + result.events.bits_across_dies
    )
    assert plain["events"]["spikes"] == sum(plain["layers"]["spikes"])
    assert sum(plain["per_step"]["hops"]) == result.events.hops
    assert all(isinstance(value, float | int) for value in result.metrics().values())
