"""Ports, units and delays of network files: kept, checked, and part of a network's identity."""

from dataclasses import replace

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.load import load_network

COBA = {
    "capacitance": "200 pF", "g_leak": "10 nS", "v_leak": "-60 mV", "v_excitatory": "0 mV",
    "v_inhibitory": "-80 mV", "tau_excitatory": "5 ms", "tau_inhibitory": "10 ms",
    "v_threshold": "-50 mV", "v_reset": "-60 mV", "refractory": "5 ms",
}  # fmt: skip


def file(weight="6 nS", port="inhibitory", delay="1.5 ms", **parameters):
    return {
        "name": "n",
        "dt": "0.1 ms",
        "populations": {
            "a": {"shape": [2], "model": "input"},
            "b": {"shape": [3], "model": "coba_exp", "parameters": {**COBA, **parameters}},
        },
        "projections": [
            {
                "source": "a",
                "target": "b",
                "delay": delay,
                "port": port,
                "connection": {"kind": "dense", "weight": weight},
            }
        ],
    }


def test_a_file_gives_ports_units_and_delays():
    network = load_network(file(v_init={"uniform": {"low": "-60 mV", "high": "-50 mV"}}))
    (projection,) = network.projections
    assert (projection.port, projection.delay) == ("inhibitory", 15)
    assert np.all(projection.connection.weight == np.float32(6e-9))
    cells = network.population("b").parameters
    assert cells["capacitance"] == np.float32(200e-12)
    assert np.all((cells["v_init"] >= -0.06) & (cells["v_init"] < -0.05))
    assert load_network(file(), dt="0.5 ms").projections[0].delay == 3


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"port": "excitatry"}, "no coba_exp port `excitatry`; did you mean `excitatory`"),
        ({"weight": 6.0}, "6 has no unit; expected one like '6 S'"),
        ({"weight": "6 mV"}, "wrong dimension; expected a unit like S"),
        ({"weight": "-6 nS"}, "conductances must not be below 0 S, the least is -6e-09"),
        ({"weight": {"normal": {"mean": 6, "std": "1 nS"}}}, "6 has no unit"),
        ({"weight": {"normal": {"mean": "6 nS", "std": "-1 nS"}}}, "std must not be below 0"),
        ({"weight": {"uniform": {"low": "6 nS", "high": 0}}}, "low must not be above high"),
        ({"delay": "0.25 ms"}, "'0.25 ms' is no whole number of time steps of 0.0001 s"),
        ({"delay": 1.5}, r"1.5 is no whole number of steps; a time has a unit \(`1.5 ms`\)"),
        ({"delay": "-1 ms"}, "is no whole number of time steps"),
        ({"refractory": "0.25 ms"}, "0.00025 s is no whole number of time steps of 0.0001 s"),
        ({"refractory": "-1 ms"}, "must not be below 0 s"),
        ({"v_leak": -60.0}, "-60 has no unit; expected one like '-60 V'"),
        ({"capacitance": "0 pF"}, "must be greater than 0 F"),
    ],
)
def test_faults(given, says):
    with pytest.raises(cs.ConfigError, match=says):
        load_network(file(**given))


def test_a_model_of_one_port_knows_its_name_alone():
    network = (
        NetworkBuilder("n", "1 ms")
        .input("a", (1,))
        .population("b", (1,), "lif", tau="10 ms")
        .project("a", "b", Dense(np.ones((1, 1), np.float32)), port="current")
        .build()
    )
    assert fingerprint(network) == fingerprint(with_port(network, ""))
    with pytest.raises(cs.ConfigError, match=r"projections\.a>b\.port"):
        cs.simulate(with_port(network, "excitatory"), np.ones((1, 1, 1), bool))


def with_port(network, port):
    projections = tuple(replace(each, port=port) for each in network.projections)
    return replace(network, projections=projections)


def test_the_port_is_part_of_the_identity_and_the_first_need_not_be_named():
    network = load_network(file())
    prints = [fingerprint(with_port(network, port)) for port in ("", "excitatory", "inhibitory")]
    assert prints[0] == prints[1] != prints[2]


def test_networks_survive_their_file(tmp_path):
    network = load_network(file(v_init={"uniform": {"low": "-60 mV", "high": "-50 mV"}}))
    cs.save_network(network, tmp_path / "kept.yaml")
    assert fingerprint(load_network(tmp_path / "kept.yaml")) == fingerprint(network)


def test_nir_refuses_models_with_ports(tmp_path):
    with pytest.raises(cs.ConfigError, match="NIR has no node for coba_exp"):
        cs.save_network(load_network(file()), tmp_path / "kept.nir")


@pytest.mark.parametrize("name", ["vogels_abbott_coba", "vogels_abbott_cuba"])
def test_shipped_networks_join_ports_as_named(name):
    network = load_network(f"networks/{name}")
    for each in network.projections:
        assert each.port == ("inhibitory" if each.source == "inhibitory" else "excitatory")
    synapses = sum(each.connection.targets.size for each in network.projections[1:])
    # 16 million pairs at 0.02: standard deviation 560.
    assert abs(synapses - 320_000) < 5 * 560
