"""Networks in double precision: what they must satisfy, their identity, and their files."""

import re
from dataclasses import replace

import numpy as np
import pytest

from chipletsim.errors import ConfigError
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.check import check_network
from chipletsim.network.connections import Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.load import load_network
from chipletsim.network.lower import lower, precision_changes
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.precision import is_wide
from chipletsim.network.save import save_network

WIDE = [name for name, model in NEURON_MODELS.items() if model.precision == "float64"]
THIRD = 1 / 3
"""No float32: rounding it to one changes it."""


def small(**parameters: float) -> Network:
    """Return three inputs, four neurons, and listed synapses between and among them."""
    rng = np.random.default_rng(0)
    listed = Sparse(np.array([0, 1, 3, 3]), np.array([2, 0, 0], np.int32), rng.normal(size=3), 4)
    return (
        NetworkBuilder("small", dt=1e-6)
        .input("in", (3,))
        .population("a", (4,), "loihi_lif", **{"threshold": THIRD, **parameters})
        .project("in", "a", listed, delay=1)
        .project("a", "a", Dense(rng.normal(size=(4, 4))), delay=2, name="back")
        .sum_in_order(np.array([6, 0, 3, 1, 2, 5, 4]))
        .build()
    )


@pytest.mark.parametrize("name", WIDE)
def test_every_model_is_complete(name: str) -> None:
    model = NEURON_MODELS[name]
    constants = model.prepare({"threshold": THIRD}, 1e-6)
    assert set(constants) == set(model.parameters)
    assert constants["threshold"] == THIRD
    state = model.initial_state(constants, (2,))
    current, arrived = np.array([1.0, 0.0]), np.array([True, False])
    state, spike, updated = model.step(np, constants, state, current, arrived)
    assert set(state) == set(model.states)
    assert all(values.dtype == np.float64 for values in state.values())
    assert spike.tolist() == updated.tolist() == [True, False]


def test_parameters_and_weights_keep_double_precision() -> None:
    network = small(bias=np.array([THIRD, 0, 0, 0]))
    assert is_wide(network)
    assert network.population("a").parameters["threshold"] == THIRD
    assert network.population("a").parameters["bias"][0] == THIRD
    assert network.population("a").bias is None


def with_population(network: Network, **changes: object) -> Network:
    *others, last = network.populations
    return replace(network, populations=(*others, replace(last, **changes)))


def with_projection(network: Network, **changes: object) -> Network:
    first, *others = network.projections
    return replace(network, projections=(replace(first, **changes), *others))


def narrow_beside(network: Network) -> Network:
    beside = Population("b", (2,), "if")
    return replace(network, populations=(*network.populations, beside), summation_rank=None)


@pytest.mark.parametrize(
    ("fault", "path", "message"),
    [
        (narrow_beside, "populations", r"'b' \(if\) computes in single precision, 'a'"),
        (lambda n: with_projection(n, delay=0), "projections.in>a.delay", "at least one step"),
        (lambda n: with_population(n, bias=np.float32(1)), "populations.a.bias", "parameters.bias"),
        (
            lambda n: with_population(n, parameters={"reset_mode": np.array(4.0)}),
            "populations.a.parameters.reset_mode",
            "one of 0, 1, 2, 3 .*saturate",
        ),
        (
            lambda n: with_population(n, parameters={"refractory_delay": np.array(1.5)}),
            "populations.a.parameters.refractory_delay",
            "whole numbers",
        ),
        (
            lambda n: replace(n, summation_rank=np.arange(6)),
            "summation_rank",
            r"expected int64 \[7\]",
        ),
        (
            lambda n: replace(n, summation_rank=np.array([0, 1, 2, 3, 4, 5, 5])),
            "summation_rank",
            "each number of 0..6 once",
        ),
    ],
)
def test_faults_are_told(fault, path: str, message: str) -> None:
    problems = check_network(fault(small()))
    assert [problem.path for problem in problems] == [path]
    assert re.search(message, problems[0].message)


def test_there_is_no_pooling() -> None:
    pool = Pool2d((2, 2), (2, 2))
    network = (
        NetworkBuilder("pooled", dt=1e-6)
        .input("in", (1, 4, 4))
        .population("a", (1, 2, 2), "loihi_lif")
        .project("in", "a", OneToOne(np.ones(4)), pool=pool, delay=1, name="front")
        .project("in", "a", pool, delay=1, name="own")
    )
    with pytest.raises(ConfigError) as caught:
        network.build()
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["projections.front.pool", "projections.own.connection"]


def test_inputs_are_spikes() -> None:
    network = small()
    graded = replace(network.populations[0], value_bits=8)
    network = replace(network, populations=(graded, *network.populations[1:]))
    assert [each.path for each in check_network(network)] == ["populations.in.value_bits"]


