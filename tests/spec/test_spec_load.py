import json
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_files import experiment

from chipletsim.errors import ConfigError, Problem
from chipletsim.spec.experiment import ExperimentSpec, NirFileSpec
from chipletsim.spec.kinds import FILE_KINDS, kind_of, load_any
from chipletsim.spec.load import load_spec, open_source
from chipletsim.spec.network import NetworkSpec
from chipletsim.spec.node import Place, from_plain
from chipletsim.spec.origin import Origin
from chipletsim.spec.package import PackageSpec
from chipletsim.spec.resolve import preset_names
from chipletsim.spec.sweep import SweepSpec
from chipletsim.spec.trace import fields, members
from chipletsim.spec.yaml_source import parse_yaml


def faults(source, model=ExperimentSpec, overrides=()) -> str:
    with pytest.raises(ConfigError) as caught:
        load_spec(source, model, overrides)
    return str(caught.value)


def test_a_mapping_made_in_python_loads() -> None:
    loaded = load_spec(experiment(), ExperimentSpec)
    assert loaded.spec.package.network.link.bandwidth_bit_per_s == 64e9
    assert isinstance(loaded.spec.network, NetworkSpec)
    assert loaded.resolved["package"]["network"]["link"]["latency"] == "1 ns"


def test_origins_name_file_line_source_and_year(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "# a comment\nbandwidth: 64 Gb/s\n"
        "latency:\n  value: 2 ns\n  source: A paper\n  year: 2020\n  provenance: read\n"
    )
    main = tmp_path / "main.yaml"
    main.write_text("use: mine\nflit: 8 bit\n")
    from chipletsim.spec.package import LinkSpec

    loaded = load_spec(main, LinkSpec, ["energy_per_bit=1 pJ/bit"])
    mine = str(tmp_path / "mine.yaml")
    assert loaded.origins == {
        "bandwidth": Origin(mine, 2),
        "latency": Origin(mine, 4, "A paper", 2020, "read"),
        "flit": Origin(str(main), 2),
        "energy_per_bit": Origin("--set energy_per_bit=1 pJ/bit", None),
    }
    assert str(loaded.origins["latency"]) == f"{mine}:4: A paper (2020)"


def test_every_value_in_a_run_has_an_origin() -> None:
    loaded = load_spec("packages/four_dies", PackageSpec)
    assert all(origin.file and origin.line for origin in loaded.origins.values())


def test_resolved_contents_load_to_the_same_spec() -> None:
    loaded = load_spec("experiments/starter", ExperimentSpec)
    again = load_spec(json.loads(json.dumps(loaded.resolved)), ExperimentSpec)
    assert again.spec == loaded.spec
    assert again.hash == loaded.hash


def test_the_hash_depends_on_every_value_and_on_no_place(tmp_path: Path) -> None:
    base = load_spec(experiment(), ExperimentSpec)
    file = tmp_path / "e.yaml"
    file.write_text("# elsewhere\n" + yaml.safe_dump(experiment(), sort_keys=True))
    assert load_spec(file, ExperimentSpec).hash == base.hash
    assert base.with_overrides({"inputs.steps": 11}).hash != base.hash
    assert base.with_overrides({"inputs.steps": 10}).hash == base.hash


