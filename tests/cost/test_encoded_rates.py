"""Messages of events that are drawn from rates."""

from dataclasses import replace

import numpy as np
import pytest
from cost_cases import (
    random_activity,
)
from encoded_cases import (
    mixed_mapping,
)

from chipletsim.cost.price import price
from chipletsim.engine.activity import Activity
from chipletsim.engine.rates import RateActivity

pytestmark = pytest.mark.usefixtures("quick_programs")


@pytest.fixture(scope="module")
def mapping():
    return mixed_mapping()


@pytest.mark.parametrize("rate", [0.0, 1.0])
@pytest.mark.parametrize("most", [0, 1 << 22])
def test_rates_of_none_and_all_are_exact(mapping, rate, most, monkeypatch):
    monkeypatch.setattr("chipletsim.cost.message_bits.MOST_DRAWN", most)
    rates = {each.name: rate for each in mapping.network.populations}
    drawn = price(RateActivity.of(mapping.network, rates, samples=2, steps=3), mapping)
    listed = price(random_activity(mapping.network, 2, 3, rate, 0), mapping)
    assert drawn.metrics() == listed.metrics()
    np.testing.assert_array_equal(drawn.link_load_bits, listed.link_load_bits)
    said = [each for each in drawn.not_modelled if "vary about their mean" in each]
    assert len(said) == (most == 0)
    assert not listed.expected_messages
    assert any("encoders and decoders" in each for each in listed.not_modelled)


def test_spikes_drawn_from_rates_have_the_bits_of_listed_ones(mapping):
    """Means over samples, within 4.5 standard errors of the difference, and about as spread."""
    samples, steps = 500, 4
    draw = np.random.default_rng(7)
    rates = {each.name: float(draw.uniform(0.05, 0.4)) for each in mapping.network.populations}
    drawn = price(RateActivity.of(mapping.network, rates, samples=samples, steps=steps), mapping)
    spikes = {}
    for each in mapping.network.populations:
        fired = draw.random((samples, steps, *each.shape)) < rates[each.name]
        spikes[each.name] = fired * np.float32(0.5) if each.value_bits else fired
    shapes = {each.name: each.shape for each in mapping.network.populations}
    listed = price(Activity.from_spikes(shapes, spikes), mapping)
    for name in ("bits_across_dies", "wire_bits_across_dies", "bits_on_chip"):
        one, other = (each.totals.steps[name].sum(axis=1) for each in (drawn, listed))
        error = np.sqrt((one.var() + other.var()) / samples)
        assert abs(one.mean() - other.mean()) <= 4.5 * error, name
        assert 0.8 < one.std() / other.std() < 1.25, name


def test_draws_do_not_depend_on_how_samples_are_grouped(mapping, monkeypatch):
    rates = {each.name: 0.3 for each in mapping.network.populations}
    activity = RateActivity.of(mapping.network, rates, samples=3, steps=3, seed=4)
    whole = price(activity, mapping)
    monkeypatch.setattr("chipletsim.cost.class_counter._COUNT_BYTES", 1)
    assert price(activity, mapping).metrics() == whole.metrics()
    assert price(replace(activity, seed=5), mapping).metrics() != whole.metrics()


def test_so_many_of_each_class_spike():
    rates = {"a": 0.5, "b": 0.5}
    activity = RateActivity("", {"a": (3,), "b": (60,)}, rates, 1, 200)
    classes = np.array([1, 0, 2] * 20)
    counts = np.stack([np.full(200, 20), np.arange(200) % 21, np.zeros(200, int)], axis=1)
    spikes = activity.spikes("b", classes, counts)
    for number in range(3):
        assert spikes[:, classes == number].sum(axis=1).tolist() == counts[:, number].tolist()
    # 2,000 of 4,000 draws of class 1: each of 20 neurons 100 of 200, with an error of 7 at most.
    assert np.abs(spikes[:, classes == 1].sum(axis=0) - counts[:, 1].sum() / 20).max() < 4.5 * 7.1
