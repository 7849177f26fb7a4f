"""Activity drawn from rates costs what spikes at those rates cost."""

from dataclasses import replace

import numpy as np
import pytest
from cost_cases import mixed_network, mixed_package, random_mapping

from chipletsim.cost.classes import traffic_classes
from chipletsim.cost.price import CostStream, Pricer, price
from chipletsim.engine.activity import Activity
from chipletsim.engine.rates import RateActivity
from chipletsim.errors import UsageError

pytestmark = pytest.mark.usefixtures("quick_programs")

SAMPLES, STEPS = 3, 5


@pytest.fixture(scope="module")
def network():
    return mixed_network()


@pytest.fixture(scope="module", params=[(True, False), (False, True)])
def mapping(network, request):
    return random_mapping(network, mixed_package(request.param), 5)


@pytest.fixture(scope="module")
def rates(network):
    draw = np.random.default_rng(0)
    return {each.name: float(draw.uniform(0.02, 0.4)) for each in network.populations}


def spikes_at(network, rates, samples, seed):
    draw = np.random.default_rng(seed)
    shapes = {each.name: each.shape for each in network.populations}
    spikes = {}
    for each in network.populations:
        fired = draw.random((samples, STEPS, *each.shape)) < rates[each.name]
        spikes[each.name] = fired * np.float32(0.5) if each.value_bits else fired
    return Activity.from_spikes(shapes, spikes)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_silence_and_full_activity_are_exact(network, mapping, rate):
    everywhere = {each.name: rate for each in network.populations}
    drawn = RateActivity.of(network, everywhere, samples=SAMPLES, steps=STEPS)
    found = price(drawn, mapping)
    due = price(spikes_at(network, everywhere, SAMPLES, 0), mapping)
    assert found.metrics() == due.metrics()
    np.testing.assert_array_equal(found.latency_s, due.latency_s)
    np.testing.assert_array_equal(found.link_load_bits, due.link_load_bits)
    assert (found.events.spikes > 0) == (rate > 0)


def test_means_are_those_of_listed_spikes(network, mapping, rates):
    """Every total of a sample has the same mean, within 4.5 standard errors of the difference.

    Times, which are maxima, and bits in whole frames depend on more than means: on how events
    are spread, which is the same, too.
    """
    samples = 600
    drawn = price(RateActivity.of(network, rates, samples=samples, steps=STEPS), mapping)
    listed = price(spikes_at(network, rates, samples, 1), mapping)

    def by_sample(result):
        of_steps = {name: values.sum(axis=1) for name, values in result.totals.steps.items()}
        return of_steps | {"latency": result.latency_s.sum(axis=1)}

    other = by_sample(listed)
    for name, values in by_sample(drawn).items():
        error = np.sqrt((values.var() + other[name].var()) / samples)
        assert abs(values.mean() - other[name].mean()) <= 4.5 * error, name
        if name == "neuron_updates":  # all neurons in each step, whatever is drawn
            assert set(values) == set(other[name])
            continue
        assert 0.8 < values.std() / other[name].std() < 1.25, name
    sizes = {each.name: np.prod(each.shape) for each in network.populations}
    mean = sum(rates[name] * size for name, size in sizes.items()) * STEPS
    variance = sum(rates[name] * (1 - rates[name]) * size for name, size in sizes.items()) * STEPS
    assert abs(drawn.events.spikes / samples - mean) <= 4.5 * np.sqrt(variance / samples)


def test_draws_depend_on_the_seed_and_on_no_grouping(network, mapping, rates, monkeypatch):
    drawn = RateActivity.of(network, rates, samples=SAMPLES, steps=STEPS, seed=3)
    pricer = Pricer(mapping)
    first = pricer.price(drawn)
    listed = spikes_at(network, rates, SAMPLES, 0)
    between = pricer.price(listed)
    assert between.metrics() == price(listed, mapping).metrics()
    assert pricer.price(drawn).metrics() == first.metrics()
    assert pricer.price(replace(drawn, seed=4)).metrics() != first.metrics()
    monkeypatch.setattr("chipletsim.cost.class_counter._COUNT_BYTES", 1)
    assert price(drawn, mapping).metrics() == first.metrics()
    assert first.provenance["inputs_fingerprints"] == [drawn.inputs]
    assert drawn.inputs.startswith("rates:")


def test_samples_are_drawn_apart(network, rates):
    drawn = RateActivity.of(network, rates, samples=4, steps=STEPS)
    classes = np.zeros(sum(int(np.prod(each.shape)) for each in network.populations), np.int32)
    whole = drawn.class_counts(classes, 1)
    np.testing.assert_array_equal(drawn.of_samples(1, 2).class_counts(classes, 1), whole[1:3])
    np.testing.assert_array_equal(drawn.of_samples(3, 9).class_counts(classes, 1), whole[3:])
    assert len(np.unique(whole)) > 1