def test_the_hash_depends_on_data_and_not_on_where_it_lies(tmp_path: Path) -> None:
    hashes = []
    for folder, value in (("a", 0), ("b", 0), ("c", 1)):
        (tmp_path / folder).mkdir()
        np.savez(tmp_path / folder / "d.npz", inputs=np.full((2, 4), value, np.float32))
        data = experiment()
        data["inputs"] = {"dataset": "d.npz", "steps": 3, "encoding": {"kind": "regular"}}
        file = tmp_path / folder / "e.yaml"
        file.write_text(yaml.safe_dump(data))
        hashes.append(load_spec(file, ExperimentSpec).hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_data_paths_are_relative_to_the_file_they_stand_in(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/net.nir").write_bytes(b"x")
    (tmp_path / "sub/net.yaml").write_text("nir: net.nir\ndt: 1 ms\n")
    data = experiment() | {"network": {"use": "sub/net"}}
    file = tmp_path / "e.yaml"
    file.write_text(yaml.safe_dump(data))
    spec = load_spec(file, ExperimentSpec).spec
    assert isinstance(spec.network, NirFileSpec)
    assert spec.network.nir == str(tmp_path / "sub/net.nir")


# --- overrides --------------------------------------------------------------------------


def test_overrides_set_values_lists_and_presets() -> None:
    spec = load_spec(
        experiment(),
        ExperimentSpec,
        [
            "package.network.link.bandwidth=1 Gb/s",
            "package.chiplet_types.core.network.shape.0=3",
            "package.chiplets.east.at=[1, 0]",
            "package.chiplet_types.core.network.link.use=links/noc_64b",
            "mapping.place={hidden: {kind: neurocore}}",
            "mapping.split.hidden=auto",
            "package.barrier = 2 us",
        ],
    ).spec
    assert spec.package.network.link.bandwidth_bit_per_s == 1e9
    core = spec.package.chiplet_types["core"]
    assert core.network.shape == (3, 1)
    assert core.network.link.energy_j_per_bit > 0
    assert spec.mapping.place["hidden"].kind == "neurocore"
    assert spec.mapping.split == {"hidden": "auto"}
    assert spec.package.barrier_s == 2e-6


def test_overrides_as_a_mapping_take_plain_values() -> None:
    overrides = {"inputs.steps": np.int64(7), "inputs.rate_per_step": 0.25}
    spec = load_spec(experiment(), ExperimentSpec, overrides).spec
    assert (spec.inputs.steps, spec.inputs.rate_per_step) == (7, 0.25)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("packag.barrier=1 s", "packag: unknown key `packag`; did you mean `package`?"),
        ("package.barier=1 s", "unknown key `barier`; did you mean `barrier`?"),
        ("package.barrier=1", "package.barrier: 1 has no unit; expected one like '1 s'"),
        ("package.barrier", "--set: expected KEY=VALUE, got 'package.barrier'"),
        ("=3", "--set: expected KEY=VALUE, got '=3'"),
        ("name.first=x", "`name` is a value, so it has no `first`"),
        ("package.network.shape.2=1", "is a list; expected an index from 0 to 1, got `2`"),
        ("package.network.shape.x=1", "is a list; expected an index from 0 to 1, got `x`"),
        (
            "package.chiplet_types.cor.network.shape=[1]",
            "there is no `cor` in `package.chiplet_types`; did you mean `core`?",
        ),
        ("package.chiplets.west.type=cre", "there is no chiplet type `cre`; did you mean `core`?"),
        ("package.network.link.use=links/bw", "there is no preset `links/bw`; did you mean"),
        ("inputs.steps=[1", "is not YAML"),
        ("inputs.steps=yes", "inputs.steps: expected a whole number, got 'yes'"),
        ("inputs.steps=1e3", "inputs.steps: expected a whole number, got 1000.0"),
        ("inputs.steps=", "inputs.steps: expected a whole number, got ''"),
        ("mapping.split.hidden=column", "expected one of `auto`, `channels`, `rows`"),
        (".=3", "--set"),
        ("use=links/bow", "`use` needs the section to replace before it"),
    ],
)
def test_override_errors_name_the_override_and_the_nearest_key(override: str, says: str) -> None:
    found = faults(experiment(), overrides=[override])
    assert says in found
    assert "--set" in found


def test_all_wrong_overrides_are_said_at_once() -> None:
    found = faults(experiment(), overrides=["inputs.stps=1", "package.barrier=5", "nme=x"])
    assert len(found.splitlines()) == 3


