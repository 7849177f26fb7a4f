"""Experiments from firing rates, and of dense and spiking layers, through the same verbs."""

import copy
import json

import numpy as np
import pytest
import yaml

import chipletsim as cs
from chipletsim.cli.main import execute

pytestmark = pytest.mark.usefixtures("quick_programs")

DENSE = {"kind": "one_to_one", "weight": 1.0}
HYBRID = {
    "name": "hybrid",
    "dt": "1 ms",
    "populations": {
        "in": {"shape": [16], "model": "input", "value_bits": 8, "steps": 1},
        "a": {"shape": [16], "model": "relu", "parameters": {"step": 1 / 256}, "value_bits": 8},
        "enc": {"shape": [16], "model": "encode_rate", "steps": 4},
        "dec": {
            "shape": [16], "model": "decode_rate", "value_bits": 8,
            "parameters": {"step": 1 / 256, "gain": 0.25},
        },
        "out": {
            "shape": [4], "model": "linear", "parameters": {"step": 1 / 256}, "value_bits": 12,
            "output": True,
        },
    },
    "projections": [
        {"source": "in", "target": "a", "connection": DENSE},
        {"source": "a", "target": "enc", "connection": DENSE},
        {"source": "enc", "target": "dec", "connection": DENSE},
        {
            "source": "dec", "target": "out",
            "connection": {"kind": "dense", "weight": {"uniform": {"low": -1, "high": 1}}},
        },
    ],
}  # fmt: skip
PLACE = {"a": {"chiplet": "west"}, "enc": {"chiplet": "west"}, "dec": {"chiplet": "east"}}


def experiment(folder, **sections):
    """Write an experiment of the hybrid network; return its path."""
    contents = {
        "name": "case",
        "package": {"use": "packages/two_dies"},
        "network": copy.deepcopy(HYBRID),
        "mapping": {"place": PLACE},
        **sections,
    }
    path = folder / "case.yaml"
    path.write_text(yaml.safe_dump(contents, sort_keys=False))
    return path


def images(folder, samples=5):
    values = np.random.default_rng(0).random((samples, 16))
    labels = np.arange(samples) % 4
    np.savez(folder / "data.npz", inputs=values, labels=labels)
    return {"dataset": "data.npz", "steps": 4, "encoding": {"kind": "once", "value_bits": 8}}


def test_a_hybrid_experiment_runs(tmp_path):
    ran = cs.run(experiment(tmp_path, inputs=images(tmp_path)), out=tmp_path / "runs")
    assert ran.summary["accuracy"]["samples"] == 5
    # Spikes of 8-bit values x of ceiling 1 in 4 steps: round(4 x), half down; they alone cross.
    values = np.minimum(np.rint(np.load(tmp_path / "data.npz")["inputs"] * 256), 255) / 256
    spikes = int(np.ceil(4 * values - 0.5).sum())
    busiest = ran.summary["busiest_links"][0]
    assert busiest["link"].startswith("west")
    assert busiest["packets"] == spikes


