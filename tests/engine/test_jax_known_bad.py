"""JAX compiles what the engine needs correctly; some releases did not on CPUs."""

import jax
import jax.numpy as jnp
import numpy as np


def test_rows_of_a_mapped_product_equal_numpy() -> None:
    # https://github.com/jax-ml/jax/issues/39103: wrong rows from 0.10.2 on CPUs.
    rng = np.random.default_rng(0)
    matrix = rng.integers(-3, 4, (4, 4)).astype(np.float32)
    rows = rng.integers(-3, 4, (32_768, 4)).astype(np.float32)
    sums = jax.jit(jax.vmap(lambda row: jnp.sum((matrix @ row) ** 2)))(rows)
    assert np.array_equal(np.asarray(sums), ((rows @ matrix.T) ** 2).sum(axis=1))