def test_a_point_of_a_sweep_takes_under_5_ms() -> None:
    loaded = load_spec("packages/four_dies", PackageSpec)
    best = float("inf")
    for number in range(20):
        start = time.process_time()
        point = loaded.with_overrides({"network.link.energy_per_bit": f"{number} pJ/bit"})
        assert point.hash != loaded.hash
        best = min(best, time.process_time() - start)
    assert best < 5e-3


def test_overrides_leave_the_base_as_it_was() -> None:
    loaded = load_spec(experiment(), ExperimentSpec)
    before = loaded.hash
    loaded.with_overrides({"package.network.link.latency": "9 ns"})
    assert load_spec(loaded.resolved, ExperimentSpec).hash == before


# --- sections and sweeps ---------------------------------------------------------------


def test_a_section_is_a_file_of_its_own() -> None:
    loaded = load_spec("experiments/starter", ExperimentSpec).section("package", PackageSpec)
    assert loaded.spec.name == "two_dies"
    assert str(loaded.origins["packet.header"].file).endswith("packages/two_dies.yaml")


def test_locate_adds_the_place_of_a_path() -> None:
    loaded = load_spec("packages/two_dies", PackageSpec)
    error = loaded.locate(ConfigError([Problem("no good", "chiplets.east.at.0"), Problem("so")]))
    assert error.problems[0].line is not None
    assert str(error.problems[0].file).endswith("two_dies.yaml")
    assert error.problems[1].file is None


def sweep(**grid: list) -> dict:
    return {"name": "s", "experiment": experiment(), "grid": grid}


def test_a_sweep_checks_its_experiment_and_each_value() -> None:
    good = sweep(**{"package.network.link.bandwidth": ["1 Gb/s", "2 Gb/s"]})
    loaded = load_spec(good, SweepSpec)
    point = loaded.section("experiment", ExperimentSpec).with_overrides(
        {"package.network.link.bandwidth": "2 Gb/s"}
    )
    assert point.spec.package.network.link.bandwidth_bit_per_s == 2e9

    bad = sweep(**{"package.network.link.bandwith": ["1 Gb/s"], "inputs.steps": [5, 0]})
    found = faults(bad, SweepSpec)
    assert "grid.package.network.link.bandwith: unknown key `bandwith`" in found
    assert "grid.inputs.steps: must be at least 1, got 0" in found

    broken = sweep(**{"inputs.steps": [5]})
    broken["experiment"]["inputs"]["stepss"] = 3
    assert "experiment.inputs.stepss: unknown key `stepss`" in faults(broken, SweepSpec)


# --- every fault at once, and only real ones ---------------------------------------------


def test_faults_of_all_kinds_come_together_in_file_order(tmp_path: Path) -> None:
    data = experiment()
    data["package"]["barrier"] = "5"
    data["package"]["chiplets"]["west"]["type"] = "cor"
    data["network"]["projections"][0]["target"] = "hiden"
    data["inputs"]["steps"] = 0
    data["mapping"] = {"place": {"hiddn": {"kind": "neurocor"}}}
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    with pytest.raises(ConfigError) as caught:
        load_spec(file, ExperimentSpec)
    problems = caught.value.problems
    assert len(problems) == 6
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)
    assert all(problem.column for problem in problems)


def test_a_missing_preset_is_the_only_fault() -> None:
    data = experiment()
    data["package"]["network"]["link"] = {"use": "links/uci"}
    assert len(faults(data).splitlines()) == 1


def test_a_key_mistyped_is_one_fault_not_two() -> None:
    data = experiment()
    data["package"]["packet"]["hedaer"] = data["package"]["packet"].pop("header")
    found = faults(data)
    assert len(found.splitlines()) == 1
    assert "did you mean `header`?" in found


def test_a_fault_in_a_preset_used_twice_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("bandwidth: 1 Gb/s\nlatency: 1\nflit: 8 bit\n")
    data = experiment()
    data["package"]["network"]["link"] = {"use": "bad"}
    data["package"]["chiplet_types"]["core"]["network"]["link"] = {"use": "bad"}
    file = tmp_path / "e.yaml"
    file.write_text(yaml.safe_dump(data))
    found = faults(file)
    assert len(found.splitlines()) == 1
    assert "bad.yaml:2:10" in found


