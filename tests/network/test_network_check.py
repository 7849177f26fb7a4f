"""What a network must satisfy: every fault, with its path, all at once."""

import numpy as np
import pytest

from chipletsim.errors import ConfigError
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.check import check_network
from chipletsim.network.connections import Dense, OneToOne, Pool2d
from chipletsim.network.model import Network, Population, Projection


def ones(targets, sources):
    return Dense(np.ones((targets, sources), np.float32))


def chain(**changes):
    """A sound network of two populations, with fields of the second one changed."""
    cells = {
        "name": "cells",
        "shape": (3,),
        "model": "lif",
        "parameters": {"tau": np.float32(0.01)},
        **changes,
    }
    populations = (Population("in", (2,), "input"), Population(**cells))
    return Network("chain", populations, (Projection("w", "in", "cells", ones(3, 2)),), 1e-3)


def faults(network):
    return {problem.path: problem.message for problem in check_network(network)}


def test_a_sound_network_has_no_faults():
    assert faults(chain()) == {}


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"model": "lifs"}, "model", "did you mean `lif`"),
        ({"parameters": {}}, "parameters.tau", "missing: lif needs it"),
        ({"parameters": {"tua": np.float32(1)}}, "parameters.tua", "did you mean `tau`"),
        ({"parameters": {"tau": np.float32(0)}}, "parameters.tau", "greater than 0 s"),
        ({"parameters": {"tau": np.ones(4)}}, "parameters.tau", "[4] does not broadcast to [3]"),
        ({"parameters": {"tau": np.float32("nan")}}, "parameters.tau", "NaN"),
        ({"bias": np.array([0, np.inf, 0])}, "bias", "infinite"),
        ({"bias": np.zeros(2)}, "bias", "does not broadcast"),
        ({"model": "li"}, "value_bits", "graded"),
        ({"value_bits": 33}, "value_bits", "0..32"),
        ({"shape": (0,)}, "", "at least 1"),
    ],
)
def test_population_faults(changes, path, words):
    found = faults(chain(**changes))
    assert words in found[f"populations.cells.{path}".rstrip(".")]


def projected(*projections, populations=None):
    cells = [
        Population("in", (2,), "input"),
        *(Population(n, (2,), "lif", {"tau": np.float32(1)}) for n in ("a", "b", "c")),
    ]
    return Network("n", tuple(populations or cells), projections, 1e-3)


@pytest.mark.parametrize(
    ("projection", "path", "words"),
    [
        (Projection("w", "inn", "a", ones(2, 2)), "source", "did you mean `in`"),
        (Projection("w", "in", "zzz", ones(2, 2)), "target", "there are: in, a, b, c"),
        (Projection("w", "in", "a", ones(2, 3)), "connection", "'in' to 'a': weight is [2, 3]"),
        (Projection("w", "in", "a", ones(2, 2), delay=-1), "delay", "must lie in 0"),
        (Projection("w", "a", "in", ones(2, 2)), "target", "input channels take no"),
        (Projection("w", "in", "a", OneToOne(np.array([np.nan, 1]))), "connection.weight", "NaN"),
        (Projection("w", "in", "a", ones(2, 2), Pool2d((2, 2), (2, 2))), "pool", "[C, H, W]"),
    ],
)
def test_projection_faults(projection, path, words):
    assert words in faults(projected(projection))[f"projections.w.{path}"]


def test_names_are_unique_and_time_passes():
    cells = Population("a", (2,), "lif", {"tau": np.float32(1)})
    network = Network("n", (cells, cells), (), 0.0)
    found = faults(network)
    assert "2 populations are called 'a'" in found["populations"]
    assert "must be positive" in found["dt"]
    assert "at least one population" in faults(Network("n", (), (), 1e-3))["populations"]


def test_a_cycle_within_a_step_is_named():
    network = projected(
        Projection("ia", "in", "a", ones(2, 2)),
        Projection("ab", "a", "b", ones(2, 2)),
        Projection("bc", "b", "c", ones(2, 2)),
        Projection("cb", "c", "b", ones(2, 2)),
    )
    message = faults(network)["projections"]
    assert "b > c > b" in message or "c > b > c" in message
    assert "delay: 1" in message


def test_a_self_loop_within_a_step_is_named():
    assert "a > a" in faults(projected(Projection("aa", "a", "a", ones(2, 2))))["projections"]


def test_a_delay_breaks_the_cycle():
    network = projected(
        Projection("ab", "a", "b", ones(2, 2)), Projection("ba", "b", "a", ones(2, 2), delay=1)
    )
    assert faults(network) == {}


def test_all_faults_come_at_once():
    builder = (
        NetworkBuilder("broken", dt="1 parsec")
        .input("in", (2,))
        .population("a", (3,), "lif", tau="10 mV")
    )
    with pytest.raises(ConfigError) as caught:
        builder.build()
    assert [problem.path for problem in caught.value.problems] == [
        "dt",
        "populations.a.parameters.tau",
    ]
    builder = (
        NetworkBuilder("broken", dt="1 ms")
        .input("in", (2,))
        .population("a", (3,), "lif")
        .project("in", "b", ones(3, 2), delay=-2)
    )
    with pytest.raises(ConfigError) as caught:
        builder.build()
    assert {problem.path for problem in caught.value.problems} == {
        "populations.a.parameters.tau",
        "projections.in>b.target",
        "projections.in>b.delay",
    }


def test_builder_makes_what_it_says():
    network = (
        NetworkBuilder("pair", dt="0.5 ms")
        .input("pixels", (4,), value_bits=8)
        .population("cells", (2,), "li", tau="10 ms", bias=[0.5, 0], output=True)
        .project("pixels", "cells", ones(2, 4), delay=3)
        .build()
    )
    pixels, cells = network.populations
    assert network.dt_s == 0.5e-3
    assert pixels.value_bits == 8
    assert (cells.value_bits, cells.output, cells.bias.tolist()) == (32, True, [0.5, 0])
    assert cells.parameters["tau"] == np.float32(0.01)
    assert (network.projections[0].name, network.projections[0].delay) == ("pixels>cells", 3)