def test_too_few_steps_are_one_clear_error(tmp_path):
    inputs = images(tmp_path) | {"steps": 3}
    with pytest.raises(cs.ConfigError, match="one inference takes 4 steps"):
        cs.run(experiment(tmp_path, inputs=inputs), out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_an_experiment_from_rates_is_priced_without_a_simulation(tmp_path, monkeypatch):
    monkeypatch.setattr("chipletsim.engine.simulate.Simulator.run", None)  # would fail if called
    rates = {"*": 1.0, "enc": 0.5, "dec": 0.0}
    inputs = {"rates": rates, "samples": 400, "steps": 4, "seed": 1}
    ran = cs.run(experiment(tmp_path, inputs=inputs), out=tmp_path / "runs")
    assert ran.summary["accuracy"] is None
    assert any("drawn from firing rates" in note for note in ran.summary["notes"])
    # 16 neurons of the encoder at rate 1/2 in 4 steps: Binomial(25,600, 1/2).
    spikes = ran.summary["busiest_links"][0]["packets"]
    assert abs(spikes - 12_800) < 4.5 * np.sqrt(6400)


def test_rates_that_do_not_fit_are_named(tmp_path):
    inputs = {"rates": {"enc": 0.5, "hiden": 0.1}, "steps": 4}
    with pytest.raises(cs.ConfigError) as caught:
        cs.run(experiment(tmp_path, inputs=inputs), out=tmp_path / "runs")
    text = str(caught.value)
    assert "inputs.rates.hiden: fits no population; there are in, a, enc, dec, out" in text
    assert "there is no rate of in, a, dec, out" in text
    with pytest.raises(cs.ConfigError, match="takes 4 steps, not 2"):
        cs.run(experiment(tmp_path, inputs={"rates": 0.1, "steps": 2}), out=tmp_path / "runs")
    mapping = {"mapping": {"rates": "measured"}}
    with pytest.raises(cs.ConfigError, match="needs inputs to simulate"):
        cs.run(experiment(tmp_path, inputs={"rates": 0.1, "steps": 4}, **mapping))


def test_a_sweep_over_sparsity(tmp_path):
    experiment(tmp_path, inputs={"rates": 0.1, "steps": 4, "samples": 20})
    sweep = {
        "name": "sparsity",
        "experiment": {"use": "case.yaml"},
        "grid": {"inputs.rates": [0.0, 0.25, 1.0]},
    }
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(sweep))
    result = cs.sweep(tmp_path / "sweep.yaml", out=tmp_path / "sweeps")
    by_rate = {
        point.settings["inputs.rates"]: point.metrics["energy_per_inference_j"]
        for point in result.points
    }
    assert by_rate[0.0] < by_rate[0.25] < by_rate[1.0]


def dense_experiment(folder):
    """Write an experiment of the same network without encoders; return its path."""
    spec = copy.deepcopy(HYBRID)
    del spec["populations"]["enc"], spec["populations"]["dec"]
    spec["projections"] = [spec["projections"][0], spec["projections"][3] | {"source": "a"}]
    place = {"a": {"chiplet": "west"}, "out": {"chiplet": "east"}}
    inputs = images(folder, 20) | {"steps": 1}
    byte = {"flit": "8 bit", "frame": {"payload": "8 bit", "total": "8 bit"}}
    package = {"use": "packages/two_dies", "network": {"link": byte}}
    sections = {"package": package, "network": spec, "mapping": {"place": place}}
    return experiment(folder, inputs=inputs, **sections)


def test_encode_writes_a_network_that_runs(tmp_path, capsys):
    path = dense_experiment(tmp_path)
    out = tmp_path / "hybrid"
    given = ["--objective", "bits", "--code", "latency", "-o", str(out), "--json"]
    assert execute(["encode", str(path), *given]) == 0
    printed, noted = capsys.readouterr()
    figures = json.loads(printed)
    assert [each["source"] for each in figures["candidates"]] == ["a"]
    assert figures["after_per_inference"] < figures["before_per_inference"]
    assert "an inference takes 4 steps" in noted
    contents = yaml.safe_load(path.read_text())
    contents |= {
        "network": {"use": "hybrid/network.yaml"},
        "mapping": {"file": "hybrid/mapping.yaml"},
        "inputs": contents["inputs"] | {"steps": 4},
    }
    path.write_text(yaml.safe_dump(contents, sort_keys=False))
    again = cs.run(path, out=tmp_path / "runs")
    crossing = sum(row["wire_bits"] for row in again.summary["busiest_links"])
    assert crossing / 20 == pytest.approx(figures["after_per_inference"], rel=0.05)
    assert execute(["encode", str(path), "-o", str(out)]) == 2  # it is there
    assert execute(["encode", str(path), "--code", "rte"]) == 2


def test_dense_layers_are_compared_by_the_steps_in_which_they_work(tmp_path):
    device = {"device": {"use": "devices/h100"}}
    ran = cs.run(
        experiment(tmp_path, inputs=images(tmp_path), baseline=device), out=tmp_path / "runs"
    )
    rows = {(row["source"], row["target"]): row for row in ran.summary["comparison"]["boundaries"]}
    east = rows["west", "east"]
    # 16 neurons of the encoder cross in each of 4 steps; as one dense evaluation, once.
    assert (east["values"], east["values_in_steps"]) == (16, 64)
    west = rows["east", "west"]
    assert (west["values"], west["values_in_steps"]) == (4, 4)  # the answer, in the last step
    assert ran.summary["comparison"]["cuts"] == []
