"""The native counter and the one of XLA agree however the run is cut, and with any numbers."""

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import jax
import numpy as np
import pytest
from chipletsim.kernels import CHOICE, THREADS, describe, native_kernels

from chipletsim.cost import native_counter
from chipletsim.cost.class_counter import ClassCounter
from chipletsim.cost.incidence import traffic_model
from chipletsim.cost.native_counter import NativeCounter
from chipletsim.cost.native_rows import native_row_numbers, row_tables
from chipletsim.cost.price import price
from chipletsim.engine.activity import Activity
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.pipeline import stages

sys.path.append(str(Path(__file__).parents[1] / "cost"))
from cost_cases import mixed_network, mixed_package, random_activity, random_mapping

pytestmark = pytest.mark.usefixtures("quick_programs")


@pytest.fixture(autouse=True)
def _native(monkeypatch) -> None:
    monkeypatch.delenv(CHOICE, raising=False)
    if not native_kernels():
        pytest.skip(f"no native kernels: {describe()}")


def part(activity: Activity, first: int, stop: int) -> Activity:
    rasters = {name: raster[:, first:stop] for name, raster in activity.rasters.items()}
    return Activity.from_rasters(activity.populations, rasters)


def counted(counter, activity: Activity, cuts: list[int], pipeline) -> dict[str, np.ndarray]:
    """Return all rows in order, and the events of each class."""
    batches = []
    for first, stop in pairwise(cuts):
        batches += counter.add(part(activity, first, stop))
    batches += counter.close()
    rows = pipeline.rows(activity.steps)
    places = np.concatenate([batch.places for batch in batches])
    number = places[:, 0] * rows + places[:, 1]
    assert np.array_equal(np.sort(number), np.arange(activity.samples * rows))

    def in_order(columns: list) -> np.ndarray:
        kept = [
            np.asarray(column)[..., : len(batch.places)]
            for column, batch in zip(columns, batches, strict=True)
        ]
        return np.concatenate(kept, axis=-1)[..., np.argsort(number)]

    for batch in batches:  # rows beyond the last place are empty
        assert not np.asarray(batch.direct)[:, len(batch.places) :].any()
        assert not np.asarray(batch.spikes)[len(batch.places) :].any()
        assert not np.asarray(batch.longest_s)[:, len(batch.places) :].any()
    return {
        "direct": in_order([batch.direct for batch in batches]),
        "spikes": in_order([batch.spikes for batch in batches]),
        "longest": in_order([batch.longest_s for batch in batches]),
        "class_events": counter.class_events,
    }


def check(model, activity: Activity, cuts: list[int], packages: int = 1) -> dict[str, np.ndarray]:
    """Compare the counters on random routes in so many packages."""
    pipeline = stages(model.mapping.network)
    routes = np.random.default_rng(0).random((packages, model.classes.size))
    ours, theirs = (
        counted(kind(model, pipeline, routes), activity, cuts, pipeline)
        for kind in (NativeCounter, ClassCounter)
    )
    for name, expected in theirs.items():
        np.testing.assert_array_equal(ours[name], expected, err_msg=name)
    assert ours["spikes"].sum() == activity.total_events
    assert activity.total_events == 0 or ours["direct"].any()
    return ours


def with_weights(model, change):
    """Return the model with other weights of what events add."""
    direct = model.incidence.direct
    direct = direct._replace(weight=change(direct.weight))
    return replace(model, incidence=replace(model.incidence, direct=direct))


@pytest.fixture(scope="module")
def models():
    network = mixed_network()
    return [
        traffic_model(random_mapping(network, mixed_package(), 100 + seed)) for seed in range(3)
    ]


@pytest.mark.parametrize(
    ("seed", "cuts"),
    [
        (0, [0, 0, 1, 1, 2, 7, 7]),
        (1, [0, 3, 4, 7]),
        (2, [0, 1, 2, 3, 4, 5, 6, 7]),
        (0, [0, 7]),
    ],
)
@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_windows_cut_anywhere(models, seed, cuts, rate) -> None:
    network = models[seed].mapping.network
    activity = random_activity(network, 2, 7, rate, seed)
    check(models[seed], activity, cuts, packages=1 + seed)


@pytest.mark.parametrize("most", [1, 16, 19])
def test_many_samples_in_small_batches(models, most, monkeypatch) -> None:
    monkeypatch.setattr(native_counter, "MOST_ROWS", most)
    activity = random_activity(models[1].mapping.network, 23, 3, 0.2, 5)
    check(models[1], activity, [0, 2, 3], packages=2)


@pytest.mark.parametrize("threads", ["1", "2", "3", "40"])
def test_threads(models, threads, monkeypatch) -> None:
    monkeypatch.setenv(THREADS, threads)
    activity = random_activity(models[2].mapping.network, 9, 6, 0.4, 6)
    check(models[2], activity, [0, 1, 6])


@pytest.mark.parametrize("rows", [1, 512, 3000])
def test_numbers_of_rows_on_any_threads(models, rows) -> None:
    incidence = models[0].incidence
    links = incidence.sizes.derived[0]
    tables = row_tables(incidence, np.arange(links) % 2 == 0)
    direct = np.random.default_rng(0).integers(0, 99, (sum(incidence.sizes.direct), rows))
    with jax.enable_x64(True):
        alone, *others = (
            jax.tree.leaves(native_row_numbers(direct, tables, incidence.sizes, threads))
            for threads in (1, 2, 3, 40)
        )
    for other in others:
        for mine, theirs in zip(alone, other, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_no_steps_at_all(models) -> None:
    empty = part(random_activity(models[0].mapping.network, 2, 1, 0.5, 0), 0, 0)
    counter = NativeCounter(
        models[0], stages(models[0].mapping.network), np.zeros((1, models[0].classes.size))
    )
    assert list(counter.add(empty)) == []
    assert list(counter.close()) == []
    assert not counter.class_events.any()


def test_a_pipeline_of_one_row_leaves_nothing_over() -> None:
    # With a delay the target runs in the same row as its source.
    network = Network(
        "delayed",
        (Population("in", (4,), "input"), Population("out", (3,), "if")),
        (Projection("w", "in", "out", Dense(np.ones((3, 4), np.float32)), delay=1),),
        1e-3,
    )
    assert stages(network).rows(5) == 5
    activity = random_activity(network, 2, 5, 0.5, 0)
    mapping = random_mapping(network, mixed_package(), 0)
    check(traffic_model(mapping), activity, [0, 2, 5])
    events = price(activity, mapping).events
    assert events.spikes == activity.total_events
    assert events.synaptic_operations == 3 * activity.totals["in"].sum()


def test_weights_beyond_32_bits(models) -> None:
    factor = (1 << 33) + 12345
    network = models[0].mapping.network
    activity = random_activity(network, 2, 5, 0.3, 1)
    small = check(models[0], activity, [0, 2, 5])
    large = with_weights(models[0], lambda weight: weight.astype(np.int64) * factor)
    assert models[0].incidence.direct.weight.dtype == np.int32
    found = check(large, activity, [0, 2, 5])
    expected = small["direct"].astype(object) * factor
    assert (found["direct"].astype(object) == expected).all()


def test_sums_of_32_bit_weights_beyond_32_bits(models) -> None:
    """Counts of many events are added in 64 bits, and so are entries of one class."""
    most = np.int32(2**31 - 1)
    full = with_weights(models[0], lambda weight: np.where(weight, most, 0).astype(np.int32))
    activity = random_activity(models[0].mapping.network, 1, 3, 1.0, 1)
    found = check(full, activity, [0, 3])
    assert found["direct"].max() > 2**33
    assert found["direct"].min() >= 0
