"""Networks written and read again are the same, to the fingerprint."""

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.fingerprint import fingerprint


def everything():
    """Return a network of every kind of connection, with arrays and numbers as parameters."""
    random = np.random.default_rng(0)

    def normal(*shape):
        return random.normal(size=shape).astype(np.float32)

    listed = Sparse(np.array([0, 2, 3, 3, 5]), np.array([1, 0, 2, 2, 1], np.int32), normal(5), 3)
    return (
        NetworkBuilder("all of it", dt="0.3 ms")
        .input("in", (2, 6, 6), value_bits=8, steps=1)
        .population("conv", (4, 4, 4), "relu", step=normal(4, 4, 4) ** 2 + 0.1, value_bits=6)
        .population("pooled", (4, 2, 2), "relu", step=0.1, value_bits=6, bias=normal(4, 2, 2))
        .population("enc", (4, 2, 2), "encode_lif", tau="3.3 ms", r=1.7, steps=5)
        .population("cells", (4,), "lif", tau=np.array([1e-3, 2e-3, 3e-3, 4e-3]), bias=0.25)
        .population("three", (3,), "cubalif", tau_syn="1 ms", tau_mem="7 ms", output=True)
        .project("in", "conv", Conv2d(normal(4, 1, 3, 3), groups=2))
        .project("conv", "pooled", Pool2d((2, 2), (2, 2), mode="avg"))
        .project("pooled", "enc", OneToOne(normal(16)))
        .project("enc", "cells", Dense(normal(4, 4)), pool=Pool2d((2, 2), (2, 2)), name="read")
        .project("cells", "cells", Dense(normal(4, 4)), delay=2)
        .project("cells", "three", listed)
        .build()
    )


def test_yaml_gives_the_same_network_again(tmp_path):
    network = everything()
    cs.save_network(network, tmp_path / "kept.yaml")
    again = cs.load_network(tmp_path / "kept.yaml")
    assert fingerprint(again) == fingerprint(network)
    assert again.name == network.name
    assert [each.name for each in again.projections] == [each.name for each in network.projections]


@pytest.mark.parametrize("name", ["networks/recurrent", "networks/small_cnn"])
def test_shipped_networks_survive(name, tmp_path):
    network = cs.load_network(name)
    cs.save_network(network, tmp_path / "kept.yaml")
    assert fingerprint(cs.load_network(tmp_path / "kept.yaml")) == fingerprint(network)


def test_nir_refuses_what_it_cannot_say(tmp_path):
    with pytest.raises(cs.ConfigError, match="NIR has no node for relu"):
        cs.save_network(everything(), tmp_path / "kept.nir")
    assert not (tmp_path / "kept.nir").exists()
    with pytest.raises(cs.UsageError, match=r"as \.nir or \.yaml"):
        cs.save_network(everything(), tmp_path / "kept.json")
