"""SANA-FE's networks as arrays."""

import json

import numpy as np
import pytest

from chipletsim.errors import ConfigError
from chipletsim.exchange.sanafe.imported import import_sanafe
from tests.exchange.sanafe.files import ARCHITECTURE

NAMES = {
    "name": "arrays",
    "groups": ["in", "out"],
    "group_sizes": [2, 3],
    "soma_names": ["lif", "input[0]", "input[1]"],
    "syn_names": ["first", "second"],
}
ARRAYS = {
    "is_input": [True, True, False, False, False],
    "soma_unit": [1, 2, 0, 0, 0],
    "syn_default": [0, 0, 0, 1, 1],
    "core": [0, 0, 3, 3, 2],
    "threshold": [0.0, 0.0, 1.5, 1.5, 2.5],
    "reset_mode": [2, 2, 2, 1, 1],
    "src": [0, 1, 0],
    "dst": [2, 4, 3],
    "weight": [0.1, -2.0, 3.0],
    "input_spikes": [[1, 0], [0, 0], [1, 1], [0, 1]],
}


def write(folder, names=NAMES, **changes):
    arrays = {
        name: np.array(value) for name, value in (ARRAYS | changes).items() if value is not None
    }
    (folder / "case.json").write_text(json.dumps(names))
    (folder / "arch.yaml").write_text(ARCHITECTURE)
    np.savez(folder / "net.npz", **arrays)
    return folder / "arch.yaml", folder / "net.npz"


def test_a_network_as_its_arrays_say(tmp_path):
    made = import_sanafe(*write(tmp_path))
    assert [(each.name, each.model, each.size) for each in made.network.populations] == [
        ("in", "input", 2), ("out", "loihi_lif", 3),
    ]  # fmt: skip
    # Neuron 4 is on core 2, which comes before core 3 of the others.
    assert made.members["out"].tolist() == [2, 0, 1]
    out = made.network.population("out").parameters
    assert out["threshold"].tolist() == [2.5, 1.5, 1.5]
    assert out["reset_mode"].tolist() == [1, 2, 1]
    assert {each.name: each.connection.weight.tolist() for each in made.network.projections} == {
        "in>out first": [0.1], "in>out second": [3.0, -2.0],
    }  # fmt: skip
    assert made.mapping.synapse_units == {"in>out second": "second"}
    assert made.steps == 4
    assert made.inputs["in"][0].astype(int).tolist() == ARRAYS["input_spikes"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"core": None}, "holds no array 'core'"),
        ({"core": [0, 0, 3, 3, 11]}, "expected whole numbers of 0..10"),
        ({"core": [0, 0, 3, 3]}, "core"),
        ({"src": [0, 1, 5]}, "expected whole numbers of 0..4"),
        ({"src": [0, 1, 0.5]}, "expected whole numbers of 0..4"),
        ({"dst": [0, 1]}, "dst"),
        ({"weight": [1, np.nan, 1]}, "holds NaN or infinite values"),
        ({"soma_unit": [3, 0, 0, 0, 0]}, "expected whole numbers of 0..2"),
        ({"input_spikes": [[2, 0]]}, "spikes are 0 or 1"),
        ({"input_spikes": [[1]]}, "input_spikes"),
        ({"reset_mode": [2, 2, 7, 1, 1]}, "reset_mode"),
        ({"dst": [1, 4, 3]}, "in.1 is on an input unit"),
    ],
)
def test_wrong_arrays_are_named(tmp_path, changes, message):
    with pytest.raises(ConfigError) as caught:
        import_sanafe(*write(tmp_path, **changes))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        {},
        NAMES | {"groups": "in"},
        NAMES | {"group_sizes": [2]},
        NAMES | {"group_sizes": [2, -3]},
        [1, 2],
    ],
)
def test_wrong_names_are_named(tmp_path, names):
    with pytest.raises(ConfigError, match=r"case\.json"):
        import_sanafe(*write(tmp_path, names))


@pytest.mark.parametrize("cut", [0, 10, 400])
def test_damaged_files_are_one_error(tmp_path, cut):
    architecture, network = write(tmp_path)
    network.write_bytes(network.read_bytes()[:cut])
    with pytest.raises(ConfigError):
        import_sanafe(architecture, network)
