"""Units of mappings: chosen by name, kept in files, and refused where a tile has none such."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from sanafe_cases import EX_CORE, mesh_of_cores

from chipletsim.errors import ConfigError, InfeasibleError
from chipletsim.mapping import Mapping, load_mapping, map_network, mapping_hash, save_mapping
from chipletsim.mapping.model import Slice
from chipletsim.mapping.units import check_units
from chipletsim.network.connections import Dense, Sparse
from chipletsim.network.model import Network, Population, Projection
from chipletsim.package.model import Package
from chipletsim.spec.kinds import load_kind
from chipletsim.spec.package import PackageSpec

CORE = EX_CORE | {
    "neurons": 10,
    "synapse": EX_CORE["synapse"]
    | {"slow": {"energy_per_event": "1 pJ/op", "time_per_event": "9 ns/op"}},
}
PORT = {
    "kind": "io", "neurons": 8, "energy_per_input": "1 pJ/packet",
    "energy_per_output": "1 pJ/packet", "event_rate": "1 Gpacket/s",
}  # fmt: skip
PACKAGE = mesh_of_cores("cores", (2, 1), [{"tile": CORE, "per_router": 2}])
WITH_PORT = mesh_of_cores("port", (2, 1), [{"tile": CORE}, {"tile": PORT, "at": [[1, 0]]}])


def network() -> Network:
    return Network(
        "three",
        (
            Population("in", (4,), "input"),
            Population("hidden", (12,), "loihi_lif"),
            Population("out", (3,), "loihi_lif"),
        ),
        (
            Projection("in>hidden", "in", "hidden", Dense(np.ones((12, 4))), delay=1),
            Projection("hidden>out", "hidden", "out", Dense(np.ones((3, 12))), delay=1),
        ),
        1e-3,
    )


def mapped(**options: object) -> Mapping:
    return map_network(network(), PACKAGE, strategy="sequential", **options)


def units(mapping: Mapping) -> dict[str, set[str]]:
    names = [population.name for population in mapping.network.populations]
    found: dict[str, set[str]] = {name: set() for name in names}
    for part in mapping.slices:
        found[names[part.population]].add(part.unit)
    return found


def test_units_are_chosen_by_population_and_projection() -> None:
    place = {"in": {"unit": "input"}, "h*": {"unit": "lif_alt", "kind": "pipeline_core"}}
    mapping = mapped(place=place, synapse_units={"*>hidden": "slow"})
    assert units(mapping) == {"in": {"input"}, "hidden": {"lif_alt"}, "out": {""}}
    assert mapping.synapse_units == {"in>hidden": "slow"}
    names = [PACKAGE.tiles[part.tile].parameters.soma_units for part in mapping.slices]
    expected = [
        own.index(part.unit) if part.unit else 0
        for own, part in zip(names, mapping.slices, strict=True)
    ]
    assert mapping.soma_units.tolist() == expected


def test_mappings_with_units_are_kept_in_files(tmp_path: Path) -> None:
    mapping = mapped(place={"in": {"unit": "input"}}, synapse_units={"hidden>out": "slow"})
    save_mapping(mapping, tmp_path / "mapping.yaml")
    loaded = load_mapping(tmp_path / "mapping.yaml", mapping.network, PACKAGE)
    assert loaded.slices == mapping.slices
    assert loaded.synapse_units == mapping.synapse_units
    assert mapping_hash(loaded) == mapping_hash(mapping)


def test_units_are_part_of_the_hash_where_they_are_named() -> None:
    plain = mapped()
    hashes = {
        mapping_hash(each)
        for each in (
            plain,
            mapped(place={"in": {"unit": "input"}}),
            mapped(place={"in": {"unit": "lif"}}),
            mapped(synapse_units={"hidden>out": "slow"}),
            mapped(synapse_units={"in>hidden": "slow"}),
        )
    }
    assert len(hashes) == 5
    assert mapping_hash(plain.with_units({}, {})) == mapping_hash(plain)


def ranked(ranks: dict[str, np.ndarray]) -> Mapping:
    listed = Sparse(np.array([0, 1, 2]), np.array([1, 0], np.int32), np.ones(2), 2)
    loop = Projection("loop", "a", "a", listed, delay=1)
    single = Network("loop", (Population("a", (2,), "loihi_lif"),), (loop,), 1e-3)
    slices = (Slice(0, ((0, 2),), 0, 0),)
    return Mapping(single, PACKAGE, slices, "given", 0, synapse_ranks=ranks)


def test_ranks_of_synapses_are_kept_and_checked(tmp_path: Path) -> None:
    mapping = ranked({"loop": np.array([1, 0])})
    save_mapping(mapping, tmp_path / "mapping.yaml")
    loaded = load_mapping(tmp_path / "mapping.yaml", mapping.network, PACKAGE)
    assert loaded.synapse_ranks["loop"].tolist() == [1, 0]
    assert len({mapping_hash(each) for each in (loaded, mapping, ranked({}))}) == 2
    with pytest.raises(ConfigError, match="expected a whole number for each of 2 synapses"):
        check_units(ranked({"loop": np.array([1])}))
    with pytest.raises(ConfigError, match="expected ranks of all projections, or of none"):
        check_units(ranked({"lop": np.array([1, 0])}))
    dense = replace(mapped(), synapse_ranks={"in>hidden": np.zeros(48), "hidden>out": np.zeros(36)})
    with pytest.raises(ConfigError, match=r"only synapses that are listed \(sparse\) have ranks"):
        check_units(dense)


def test_edited_mapping_with_an_unknown_unit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    save_mapping(mapped(place={"in": {"unit": "input"}}), path)
    content = yaml.safe_load(path.read_text())
    del content["hash"]
    content["slices"][0]["unit"] = "inptu"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    message = r"there is no soma unit 'inptu'; did you mean 'input'\?"
    with pytest.raises(ConfigError, match=message):
        load_mapping(path, network(), PACKAGE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"place": {"hidden": {"unit": "lif_atl"}}},
            r"place\.hidden: .* there is no soma unit 'lif_atl'; did you mean 'lif_alt'\?",
        ),
        (
            {"synapse_units": {"in>hidden": "slwo"}},
            r"synapse_units\.in>hidden: .* no synapse unit 'slwo'; did you mean 'slow'\?",
        ),
        (
            {"synapse_units": {"in>hiden": "slow"}},
            r"there is no projection 'in>hiden'; did you mean 'in>hidden'\?",
        ),
        (
            {"place": {"hidden": {"units": "lif"}}},
            "unknown key units; expected kind, chiplet, tile",
        ),
    ],
)
def test_unknown_units_name_the_nearest(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mapped(**options)


def test_tiles_without_units_say_so() -> None:
    core = {
        "kind": "neurocore", "neurons": 32, "synaptic_memory": "1 MiB",
        "energy_per_synaptic_op": "1 pJ/op", "time_per_synaptic_op": "1 ns/op",
        "energy_per_neuron_update": "1 pJ/op", "time_per_neuron_update": "1 ns/op",
    }  # fmt: skip
    package = mesh_of_cores("plain", (2, 1), [{"tile": core}, {"tile": PORT, "at": [[1, 0]]}])
    with pytest.raises(ConfigError, match="a tile of kind neurocore has no synapse units"):
        map_network(network(), package, synapse_units={"in>hidden": "slow"})


def test_inputs_prefer_ports_and_go_where_a_rule_puts_them() -> None:
    def kinds(package: Package, **options: object) -> set[str]:
        mapping = map_network(network(), package, strategy="sequential", **options)
        return {package.tiles[part.tile].kind for part in mapping.slices if part.population == 0}

    assert kinds(PACKAGE) == {"pipeline_core"}
    assert kinds(WITH_PORT) == {"io"}
    assert kinds(WITH_PORT, place={"in": {"chiplet": "die"}}) == {"io"}
    assert kinds(WITH_PORT, place={"in": {"unit": "input"}}) == {"pipeline_core"}
    with pytest.raises(InfeasibleError, match="neurons"):
        map_network(network(), WITH_PORT, place={"*": {"tile": "die(0,0).pipeline_core"}})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("5", "barrier: 5 has no unit; expected one like '5 s'"),
        ("{1: 5}", "barrier: 5 has no unit; expected one like '5 s'"),
        ("{1: 3 J}", "barrier: '3 J' has the wrong dimension; expected a unit like s"),
        ("{0: 3 s}", "expected whole numbers of at least 1 as keys, got '0'"),
        ("{two: 3 s}", "expected whole numbers of at least 1 as keys, got 'two'"),
        ("{}", "expected a quantity, or a table with at least one number"),
        ("{1: -3 s}", "'-3 s' must not be below 0 s"),
    ],
)
def test_faults_of_a_barrier_are_named(tmp_path: Path, given: str, message: str) -> None:
    path = tmp_path / "package.yaml"
    path.write_text(f"use: packages/loihi1\nbarrier: {given}\n")
    with pytest.raises(ConfigError) as raised:
        load_kind(path, PackageSpec)
    assert message in str(raised.value)
    assert "package.yaml:2" in str(raised.value) or "package.yaml:1" in str(raised.value)
