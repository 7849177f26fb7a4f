"""Configs as hurried people write them, and what each is told."""

import re
from pathlib import Path

import pytest

from chipletsim.cli.main import execute

PACKAGE = """\
name: pair
packet: {header: 8 bit, address: 32 bit}
chiplet_types:
  core:
    network:
      shape: [2, 1]
      link: {use: links/noc_64b}
    tiles:
      - {at: [[0, 0]], tile: {use: tiles/io}}
      - {at: rest, tile: {use: tiles/loihi1}}
chiplets:
  west: {type: core, at: [0, 0]}
  east: {type: core, at: [1, 0]}
network:
  shape: [2, 1]
  link: {use: links/ucie_standard}
"""

EXPERIMENT = """\
name: small
package: {use: packages/two_dies}
network:
  name: net
  dt: 1 ms
  populations:
    input: {shape: [4], model: input}
    hidden: {shape: [8], model: lif, parameters: {tau: 10 ms}, output: true}
  projections:
    - source: input
      target: hidden
      connection: {kind: dense, weight: 0.5}
inputs:
  rate_per_step: 0.5
  steps: 10
mapping:
  strategy: traffic
"""

# What is replaced in the file above, by what, and what must be said.
PACKAGE_FAULTS = {
    "unit missing": (
        "header: 8 bit",
        "header: 8",
        "bad.yaml:2:18 packet.header: 8 has no unit; expected one like '8 bit'",
    ),
    "unit of another dimension": (
        "address: 32 bit",
        "address: 32 ns",
        "bad.yaml:2:34 packet.address: '32 ns' has the wrong dimension; expected a unit like bit",
    ),
    "unknown unit": (
        "address: 32 bit",
        "address: 32 bitz",
        "bad.yaml:2:34 packet.address: unknown unit 'bitz' in '32 bitz'; expected a unit like bit",
    ),
    "bits that are not whole": (
        "header: 8 bit",
        "header: 0.5 bit",
        "bad.yaml:2:18 packet.header: '0.5 bit' must be a whole number of bits, at least 0",
    ),
    "key mistyped": (
        "header: 8 bit",
        "heder: 8 bit",
        "bad.yaml:2:10 packet.heder: unknown key `heder`; did you mean `header`?",
    ),
    "key of no kind": (
        "header: 8 bit,",
        "header: 8 bit, colour: red,",
        "bad.yaml:2:25 packet.colour: unknown key `colour`; known keys: address, header,",
    ),
    "key missing": (
        "header: 8 bit, ",
        "",
        "bad.yaml:2:1 packet.header: missing key `header` (routing and control)",
    ),
    "key twice": (
        "  east: {type",
        "  west: {type",
        "bad.yaml:13:3: key `west` is given twice, first on line 12",
    ),
    "preset mistyped": (
        "links/ucie_standard",
        "links/ucie_standart",
        "bad.yaml:16:15: there is no preset `links/ucie_standart`;"
        " did you mean `links/ucie_standard`?",
    ),
    "preset of another kind": (
        "tile: {use: tiles/io}",
        "tile: {use: links/noc_64b}",
        "bad.yaml:9:24 chiplet_types.core.tiles.0.tile: missing key `kind`; expected one of"
        " `neurocore`",
    ),
    "chiplet type unknown": (
        "type: core, at: [1, 0]",
        "type: cores, at: [1, 0]",
        "bad.yaml:13:16 chiplets.east.type: there is no chiplet type `cores`; did you mean `core`?",
    ),
    "coordinates too many": (
        "at: [1, 0]}",
        "at: [1, 0, 0]}",
        "bad.yaml:13:26 chiplets.east.at: expected 2 coordinates inside [2, 1], got [1, 0, 0]",
    ),
    "coordinates outside": (
        "at: [1, 0]}",
        "at: [2, 0]}",
        "bad.yaml:13:26 chiplets.east.at: [2, 0] lies outside [2, 1]; coordinates count from 0",
    ),
    "place taken": (
        "at: [1, 0]}",
        "at: [0, 0]}",
        "bad.yaml:13:26 chiplets.east.at: [0, 0] is already the place of `west`",
    ),
    "tile outside its die": (
        "at: [[0, 0]]",
        "at: [[0, 1]]",
        "bad.yaml:9:15 chiplet_types.core.tiles.0.at.0: [0, 1] lies outside [2, 1]",
    ),
    "word where a list or word is expected": (
        "at: rest",
        "at: rst",
        "bad.yaml:10:14 chiplet_types.core.tiles.1.at: expected one of `all`, `rest`, got 'rst';"
        " did you mean `rest`?",
    ),
    "topology mistyped": (
        "  shape: [2, 1]\n  link: {use: links/u",
        "  topology: mash\n  shape: [2, 1]\n  link: {use: links/u",
        "bad.yaml:15:13 network.topology: expected one of `mesh`, `torus`, `ring`, `star`,"
        " `crossbar`, `edges`, got 'mash'; did you mean `mesh`?",
    ),
    "fraction for a number of routers": (
        "      shape: [2, 1]",
        "      shape: [2.5, 1]",
        "bad.yaml:6:15 chiplet_types.core.network.shape.0: expected a whole number, got 2.5",
    ),
    "list expected": (
        "      shape: [2, 1]",
        "      shape: 2",
        "bad.yaml:6:14 chiplet_types.core.network.shape: expected a list, got 2",
    ),
    "section expected": (
        "link: {use: links/noc_64b}",
        "link: fast",
        "bad.yaml:7:13 chiplet_types.core.network.link: expected a section of keys, got 'fast'",
    ),
    "text expected": (
        "name: pair",
        "name: 2024",
        "bad.yaml:1:7 name: expected text, got 2024; put it in quotes",
    ),
    "boolean of YAML 1.1": (
        "link: {use: links/noc_64b}",
        "link: {use: links/noc_64b}\n      router: {multicast: no}",
        "bad.yaml:8:27 chiplet_types.core.network.router.multicast: expected true or false,"
        " got 'no'",
    ),
    "octal of YAML 1.1": (
        "name: pair",
        "name: pair\nvirtual_channels: 010",
        "bad.yaml:2:19 virtual_channels: expected a whole number, got '010'",
    ),
    "too small": (
        "name: pair",
        "name: pair\nvirtual_channels: 0",
        "bad.yaml:2:19 virtual_channels: must be at least 1, got 0",
    ),
    "negative time": (
        "name: pair",
        "name: pair\nbarrier: -1 ns",
        "bad.yaml:2:10 barrier: '-1 ns' must not be below 0 s",
    ),
    "bandwidth of zero": (
        "link: {use: links/noc_64b}",
        "link: {use: links/noc_64b, bandwidth: 0 b/s}",
        "bad.yaml:7:45 chiplet_types.core.network.link.bandwidth: '0 b/s' must be greater than 0",
    ),
    "constant without a source": (
        "name: pair",
        "name: pair\nbarrier: {value: 1 ns}",
        "bad.yaml:2:1 barrier: expected a number with a unit, such as '1 s'; a constant given by"
        " `value` needs `source` beside it",
    ),
    "frame smaller than its payload": (
        "link: {use: links/ucie_standard}",
        "link: {use: links/noc_64b, frame: {payload: 64 B, total: 32 B}}",
        "bad.yaml:16:30 network.link.frame: total must be at least payload",
    ),
    "section left empty": (
        "name: pair",
        "name: pair\nlinks:",
        "bad.yaml:2:7 links: expected a list, got nothing",
    ),
    "dies without links": (
        "network:\n  shape: [2, 1]\n  link: {use: links/ucie_standard}\n",
        "",
        "bad.yaml:11:1 chiplets: several chiplets need `network` or `links` between them",
    ),
    "link to no chiplet": (
        "name: pair",
        "name: pair\nlinks:\n  - {between: [west, eats], link: {use: links/bow}}",
        "bad.yaml:3:22 links.0.between.1: there is no chiplet `eats`; did you mean `east`?",
    ),
    "indented by a tab": (
        "  core:\n",
        "\tcore:\n",
        "bad.yaml:4:1: is not YAML: a tab cannot indent; use spaces",
    ),
    "bracket open": (
        "shape: [2, 1]\n      link",
        "shape: [2, 1\n      link",
        "bad.yaml:7:11: is not YAML: while parsing a flow sequence",
    ),
    "tag of Python": (
        "name: pair",
        "name: !!python/name:os.system",
        "bad.yaml:1:7: tags such as `tag:yaml.org,2002:python/name:os.system` are not supported",
    ),
}

