"""What an experiment may say of its mapping: rates to place for, and a finished mapping."""

import json

import numpy as np
import pytest
import yaml
from golden import experiment

import chipletsim as cs
from chipletsim.cli.main import execute
from chipletsim.report import files
from chipletsim.stages import load_experiment, make_mapping, make_network, make_package

pytestmark = pytest.mark.usefixtures("quick_programs")


@pytest.fixture
def contents(tmp_path):
    return experiment(tmp_path)


@pytest.fixture
def file(tmp_path, contents, monkeypatch):
    """Return a function that writes the experiment with another mapping section."""
    monkeypatch.setattr(files, "figures_available", lambda: False)
    monkeypatch.chdir(tmp_path)

    def write(**mapping):
        path = tmp_path / "experiment.yaml"
        path.write_text(yaml.safe_dump(contents | {"mapping": mapping}))
        return path

    return write


def test_measured_rates_are_those_of_the_run(file, contents):
    """Inputs spike in 3 of 2 x 2 cells, copied by the hidden ones; the answer once in 2 steps."""
    loaded = load_experiment(file(rates="measured"))
    network = make_network(loaded)
    mapping = make_mapping(loaded, network, make_package(loaded))
    assert mapping.rates == "measured over 1 samples of 2 steps"
    estimated = load_experiment(file())
    assert make_mapping(estimated, network, make_package(estimated)).rates.startswith("assumed")


def test_measured_rates_place_the_busy_near(tmp_path, contents):
    """Of two populations that answer, the one that spikes gets the tile beside the exit."""
    np.savez(tmp_path / "busy.npz", inputs=np.array([[[0, 1]] * 5], np.uint8))
    np.savez(
        tmp_path / "pick.npz",
        quiet=np.array([[1, 0]], np.float32),
        busy=np.array([[0, 1]], np.float32),
    )
    west = contents["package"]["chiplet_types"]["west"]
    io, core = (entry["tile"] for entry in west["tiles"])
    row = {
        "network": west["network"] | {"shape": [3, 1]},
        "tiles": [{"tile": io, "at": [[0, 0]]}, {"tile": core | {"neurons": 1}, "at": "rest"}],
    }
    del contents["package"]["network"]
    contents["package"] |= {"chiplet_types": {"row": row}, "chiplets": {"row": {"type": "row"}}}
    answer = contents["network"]["populations"]["answer"]
    names = ("quiet", "busy")
    contents["network"] |= {
        "populations": {"input": {"shape": [2], "model": "input"}} | dict.fromkeys(names, answer),
        "projections": [_picked(tmp_path / "pick.npz", name) for name in names],
    }
    contents["inputs"] |= {"dataset": str(tmp_path / "busy.npz"), "steps": 5}
    contents["mapping"] = {"rates": "measured"}
    loaded = load_experiment(contents)
    network, package = make_network(loaded), make_package(loaded)
    mapping = make_mapping(loaded, network, package)
    tile = {network.populations[part.population].name: part.tile for part in mapping.slices}
    routers = {name: package.tiles[number].router for name, number in tile.items()}
    assert routers == {"input": 0, "busy": 1, "quiet": 2}


def _picked(file, name):
    weight = {"file": str(file), "array": name}
    return {
        "source": "input",
        "target": name,
        "connection": {"kind": "dense", "weight": weight},
    }


def test_a_kept_mapping_is_the_one_that_runs(file, tmp_path):
    kept = tmp_path / "kept.yaml"
    assert execute(["map", str(file(strategy="sequential")), "-o", str(kept)]) == 0
    first = cs.run(file(strategy="sequential"), out=tmp_path / "runs")
    again = cs.run(file(file="kept.yaml"), out=tmp_path / "runs", seed=3)
    hashes = [run.summary["provenance"]["mapping_hash"] for run in (first, again)]
    assert hashes[0] == hashes[1]
    assert first.summary["energy"] == again.summary["energy"]
    assert first.folder != again.folder


def test_a_run_keeps_a_mapping_that_can_be_taken_up(file, tmp_path):
    first = cs.run(file(), out=tmp_path / "runs")
    again = cs.run(file(file=str(first.folder / "mapping.yaml")), out=tmp_path / "runs")
    assert first.summary["events"] == again.summary["events"]


def test_a_mapping_file_is_alone(file):
    with pytest.raises(cs.ConfigError, match="remove seed, strategy") as caught:
        cs.run(file(file="kept.yaml", seed=1, strategy="anneal"))
    assert any(fault.path == "mapping" for fault in caught.value.problems)


def test_a_mapping_for_another_package_is_refused(file, tmp_path, contents, capsys):
    kept = tmp_path / "kept.yaml"
    assert execute(["map", str(file()), "-o", str(kept)]) == 0
    contents["package"]["chiplet_types"]["east"]["tiles"][0]["tile"]["neurons"] = 3
    assert execute(["run", str(file(file="kept.yaml"))]) == 3
    assert "kept.yaml:" in (err := capsys.readouterr().err)
    assert "the mapping is for another package" in err


def test_a_sweep_measures_again_for_other_inputs(contents, tmp_path):
    np.savez(tmp_path / "three.npz", inputs=np.ones((1, 3, 2), np.uint8))
    contents["inputs"]["dataset"] = str(tmp_path / "three.npz")
    contents["mapping"] = {"rates": "measured"}
    result = cs.sweep(experiment=contents, grid={"inputs.steps": [1, 2, 3]}, out=tmp_path)
    assert [point.status for point in result.points] == ["ok"] * 3
    assert json.loads(json.dumps(result.to_dict()))
