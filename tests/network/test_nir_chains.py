"""Nodes without state: any row of them computes what they say, one after the other."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nir_graphs import (
    DT,
    FIELDS,
    apply,
    as_lava_writes,
    as_spikingjelly_writes,
    neuron,
    numbers,
    port,
    row,
    stateless,
)

from chipletsim.engine.reference import simulate_reference
from chipletsim.engine.simulate import simulate
from chipletsim.errors import ConfigError
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.network.nir.reader import network_of
from chipletsim.network.nir.writer import graph_of
from chipletsim.network.presets import PRESETS
from chipletsim.network.presets.scheme import Asked

STEPS = 5
SEEDS = st.integers(0, 2**32 - 1)
SHAPES = ((3,), (2, 7), (2, 6, 5), (1, 7, 7))


def read(graph, **asked):
    return network_of(graph, "x", DT, Asked(**asked))


def with_values(network):
    """The same network with graded inputs."""
    return replace(
        network,
        populations=tuple(
            replace(p, value_bits=32) if p.model == "input" else p for p in network.populations
        ),
    )


def answer(network, values):
    """What the output population gives: [steps, neurons]."""
    (end,) = (p.name for p in network.populations if p.output)
    given = values.reshape(1, len(values), -1).astype(np.float32)
    return simulate_reference(with_values(network), given).values[end][0]


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, count=st.integers(1, 6))
def test_any_row_of_nodes_computes_what_they_say(seed, count):
    check_row(seed, count)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(seed=SEEDS, count=st.integers(1, 8))
def test_many_rows_of_nodes_compute_what_they_say(seed, count):
    check_row(seed, count)


def test_a_convolution_with_a_bias_that_is_scaled_and_pooled():
    check_row(36236, 3)  # Conv2d, Scale of channels, SumPool2d


def check_row(seed, count):
    """Compare a row of nodes with its nodes one by one, and with itself written and read."""
    rng = np.random.default_rng(seed)
    shape = SHAPES[rng.integers(len(SHAPES))]
    nodes, end = stateless(rng, shape, count)
    network = read(row(("in", port("Input", shape)), *nodes, ("out", port("Output", end))))
    values = numbers(rng, STEPS, *shape)
    expected = values.astype(float)
    for _, node in nodes:
        expected = apply(node, expected)
    found = answer(network, values)
    np.testing.assert_allclose(found, expected.reshape(STEPS, -1), rtol=1e-4, atol=1e-4)
    assert fingerprint(read(graph_of(network))) == fingerprint(network)


KINDS_OF = {
    name: [kind for kind in preset.read if kind in FIELDS] for name, preset in PRESETS.items()
}
LEAKY = ("euler", "exact", "norse")


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, preset=st.sampled_from(sorted(PRESETS)))
def test_any_network_of_a_framework_is_written_and_read_again(seed, preset):
    check_network(seed, preset)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(seed=SEEDS, preset=st.sampled_from(sorted(PRESETS)))
def test_many_networks_are_written_and_read_again(seed, preset):
    check_network(seed, preset)


def check_network(seed, preset):
    """Layers, a skip and loops of neurons that the preset knows, with random options."""
    rng = np.random.default_rng(seed)
    layers = int(rng.integers(1, 4))
    nodes, edges, last, shape = {"in": port("Input", (3,))}, [], "in", (3,)
    for layer in range(layers):
        between, shape = stateless(rng, shape, int(rng.integers(0, 3)))
        between = [(f"{name}.{layer}", node) for name, node in between if node.type != "Delay"]
        kind = KINDS_OF[preset][rng.integers(len(KINDS_OF[preset]))]
        cells = neuron(rng, kind, shape, leak=preset in LEAKY)
        if preset == "sinabs":
            cells.fields["tau"] = rng.uniform(1.1, 20, shape)
        if preset == "spikingjelly":
            as_spikingjelly_writes(rng, cells)
        if preset == "lava_dl":
            as_lava_writes(rng, cells)
        nodes |= {**dict(between), f"cells{layer}": cells}
        edges += pairwise([last, *(name for name, _ in between), f"cells{layer}"])
        last = f"cells{layer}"
        if rng.random() < 0.5:
            nodes[f"rec{layer}"] = NirNode("Linear", {"weight": numbers(rng, *shape * 2)})
            edges += [(last, f"rec{layer}"), (f"rec{layer}", last)]
    nodes["out"] = port("Output", shape)
    graph = NirGraph(nodes, (*edges, (last, "out")))
    options = random_options(rng, preset)
    if preset == "norse" and any(node.type == "IF" for node in nodes.values()):
        options = {**options, "reset": "zero", "v_reset": 0.0}  # Norse's IF knows no other
    try:
        network = read(graph, preset=preset, options=options)
    except ConfigError as error:  # what two layers without a neuron make of a late bias
        assert "bias that begins after" in str(error)  # noqa: PT017
        return
    again = read(graph_of(network))
    assert fingerprint(again) == fingerprint(network)
    assert again.scheme.split()[0] == network.scheme.split()[0] or preset == "norse_import"


def random_options(rng, preset):
    choices = {
        "snntorch": {"reset": ("subtract", "zero", "none"), "reset_delay": (True, False)},
        "norse": {"v_reset": (0.0, -0.25)},
        "sinabs": {
            "reset": ("subtract", "zero"), "spikes": ("single", "multi"), "v_min": (None, -1.0),
            "norm_input": (True, False), "from_nir": (True, False),
        },
        "rockpool": {"export_dt_s": (1e-3,)},
        "spikingjelly": {"export_dt_s": (1e-4,), "parametric": (True, False)},
        "lava_dl": {"export_dt_s": (1e-4,), "scale": (64, 1024), "delay_shift": (True, False)},
    }  # fmt: skip
    drawn = {
        name: values[rng.integers(len(values))] for name, values in choices.get(preset, {}).items()
    }
    return {name: value for name, value in drawn.items() if value is not None}


def made(*nodes, shape=(2, 6, 6), end=None):
    """The network of nodes in a row, named by their types."""
    named = [(f"{node.type}{number}", node) for number, node in enumerate(nodes)]
    start = ("in", port("Input", shape))
    return read(row(start, *named, ("out", NirNode("Output", {} if end is None else end))))


def kinds(network):
    return [type(p.connection) for p in network.projections]


def conv(rng, *shape, **fields):
    return NirNode("Conv2d", {"weight": numbers(rng, *shape), **fields})


RNG = np.random.default_rng(1)
AVERAGE = NirNode("AvgPool2d", {"kernel_size": 2, "stride": 2, "padding": np.zeros(2, int)})
FACTORS = NirNode("Scale", {"scale": numbers(RNG, 2, 6, 6)})
BY_CHANNEL = NirNode("Scale", {"scale": numbers(RNG, 2, 1, 1)})
MATRIX = NirNode("Linear", {"weight": numbers(RNG, 3, 72)})
SQUARE = NirNode("Linear", {"weight": numbers(RNG, 3, 3)})


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([FACTORS, MATRIX], [Dense]),  # factors go into columns,
        ([MATRIX, NirNode("Scale", {"scale": numbers(RNG, 3)})], [Dense]),  # into rows,
        ([BY_CHANNEL, conv(RNG, 4, 2, 3, 3)], [Conv2d]),  # and into kernels;
        ([conv(RNG, 2, 2, 3, 3), BY_CHANNEL], [Conv2d]),
        ([FACTORS, conv(RNG, 4, 2, 3, 3)], [OneToOne, Conv2d]),  # but not within a channel.
        ([conv(RNG, 4, 2, 3, 3), AVERAGE], [Conv2d]),  # A pooled convolution is a larger one,
        ([conv(RNG, 4, 2, 3, 3, dilation=2), AVERAGE], [Conv2d, Pool2d]),  # unless it has gaps.
        ([AVERAGE, conv(RNG, 4, 2, 3, 3)], [Conv2d]),  # Pooling in front is no connection.
        ([AVERAGE, AVERAGE], [Pool2d, Pool2d]),
        ([MATRIX, SQUARE], [Dense, Dense]),
    ],
)
def test_what_becomes_one_connection(nodes, expected):
    assert kinds(made(*nodes)) == expected


def test_a_pooled_convolution_by_hand():
    # Kernel (1, 2), stride 1; sums of 2 x 2, stride 2: the sum at (0, 0) sees
    # x00 + 2 x01 + x01 + 2 x02 + the same of the row below.
    weight = np.array([1, 2], np.float32).reshape(1, 1, 1, 2)
    pool = NirNode("SumPool2d", {"kernel_size": 2, "stride": 2, "padding": 0})
    bias = np.array([0.5], np.float32)
    node = NirNode("Conv2d", {"weight": weight, "bias": bias})
    network = made(node, pool, shape=(1, 4, 5))
    (projection,) = network.projections
    assert projection.connection.weight.reshape(2, 3).tolist() == [[1, 3, 2], [1, 3, 2]]
    assert projection.connection.stride == (2, 2)
    assert network.population("out").bias.tolist() == [[[2, 2], [2, 2]]]  # 4 times 0.5


def test_values_between_two_layers_are_a_population():
    network = made(MATRIX, SQUARE)
    assert [(p.name, p.model, p.value_bits) for p in network.populations] == [
        ("in", "input", 0), ("Linear0", "current", 32), ("out", "current", 32),
    ]  # fmt: skip
    assert network.population("out").output


def test_what_several_ways_share_stands_alone_for_all():
    # a and b meet in m, whose values k and l need: m is one population, computed once.
    shape = {"shape": np.array([3])}
    graph = NirGraph(
        {
            "in": NirNode("Input", shape),
            "a": SQUARE, "b": SQUARE, "m": SQUARE, "k": SQUARE, "l": SQUARE,
            "out": NirNode("Output", shape),
        },
        tuple(["in>a", "in>b", "a>m", "b>m", "m>k", "m>l", "k>out", "l>out"]),
    )  # fmt: skip
    graph = replace(graph, edges=tuple(tuple(edge.split(">")) for edge in graph.edges))
    values = numbers(np.random.default_rng(3), STEPS, 3)
    w = SQUARE.fields["weight"].astype(float)
    # Both ways into m and both out of it use the same weights: four times w w w x.
    expected = 4 * values @ np.linalg.matrix_power(w, 3).T
    network = read(graph)
    np.testing.assert_allclose(answer(network, values), expected, rtol=1e-4)
    assert [p.target for p in network.projections].count("m") == 2


def test_neurons_that_differ_in_delay():
    # Delays of 0, 2, 0 steps in front of a matrix, 1 and 0 behind: sources 0 and 2 reach
    # target 0 after 1 step and target 1 at once; source 1 after 3 and 2.
    weight = numbers(np.random.default_rng(5), 2, 3)
    network = made(
        NirNode("Delay", {"delay": np.array([0, 2, 0]) * DT}),
        NirNode("Linear", {"weight": weight}),
        NirNode("Delay", {"delay": np.array([1, 0]) * DT}),
        shape=(3,),
    )
    found = {p.delay: p.connection for p in network.projections}
    assert {p.name for p in network.projections} == {f"Linear1@{delay}" for delay in range(4)}
    assert all(isinstance(listed, Sparse) for listed in found.values())
    assert [found[delay].targets.tolist() for delay in range(4)] == [[1, 1], [0, 0], [1], [0]]
    assert found[3].weight.tolist() == [weight[0, 1]]
    assert found[0].weight.tolist() == [weight[1, 0], weight[1, 2]]


@pytest.mark.parametrize(("delay", "first"), [("in front", 0), ("behind", 2)])
def test_a_bias_comes_as_late_as_the_delay_behind_it(delay, first):
    affine = NirNode("Affine", {"weight": np.ones((1, 1), np.float32), "bias": np.ones(1)})
    wait = NirNode("Delay", {"delay": np.array([2 * DT])})
    network = made(*([affine, wait] if delay == "behind" else [wait, affine]), shape=(1,))
    values = answer(network, np.array([[8.0], [0], [0], [0]]))
    assert values.ravel().tolist() == [float(step >= first) + 8 * (step == 2) for step in range(4)]


def test_biases_that_begin_at_different_times():
    shape = {"shape": np.array([1])}
    affine = NirNode("Affine", {"weight": np.ones((1, 1), np.float32), "bias": np.ones(1)})
    nodes = {"in": NirNode("Input", shape), "out": NirNode("Output", shape), "a": affine}
    nodes |= {"b": affine, "c": affine}
    nodes |= {f"{name}w": NirNode("Delay", {"delay": np.array([n * DT])}) for n, name in
              enumerate("abc")}  # fmt: skip
    edges = [(one, other) for name in "abc" for one, other in (
        ("in", name), (name, f"{name}w"), (f"{name}w", "out"))]  # fmt: skip
    with pytest.raises(ConfigError, match="'out' receives biases that begin in different steps"):
        read(NirGraph(nodes, tuple(edges)))


def test_the_engine_runs_values_on_their_own():
    network = with_values(made(MATRIX, SQUARE))
    values = numbers(np.random.default_rng(9), 3, STEPS, 72)
    activity = simulate(network, values)
    w = SQUARE.fields["weight"].astype(float) @ MATRIX.fields["weight"].astype(float)
    np.testing.assert_allclose(activity.values["out"], values @ w.T, rtol=1e-4, atol=1e-4)


def test_several_ways_into_an_output_add_up():
    shape = {"shape": np.array([2])}
    lif = {"tau": 0.01, "r": 1.0, "v_leak": 0.0, "v_threshold": 0.05}
    nodes = {"in": NirNode("Input", shape), "out": NirNode("Output", shape)}
    nodes |= {name: NirNode("LIF", lif) for name in "ab"}
    edges = (("in", "a"), ("a", "b"), ("a", "out"), ("b", "out"))
    network = read(NirGraph(nodes, edges))
    assert [p.name for p in network.populations if p.output] == ["out"]
    activity = simulate_reference(network, np.ones((1, 4, 2), bool))
    assert np.array_equal(activity.values["out"], activity.spikes("a") * 1.0 + activity.spikes("b"))
    assert activity.values["out"].max() == 2
    assert fingerprint(read(graph_of(network))) == fingerprint(network)


def test_convolutions_along_one_axis():
    rng = np.random.default_rng(2)
    fields = {"weight": numbers(rng, 3, 2, 3), "stride": 2, "padding": 1, "bias": numbers(rng, 3)}
    network = made(NirNode("Conv1d", fields), shape=(2, 9))
    assert network.population("in").shape == (2, 1, 9)
    values = numbers(rng, STEPS, 2, 9)
    expected = apply(NirNode("Conv1d", fields), values.astype(float))
    np.testing.assert_allclose(answer(network, values), expected.reshape(STEPS, -1), rtol=1e-5)
    assert graph_of(network).nodes["Conv1d0"].type == "Conv1d"
    assert graph_of(network).nodes["in"].fields["shape"].tolist() == [2, 9]
    with pytest.raises(ConfigError, match="needs a signal of shape"):
        made(NirNode("Conv1d", fields), shape=(2, 3, 9))