EXPERIMENT_FAULTS = {
    "population mistyped in a projection": (
        "target: hidden",
        "target: hiden",
        "bad.yaml:11:15 network.projections.0.target: there is no population `hiden`;"
        " did you mean `hidden`?",
    ),
    "population mistyped in place": (
        "strategy: traffic",
        "place: {hiden: {kind: neurocore}}",
        "bad.yaml:17:11 mapping.place.hiden: there is no population `hiden`;"
        " did you mean `hidden`?",
    ),
    "tile kind mistyped": (
        "strategy: traffic",
        "place: {hidden: {kind: neurocor}}",
        "bad.yaml:17:26 mapping.place.hidden.kind: there is no tile kind `neurocor`;"
        " did you mean `neurocore`?",
    ),
    "strategy mistyped": (
        "strategy: traffic",
        "strategy: trafic",
        "bad.yaml:17:13 mapping.strategy: expected one of `sequential`, `traffic`, `anneal`,"
        " got 'trafic'; did you mean `traffic`?",
    ),
    "timing model unknown": (
        "mapping:",
        "timing: exact\nmapping:",
        "bad.yaml:16:9 timing: expected one of `bound`, `simple`, `detailed`, `queue`, `cycle`, "
        "`auto`, got 'exact'",
    ),
    "chiplet of another package": (
        "strategy: traffic",
        "place: {hidden: {chiplet: north}}",
        "bad.yaml:17:29 mapping.place.hidden.chiplet: there is no chiplet `north`; known:"
        " `east`, `west`",
    ),
    "kind of connection mistyped": (
        "kind: dense",
        "kind: dens",
        "bad.yaml:12:26 network.projections.0.connection.kind: unknown kind 'dens'; expected one of"
        " `dense`, `conv2d`, `pool2d`, `sparse`, `one_to_one`; did you mean `dense`?",
    ),
    "kind of connection missing": (
        "kind: dense, weight",
        "weight",
        "bad.yaml:12:7 network.projections.0.connection: missing key `kind`; expected one of",
    ),
    "inputs of one kind with a key of another": (
        "  steps: 10",
        "  steps: 10\n  encoding: {kind: regular}",
        "bad.yaml:16:3 inputs.encoding: unknown key `encoding`; known keys: poisson,"
        " rate_per_step,",
    ),
    "value of no member of a union": (
        "weight: 0.5",
        "weight: big",
        "bad.yaml:12:41 network.projections.0.connection.weight: expected a number",
    ),
    "probability above one": (
        "rate_per_step: 0.5",
        "rate_per_step: 1.5",
        "bad.yaml:14:18 inputs.rate_per_step: must be at most 1, got 1.5",
    ),
    "file that is not there": (
        "inputs:\n  rate_per_step: 0.5",
        "inputs:\n  dataset: none.npz\n  encoding: {kind: regular}",
        "bad.yaml:14:12 inputs.dataset: there is no file ",
    ),
    "no device at all": (
        "inputs:",
        "baseline: {device: {use: devices/h100}, devices: [0]}\ninputs:",
        "bad.yaml:13:51 baseline.devices.0: must be at least 1, got 0",
    ),
    "time step without unit": (
        "dt: 1 ms",
        "dt: 0.001",
        "bad.yaml:5:7 network.dt: 0.001 has no unit; expected one like '0.001 s'",
    ),
}


