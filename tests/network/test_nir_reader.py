"""What the reader makes of NIR graphs, written here with the nir package."""

import warnings
from itertools import pairwise
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest

from chipletsim.errors import ConfigError
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.nir.file import read_graph, write_graph
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.network.nir.reader import read_nir

DT = 1e-3


def full(shape, value=1.0):
    return np.full(shape, value, np.float32)


def lif(*shape, tau=0.01):
    return nir.LIF(full(shape, tau), full(shape), full(shape, 0), full(shape), full(shape, 0))


def port(*shape):
    return np.array(shape)


def read(tmp_path, nodes, edges, **options):
    """Write a graph with the nir package and read it back with ours."""
    path = tmp_path / "graph.nir"
    nir.write(path, nir.NIRGraph(nodes, edges, type_check=False), **options)
    return read_nir(path, DT)


def chained(*names):
    return list(pairwise(names))


def test_layers_biases_and_outputs(tmp_path):
    network = read(
        tmp_path,
        {
            "in": nir.Input(port(3)),
            "fc": nir.Affine(np.arange(6.0).reshape(2, 3), np.array([0.5, -1])),
            "cells": lif(2),
            "readout": nir.Linear(np.ones((1, 2))),
            "li": nir.LI(full(1, 0.02), full(1), full(1, 0)),
            "out": nir.Output(port(1)),
        },
        chained("in", "fc", "cells", "readout", "li", "out"),
    )
    assert [p.name for p in network.populations] == ["in", "cells", "li"]
    assert [p.model for p in network.populations] == ["input", "lif", "li"]
    assert [p.output for p in network.populations] == [False, False, True]
    assert network.population("cells").bias.tolist() == [0.5, -1]
    assert network.population("li").bias is None
    assert network.population("li").value_bits == 32
    fc = network.projections[0]
    assert (fc.name, fc.source, fc.target, fc.delay, fc.pool) == ("fc", "in", "cells", 0, None)
    assert np.array_equal(fc.connection.weight, np.arange(6.0).reshape(2, 3))
    assert network.dt_s == DT


def test_every_neuron_keeps_its_parameters(tmp_path):
    v = {name: full(2, 0.1 * (i + 1)) for i, name in enumerate("abcdefg")}
    network = read(
        tmp_path,
        {
            "in": nir.Input(port(2)),
            "if": nir.IF(v["a"], v["b"], v["c"]),
            "lif": nir.LIF(v["a"], v["b"], v["c"], v["d"], v["e"]),
            "cuba": nir.CubaLIF(v["a"], v["b"], v["c"], v["d"], v["e"], v["f"], v["g"]),
            "li": nir.LI(v["a"], v["b"], v["c"]),
            "out": nir.Output(port(2)),
        },
        chained("in", "if", "lif", "cuba", "li", "out"),
    )
    expected = {
        "if": "r v_threshold v_reset",
        "lif": "tau r v_leak v_threshold v_reset",
        "cuba": "tau_syn tau_mem r v_leak v_threshold v_reset w_in",
        "li": "tau r v_leak",
    }
    for name, fields in expected.items():
        found = network.population(name).parameters
        assert set(found) == set(fields.split())
        for field, letter in zip(fields.split(), "abcdefg", strict=False):
            assert np.array_equal(found[field], v[letter]), (name, field)


def test_an_edge_alone_joins_neuron_to_neuron(tmp_path):
    nodes = {"in": nir.Input(port(2)), "a": lif(2), "out": nir.Output(port(2))}
    (projection,) = read(tmp_path, nodes, chained("in", "a", "out")).projections
    assert isinstance(projection.connection, OneToOne)
    assert projection.connection.weight.tolist() == [1, 1]
    assert projection.name == "in>a"


def test_scale_joins_neuron_to_neuron_with_weights(tmp_path):
    nodes = {"in": nir.Input(port(2)), "s": nir.Scale(np.array([2.0, 3])), "a": lif(2)}
    (projection,) = read(tmp_path, nodes, chained("in", "s", "a")).projections
    assert projection.connection.weight.tolist() == [2, 3]


def conv(weight, *, stride=1, padding=0, bias=None, dilation=1, groups=1, size=(6, 8)):
    bias = np.zeros(weight.shape[0], np.float32) if bias is None else bias
    return nir.Conv2d(size, weight, stride, padding, dilation, groups, bias)