def test_sums_have_an_order_in_double_precision_alone() -> None:
    network = NetworkBuilder("narrow", dt=1e-3).population("a", (2,), "if")
    with pytest.raises(ConfigError, match="double precision"):
        network.sum_in_order(np.arange(2)).build()


def test_the_fingerprint_knows_what_float32_cannot_tell_apart() -> None:
    network = small()
    listed = network.projections[0].connection
    moved = listed.weight + np.array([1e-12, 0, 0])
    assert np.array_equal(moved.astype(np.float32), listed.weight.astype(np.float32))
    others = [
        with_projection(network, connection=listed.with_weights(moved)),
        with_population(network, parameters={"threshold": np.array(THIRD + 1e-12)}),
        replace(network, summation_rank=None),
        replace(network, summation_rank=network.summation_rank[::-1].copy()),
    ]
    assert len({fingerprint(each) for each in (network, *others)}) == 5


def test_the_order_of_the_neurons_is_what_no_order_is() -> None:
    plain = replace(small(), summation_rank=None)
    ordered = replace(plain, summation_rank=np.arange(7))
    assert fingerprint(plain) == fingerprint(ordered)


def test_a_file_gives_back_every_bit(tmp_path) -> None:
    network = small(bias=np.array([THIRD, -THIRD, 0, 1e-300]), input_decay=0.1)
    save_network(network, tmp_path / "small.yaml")
    loaded = load_network(tmp_path / "small.yaml")
    assert fingerprint(loaded) == fingerprint(network)
    assert np.array_equal(loaded.summation_rank, network.summation_rank)
    assert loaded.projections[0].connection.weight.dtype == np.float64
    assert np.array_equal(
        loaded.projections[1].connection.weight, network.projections[1].connection.weight
    )


def test_a_file_of_drawn_weights_says_the_same_in_both_precisions() -> None:
    contents = {
        "name": "drawn",
        "dt": "1 us",
        "populations": {
            "in": {"shape": [2], "model": "input"},
            "a": {"shape": [3], "model": "loihi_lif", "parameters": {"threshold": 0.1}},
        },
        "projections": [
            {
                "source": "in",
                "target": "a",
                "delay": 1,
                "connection": {"kind": "dense", "weight": 0.1},
            },
            {
                "source": "a",
                "target": "a",
                "delay": 1,
                "connection": {
                    "kind": "sparse",
                    "fan_out": 2,
                    "weight": {"uniform": {"low": 0, "high": 1}},
                },
            },
        ],
    }
    network = load_network(contents)
    assert network.projections[0].connection.weight.tolist() == [[0.1, 0.1]] * 3
    drawn = network.projections[1].connection.weight
    assert drawn.dtype == np.float64
    assert np.array_equal(drawn, drawn.astype(np.float32))


def test_a_rank_of_another_length_is_a_fault_of_the_file(tmp_path) -> None:
    save_network(small(), tmp_path / "small.yaml")
    np.savez(tmp_path / "rank.npz", rank=np.arange(5), floats=np.arange(7.0))
    text = (tmp_path / "small.yaml").read_text()
    for name, message in (("rank", "holds shape"), ("floats", "expected integers")):
        changed = text.replace(
            "file: small.npz, array: summation_rank", f"file: rank.npz, array: {name}"
        )
        assert changed != text
        (tmp_path / "other.yaml").write_text(changed)
        with pytest.raises(ConfigError, match=message) as caught:
            load_network(tmp_path / "other.yaml")
        assert [each.path for each in caught.value.problems] == ["summation_rank"]


def test_nir_has_no_such_neurons(tmp_path) -> None:
    with pytest.raises(ConfigError, match="no node for loihi_lif"):
        save_network(small(), tmp_path / "small.nir")


def test_tiles_of_many_bits_leave_weights_as_they_are() -> None:
    network = small()
    bits = {each.name: 32 for each in network.projections}
    assert lower(network, bits) is network
    assert precision_changes(network, bits) == ()


def test_tiles_of_few_bits_round_weights() -> None:
    # 0.3 of at most 1.0 with 4 bits: 7 levels, step 1/4 (the least power of two of at least
    # 1/7), and 0.3 is nearest to 0.25.
    network = NetworkBuilder("few", dt=1e-6).population("a", (2,), "truenorth")
    network = network.project("a", "a", OneToOne(np.array([0.3, 1.0])), delay=1).build()
    lowered = lower(network, {"a>a": 4})
    assert lowered.projections[0].connection.weight.tolist() == [0.25, 1.0]
    assert lowered.projections[0].connection.weight.dtype == np.float64


def test_projection_of_neurons_on_themselves_may_be_one_to_one() -> None:
    projection = Projection("p", "a", "a", OneToOne(np.ones(4)), delay=3)
    network = replace(small(), projections=(projection,))
    assert check_network(network) == []