@pytest.mark.parametrize("name", preset_names())
def test_every_shipped_file_is_valid(name: str) -> None:
    kind, loaded = load_any(name)
    assert name.startswith(kind.folder)
    assert len(loaded.hash) == 64


def test_every_kind_of_file_has_a_shipped_example() -> None:
    folders = {name.split("/")[0] for name in preset_names()}
    assert {kind.folder for kind in FILE_KINDS} <= folders


def required(model) -> set[str]:
    return {key for key, info in fields(model).items() if info.is_required()}


@pytest.mark.parametrize("kind", FILE_KINDS, ids=lambda kind: kind.name)
def test_keys_that_tell_a_kind_are_needed_there_and_strange_elsewhere(kind) -> None:
    assert all(kind.needed <= required(model) for model in members(kind.model))
    others = [model for other in FILE_KINDS if other is not kind for model in members(other.model)]
    assert not kind.needed or not any(kind.needed <= fields(model).keys() for model in others)


@pytest.mark.parametrize(
    ("contents", "kind"),
    [
        ({"chiplets": {}, "packet": {}}, "package"),  # by most keys, where some are missing
        ({"name": "x", "package": {}, "network": {}, "inputs": {}, "data": {}}, "experiment"),
        ({"name": "x", "package": {}, "network": {}, "data": {}, "learn": {}}, "training"),
        ({"kind": "io", "neurons": 3}, "tile"),
        ({"multicast": True}, "router"),
        ({"bandwidth": 3, "latency": "1 ns", "flit": "8 bit", "name": "x"}, "link"),
        ({"bandwidth": 3, "latency": "1 ns", "energy_per_bit": "1 pJ/bit", "name": "x"}, "fabric"),
    ],
)
def test_kinds_of_files(contents, kind) -> None:
    assert kind_of(from_plain(contents, Place())).name == kind


def test_shipped_files_are_of_the_kind_of_their_folder() -> None:
    folders = {kind.folder: kind.name for kind in FILE_KINDS}
    named = {name: folders.get(name.split("/")[0]) for name in preset_names()}
    for name, kind in named.items():
        if kind is not None:
            resolved, _ = open_source(name)
            assert kind_of(resolved.root).name == kind, name


def test_keys_with_dots_are_found() -> None:
    text = "grid:\n  a.b: [1, 2]\n  a:\n    c.d: {e: 3}\n"
    root = parse_yaml(text, "f.yaml")
    assert root.named("grid.a.b.1").value == 2
    assert root.named("grid.a.c.d.e").value == 3
    assert root.named("grid.a.x").start == ("f.yaml", 3, 3)
    assert root.named("grid.a.c.d").start == ("f.yaml", 4, 5)
    assert root.named("nothing").place == ("f.yaml", 1, 1)


names = st.sampled_from(
    ["name", "package", "network", "inputs", "use", "kind", "grid", "value", "source", "a", ""]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just("links/bow"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
paths = st.lists(
    st.sampled_from(["package", "network", "link", "chiplets", "west", "at", "0", "tiles", "use"]),
    min_size=1,
    max_size=4,
).map(".".join)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.dictionaries(names, values, max_size=5))
def test_any_contents_are_valid_or_a_config_error(contents: dict) -> None:
    for kind in FILE_KINDS:
        with suppress(ConfigError):
            load_spec(contents, kind.model)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(paths, values)
def test_any_override_is_valid_or_a_config_error(path: str, value: object) -> None:
    with suppress(ConfigError):
        load_spec(experiment(), ExperimentSpec, {path: value})


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(max_size=60))
def test_any_file_is_valid_or_a_config_error(tmp_path_factory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(ConfigError):
        load_any(file)
