"""The GPU kernel of sparse synapses, interpreted and lowered: no GPU is needed for either."""

import subprocess
import sys
from functools import partial
from unittest.mock import Mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from chipletsim.kernels import CHOICE
from engine_networks import feed_forward, random_inputs, with_feedback

from chipletsim.engine import projections
from chipletsim.engine.projections import sparse_currents
from chipletsim.engine.reference import simulate_reference
from chipletsim.engine.simulate import simulate
from chipletsim.engine.sparse import Segments, segments
from chipletsim.errors import UsageError

pytest.importorskip("jax.experimental.pallas.triton")
from chipletsim.engine import pallas_sparse

RATES = (0.0, 0.05, 0.5, 1.0)


def synapses(fan_out: np.ndarray, n_targets: int):
    """Synapses with weights whose sums are exact, some of them zero, and repeated targets."""
    rng = np.random.default_rng(3)
    indptr = np.concatenate([[0], np.cumsum(fan_out)])
    targets = rng.integers(0, n_targets, indptr[-1]).astype(np.int32)
    return indptr, targets, (rng.integers(-64, 65, indptr[-1]) / 64).astype(np.float32)


def rows_of_events(n_sources: int, graded: bool) -> np.ndarray:
    """A row for each rate, from no event to all."""
    rng = np.random.default_rng(4)
    spikes = np.stack([rng.random(n_sources) < rate for rate in RATES])
    if not graded:
        return spikes
    return (spikes * rng.integers(-8, 9, spikes.shape) / 8).astype(np.float32)


def slow_sum(indptr, targets, weight, events: np.ndarray, n_targets: int) -> np.ndarray:
    currents = np.zeros((events.shape[0], n_targets))
    for row, source in zip(*np.nonzero(events), strict=True):
        for synapse in range(indptr[source], indptr[source + 1]):
            value = float(events[row, source]) * float(weight[synapse])
            currents[row, targets[synapse]] += value
    return currents.astype(np.float32)


def on_device(listed: Segments) -> Segments:
    return Segments(*map(jnp.asarray, listed))


def cuda_text(function, *arguments) -> str:
    """The program for an NVIDIA GPU; JAX 0.11 and later cannot write one without having it."""
    try:
        return jax.jit(function).trace(*arguments).lower(lowering_platforms=("cuda",)).as_text()
    except (RuntimeError, DeprecationWarning) as error:
        pytest.skip(f"this JAX does not lower for a GPU that is not there: {error}")


FAN_OUTS = {
    "skewed": np.random.default_rng(1).geometric(0.05, 90) * (np.arange(90) % 3 > 0),
    "hub": np.array([1500, 0, 1, 3]),
    "equal": np.full(120, 5),
}


@pytest.mark.parametrize(
    ("name", "graded"), [("skewed", False), ("skewed", True), ("hub", True), ("equal", False)]
)
def test_interpreted_kernel_equals_a_slow_sum(name: str, graded: bool, monkeypatch) -> None:
    # Small limits, so that a program takes several turns, and several steps for a segment.
    monkeypatch.setattr(pallas_sparse, "_LANES", 32)
    monkeypatch.setattr(pallas_sparse, "_PROGRAMS", 32)
    made = synapses(FAN_OUTS[name], 11)
    events = rows_of_events(FAN_OUTS[name].size, graded)
    listed = on_device(segments(*made))
    currents = pallas_sparse.pallas_segment_currents(listed, events, 11, interpret=True)
    assert currents.dtype == jnp.float32
    assert np.array_equal(np.asarray(currents), slow_sum(*made, events, 11))


@pytest.mark.parametrize("fan_out", [0, 5])
def test_one_neuron(fan_out: int) -> None:
    made = synapses(np.array([fan_out]), 1)
    events = np.array([[True]])
    listed = on_device(segments(*made))
    currents = pallas_sparse.pallas_segment_currents(listed, events, 1, interpret=True)
    assert np.array_equal(np.asarray(currents), slow_sum(*made, events, 1))


def test_many_tiles_and_lanes_cover_every_segment_once() -> None:
    for rows, count, width in [(1, 1, 1), (1, 5000, 33), (900, 5000, 4096), (2, 10**6, 7)]:
        plan = pallas_sparse._plan(rows, count, width)
        assert plan.tile * plan.tiles >= count > plan.tile * (plan.tiles - 1)
        assert plan.group * plan.lanes <= pallas_sparse._LANES
        assert plan.group <= plan.tile
        assert all(size & (size - 1) == 0 for size in (plan.tile, plan.group, plan.lanes))


@pytest.mark.parametrize("width", [1, 33, 4096])
@pytest.mark.parametrize("dtype", ["bool", "float32"])
def test_kernel_lowers_for_a_gpu(width: int, dtype: str) -> None:
    listed = Segments(
        jax.ShapeDtypeStruct((500,), jnp.int32),
        jax.ShapeDtypeStruct((500, width), jnp.int32),
        jax.ShapeDtypeStruct((500, width), jnp.float32),
    )
    events = jax.ShapeDtypeStruct((3, 70), jnp.dtype(dtype))
    text = cuda_text(lambda *of: pallas_sparse.pallas_segment_currents(*of, 90), listed, events)
    assert text.count("gpu.triton") == 1


def test_the_kernel_is_taken_where_it_is_asked_for_on_a_gpu(monkeypatch) -> None:
    made = synapses(FAN_OUTS["skewed"], 12)
    arrays = on_device(segments(*made))._asdict()
    events = rows_of_events(90, graded=False)

    def kernels() -> int:
        fresh = partial(sparse_currents, (3, 4))  # JAX traces a function once
        return cuda_text(fresh, arrays, events).count("gpu.triton")

    assert kernels() == 0
    monkeypatch.setenv(CHOICE, "pallas")
    with pytest.raises(UsageError, match="pallas, but JAX runs on cpu"):
        kernels()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert kernels() == 1
    # A process with a GPU may still compute on its CPU.
    currents = jax.jit(partial(sparse_currents, (3, 4)))(arrays, events)
    assert np.array_equal(np.asarray(currents), slow_sum(*made, events, 12).reshape(-1, 3, 4))
    monkeypatch.delenv(CHOICE)
    assert kernels() == 0, "it has to be asked for"


def test_engine_on_the_interpreted_kernel_equals_the_reference(monkeypatch) -> None:
    kernel = Mock(wraps=partial(pallas_sparse.pallas_segment_currents, interpret=True))
    monkeypatch.setattr(projections, "segment_currents", kernel)
    monkeypatch.setenv(CHOICE, "xla")
    network = with_feedback(feed_forward(5, ["sparse"], ["lif"], graded=False), 11, 1)
    inputs = random_inputs(network, 6, 2, 17)
    result = simulate(network, inputs)
    assert kernel.called
    assert result.totals["p0"].sum() > 0, "a silent network proves nothing"
    assert result.fingerprint == simulate_reference(network, inputs).fingerprint


def test_cpus_never_import_pallas() -> None:
    code = (
        "import sys, jax, numpy as np, chipletsim.engine.projections as projections;"
        "one = np.zeros((1, 1), np.float32);"
        "arrays = {'source': np.zeros(1, int), 'target': one.astype(int), 'weight': one};"
        "jax.eval_shape(lambda *of: projections.sparse_currents((1,), *of), arrays, one);"
        "sys.exit('jax.experimental.pallas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