def test_convolution_pooling_and_flatten(tmp_path):
    nodes = {
        "in": nir.Input(port(1, 6, 8)),
        "conv": conv(full((2, 1, 3, 3)), padding=(1, 1), bias=np.array([1.0, 2])),
        "a": lif(2, 6, 8),
        "pool": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "flat": nir.Flatten({"input": np.array([2, 3, 4])}, 0, -1),
        "fc": nir.Affine(full((5, 24)), full(5)),
        "b": lif(5),
        "out": nir.Output(port(5)),
    }
    network = read(tmp_path, nodes, chained(*nodes))
    first, second = network.projections
    assert isinstance(first.connection, Conv2d)
    assert first.connection.padding == ((1, 1), (1, 1))
    assert np.array_equal(network.population("a").bias[:, 2, 3], [1, 2])
    assert network.population("a").bias.shape == (2, 6, 8)
    assert isinstance(second.connection, Dense)
    assert second.pool == Pool2d((2, 2), (2, 2), (0, 0), "sum")
    assert second.name == "fc"


def test_a_pool_alone_is_a_connection(tmp_path):
    nodes = {
        "in": nir.Input(port(1, 4, 4)),
        "pool": nir.AvgPool2d(np.array(2), np.array(2), np.array(0)),
        "a": lif(1, 2, 2),
    }
    # Single numbers stand for both axes; the package writes them uncompressed only.
    (projection,) = read(tmp_path, nodes, chained(*nodes), compression=None).projections
    assert projection.connection == Pool2d((2, 2), (2, 2), (0, 0), "avg")
    assert projection.pool is None


@pytest.mark.parametrize(
    ("padding", "expected"),
    [("same", ((1, 1), (0, 1))), ("valid", ((0, 0), (0, 0))), ((2, 1), ((2, 2), (1, 1)))],
)
def test_padding_in_words_and_numbers(tmp_path, padding, expected):
    # Kernel (3, 2): PyTorch's `same` puts an odd zero behind.
    weight = full((1, 1, 3, 2))
    shape = Conv2d(weight, padding=expected).target_shape((1, 6, 8))
    nodes = {"in": nir.Input(port(1, 6, 8)), "c": conv(weight, padding=padding), "a": lif(*shape)}
    (projection,) = read(tmp_path, nodes, chained(*nodes)).projections
    assert projection.connection.padding == expected


def test_grouped_convolutions_and_non_square_kernels(tmp_path):
    nodes = {
        "in": nir.Input(port(4, 6, 8)),
        "c": conv(full((6, 2, 3, 2)), stride=(2, 1), dilation=(1, 2), groups=2),
        "a": lif(6, 2, 6),
    }
    (projection,) = read(tmp_path, nodes, chained(*nodes)).projections
    assert (projection.connection.groups, projection.connection.dilation) == (2, (1, 2))


def test_single_numbers_take_the_shape_of_what_arrives(tmp_path):
    graph = NirGraph(
        {
            "in": NirNode("Input", {"shape": np.array([1, 4, 4])}),
            "c": NirNode("Conv2d", {"weight": full((2, 1, 3, 3))}),
            "a": NirNode("LIF", {"tau": 0.01, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0}),
        },
        (("in", "c"), ("c", "a")),
    )
    write_graph(graph, tmp_path / "scalar.nir")
    network = read_nir(tmp_path / "scalar.nir", DT)
    assert network.population("a").shape == (2, 2, 2)
    assert network.population("a").parameters["tau"].shape == (2, 2, 2)
    # Files of nir 1.0.4 hold no v_reset; it is 0.
    assert np.all(network.population("a").parameters["v_reset"] == 0)


@pytest.mark.parametrize(
    ("stored", "shape"),
    [((1, 40), (40,)), ((1, 2, 4, 4), (2, 4, 4)), ((1, 4, 4), (1, 4, 4)), ((7,), (7,))],
)
def test_batch_axes_are_dropped(tmp_path, stored, shape):
    nodes = {"in": nir.Input(np.array(stored)), "a": lif(*shape)}
    assert read(tmp_path, nodes, [("in", "a")]).population("in").shape == shape


def loop_nodes(*names):
    nodes = {"in": nir.Input(port(2)), "fc": nir.Linear(np.ones((2, 2)))}
    return nodes | {
        name: lif(2) if name.startswith("n") else nir.Affine(np.ones((2, 2)), full(2, 0.5))
        for name in names
    }


