"""``chipletsim baseline`` and ``chipletsim winner``: what is printed is what Python gives."""

import json
from pathlib import Path

import pytest

import chipletsim as cs
from chipletsim.cli.main import execute
from chipletsim.tables import si

pytestmark = pytest.mark.usefixtures("quick_programs")

DECODE = ["baseline", "llama3_70b", "--tokens", "1", "--context", "4096", "--devices", "8"]


def printed(capsys, *words):
    assert execute(list(words)) == 0
    return capsys.readouterr().out


def test_table_json_and_object_agree(capsys):
    model = cs.build_model("llama3_70b", tokens=1, context=4096)
    run = cs.dense_system(model, "h100", devices=8, dtype="fp8", all_reduce="tree")
    words = [*DECODE, "--dtype", "fp8", "--all-reduce", "tree"]
    found = json.loads(printed(capsys, *words, "--json"))
    assert found == json.loads(json.dumps(run.to_dict()))
    assert sum(part["energy_j"] for part in found["parts"]) == pytest.approx(
        found["energy_j"], rel=1e-9, abs=0
    )
    assert found["dearest_boundary"]["fabric"] == "nvlink4_switch"
    table = printed(capsys, *words)
    for value, unit in (
        (run.latency_s, "s"), (run.energy_per_unit_j, "J"), (run.fabrics[0].bits, "bit"),
        *((part["time_s"], "s") for part in found["parts"]),
    ):  # fmt: skip
        assert si(value, unit) in table
    assert "modelled" in table


def test_an_experiment_takes_its_network_and_steps(capsys):
    found = json.loads(printed(capsys, "baseline", "experiments/starter", "--json"))
    assert found["devices"] == 1
    assert found["unit"] == "inference"
    assert found["latency_s"] > 0


def test_steps_are_those_of_a_spiking_model_or_an_experiment(capsys):
    for name in ("spiking_vgg11_cifar10", "experiments/starter"):
        flops = {}
        for steps in (3, 6):
            words = ["baseline", name, "--steps", str(steps), "--json"]
            flops[steps] = json.loads(printed(capsys, *words))["flops"]
        assert flops[6] == 2 * flops[3] > 0


def test_measured_stands_beside_modelled(capsys):
    words = ["baseline", "experiments/starter", "--dtype", "fp32", "--measure", "--json"]
    found = json.loads(printed(capsys, *words))
    assert found["modelled"]["how"] == "modelled"
    assert found["measured"]["how"] == "measured"
    assert found["measured"]["latency_s"] > 0
    launches = sum(layer["launches"] for layer in found["modelled"]["layers"])
    assert found["measured"]["kernels"] == launches


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["baseline", "resnet5"], 2, "did you mean 'resnet50'"),
        (["baseline", "mnist"], 2, "experiments/mnist"),
        (["baseline", "experiments/mnist", "--tokens", "3"], 2, "only models have these"),
        (["baseline", "resnet18", "--tokens", "3"], 2, "tokens"),
        (["baseline", "resnet18", "--steps", "3"], 2, "time_steps"),
        (["baseline", "llama3_70b", "--tokens", "1"], 4, "short by"),
        (["baseline", "resnet18", "--device", "h10"], 3, "did you mean `devices/h100`"),
        (["baseline", "resnet18", "--dtype", "fp7"], 2, "it has: fp16"),
        (["baseline", "resnet18", "--measure", "--devices", "2"], 2, "on one device"),
        (["baseline", "resnet18", "--measure", "--dtype", "fp8"], 2, "fp8 is not measured"),
        (["baseline", "resnet18", "--all-reduce", "star"], 2, "'ring' or 'tree'"),
        (["winner", "--codec", "bitmp"], 2, "did you mean 'bitmap'"),
        (["winner", "--link", "ucie"], 3, "did you mean `links/ucie_1_1_advanced_16g`"),
        (["winner", "--encode", "3"], 3, "has no unit"),
        (["winner", "--rate", "0.1", "--figure", "f.png"], 2, "at least two rates"),
        (["winner", "--figure", "nowhere/f.png"], 2, "nowhere is not a folder"),
    ],
)
def test_wrong_calls(words, code, says, capsys):
    assert execute(words) == code
    out, err = capsys.readouterr()
    assert says in err
    assert "Traceback" not in err
    assert out == ""


def test_winner_prints_the_table_of_a_point(capsys):
    words = ["winner", "--steps", "4", "--rate", "0.05", "--set", "codec.address=32 bit"]
    assert "1.25 pJ/bit" in printed(capsys, *words)
    found = json.loads(printed(capsys, *words, "--json"))
    assert found["least_link_energy_j_per_bit"][0][0] == pytest.approx(2e-12 / 1.6, rel=1e-9, abs=0)
    assert found["wins_energy"] == [[False]]
    never = json.loads(printed(capsys, "winner", "--codec", "bitmap", "--steps", "16", "--json"))
    assert never["break_even_rates"] == ["never"]
    assert set(never["least_link_energy_j_per_bit"][0]) == {None}


def test_winner_draws_a_figure_or_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("chipletsim.report.figures.figures_available", lambda: False)
    assert execute(["winner", "--figure", "f.png"]) == 2
    assert "pip install 'chipletsim[figures]'" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("matplotlib")
    printed(capsys, "winner", "--figure", "f.png")
    assert Path("f.png").read_bytes().startswith(b"\x89PNG")


def test_models_and_fabrics_are_listed(capsys):
    assert "llama3_70b" in json.loads(printed(capsys, "list", "models", "--json"))
    assert "fabrics/nvlink4_switch" in json.loads(printed(capsys, "list", "presets", "--json"))
