"""Skips under ``norse_import``: an edge against nirtorch's order of nodes is a step late."""

import numpy as np
import pytest
from nir_graphs import DT, f32, port

from chipletsim.engine.reference import simulate_reference
from chipletsim.network.nir.delays import against_depth_first
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.network.nir.reader import network_of
from chipletsim.network.presets.scheme import Asked

LAYERS = [("input", "a"), ("a", "n1"), ("n1", "b"), ("b", "n2")]
SKIP = [("input", "s"), ("s", "n2")]
END = [("n2", "output")]


def integrator(threshold):
    return NirNode("IF", {"r": np.ones(1, f32), "v_threshold": np.array([threshold], f32)})


def linear(weight, **fields):
    return NirNode(
        "Affine" if fields else "Linear", {"weight": np.array([[weight]], f32), **fields}
    )


def spikes(edges, **asked):
    nodes = {
        "input": port("Input", (1,)),
        "a": linear(1),
        "n1": integrator(0.5),
        "b": linear(0.25),
        "s": linear(0.5, bias=np.array([0.25], f32)),
        "n2": integrator(0.6),
        "output": port("Output", (1,)),
    }
    network = network_of(NirGraph(nodes, tuple(edges)), "x", DT, Asked("norse_import", **asked))
    given = np.array([1, 0, 1, 1], bool).reshape(1, 4, 1)
    return simulate_reference(network, given).spikes("n2").ravel().tolist()


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        # n2 runs before s: I = z1 / 4 + [step > 0] (x of before / 2 + 1/4) = 1/4, 3/4, 1/2, 1,
        # so that v = 1/4, 1 (spike), 1/2, 3/2 (spike).
        (LAYERS + SKIP + END, [0, 1, 0, 1]),
        # n2 runs before b: I = x / 2 + 1/4 + z1 of before / 4 = 3/4 (spike), 1/2,
        # 3/4 (v = 5/4, spike), 1 (spike).
        (SKIP + LAYERS + END, [1, 0, 1, 1]),
    ],
)
def test_which_way_is_late_depends_on_the_order_of_edges(edges, expected):
    assert spikes(edges) == expected


def test_edges_that_are_named_are_late_in_place_of_that_order():
    named = {"delayed_edges": (("s", "n2"),)}
    assert spikes(SKIP + LAYERS + END, **named) == [0, 1, 0, 1]


def _starting(*inputs):
    return {name: port("Input" if name in inputs else "Output", (1,)) for name in (*inputs, "x")}


def test_edges_against_the_order_of_a_search_in_depth():
    # Met in the order i, x, y, z, w: back from y to x, from w ahead to y, z to itself.
    edges = [("i", "x"), ("x", "y"), ("y", "x"), ("y", "z"), ("z", "z"), ("i", "w"), ("w", "y")]
    late = {("y", "x"), ("z", "z"), ("w", "y")}
    assert against_depth_first(_starting("i"), edges) == late
    # From w: w, y, x, z, and i last.
    late = {("x", "y"), ("z", "z"), ("i", "x"), ("i", "w")}
    assert against_depth_first(_starting("w", "i"), edges) == late
