"""One hash per meaning."""

from dataclasses import replace

import numpy as np
import pytest

from chipletsim.network.connections import Dense, Pool2d
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.model import Network, Population, Projection

WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)


def network(weight=WEIGHT, dt_s=1e-3, **changes):
    cells = {
        "name": "cells",
        "shape": (2,),
        "model": "lif",
        "parameters": {"tau": np.float32(0.01), "v_threshold": np.float32(2)},
        **changes,
    }
    populations = (Population("in", (3,), "input"), Population(**cells))
    return Network("n", populations, (Projection("w", "in", "cells", Dense(weight)),), dt_s)


@pytest.mark.parametrize(
    "same",
    [
        network(np.asfortranarray(WEIGHT)),
        network(WEIGHT.astype(">f4")),
        network(np.repeat(WEIGHT, 2, axis=1)[:, ::2]),
        network(parameters={"v_threshold": np.float32(2), "tau": np.float32(0.01)}),
        network(parameters={"tau": np.full(2, 0.01, np.float32), "v_threshold": np.float32(2)}),
        network(
            parameters={
                "tau": np.float32(0.01), "v_threshold": np.float32(2), "v_reset": np.float32(0),
            }
        ),
        network(bias=np.zeros(2, np.float32)),
        network(shape=(np.int64(2),)),
        replace(network(), name="another"),
    ],
)  # fmt: skip
def test_the_same_network_has_the_same_fingerprint(same):
    assert fingerprint(same) == fingerprint(network())


@pytest.mark.parametrize(
    "other",
    [
        network(WEIGHT + np.float32(1e-6)),
        network(dt_s=1.0001e-3),
        network(name="cell"),
        network(shape=(2, 1)),
        network(shape=(1, 2)),
        network(parameters={"tau": np.float32(0.01)}),
        network(bias=np.array([0, 1], np.float32)),
        network(output=True),
        network(value_bits=8),
        replace(network(), projections=()),
        replace(network(), projections=(replace(network().projections[0], delay=1),)),
        replace(
            network(), projections=(replace(network().projections[0], pool=Pool2d((1, 1), (1, 1))),)
        ),
    ],
)
def test_another_network_has_another_fingerprint(other):
    assert fingerprint(other) != fingerprint(network())


def test_it_is_a_sha256():
    assert len(bytes.fromhex(fingerprint(network()))) == 32
