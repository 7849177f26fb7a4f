"""Networks that live modules were turned into, against spikes that snnTorch recorded.

The cases are written by ``python -m benchmarks.fidelity.snntorch_live --record``.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import chipletsim as cs

CASES = sorted((Path(__file__).parents[1] / "data" / "snntorch").glob("*/case.json"))


@pytest.mark.parametrize("about", CASES, ids=lambda path: path.parent.name)
def test_every_recorded_spike(about: Path) -> None:
    network = cs.load_network(about.parent / "network.yaml")
    with np.load(about.parent / "record.npz") as record:
        activity = cs.simulate(network, record["inputs"])
        names = [name.removeprefix("shape__") for name in record.files if "shape__" in name]
        assert names
        for name in names:
            shape = record[f"shape__{name}"]
            packed = record[f"spikes__{name}"]
            spikes = np.unpackbits(packed, count=int(np.prod(shape))).reshape(shape)
            found = activity.spikes(name).reshape(shape)
            assert spikes.any(), f"{name} is silent"
            np.testing.assert_array_equal(found, spikes, err_msg=name)


def test_the_cases_hold_what_matters() -> None:
    found = {feature for about in CASES for feature in json.loads(about.read_text())["features"]}
    words = " ".join(found)
    needed = ("Leaky", "Synaptic", "RLeaky", "RSynaptic", "BatchNorm", "reset_delay=False", "zero")
    more = ("feedback", "skip", "maximum pooling", "maximum of currents", "per neuron", "none")
    for word in (*needed, *more, "subtract"):
        assert word in words, word