def broken(folder: Path, text: str, old: str, new: str) -> str:
    assert old in text
    (folder / "bad.yaml").write_text(text.replace(old, new, 1))
    return "bad.yaml"


CASES = [
    *((PACKAGE, *case) for case in PACKAGE_FAULTS.values()),
    *((EXPERIMENT, *case) for case in EXPERIMENT_FAULTS.values()),
]


@pytest.mark.parametrize(
    ("text", "old", "new", "says"), CASES, ids=[*PACKAGE_FAULTS, *EXPERIMENT_FAULTS]
)
def test_says_where_and_what(tmp_path, monkeypatch, capsys, text, old, new, says) -> None:
    monkeypatch.chdir(tmp_path)
    assert execute(["validate", broken(tmp_path, text, old, new)]) == 3
    out, err = capsys.readouterr()
    assert says in err
    assert len(err.splitlines()) == 1, "one fault is one line"
    assert err.startswith("error: ")
    assert out == ""
    assert not re.search(r"Traceback|Spec\b|function-|https?:", err)


@pytest.mark.parametrize("text", [PACKAGE, EXPERIMENT], ids=["package", "experiment"])
def test_the_files_are_valid_before_they_are_broken(tmp_path, monkeypatch, capsys, text) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(text)
    assert execute(["validate", "good.yaml"]) == 0
    assert capsys.readouterr().out.startswith("good.yaml: valid ")


@pytest.mark.parametrize("command", ["show", "map", "run"])
def test_every_command_refuses_it_alike(tmp_path, monkeypatch, capsys, command) -> None:
    monkeypatch.chdir(tmp_path)
    file = broken(tmp_path, EXPERIMENT, "dt: 1 ms", "dt: 1")
    assert execute([command, file]) == 3
    out, err = capsys.readouterr()
    assert "bad.yaml:5:7 network.dt: 1 has no unit" in err
    assert out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


def test_many_faults_are_said_at_once(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    text = PACKAGE.replace("8 bit", "8").replace("core, at: [1", "cor, at: [9")
    (tmp_path / "bad.yaml").write_text(text)
    (tmp_path / "worse.yaml").write_text(EXPERIMENT.replace("steps: 10", "steps: ten"))
    assert execute(["validate", "bad.yaml", "worse.yaml"]) == 3
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 4
    assert "worse.yaml:15:10 inputs.steps: expected a whole number, got 'ten'" in err


def test_faults_without_end_are_cut_short(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("name: x\n" + "".join(f"k{n}: 1\n" for n in range(3000)))
    assert execute(["validate", "bad.yaml"]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 51
    assert lines[-1] == "and 950 more"