def test_a_self_loop_acts_one_step_later_and_its_bias_always(tmp_path):
    edges = [*chained("in", "fc", "n1"), *chained("n1", "rec", "n1")]
    network = read(tmp_path, loop_nodes("n1", "rec"), edges)
    assert {p.name: p.delay for p in network.projections} == {"fc": 0, "rec": 1}
    assert network.population("n1").bias.tolist() == [0.5, 0.5]


def test_a_longer_loop_is_delayed_where_it_turns_back(tmp_path):
    edges = [*chained("in", "fc", "n1", "w12", "n2", "w23", "n3", "w31", "n1")]
    network = read(tmp_path, loop_nodes("n1", "n2", "n3", "w12", "w23", "w31"), edges)
    delays = {p.name: p.delay for p in network.projections}
    assert delays == {"fc": 0, "w12": 0, "w23": 0, "w31": 1}


def test_feed_forward_skips_are_never_delayed(tmp_path):
    edges = [*chained("in", "fc", "n1", "w12", "n2"), *chained("in", "skip", "n2")]
    network = read(tmp_path, loop_nodes("n1", "n2", "w12", "skip"), edges)
    assert all(p.delay == 0 for p in network.projections)
    # Several edges into one node add up, and so do their biases.
    assert network.population("n2").bias.tolist() == [1, 1]
    assert [p.name for p in network.projections if p.target == "n2"] == ["skip", "w12"]


def test_delay_nodes_say_the_steps(tmp_path):
    nodes = loop_nodes("n1", "n2", "w") | {"wait": nir.Delay(np.full(2, 3e-3))}
    network = read(tmp_path, nodes, chained("in", "fc", "n1", "w", "wait", "n2"))
    assert {p.name: p.delay for p in network.projections} == {"fc": 0, "w": 3}


def test_a_node_shared_by_two_sources_gives_two_projections_and_one_bias(tmp_path):
    edges = [*chained("in", "fc", "n1", "w", "n3"), *chained("fc", "n2", "w")]
    network = read(tmp_path, loop_nodes("n1", "n2", "n3", "w"), edges)
    names = {p.name for p in network.projections}
    assert names == {"fc:in>n1", "fc:in>n2", "w:n1>n3", "w:n2>n3"}
    assert network.population("n3").bias.tolist() == [0.5, 0.5]


def test_order_of_nodes_and_edges_does_not_matter(tmp_path):
    nodes = loop_nodes("n1", "n2", "w12", "w21")
    edges = [*chained("in", "fc", "n1", "w12", "n2", "w21", "n1")]
    first = read(tmp_path, nodes, edges)
    second = read(tmp_path, dict(reversed(nodes.items())), edges[::-1])
    assert fingerprint(first) == fingerprint(second)


@pytest.mark.parametrize(
    ("extra", "edges", "path", "words"),
    [
        ({"out": nir.Output(port(3))}, "in fc out", "nodes.out", "has shape [3], but a signal"),
        ({"x": nir.Linear(np.ones((2, 3)))}, "in x n1", "nodes.x", "weight is [2, 3], but 2"),
        ({"x": nir.Linear(np.ones((2, 2, 2)))}, "in x n1", "nodes.x", "3 axes"),
        ({"x": nir.Delay(np.array([1e-3, 2e-3, 0]))}, "in x n1", "nodes.x", "3 delays for 2"),
        ({"x": nir.Delay(np.array([1e-3, -2e-3]))}, "in x n1", "nodes.x", "not below 0"),
        ({"x": nir.Delay(full(2, 5e-4))}, "in x n1", "nodes.x", "whole steps of 0.001 s"),
        ({"in": nir.Input(port(2**30))}, "in n1", "nodes.in", "268,435,456 neurons"),
        ({"in": nir.Input(port(2**40))}, "in n1", "nodes.in", "numbers up to 2,147,483,647"),
        ({"x": nir.Flatten({"input": port(2)}, 0, -1)}, "in x x", "nodes.x", "without a neuron"),
        (
            {"x": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))},
            "in x n1",
            "nodes.x",
            "[C, H, W]",
        ),
        ({"n1": lif(2, tau=-1.0)}, "in n1", "populations.n1.parameters.tau", "greater than 0"),
    ],
)
def test_what_is_refused_and_why(tmp_path, extra, edges, path, words):
    nodes = loop_nodes("n1", "w") | extra
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, nodes, [*chained(*edges.split()), ("in", "n1")])
    faults = {problem.path: problem.message for problem in caught.value.problems}
    assert words in faults[path]
    assert all(problem.file.endswith("graph.nir") for problem in caught.value.problems)


