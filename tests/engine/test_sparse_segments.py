"""Segments of sparse synapses hold every synapse once, whatever the fan-outs."""

import jax
import numpy as np
import pytest
from scipy import sparse

from chipletsim.engine import sparse as engine_sparse


def synapses(fan_out: np.ndarray, n_targets: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    indptr = np.concatenate([[0], np.cumsum(fan_out)]).astype(np.int64)
    targets = rng.integers(0, n_targets, indptr[-1]).astype(np.int32)
    return indptr, targets, (rng.integers(-64, 65, indptr[-1]) / 64).astype(np.float32)


@pytest.mark.parametrize(
    ("fan_out", "group"),
    [
        (np.full(40, 7), 100),
        (np.zeros(9, int), 100),
        (np.array([5000, 0, 1, 3]), 1 << 22),
        (np.random.default_rng(1).geometric(0.03, 60), 1 << 22),
    ],
    ids=["equal", "none", "hub", "skewed"],
)
def test_currents_equal_a_sparse_product(fan_out, group: int, monkeypatch) -> None:
    monkeypatch.setattr(engine_sparse, "_GROUP", group)
    indptr, targets, weight = synapses(fan_out, 30)
    values = np.random.default_rng(2).integers(0, 9, (5, fan_out.size)).astype(np.float32) / 8
    values[0], values[1] = 0, 1
    matrix = sparse.csr_array((weight, targets, indptr), shape=(fan_out.size, 30))
    listed = engine_sparse.segments(indptr, targets, weight)
    currents = jax.jit(engine_sparse.segment_currents, static_argnums=2)(listed, values, 30)
    assert np.array_equal(np.asarray(currents), values @ matrix)


def test_padding_stays_small() -> None:
    fan_out = np.random.default_rng(1).poisson(200, 1000)
    listed = engine_sparse.segments(*synapses(fan_out, 1000))
    assert listed.weight.size < 1.35 * fan_out.sum()
