"""``chipletsim import sana-fe``: files in, files out, and nothing else."""

import json

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.cli.main import execute
from chipletsim.mapping.store import mapping_hash
from chipletsim.network.fingerprint import fingerprint
from tests.exchange.sanafe.files import ARCHITECTURE, NETWORK, changed, written

pytestmark = pytest.mark.usefixtures("quick_programs")

SUSPECT = 5
"""Exit code of runs of these small networks, in which ``out`` never spikes, as is told."""


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return [str(path) for path in written(tmp_path)]


def test_what_is_written_is_what_was_read(files, tmp_path, capsys):
    assert execute(["import", "sana-fe", *files, "-o", "out", "--steps", "5"]) == 0
    told = capsys.readouterr()
    assert "left out: `log_spikes`" in told.out
    assert "next: chipletsim run out/experiment.yaml" in told.err
    made = cs.import_sanafe(*files, steps=5)
    package = cs.load_package("out/package.yaml")
    network = cs.load_network("out/network.yaml")
    mapping = cs.load_mapping("out/mapping.yaml", network, package)
    assert package.spec == made.package.spec
    assert fingerprint(network) == fingerprint(made.network)
    assert mapping_hash(mapping) == mapping_hash(made.mapping)
    inputs = cs.Activity.load("out/inputs.npz")
    assert np.array_equal(inputs.spikes("in"), made.inputs["in"])
    with np.load("out/neurons.npz") as members:
        assert {name: members[name].tolist() for name in members} == {
            "in": [0, 1], "hidden": [0, 1, 2, 3], "out": [0],
        }  # fmt: skip
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["left_out"] == list(made.left_out)


def test_an_architecture_alone_is_a_package(files, capsys):
    assert execute(["import", "sana-fe", files[0], "-o", "out", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["tiles (its cores)"] == 11
    assert len(cs.load_package("out/package.yaml").tiles) == 11


def test_nothing_is_written_over_without_force(files, tmp_path, capsys):
    assert execute(["import", "sana-fe", files[0], "-o", "out"]) == 0
    assert execute(["import", "sana-fe", *files, "-o", "out"]) == 2
    assert "--force writes over it" in capsys.readouterr().err
    assert not (tmp_path / "out/network.yaml").exists()
    assert execute(["import", "sana-fe", *files, "-o", "out", "--force"]) == 0
    assert (tmp_path / "out/network.yaml").exists()


def test_a_folder_with_other_files_is_left_alone(files, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("all of it")
    for more in ([], ["--force"]):
        assert execute(["import", "sana-fe", *files, "-o", "mine", *more]) == 2
    assert "holds other files" in capsys.readouterr().err
    assert execute(["import", "sana-fe", *files, "-o", files[0]]) == 2
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("architecture", "network", "code", "says"),
    [
        (changed(ARCHITECTURE, ("width: 2", "width: 1")), NETWORK, 3, "arch.yaml:10"),
        (ARCHITECTURE, changed(NETWORK, ("core: 0.1", "core: 9.1")), 3, "snn.yaml:24"),
        (ARCHITECTURE, "a: [", 3, "snn.yaml:2"),
    ],
)
def test_nothing_is_written_on_errors(files, tmp_path, capsys, architecture, network, code, says):
    written(tmp_path, architecture, network)
    assert execute(["import", "sana-fe", *files, "-o", "out"]) == code
    assert says in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arch.yaml", "snn.yaml"]


def test_missing_files_are_named(files, capsys):
    assert execute(["import", "sana-fe", files[0], "arch", "-o", "out"]) == 3
    assert "arch" in capsys.readouterr().err
    assert execute(["import", "sana-fe", files[0], "none.npz", "-o", "out"]) == 3
    assert "case.json" in capsys.readouterr().err
    assert execute(["import", "sana-fe", files[0]]) == 2


def test_the_written_experiment_runs(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("chipletsim.report.files.figures_available", lambda: False)
    assert execute(["import", "sana-fe", *files, "-o", "out"]) == 0
    assert execute(["run", "out/experiment.yaml", "--json"]) == SUSPECT
    summary = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))
    # Steps 1 to 3. `in.0` fires in 1 and 3, `in.1` in 2, into four neurons each. The currents of
    # step 1 (1, 2, 3, 4) come in step 2: hidden has 0.25 + 0.25 of its bias and 1, 2, 3; 4 alone
    # of neuron 3, which has no bias. 1.5 does not pass a threshold of 1.5; 2.5, 3.5 and 4 pass.
    # `hidden.3` reaches out.0. In step 3 currents 5 to 8 let all four fire, two of which reach
    # out.0. Synaptic events: 4, then 4 + 1, then 4 + 2.
    assert summary["events"]["spikes"] == 2 + 1 + 3 + 4
    assert summary["events"]["synaptic_operations"] == 4 + (4 + 1) + (4 + 2)
    # Each spike of `in` goes to cores 0.1 and 1.0; hidden.3 stays on core 1.0, hidden.0 goes there.
    assert summary["events"]["messages"] == 3 * 2 + 2 + 1
    assert summary["timing"] == "detailed"


def test_a_network_without_inputs_runs_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("chipletsim.report.files.figures_available", lambda: False)
    alone = changed(
        NETWORK, ("    - 0: {spikes: [1, 0, 1]}\n    - 1: [soma: {rate: 0.5}]\n", "    - 0..1\n"),
        ("- in.0: [core: 0.0, soma: \"input[3]\"]\n- in.1: [core: 0.0, soma: \"input[4]\"]\n",
         "- in: {core: 0.0}\n"),
    )  # fmt: skip
    paths = [str(path) for path in written(tmp_path, ARCHITECTURE, alone)]
    assert execute(["import", "sana-fe", *paths, "-o", "out", "--steps", "7"]) == 0
    assert execute(["run", "out/experiment.yaml"]) == SUSPECT
    # Biases of 0.25 pass 1.5 in step 7, where hidden.0 to hidden.2 fire.
    assert "7 steps" in capsys.readouterr().out
