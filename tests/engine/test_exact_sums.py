"""Currents of spikes are exact sums rounded once, whatever the weights and the order."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from engine_networks import feed_forward, random_inputs, with_feedback

from chipletsim.engine.activity import Activity
from chipletsim.engine.exact import exact_sum
from chipletsim.engine.reference import simulate_reference
from chipletsim.engine.simulate import simulate, simulate_windows
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Population, Projection

pytestmark = pytest.mark.usefixtures("kernels")

STEPS = 9
DT = 2.0**-10  # exact in float32, so that dt / tau may be 1


def real(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Weights of all magnitudes: their float32 sums depend on the order."""
    return (rng.normal(0, 0.3, shape) * 10 ** rng.uniform(-3, 1, shape)).astype(np.float32)


def with_real_weights(network: Network, seed: int) -> Network:
    rng = np.random.default_rng(seed)
    projections = []
    for each in network.projections:
        connection = each.connection
        if not isinstance(connection, Pool2d):
            connection = connection.with_weights(real(rng, *connection.weights.shape))
        projections.append(replace(each, connection=connection))
    return replace(network, projections=tuple(projections))


def sums_of(weights: np.ndarray, spikes: np.ndarray) -> list[Fraction]:
    """The exact currents of dense weights."""
    rows = [[Fraction(float(w)) for w in row] for row in weights]
    return [sum(w for w, s in zip(row, spikes, strict=True) if s) for row in rows]


def test_currents_are_the_exact_sum_rounded_once() -> None:
    # LI with tau = dt gives v = I: its value is the current.
    rng = np.random.default_rng(0)
    weights, spikes = real(rng, 40, 300), rng.random((3, 1, 300)) < 0.3
    network = Network(
        "sum",
        (
            Population("in", (300,), "input"),
            Population("v", (40,), "li", {"tau": np.float32(DT)}, value_bits=32),
        ),
        (Projection("w", "in", "v", Dense(weights)),),
        DT,
    )
    found = simulate(network, spikes).values["v"]
    for sample in range(3):
        exact = sums_of(weights, spikes[sample, 0])
        # What lies below the finer step is rounded away: a little of all magnitudes.
        slack = np.abs(weights).sum(axis=1) * 2.0**-45
        np.testing.assert_array_less(
            np.abs(
                [
                    float(Fraction(float(v)) - e)
                    for v, e in zip(found[sample, 0], exact, strict=True)
                ]
            ),
            np.spacing(np.abs(found[sample, 0])) / 2 * (1 + 1e-6) + slack,
        )


def test_both_parts_add_up_exactly_in_any_order() -> None:
    rng = np.random.default_rng(1)
    weights = real(rng, 5, 800)
    exact, low = exact_sum(Projection("w", "a", "b", Dense(weights)))
    high = exact.connection.weight
    assert low is not None
    slack = np.abs(weights).sum(axis=1, keepdims=True) * 2.0**-40
    assert np.all(np.abs(high.astype(float) + low - weights) <= slack)
    for part in (high, low):
        wanted = [float(sum(map(Fraction, row.tolist()))) for row in part]
        for _ in range(5):
            order = rng.permutation(part.shape[1])
            assert [np.float32(sum(np.float32(w) for w in row[order])) for row in part] == wanted


def test_a_huge_weight_does_not_swallow_small_ones() -> None:
    weights = np.array([[-1e6, 0.01, 0.02, 0.0301]], np.float32)
    exact, low = exact_sum(Projection("w", "a", "b", Dense(weights)))
    np.testing.assert_allclose(exact.connection.weight + low.astype(float), weights, rtol=1e-6)


@pytest.mark.parametrize(
    "connection",
    [
        Dense(np.arange(-127, 128, dtype=np.float32).reshape(5, 51) / 64),
        Conv2d(np.arange(-64, 64, dtype=np.float32).reshape(4, 2, 4, 4) / 32),
        OneToOne(np.array([1e-30, 1e30, np.pi], np.float32)),
        Sparse(np.array([0, 2]), np.array([1, 1], np.int32), np.array([0.5, 3], np.float32), 4),
        Dense(np.zeros((2, 3), np.float32)),
        Sparse(np.zeros(4, int), np.zeros(0, np.int32), np.zeros(0, np.float32), 2),
    ],
)
def test_weights_of_few_bits_are_left_alone(connection) -> None:
    projection = Projection("w", "a", "b", connection)
    exact, low = exact_sum(projection)
    assert exact is projection
    assert low is None


def test_an_average_in_front_becomes_a_sum_of_smaller_weights() -> None:
    pool = Pool2d((3, 3), (3, 3), mode="avg")
    weights = np.array([[9.0, 0.9]], np.float32)
    exact, low = exact_sum(Projection("w", "a", "b", Dense(weights), pool))
    assert exact.pool == replace(pool, mode="sum")
    np.testing.assert_allclose(exact.connection.weight + low, [[1, 0.1]], rtol=1e-6)


def same(one: Activity, other: Activity) -> bool:
    return one.fingerprint == other.fingerprint


REAL = {
    3: (["conv2d", "dense"], ["lif", "li"], 0),
    8: (["sparse", "dense"], ["if", "cubalif"], 2),
    21: (["conv2d", "one_to_one", "sparse"], ["cubalif", "lif", "lif"], 1),
}


@pytest.mark.parametrize(
    ("kernels", "seed"),
    [
        *(("native", seed) for seed in REAL),
        ("xla", 3),
        pytest.param("xla", 8, marks=pytest.mark.slow),
        ("xla", 21),
    ],
    indirect=["kernels"],
)
def test_real_weights_spike_alike_in_every_batch_window_and_schedule(seed) -> None:
    kinds, models, feedback = REAL[seed]
    chain = with_real_weights(feed_forward(seed, kinds, models, graded=False), seed)
    network = with_feedback(chain, seed, feedback)
    inputs = random_inputs(network, seed, 8, STEPS)
    whole = simulate(network, inputs)
    assert whole.totals["p0"].sum() > 0
    assert same(whole, simulate_reference(network, inputs))
    assert same(whole, simulate(network, inputs, schedule="steps"))
    assert same(whole, Activity.concatenate(list(simulate_windows(network, inputs, 1))))
    alone = simulate(network, inputs[5:6], window_steps=2)
    for name in whole.rasters:
        assert np.array_equal(alone.rasters[name][0], whole.rasters[name][5])


def test_a_neuron_at_its_threshold_in_float32_does_not_care_for_the_batch() -> None:
    # Thresholds are the very currents of sample 0: one bit less or more decides.
    rng = np.random.default_rng(5)
    weights, spikes = real(rng, 256, 784), rng.random((8, 4, 784)) < 0.2
    current = np.array([float(e) for e in sums_of(weights, spikes[0, 0])])
    parameters = {"tau": np.float32(DT), "v_threshold": current.astype(np.float32)}
    network = Network(
        "tie",
        (Population("in", (784,), "input"), Population("n", (256,), "lif", parameters)),
        (Projection("w", "in", "n", Dense(weights)),),
        DT,
    )
    batch = simulate(network, spikes).spikes("n")[0]
    alone = simulate(network, spikes[:1], window_steps=1).spikes("n")[0]
    assert np.array_equal(alone, batch)
    assert not batch[0].any()  # v equals the threshold, and a spike needs more
