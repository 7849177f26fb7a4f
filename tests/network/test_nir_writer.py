"""Networks written as NIR: read back by us, and by the nir package."""

import nir
import numpy as np
import pytest

from chipletsim.errors import ConfigError
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.nir.reader import read_nir
from chipletsim.network.nir.writer import write_nir

RANDOM = np.random.default_rng(0)


def weights(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def everything():
    """All that NIR can say: convolutions, pools, loops, delays, biases, all models."""
    channel = np.broadcast_to(np.array([0.5, -1, 2], np.float32)[:, None, None], (3, 8, 8))
    return (
        NetworkBuilder("everything", dt="1 ms")
        .input("in", (2, 8, 8))
        .population("conv", (3, 8, 8), "lif", tau="10 ms", v_leak=0.1, bias=channel)
        .population("pooled", (3, 4, 4), "if", r=1000.0, v_reset=-0.5)
        .population("cells", (6,), "cubalif", tau_syn="5 ms", tau_mem="20 ms", bias=weights(6))
        .population("more", (6,), "lif", tau=np.linspace(0.01, 0.02, 6))
        .population("out", (4,), "li", tau="30 ms", output=True)
        .project("in", "conv", Conv2d(weights(3, 2, 2, 3), padding=((0, 1), (1, 1))), name="same")
        .project("conv", "pooled", Pool2d((2, 2), (2, 2), mode="avg"), name="average")
        .project("pooled", "cells", Dense(weights(6, 12)), pool=Pool2d((2, 2), (2, 2)), name="fc")
        .project("cells", "cells", Dense(weights(6, 6)), delay=1, name="rec")
        .project("cells", "more", OneToOne(weights(6)), delay=2, name="scaled")
        .project("more", "cells", Dense(weights(6, 6)), delay=0, name="back")
        .project("cells", "out", Dense(weights(4, 6)), name="readout")
        .build()
    )  # fmt: skip


def written(network, tmp_path):
    write_nir(network, tmp_path / "x.nir")
    return read_nir(tmp_path / "x.nir", network.dt_s)


def test_reading_what_was_written_gives_the_same_network(tmp_path):
    network = everything()
    again = written(network, tmp_path)
    by_name = {p.name: p for p in again.projections}
    for projection in network.projections:
        found = by_name[projection.name]
        for field in ("source", "target", "pool", "delay"):
            assert getattr(found, field) == getattr(projection, field)
        assert type(found.connection) is type(projection.connection)
        assert np.array_equal(found.connection.weights, projection.connection.weights)
    assert by_name["same"].connection.padding == ((0, 1), (1, 1))
    for population in network.populations:
        found = again.population(population.name)
        assert (found.shape, found.model, found.output) == (
            population.shape, population.model, population.output,
        )  # fmt: skip
        for name, value in population.parameters.items():
            assert np.array_equal(found.parameters[name], np.broadcast_to(value, found.shape))
        bias = 0 if population.bias is None else population.bias
        assert np.all((0 if found.bias is None else found.bias) == bias)
    third = written(again, tmp_path)
    assert fingerprint(third) == fingerprint(again)


def test_the_nir_package_reads_the_same_values(tmp_path):
    network = everything()
    write_nir(network, tmp_path / "x.nir")
    graph = nir.read(tmp_path / "x.nir", type_check=False)
    cells = graph.nodes["cells"]
    assert isinstance(cells, nir.CubaLIF)
    assert np.array_equal(cells.tau_mem, np.full(6, 0.02, np.float32))
    assert isinstance(graph.nodes["same"], nir.Conv2d)
    assert graph.nodes["same"].padding == "same"
    assert np.array_equal(graph.nodes["same"].bias, np.array([0.5, -1, 2], np.float32))
    assert np.array_equal(graph.nodes["fc"].bias, network.population("cells").bias)
    assert np.array_equal(graph.nodes["scaled.delay"].delay, np.full(6, 2e-3))
    assert "rec.delay" not in graph.nodes
    assert ("cells", "rec") in graph.edges
    assert ("rec", "cells") in graph.edges


def test_the_same_network_gives_the_same_bytes(tmp_path):
    network = everything()
    write_nir(network, tmp_path / "a.nir")
    write_nir(network, tmp_path / "b.nir")
    assert (tmp_path / "a.nir").read_bytes() == (tmp_path / "b.nir").read_bytes()


def pair(connection, *, bias=None, name="cells", shape=(4,)):
    return (
        NetworkBuilder("pair", dt="1 ms")
        .input("in", (4,))
        .population(name, shape, "lif", tau="10 ms", bias=bias)
        .project("in", name, connection)
        .build()
    )


def test_plain_edges_stay_plain(tmp_path):
    network = pair(OneToOne(np.ones(4, np.float32)))
    again = written(network, tmp_path)
    assert fingerprint(again) == fingerprint(network)
    assert ("in", "cells") in nir.read(tmp_path / "x.nir").edges


@pytest.mark.parametrize(
    ("network", "path", "words"),
    [
        (
            pair(Sparse(np.array([0, 2, 2, 2, 2]), np.ones(2, np.int32), weights(2), 4)),
            "projections.in>cells",
            "several of one pair of neurons",
        ),
        (
            pair(OneToOne(np.ones(4, np.float32)), bias=1.0),
            "populations.cells.bias",
            "keeps a bias in a dense projection",
        ),
        (pair(OneToOne(np.ones(4, np.float32)), name="a/b"), "", "'a/b' cannot be a name"),
    ],
)
def test_what_nir_cannot_say(tmp_path, network, path, words):
    with pytest.raises(ConfigError) as caught:
        write_nir(network, tmp_path / "x.nir")
    assert words in {p.path: p.message for p in caught.value.problems}[path]
    assert not (tmp_path / "x.nir").exists()


def test_uneven_padding_and_biases_within_a_channel_are_refused(tmp_path):
    network = (
        NetworkBuilder("uneven", dt="1 ms")
        .input("in", (1, 4, 4))
        .population("a", (1, 4, 3), "lif", tau="10 ms", bias=weights(1, 4, 3))
        .project("in", "a", Conv2d(weights(1, 1, 3, 2), padding=((2, 0), (0, 0))))
        .build()
    )
    with pytest.raises(ConfigError) as caught:
        write_nir(network, tmp_path / "x.nir")
    assert {p.path for p in caught.value.problems} == {"populations.a.bias", "projections.in>a"}


def test_an_answer_can_be_named_like_a_node(tmp_path):
    network = (
        NetworkBuilder("names", dt="1 ms")
        .input("x.output", (1,))
        .population("x", (1,), "lif", tau="10 ms", output=True)
        .project("x.output", "x", Dense(weights(1, 1)))
        .build()
    )
    assert fingerprint(written(network, tmp_path)) == fingerprint(network)
