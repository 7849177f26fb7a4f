"""The command line as its users meet it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import ClassVar, get_args

import pytest

import chipletsim
from chipletsim.cli import app, doctor
from chipletsim.cli import list as list_command
from chipletsim.cli.main import execute
from chipletsim.errors import ConfigError, InfeasibleError, Shortfall, UsageError
from chipletsim.mapping.strategies import PARTITIONERS
from chipletsim.noc import TIMING_MODELS
from chipletsim.spec.experiment import StrategyName, TimingName

COMMANDS = [
    "run", "validate", "show", "map", "codecs", "encode", "compare", "deploy", "baseline",
    "winner", "sweep", "train", "noc", "import", "list", "new", "doctor",
]  # fmt: skip
EXAMPLE = re.compile(r"^ +chipletsim (.+)$", re.MULTILINE)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHIPLETSIM_DEBUG", raising=False)


def python(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def result_file(folder: Path, energy_j: float = 2e-6, **others: object) -> Path:
    folder.mkdir()
    contents = {
        "energy": {"per_inference_j": energy_j},
        "latency": {"per_inference_s": 1e-3},
        "accuracy": None,
        **others,
    }
    (folder / "result.json").write_text(json.dumps(contents))
    return folder


# --- help ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_an_example(command: str, capsys) -> None:
    assert execute([command, "--help"]) == 0
    out, err = capsys.readouterr()
    assert any(line.split()[0] == command for line in EXAMPLE.findall(out))
    assert err == ""


def test_the_top_names_every_command(capsys) -> None:
    assert execute(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(re.search(rf"^  {command} ", out, re.MULTILINE) for command in COMMANDS)
    assert not re.search(r"^  .*\.\.\.$", out, re.MULTILINE), "short help is cut off"


@pytest.mark.parametrize("command", ["validate", "show", "map", "list", "new", "doctor"])
def test_the_examples_of_quick_commands_run(command: str, capsys) -> None:
    execute([command, "--help"])
    for line in EXAMPLE.findall(capsys.readouterr().out):
        words = [word.replace("'", "") for word in re.findall(r"(?:'[^']*'|[^ '])+", line)]
        if words[-1].endswith("my.yaml") or words[0] != command:
            continue
        assert execute(words) == 0, line


NEVER = {"jax", "scipy", "matplotlib", "pint", "rich.console"}
NO_FILE = {"numpy", "pydantic", "yaml", "chipletsim.spec"}
NO_NETWORK = {"numpy", "h5py", "chipletsim.network", "chipletsim.cli.run"}
NO_EXPERIMENT = {"chipletsim.stages", "chipletsim.spec.experiment", "chipletsim.spec.network"}
NO_SYNAPSES = {"chipletsim.network.connections", "chipletsim.network.load", "chipletsim.cli.run"}


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (["--help"], NO_FILE),
        (["--version"], NO_FILE),
        (["list", "presets"], NO_NETWORK | NO_EXPERIMENT | {"chipletsim.tiles"}),
        (
            ["validate", "packages/four_dies"],
            NO_NETWORK | NO_EXPERIMENT | {"chipletsim.spec.train"},
        ),
        (["validate", "experiments/brunel"], NO_NETWORK | {"chipletsim.spec.train"}),
        (["validate", "experiments/mnist"], NO_SYNAPSES | {"chipletsim.spec.train"}),
    ],
)
def test_quick_answers_import_nothing_heavy(words: list[str], unneeded: set[str]) -> None:
    code = (
        "import sys\nfrom chipletsim.cli.main import execute\n"
        f"code = execute({words!r})\n"
        f"heavy = {NEVER | unneeded!r} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    ran = python("-c", code)
    assert ran.returncode == 0, ran.stderr


def test_a_command_alone_is_as_among_the_others(capsys) -> None:
    assert list(app.COMMANDS) == COMMANDS

    def registered(*words: str) -> int:
        made = app.program(words)
        return len(made.registered_commands) + len(made.registered_groups)

    assert {registered(name, "--help") for name in COMMANDS} == {1}
    assert registered() == registered("nothing") == registered("--version") == len(COMMANDS)
    assert execute(["validate", "--help"]) == 0
    alone = capsys.readouterr().out
    assert alone.startswith("Usage: chipletsim validate [OPTIONS]")
    with pytest.raises(SystemExit):
        app.program([])(["validate", "--help"], prog_name="chipletsim")
    assert capsys.readouterr().out == alone
    assert execute(["valdate"]) == 2
    assert "validate" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys) -> None:
    assert execute(["--version"]) == 0
    assert re.fullmatch(r"chipletsim \d+\.\d+\.\d+\n", capsys.readouterr().out)


# --- failures and exit codes ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, ""),
        (["runn"], 2, "runn"),
        (["run"], 2, "FILE"),
        (["run", "x.yaml", "--sead", "3"], 2, "--sead"),
        (["run", "x.yaml", "--steps", "0"], 2, "--steps"),
        (["run", "x.yaml", "--seed", "abc"], 2, "--seed"),
        (["run", "x.yaml"], 3, "x.yaml: there is no such file"),
        (["run", "mnist"], 3, "no such file; did you mean `experiments/mnist`?"),
        (["map", "experiments/mnis"], 3, "no such file; did you mean `experiments/mnist`?"),
        (["map", "experiments/starter", "-o", "."], 2, ". is a folder; -o takes the file"),
        (["run", "experiments/starter", "-o", "/dev/null"], 2, "/dev/null is not a folder"),
        (["validate", "packages/two_dies", "--set", "barrier"], 3, "expected KEY=VALUE"),
        (["validate", "packages/two_dies", "--set", "barier=1 s"], 3, "did you mean `barrier`?"),
        (["show", "devices/h100"], 2, "is a device file; expected a package or an experiment"),
        (["list", "preset"], 2, "did you mean 'presets'?"),
        (["new", "../x"], 2, "'../x' is no name"),
        (["compare", "nowhere"], 3, "nowhere: cannot be read"),
        (["run", "experiments/starter", "--device", "abacus"], 2, "JAX has no 'abacus' device"),
    ],
)
def test_wrong_calls(words: list[str], code: int, says: str, capsys) -> None:
    assert execute(words) == code
    out, err = capsys.readouterr()
    assert says in err
    assert "Traceback" not in err
    assert out == "" or words == []


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (ConfigError("bad"), 3, "error: bad"),
        (UsageError("pip install x"), 2, "error: pip install x"),
        (InfeasibleError([Shortfall("memory", 3, 2, "bit", "use less")]), 4, "short by 1 bit"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("division\nby zero"), 1, "internal error: ZeroDivisionError: division"),
        (OSError(28, "No space left on device", "r.json"), 2, "error: r.json: No space left"),
        (MemoryError(), 2, "error: not enough memory"),
    ],
)
def test_failures_are_a_line_and_a_code(error, code: int, says: str, capsys, monkeypatch) -> None:
    def fail() -> dict[str, str]:
        raise error

    monkeypatch.setitem(list_command.KINDS, "neurons", fail)
    assert execute(["list", "neurons"]) == code
    out, err = capsys.readouterr()
    assert says in err
    assert "Traceback" not in err
    assert out == ""


def test_our_bugs_show_their_traceback_on_request(monkeypatch) -> None:
    monkeypatch.setenv("CHIPLETSIM_DEBUG", "1")
    monkeypatch.setitem(list_command.KINDS, "neurons", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        execute(["list", "neurons"])


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m chipletsim.cli.main list presets | head -n 1"
    script = command.replace(
        "-m chipletsim.cli.main", "-c 'from chipletsim.cli.main import main; main()'"
    )
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert len(ran.stdout.splitlines()) == 1
    assert "Traceback" not in ran.stderr


# --- output ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["validate", "packages/two_dies", "--json"],
        ["show", "packages/two_dies", "--json"],
        ["map", "experiments/starter", "--json"],
        ["codecs", "experiments/starter", "--steps", "3", "--json"],
        ["list", "tile-kinds", "--json"],
    ],
)
def test_json_is_all_there_is_on_stdout(words: list[str], capsys) -> None:
    assert execute(words) == 0
    assert json.loads(capsys.readouterr().out)


def test_problems_as_json(capsys) -> None:
    Path("bad.yaml").write_text("bandwidth: 3\nlatency: 1 ns\nflit: 8 bit\n")
    assert execute(["validate", "bad.yaml", "--json"]) == 3
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == ("bad.yaml", 1, 12)
    assert problem["path"] == "bandwidth"


def test_no_colour_in_a_pipe(capsys) -> None:
    assert execute(["show", "packages/two_dies"]) == 0
    assert "\x1b[" not in capsys.readouterr().out


def test_validate_prints_value_place_source_and_year(capsys) -> None:
    assert execute(["validate", "links/ucie_standard", "--set", "latency=3 ns"]) == 0
    out = capsys.readouterr().out
    assert "valid link" in out
    assert re.search(r"3 ns +latency\n +--set latency=3 ns +no source given", out)
    assert re.search(r"pJ/bit +energy_per_bit\n.*ucie_standard\.yaml:\d+ .*UCIe.*\(20\d\d\)", out)


def test_validate_writes_nothing(tmp_path: Path) -> None:
    assert execute(["validate", "experiments/starter", "packages/two_dies"]) == 0
    assert list(tmp_path.iterdir()) == []


def test_show_prints_hops_bisection_and_links(capsys) -> None:
    assert execute(["show", "packages/two_dies", "--set", "network.link.bandwidth=1 Gb/s"]) == 0
    out = capsys.readouterr().out
    assert "two_dies: 2 chiplets, 4 tiles, 4 routers" in out
    # Four tiles in a row: 12 ordered pairs are 20 links apart in all, at most 3.
    assert "links between two tiles: mean 1.67, most 3" in out
    assert "bisection: 1 Gbit/s" in out
    assert "die to die" in out


def test_codecs_of_links_are_shown(capsys) -> None:
    codec = "network.link.encoding.spikes={kind: blocked_bitmap, block: 16}"
    assert execute(["show", "packages/two_dies", "--set", codec]) == 0
    out = capsys.readouterr().out
    assert re.search(r"die to die .*spikes as blocked_bitmap", out)
    assert re.search(r"on chip .* packets ", out)
    assert execute(["validate", "packages/two_dies", "--set", codec]) == 0
    out = capsys.readouterr().out
    assert re.search(r"blocked_bitmap +network\.link\.encoding\.spikes\.kind\n +--set", out)
    assert re.search(r" 16 +network\.link\.encoding\.spikes\.block\n", out)


def test_map_writes_the_mapping_once(capsys) -> None:
    words = ["map", "experiments/starter", "-o", "mapping.yaml", "--seed", "3"]
    assert execute(words) == 0
    first = Path("mapping.yaml").read_text()
    assert execute(words) == 2
    assert "--force" in capsys.readouterr().err
    assert execute([*words, "--force"]) == 0
    assert Path("mapping.yaml").read_text() == first


# --- new, list, compare, doctor -------------------------------------------------------------


def test_new_writes_an_experiment_that_is_valid_and_kept(capsys) -> None:
    assert execute(["new", "my_first"]) == 0
    assert capsys.readouterr().out == "my_first.yaml\n"
    assert execute(["validate", "my_first.yaml"]) == 0
    Path("my_first.yaml").write_text("mine")
    assert execute(["new", "my_first"]) == 2
    assert Path("my_first.yaml").read_text() == "mine"
    assert execute(["new", "my_first", "--force"]) == 0
    assert 'name: "my_first"' in Path("my_first.yaml").read_text()


def test_a_new_experiment_runs_and_is_found_again(capsys) -> None:
    assert execute(["new", "first"]) == 0
    words = ["run", "first.yaml", "--steps", "5", "--json"]
    capsys.readouterr()
    assert execute(words) == 0
    once = json.loads(capsys.readouterr().out)
    assert once["steps"] == 5
    (folder,) = Path("runs").iterdir()
    assert execute(words) == 0
    assert json.loads(capsys.readouterr().out) == once
    assert len(list(Path("runs").iterdir())) == 1
    assert execute(["validate", f"{folder}/config.resolved.yaml"]) == 0
    capsys.readouterr()
    assert execute(["compare", str(folder), str(folder), "--baseline", "a100", "--json"]) == 0
    first, second, *dense = json.loads(capsys.readouterr().out)
    assert first == second
    assert dense
    assert all(row["name"].startswith("a100") for row in dense)


@pytest.mark.parametrize("kind", list_command.KINDS)
def test_list_names_something_of_every_kind(kind: str, capsys) -> None:
    assert execute(["list", kind]) == 0
    assert capsys.readouterr().out.strip()


def test_list_names_can_be_used(capsys) -> None:
    assert execute(["list", "examples", "--json"]) == 0
    names = json.loads(capsys.readouterr().out)
    assert {"packages/two_dies", "experiments/starter"} <= names.keys()
    assert execute(["validate", *(name for name in names if name.startswith("packages/"))]) == 0


def test_compare_prints_ratios_to_the_first(tmp_path: Path, capsys) -> None:
    one, two = result_file(tmp_path / "one"), result_file(tmp_path / "two", energy_j=6e-6)
    assert execute(["compare", str(one), str(two / "result.json")]) == 0
    out = capsys.readouterr().out
    assert "6 uJ" in out
    assert "3x" in out


@pytest.mark.parametrize("text", ["{}", "[1]", "nonsense", '{"energy": {"per_inference_j": 1}}'])
def test_compare_refuses_what_is_no_result(tmp_path: Path, text: str, capsys) -> None:
    (tmp_path / "result.json").write_text(text)
    assert execute(["compare", str(tmp_path)]) == 3
    assert "is not the result of a run" in capsys.readouterr().err


@pytest.mark.parametrize("others", [{"energy": {"per_inference_j": "3"}}, {"accuracy": [1]}])
def test_compare_refuses_figures_that_are_none(tmp_path: Path, others, capsys) -> None:
    folder = result_file(tmp_path / "odd", **{"energy": {"per_inference_j": 1}} | others)
    assert execute(["compare", str(folder)]) == 3
    assert execute(["compare", str(result_file(tmp_path / "nan", float("nan")))]) == 3
    assert "is not the result of a run" in capsys.readouterr().err


def test_doctor_is_content_here(capsys) -> None:
    assert execute(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "jaxlib" in out
    assert "jax computes  right (32,769 rows" in out


def test_doctor_says_what_is_wrong_and_missing(monkeypatch, capsys) -> None:
    monkeypatch.setattr(doctor, "check_jax", lambda: "WRONG in 1 of 2 rows")
    monkeypatch.setattr(doctor, "EXTRAS", {"figures": ("no_such_module",)})
    assert execute(["doctor"]) == 5
    out, err = capsys.readouterr()
    assert "not installed; pip install 'chipletsim[figures]'" in out
    assert "JAX gives wrong results here" in err


# --- verbs behind the commands ------------------------------------------------------------------


class Outcome:
    """What a verb returns, as far as its command looks at it."""

    summary: ClassVar = {"suspect": ["population output never spiked"]}
    suspect = True
    failed = 2
    exports = ()

    def to_dict(self) -> dict[str, int]:
        return {"failed": self.failed}


@pytest.mark.parametrize(
    ("words", "verb", "given", "code", "says"),
    [
        (
            ["run", "f", "--set", "a=1", "--set", "b=2", "--seed", "7", "--steps", "9", "--force"],
            "run",
            {"overrides": ["a=1", "b=2"], "seed": 7, "steps": 9, "force": True, "out": None},
            5,
            "finished, but suspect: population output never spiked",
        ),
        (
            ["sweep", "f", "-j", "3", "--resume", "-o", "there", "--set", "a=1"],
            "sweep",
            {"overrides": ["a=1"], "jobs": 3, "resume": True, "force": False, "out": Path("there")},
            6,
            "2 points failed",
        ),
    ],
)
def test_flags_reach_the_verb_and_doubts_the_exit_code(
    words, verb, given, code, says, monkeypatch, capsys
) -> None:
    def called(file: str, **arguments: object) -> Outcome:
        arguments["progress"]("working")
        seen.update(arguments, file=file)
        return Outcome()

    seen: dict[str, object] = {}
    monkeypatch.setattr(chipletsim, verb, called)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert execute([*words, "--json"]) == code
    assert given.items() <= seen.items()
    assert seen["file"] == "f"
    out, err = capsys.readouterr()
    assert json.loads(out)
    assert err.splitlines()[0] == "working"
    assert says in err


def test_names_in_files_are_those_of_the_registries() -> None:
    assert set(get_args(StrategyName)) == set(PARTITIONERS)
    assert set(get_args(TimingName)) == set(TIMING_MODELS)
