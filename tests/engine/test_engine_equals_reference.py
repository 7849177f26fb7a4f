"""The engine gives the reference's spikes, in every schedule, batch and window."""

import numpy as np
import pytest
from engine_networks import (
    CONNECTIONS,
    NEURONS,
    feed_forward,
    random_inputs,
    with_feedback,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.engine.activity import Activity
from chipletsim.engine.memory import Batching
from chipletsim.engine.reference import simulate_reference
from chipletsim.engine.simulate import simulate, simulate_windows
from chipletsim.network.connections import Pool2d
from chipletsim.network.model import Network

pytestmark = pytest.mark.usefixtures("kernels")

STEPS = 9


def same(one: Activity, other: Activity) -> bool:
    """Whether two activities agree in every spike and in every bit of every value."""
    return one.fingerprint == other.fingerprint


@st.composite
def networks(draw, longest: int) -> Network:
    """Chains of populations of any kinds, with up to three feedbacks."""
    length = draw(st.integers(1, longest))
    kinds = [draw(st.sampled_from(CONNECTIONS)) for _ in range(length)]
    # A graded population may end the chain: sums of its values are not exact.
    models = [draw(st.sampled_from(NEURONS[:3])) for _ in range(length - 1)]
    models.append(draw(st.sampled_from(NEURONS)))
    graded = draw(st.booleans())
    chain = feed_forward(draw(st.integers(0, 10**6)), kinds, models, graded=graded)
    return with_feedback(chain, draw(st.integers(0, 10**6)), draw(st.integers(0, 3)))


@settings(derandomize=True, deadline=None, max_examples=3)
@given(networks(2), st.sampled_from([1, 8]), st.integers(0, 10**6))
def test_random_networks(network: Network, samples: int, seed: int) -> None:
    inputs = random_inputs(network, seed, samples, STEPS)
    expected = simulate_reference(network, inputs)
    assert same(simulate(network, inputs), expected)
    assert same(simulate(network, inputs, schedule="steps"), expected)


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=20)
@given(networks(4), st.sampled_from([1, 8]), st.integers(0, 10**6), st.integers(1, STEPS))
def test_many_random_networks(network: Network, samples: int, seed: int, window: int) -> None:
    inputs = random_inputs(network, seed, samples, STEPS)
    expected = simulate_reference(network, inputs)
    assert same(simulate(network, inputs), expected)
    assert same(simulate(network, inputs, schedule="steps"), expected)
    assert same(Activity.concatenate(list(simulate_windows(network, inputs, window))), expected)


@pytest.mark.parametrize(("kind", "model"), list(zip(CONNECTIONS, (*NEURONS, "lif"), strict=True)))
def test_every_kind(kind: str, model: str) -> None:
    network = feed_forward(5, [kind], [model], graded=False)
    inputs = random_inputs(network, 6, 2, STEPS)
    result = simulate(network, inputs)
    assert same(result, simulate_reference(network, inputs))
    assert result.totals["p0"].sum() > 0, "a silent network proves nothing"


def test_average_over_nine_is_a_product_with_the_rounded_weight() -> None:
    network = feed_forward(1, ["pool2d"], ["li"], graded=False)
    pool = Pool2d((3, 3), (1, 1), (0, 0), "avg")
    population = network.populations[1]
    population = type(population)("p0", (2, 4, 3), "li", {"tau": np.float32(3e-3)}, value_bits=32)
    projection = type(network.projections[0])("f0", "in", "p0", pool)
    network = Network("average", (network.populations[0], population), (projection,), 1e-3)
    inputs = random_inputs(network, 2, 1, STEPS)
    assert same(simulate(network, inputs), simulate_reference(network, inputs))


@pytest.fixture(scope="module")
def recurrent() -> Network:
    chain = feed_forward(3, ["pool2d", "dense"], ["cubalif", "lif"], graded=False)
    return with_feedback(chain, 11, 2)


@pytest.mark.parametrize("window", [1, 4])
def test_windows_concatenate_to_the_whole(recurrent: Network, window: int) -> None:
    inputs = random_inputs(recurrent, 4, 3, STEPS)
    whole = simulate(recurrent, inputs)
    parts = list(simulate_windows(recurrent, inputs, window))
    assert [part.steps for part in parts] == [
        min(window, STEPS - start) for start in range(0, STEPS, window)
    ]
    assert same(Activity.concatenate(parts), whole)
    assert same(simulate(recurrent, inputs, window_steps=window), whole)


def test_batches_are_cut_and_padded_without_a_trace(recurrent, monkeypatch) -> None:
    inputs = random_inputs(recurrent, 4, 7, STEPS)
    whole = simulate(recurrent, inputs)
    monkeypatch.setattr(
        "chipletsim.engine.simulate.batching", lambda *given, **kept: Batching(3, 4)
    )
    assert same(simulate(recurrent, inputs), whole)


def test_samples_do_not_see_each_other(recurrent: Network) -> None:
    inputs = random_inputs(recurrent, 4, 3, STEPS)
    together = simulate(recurrent, inputs)
    last = simulate(recurrent, inputs[2:])
    assert all(
        np.array_equal(last.rasters[name][0], together.rasters[name][2]) for name in last.rasters
    )


def test_a_repeat_gives_the_same_bits(recurrent: Network) -> None:
    inputs = random_inputs(recurrent, 4, 3, STEPS)
    assert same(simulate(recurrent, inputs), simulate(recurrent, inputs))