def test_all_unsupported_nodes_are_named_at_once(tmp_path):
    shape = {"shape": np.array([2])}
    graph = NirGraph(
        {
            "in": NirNode("Input", shape),
            "s": NirNode("Sigmoid", {}),
            "t": NirNode("Izhikevich", {}),
        },
        (("in", "s"), ("s", "t")),
    )
    write_graph(graph, tmp_path / "x.nir")
    with pytest.raises(ConfigError) as caught:
        read_nir(tmp_path / "x.nir", DT)
    faults = {problem.path: problem.message for problem in caught.value.problems}
    assert "node type Sigmoid is not supported by preset euler" in faults["nodes.s"]
    assert "Izhikevich" in faults["nodes.t"]


def broken(tmp_path, change):
    """A sound file after ``change`` has been done to its HDF5 contents."""
    path = tmp_path / "broken.nir"
    nodes = {"in": nir.Input(port(2)), "a": lif(2)}
    nir.write(path, nir.NIRGraph(nodes, [("in", "a")], type_check=False))
    with h5py.File(path, "a") as file:
        change(file["node/nodes"])
    with pytest.raises(ConfigError) as caught:
        read_nir(path, DT)
    assert "broken.nir" in str(caught.value)
    return str(caught.value)


def replaced(group, name, **dataset):
    del group[name]
    group.create_dataset(name, **dataset)


def test_files_at_fault(tmp_path):
    def delete(name):
        def change(nodes):
            del nodes[name]

        return change

    assert "no field `tau`" in broken(tmp_path, delete("a/tau"))
    assert "edges name a node 'a'" in broken(tmp_path, delete("a"))
    assert "has no 'type'" in broken(tmp_path, delete("a/type"))
    assert "has no 'edges'" in broken(tmp_path, lambda nodes: nodes.parent.pop("edges"))
    words = broken(tmp_path, lambda nodes: replaced(nodes["a"], "tau", data="slow"))
    assert "`tau` holds no numbers" in words
    assert "tau" in broken(tmp_path, lambda nodes: replaced(nodes["a"], "tau", data=full(3)))
    shape = np.array([0])
    assert "shape" in broken(tmp_path, lambda nodes: replaced(nodes["in"], "shape", data=shape))


def test_huge_and_foreign_data_is_refused_before_it_is_read(tmp_path):
    def huge(nodes):
        replaced(nodes["a"], "tau", shape=(2**40,), dtype="f4", chunks=(1024,))

    assert "unpacks to more than" in broken(tmp_path, huge)
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["tau"] = full(2)

    def external(nodes):
        del nodes["a/tau"]
        nodes["a/tau"] = h5py.ExternalLink(str(secret), "tau")

    assert "is a link" in broken(tmp_path, external)

    def raw(nodes):
        here = [(str(secret), 0, 8)]
        replaced(nodes["a"], "tau", shape=(2,), dtype="f4", external=here)

    assert "lies in another file" in broken(tmp_path, raw)


def test_a_file_that_only_claims_to_be_large_is_refused(tmp_path):
    # Nothing of it is stored: a kilobyte on disk, gigabytes once read.
    def claimed(nodes):
        replaced(nodes["in"], "shape", shape=(2**30,), dtype="u1")

    assert "but only 0 are stored" in broken(tmp_path, claimed)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.inf, "whole numbers"),
        (1e300, "whole numbers"),
        (np.zeros(0, int), "numbers of at least 1"),
        (np.zeros(33, int), "33 numbers; most are 32"),
        (2**31, "up to 2,147,483,647"),
    ],
)
def test_shapes_that_are_none(tmp_path, value, words):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert words in broken(tmp_path, lambda nodes: replaced(nodes["in"], "shape", data=value))