def test_neurons_without_a_class_are_left_out(network):
    everywhere = {each.name: 1.0 for each in network.populations}
    drawn = RateActivity.of(network, everywhere, steps=2)
    neurons = sum(int(np.prod(each.shape)) for each in network.populations)
    classes = np.arange(neurons, dtype=np.int32) % 3 - 1
    counts = drawn.class_counts(classes, 2)
    assert counts.tolist() == [[[(classes == 0).sum(), (classes == 1).sum()]] * 2]


def test_rates_measured_on_another_network(network, mapping, rates):
    measured = spikes_at(network, rates, SAMPLES, 0)
    drawn = RateActivity.like(measured, network, steps=STEPS, samples=2)
    for each in network.populations:
        share = np.count_nonzero(measured.spikes(each.name)) / measured.spikes(each.name).size
        assert drawn.rates[each.name] == pytest.approx(share, rel=1e-12, abs=0)
    assert price(drawn, mapping).samples == 2


def test_rates_that_are_refused(network, mapping, rates):
    name = next(iter(rates))
    for wrong, message in (
        (rates | {name: 1.5}, "between 0 and 1, got 1.5"),
        (rates | {name: float("nan")}, "between 0 and 1, got nan"),
        (rates | {"redout": 0.1}, "no population 'redout'"),
        ({key: rate for key, rate in rates.items() if key != name}, f"no rate of .* '{name}'"),
    ):
        with pytest.raises(UsageError, match=message):
            RateActivity.of(network, wrong, steps=3)
    with pytest.raises(UsageError, match="steps must be 0 or more"):
        RateActivity.of(network, rates, steps=-1)
    stream = CostStream(mapping)
    stream.add(RateActivity.of(network, rates, steps=2))
    with pytest.raises(UsageError, match="as a whole"):
        stream.add(RateActivity.of(network, rates, steps=2))
    stream = CostStream(mapping)
    stream.add(spikes_at(network, rates, 1, 0))
    with pytest.raises(UsageError, match="as a whole"):
        stream.add(RateActivity.of(network, rates, steps=2))


def test_listed_spikes_are_those_that_are_counted(network, mapping, rates):
    drawn = RateActivity.of(network, rates, samples=SAMPLES, steps=STEPS, seed=2)
    classes = traffic_classes(mapping).neuron_class
    listed = drawn.listed(classes)
    counts = drawn.class_counts(classes, int(classes.max()) + 1)
    np.testing.assert_array_equal(listed.class_counts(classes, counts.shape[-1]), counts)
    later = drawn.of_samples(1, 1).listed(classes)
    for name in drawn.populations:
        np.testing.assert_array_equal(later.rasters[name][0], listed.rasters[name][1])
    one, other = price(listed, mapping), price(drawn, mapping)
    assert one.metrics() == other.metrics()
    np.testing.assert_array_equal(one.latency_s, other.latency_s)


def test_neurons_of_a_class_are_listed_alike(network, rates):
    """Of 4,000 samples each neuron spikes in as many as its rate says, within 5 standard errors."""
    drawn = RateActivity.of(network, rates, samples=4_000, steps=1, seed=1)
    classes = np.repeat(
        np.arange(len(network.populations), dtype=np.int32),
        [int(np.prod(each.shape)) for each in network.populations],
    )
    for name, spikes in drawn.listed(classes).rates().items():
        error = np.sqrt(rates[name] * (1 - rates[name]) / 4_000)
        assert np.abs(spikes - rates[name]).max() < 5 * error, name


@pytest.mark.parametrize("timing", ["queue", "cycle", "auto"])
def test_rates_are_timed_by_models_of_packets(network, mapping, rates, timing):
    drawn = RateActivity.of(network, rates, samples=2, steps=3, seed=5)
    bound, found = price(drawn, mapping), price(drawn, mapping, timing=timing)
    listed = price(drawn.listed(traffic_classes(mapping).neuron_class), mapping, timing=timing)
    assert found.metrics() == listed.metrics()
    assert found.events == bound.events
    assert (found.latency_s >= bound.latency_s * (1 - 1e-12)).all()
    assert (found.latency_s > bound.latency_s).any()
    assert found.timed.model == listed.timed.model != "bound"


def test_rates_that_are_too_many_to_list(network, mapping, rates, monkeypatch):
    monkeypatch.setattr("chipletsim.engine.rates.MOST_LISTED_BYTES", 10)
    drawn = RateActivity.of(network, rates, steps=3)
    with pytest.raises(UsageError, match=r"take 0\.0 GB to list .* use `bound`"):
        price(drawn, mapping, timing="queue")
    found = price(drawn, mapping, timing="auto")
    assert found.timed.model == "bound"
    assert "too many to list" in found.timed.why
