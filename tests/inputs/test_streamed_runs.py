"""Inputs too large to be held: batches of samples give the figures of the whole, to the bit."""

import tracemalloc

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.cost.price import CostStream
from chipletsim.engine import memory
from chipletsim.engine.encode import encode
from chipletsim.errors import UsageError
from chipletsim.evaluation import simulate_and_price
from chipletsim.inputs import stream
from chipletsim.inputs.make import make_inputs
from chipletsim.stages import load_experiment, make_mapping, make_network, make_package

CHANNELS, SAMPLES, STEPS = 4000, 450, 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set whose spikes take 450 x 20 x 4,000 bytes, 36 MB, and its values 14 MB."""
    folder = tmp_path_factory.mktemp("large")
    random = np.random.default_rng(4)
    values = np.zeros((SAMPLES, CHANNELS))
    values[:, :40] = random.random((SAMPLES, 40))
    np.savez_compressed(folder / "large.npz", inputs=values, labels=random.integers(0, 3, SAMPLES))
    weight = random.normal(0, 600, (3, CHANNELS)).astype(np.float32)
    np.savez(folder / "weight.npz", weight=weight)
    return folder


@pytest.fixture(scope="module")
def experiment(folder):
    weight = {"file": str(folder / "weight.npz"), "array": "weight"}
    dense = {"kind": "dense", "weight": weight}
    return load_experiment(
        {
            "name": "large",
            "package": {"use": "packages/two_dies"},
            "network": {
                "name": "net",
                "dt": "1 ms",
                "populations": {
                    "in": {"shape": [CHANNELS], "model": "input"},
                    "out": {"shape": [3], "model": "if", "output": True},
                },
                "projections": [{"source": "in", "target": "out", "connection": dense}],
            },
            "inputs": {
                "dataset": str(folder / "large.npz"),
                "steps": STEPS,
                "encoding": {"kind": "bernoulli", "seed": 3},
            },
        }
    )


@pytest.fixture(scope="module")
def mapping(experiment):
    network = make_network(experiment)
    return make_mapping(experiment, network, make_package(experiment))


def figures(priced):
    result = priced.result.to_dict()
    return {key: result[key] for key in result if key != "provenance"} | {
        "accuracy": priced.accuracy,
        "load": priced.result.link_load_bits.tolist(),
        "busiest": priced.result.totals.busiest_row_bits.tolist(),
    }


def run(experiment, mapping, watchers=()):
    inputs = make_inputs(experiment, mapping.network)
    return inputs, simulate_and_price(
        mapping.network, inputs, mapping, "bound", lambda line: None, watchers=watchers
    )


class Seen:
    """Keeps the activity that it is shown."""

    def __init__(self) -> None:
        self.parts = []
        self.ends = 0

    def add(self, window) -> None:
        self.parts.append(window)

    def next_samples(self) -> None:
        self.ends += 1


@pytest.fixture(scope="module")
def whole(experiment, mapping):
    """The run with all inputs held, and the activity it has shown."""
    seen = Seen()
    inputs, priced = run(experiment, mapping, [seen])
    assert inputs.stream is None, "36 MB are held"
    return priced, seen.parts[0]


@pytest.fixture
def small(monkeypatch):
    """Limits under which batches of 64 samples are read."""
    monkeypatch.setattr(stream, "MAX_HELD_BYTES", 1 << 20)
    monkeypatch.setattr(stream, "MAX_BATCH_BYTES", 64 * CHANNELS * STEPS)


@pytest.mark.usefixtures("small")
def test_batches_of_samples_give_the_figures_of_the_whole(experiment, mapping, whole) -> None:
    seen = Seen()
    inputs, streamed = run(experiment, mapping, [seen])
    assert inputs.stream is not None
    assert [part.samples for part in seen.parts] == [64] * 7 + [2]
    assert seen.ends == 8
    joined = cs.Activity.concatenate(seen.parts, "samples")
    assert joined.rasters["in"].any()
    rasters = whole[1].rasters
    assert all(np.array_equal(joined.rasters[name], rasters[name]) for name in rasters)
    assert figures(streamed) == figures(whole[0])
    assert streamed.accuracy.samples == SAMPLES
    note = "no raster kept: it would take 0.0 GiB, so batches of 64 samples were priced"
    assert streamed.notes == [note]
    assert streamed.activity_fingerprint is None
    assert len(streamed.result.provenance["inputs_fingerprints"]) == 8
    priced = CostStream(mapping)
    with pytest.raises(UsageError, match="no windows of these samples"):
        priced.next_samples()
    priced.add(seen.parts[0])
    priced.next_samples()
    spikes = {name: seen.parts[0].spikes(name)[:, :-1] for name in rasters}
    priced.add(cs.Activity.from_spikes(joined.populations, spikes))
    with pytest.raises(UsageError, match="these samples have 19 steps, those before 20"):
        priced.close()


@pytest.mark.usefixtures("small")
def test_a_data_set_larger_than_memory_runs_in_bounded_memory(experiment, mapping) -> None:
    """Batches of 5 MB: once as they are read, once as they are stacked, and their values."""
    tracemalloc.start()
    _, priced = run(experiment, mapping)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert priced.result.samples == SAMPLES
    assert peak < 20 << 20, "all spikes alone take 36 MB"


@pytest.mark.slow
def test_steps_are_cut_where_no_sample_fits(experiment, mapping, monkeypatch) -> None:
    few, parts = experiment.with_overrides({"inputs.samples": 3}), Seen()
    monkeypatch.setattr(stream, "MAX_HELD_BYTES", 1)
    monkeypatch.setattr(stream, "MAX_BATCH_BYTES", 5010)
    _, windows = run(few, mapping, [parts])
    assert [part.steps for part in parts.parts] == [10, 10] * 3, "5,010 bytes hold 10 rows of 501"
    monkeypatch.undo()
    assert figures(windows) == figures(run(few, mapping)[1])


def test_measured_rates_stream_too(experiment, mapping, monkeypatch) -> None:
    few = experiment.with_overrides({"inputs.samples": 10, "mapping.rates": "measured"})
    whole = make_mapping(few, mapping.network, mapping.package)
    monkeypatch.setattr(stream, "MAX_HELD_BYTES", 1)
    monkeypatch.setattr(memory, "MAX_RASTER_BYTES", 1)
    streamed = make_mapping(few, mapping.network, mapping.package)
    assert streamed.slices == whole.slices
    assert make_inputs(few, mapping.network).whole()["in"].shape == (10, STEPS, CHANNELS)


def test_draws_of_several_calls_are_those_of_one() -> None:
    values = np.random.default_rng(0).random((7, 3, 5))
    encoding = {"kind": "bernoulli", "seed": 9}
    whole = encode(values, encoding, 11)
    parts = [encode(values[i : i + 3], encoding, 11, first_sample=i) for i in (0, 3, 6)]
    assert np.array_equal(np.concatenate(parts), whole)