def test_more_than_text_for_a_type_and_one_number_for_groups(tmp_path):
    assert "a/type is not a text" in broken(
        tmp_path, lambda nodes: replaced(nodes["a"], "type", data=np.ones(3))
    )
    nodes = {
        "in": NirNode("Input", {"shape": np.array([1, 4, 4])}),
        "c": NirNode("Conv2d", {"weight": full((2, 1, 3, 3)), "groups": np.array([1, 1])}),
        "a": NirNode("IF", {"r": 1.0, "v_threshold": 1.0}),
    }
    write_graph(NirGraph(nodes, (("in", "c"), ("c", "a"))), tmp_path / "groups.nir")
    with pytest.raises(ConfigError, match="`groups` must hold one number, not 2"):
        read_nir(tmp_path / "groups.nir", DT)


def test_numbers_beyond_float32_are_infinite_and_refused(tmp_path):
    words = broken(tmp_path, lambda nodes: replaced(nodes["a"], "tau", data=np.array([1e300, 1])))
    assert "tau: holds NaN or infinite values" in words


def test_populations_count_together(tmp_path):
    nodes = {"in": NirNode("Input", {"shape": np.array([2**27])})} | {
        name: NirNode("IF", {"r": 1.0, "v_threshold": 1.0}) for name in ("a", "b")
    }
    write_graph(NirGraph(nodes, (("in", "a"), ("a", "b"))), tmp_path / "many.nir")
    with pytest.raises(ConfigError, match=r"nodes\.b.*after 268,435,456 others"):
        read_nir(tmp_path / "many.nir", DT)


def test_a_time_constant_shorter_than_the_step_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="shorter than the time step"):
        read(tmp_path, {"in": nir.Input(port(2)), "a": lif(2, tau=9.9e-4)}, [("in", "a")])
    # In float32, 1e-3 is a bit more or less than the step itself: beta = 0 is allowed.
    read(tmp_path, {"in": nir.Input(port(2)), "a": lif(2, tau=DT)}, [("in", "a")])


def test_a_node_that_joins_nothing_is_named(tmp_path):
    nodes = loop_nodes("n1", "w")  # w leads from n1 to nowhere
    with pytest.raises(ConfigError, match=r"nodes\.w: leads from no neuron"):
        read(tmp_path, nodes, [*chained("in", "fc", "n1"), ("n1", "w")])


def test_factors_after_flatten_may_be_flat(tmp_path):
    nodes = {
        "in": nir.Input(port(2, 1, 2)),
        "f": nir.Flatten({"input": port(2, 1, 2)}, 0, -1),
        "s": nir.Scale(np.arange(4.0)),
        "a": lif(4),
    }
    (projection,) = read(tmp_path, nodes, chained(*nodes)).projections
    assert projection.connection.weight.tolist() == [0, 1, 2, 3]


def test_delays_of_many_steps_survive_float32(tmp_path):
    nodes = loop_nodes("n1", "n2", "w") | {"wait": nir.Delay(full(2, 100.001))}
    network = read(tmp_path, nodes, chained("in", "fc", "n1", "w", "wait", "n2"))
    assert max(p.delay for p in network.projections) == 100_001
    nodes["wait"] = nir.Delay(full(2, 1e6))
    with pytest.raises(ConfigError, match=r"must lie in 0\.\.1,048,576 steps"):
        read(tmp_path, nodes, chained("in", "fc", "n1", "w", "wait", "n2"))


@pytest.mark.parametrize("content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + b"\0" * 64])
def test_files_that_are_no_nir(tmp_path, content):
    (tmp_path / "x.nir").write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be read as NIR"):
        read_nir(tmp_path / "x.nir", DT)


def test_missing_file():
    with pytest.raises(ConfigError, match=r"gone\.nir"):
        read_nir(Path("gone.nir"), DT)


def test_read_graph_keeps_fields_and_sorts_edges(tmp_path):
    graph = NirGraph(
        {"b": NirNode("X", {"f": full((2, 3)), "text": "same"}), "a": NirNode("Y", {})},
        (("b", "a"), ("a", "b")),
    )
    write_graph(graph, tmp_path / "g.nir")
    found = read_graph(tmp_path / "g.nir")
    assert list(found.nodes) == ["a", "b"]
    assert found.edges == (("a", "b"), ("b", "a"))
    assert found.nodes["b"].fields["text"] == "same"
    assert np.array_equal(found.nodes["b"].fields["f"], full((2, 3)))
