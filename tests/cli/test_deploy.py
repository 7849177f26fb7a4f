"""``chipletsim deploy`` and ``chipletsim list models``."""

from __future__ import annotations

import json
import re

import pytest

from chipletsim.cli.main import execute

SMALL = ["deploy", "neurobench_gsc_snn", "packages/two_dies"]


def test_it_prints_tables(capsys) -> None:
    assert execute([*SMALL, "--stages", "1"]) == 0
    out = capsys.readouterr().out
    assert "neurobench_gsc_snn on two_dies: own activations" in out
    assert "Energy by place" in out
    assert "not modelled" in out


def test_flags_and_set_reach_the_plan_and_the_package(capsys) -> None:
    words = ["--activations", "hybrid", "--steps", "3", "--rate", "0.5", "--weight-bits", "4"]
    changes = ["--set", "plan.batch=2", "--set", "plan.spike_codec.kind=bitmap",
               "--set", "package.barrier=5 us"]  # fmt: skip
    assert execute([*SMALL, *words, "--activation-bits", "6", "--json", *changes]) == 0
    found = json.loads(capsys.readouterr().out)
    plan = found["plan"]
    assert (plan["activations"], plan["steps"], plan["rate"]) == ("hybrid", 3, 0.5)
    assert (plan["weight_bits"], plan["activation_bits"], plan["batch"]) == (4, 6, 2)
    assert plan["spike_codec"] == {"kind": "bitmap"}
    # Four linear layers, four layers of neurons, each applied once.
    assert found["latency_terms_s"]["barriers"] == pytest.approx(8 * 5e-6)
    assert found["energy"]["total_j"] == sum(found["energy_by_class_j"].values())


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["deploy", "resnet17", "packages/two_dies"], 2, "did you mean 'resnet1"),
        (["deploy", "resnet18", "packages/to_dies"], 3, "did you mean `packages/two_dies`?"),
        (["deploy", "resnet18", "devices/h100"], 2, "expected a package or an experiment"),
        ([*SMALL, "--tokens", "4"], 2, "unexpected keyword argument 'tokens'"),
        ([*SMALL, "--activations", "hybird"], 3, "did you mean `hybrid`?"),
        ([*SMALL, "--rate", "1.5"], 3, "rate: must be at most 1"),
        ([*SMALL, "--set", "plan.tensr=2"], 3, "did you mean `tensor`?"),
        ([*SMALL, "--set", "tensor=2"], 2, "expected plan.KEY=VALUE or package.KEY=VALUE"),
        ([*SMALL, "--stages", "9"], 2, "9 stages are more than"),
        (["deploy", "vgg16", "packages/two_dies"], 4, "short by"),
    ],
)
def test_wrong_calls_of_deploy(words: list[str], code: int, says: str, capsys) -> None:
    assert execute(words) == code
    out, err = capsys.readouterr()
    assert says in err
    assert "Traceback" not in err
    assert out == ""


def test_models_are_listed_and_can_be_deployed(capsys) -> None:
    assert execute(["list", "models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines]
    assert {"llama3_70b", "resnet18", "spikformer_8_384"} <= set(names)
    assert "70,553,706,496 parameters" in next(x for x in lines if x.startswith("llama3_70b"))


def test_show_tells_many_dies_by_type(capsys) -> None:
    assert execute(["show", "packages/thousand_chiplets"]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < 60
    assert re.search(r"1,024 of them .* npu .* 1 npu", shown)
    # 33 x 32 + 34 x 31 pairs of neighbours in a grid of 34 x 32 dies, each with two links.
    assert re.search(r"2,110 pairs of dies .* 4,220 ", shown)
