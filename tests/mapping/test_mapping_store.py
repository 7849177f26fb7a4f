"""What is saved is what is loaded, and nothing else is."""

from dataclasses import replace

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_cases import (
    cells,
    conv,
    dense,
    die,
    edge,
    inputs,
    io,
    memory,
    network,
    neurocore,
    npu,
    package,
    sparse_random,
)

from chipletsim.errors import ConfigError, InfeasibleError
from chipletsim.mapping import (
    Mapping,
    load_mapping,
    map_network,
    mapping_hash,
    save_mapping,
)


def net(targets: int = 30, seed: int = 0):
    return network(
        inputs("in", 1, 6, 6),
        cells("c", 3, 4, 4),
        cells("a", targets, output=True),
        edge("in", "c", conv(3, 1)),
        edge("c", "a", dense(48, targets)),
        edge("a", "a", sparse_random(targets, targets, 2, seed), delay=1),
    )


def hardware(**changes):
    return package(
        die(io(), memory(), npu(synaptic_memory="20 B")),
        die(*[neurocore(neurons=20, **changes)] * 5),
    )


def mapped(strategy: str = "traffic", seed: int = 0) -> Mapping:
    return map_network(net(), hardware(), strategy=strategy, seed=seed)


def changed(path, change) -> None:
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


@settings(max_examples=5, deadline=None, derandomize=True)
@given(strategy=st.sampled_from(["sequential", "traffic", "anneal"]), seed=st.integers(0, 9))
def test_what_is_saved_is_what_is_loaded(tmp_path_factory, strategy, seed):
    path = tmp_path_factory.mktemp("mapping") / "mapping.yaml"
    mapping = mapped(strategy, seed)
    save_mapping(mapping, path)
    loaded = load_mapping(path, mapping.network, mapping.package)
    assert loaded.slices == mapping.slices
    assert (loaded.strategy, loaded.seed, loaded.rates) == (strategy, seed, mapping.rates)
    assert mapping_hash(loaded) == mapping_hash(mapping)
    assert yaml.safe_load(path.read_text())["hash"] == mapping_hash(mapping)


def test_the_file_names_things_a_reader_knows(tmp_path):
    path = tmp_path / "mapping.yaml"
    save_mapping(mapped(), path)
    content = yaml.safe_load(path.read_text())
    assert content["slices"][0] == {
        "population": "in",
        "box": [[0, 1], [0, 6], [0, 6]],
        "tile": "die0(0,0).io",
    }
    assert content["network"]["name"] == "net"
    assert content["package"]["name"] == "row"
    assert "*" not in path.read_text()


def test_hash_is_of_what_is_mapped_not_of_how_it_was_found():
    mapping = mapped()
    assert mapping_hash(replace(mapping, strategy="other", seed=7)) == mapping_hash(mapping)
    other = mapping.moved(
        [*[part.tile for part in mapping.slices][:-1], 7],
        [part.weight_tile for part in mapping.slices],
    )
    assert mapping_hash(other) != mapping_hash(mapping)


def test_hash_depends_on_weights_and_capacities():
    mapping = mapped()
    weights = np.zeros((30, 48), np.float32)
    projections = list(mapping.network.projections)
    projections[1] = replace(
        projections[1], connection=replace(projections[1].connection, weight=weights)
    )
    other = replace(mapping.network, projections=tuple(projections))
    assert mapping_hash(replace(mapping, network=other)) != mapping_hash(mapping)
    assert mapping_hash(replace(mapping, package=hardware(weight_bits=4))) != mapping_hash(mapping)
    dearer = hardware(energy_per_synaptic_op="9 pJ/op")
    assert mapping_hash(replace(mapping, package=dearer)) == mapping_hash(mapping)


def refusal(path, network_=None, package_=None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_mapping(path, network_ or net(), package_ or hardware())
    assert all(problem.file == str(path) for problem in caught.value.problems)
    return str(caught.value)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "mapping.yaml"
    save_mapping(mapped(), path)
    return path


def test_another_network_is_refused(saved):
    assert "another network" in refusal(saved, network_=net(seed=1))


def test_another_package_is_refused(saved):
    message = refusal(saved, package_=hardware(weight_bits=4))
    assert "another package" in message
    assert "made for 'row'" in message


def test_both_are_said_at_once(saved):
    message = refusal(saved, network_=net(seed=1), package_=hardware(weight_bits=4))
    assert "another network" in message
    assert "another package" in message


def move_last(content) -> None:
    last = content["slices"][-1]
    last["tile"] = next(
        f"die1({x},0).neurocore" for x in range(5) if last["tile"] != f"die1({x},0).neurocore"
    )


def test_a_changed_file_is_refused(saved):
    changed(saved, move_last)
    assert "remove `hash`" in refusal(saved)


def test_without_hash_an_edited_file_is_taken(saved):
    loose = mapped("sequential")
    save_mapping(loose, saved)
    spare = sorted({f"die1({x},0).neurocore" for x in range(5)}
                   - {loose.package.tiles[part.tile].name for part in loose.slices})  # fmt: skip

    def edit(content) -> None:
        del content["hash"]
        content["slices"][-1]["tile"] = spare[0]

    changed(saved, edit)
    loaded = load_mapping(saved, loose.network, loose.package)
    assert loaded.package.tiles[loaded.slices[-1].tile].name == spare[0]


def test_an_edited_file_must_still_fit(saved):
    def edit(content) -> None:
        del content["hash"]
        for part in content["slices"]:
            if part["population"] == "a":
                part["tile"] = "die1(0,0).neurocore"
                part.pop("weight_tile", None)

    changed(saved, edit)
    with pytest.raises(InfeasibleError, match="neurons of tile"):
        load_mapping(saved, net(), hardware())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["slices"].pop(), "in no slice"),
        (lambda c: c["slices"].append(c["slices"][-1]), "in several"),
        (lambda c: c["slices"][0].update(tile="nowhere"), "no tile 'nowhere'"),
        (lambda c: c["slices"][0].update(population="x"), "no population 'x'"),
        (lambda c: c["slices"][0].update(box=[[0, 99]]), "not within the shape"),
        (lambda c: c["slices"][0].update(box=[[0, 1], [3, 3], [0, 6]]), "not within the shape"),
        (lambda c: c.update(colour="red"), "colour"),
        (lambda c: c.pop("slices"), "slices"),
    ],
)
def test_broken_files(saved, change, message):
    changed(saved, change)
    assert message in refusal(saved)


def test_files_that_are_no_yaml(tmp_path):
    path = tmp_path / "mapping.yaml"
    path.write_text("slices: [")
    assert "YAML" in refusal(path)
    path.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in refusal(path)
    path.write_text("!!python/object/apply:os.system ['true']")
    assert "tag" in refusal(path)
    assert "no such file" in refusal(tmp_path / "absent.yaml")


def test_a_fault_names_its_line(saved):
    line = next(
        number
        for number, text in enumerate(saved.read_text().splitlines(), start=1)
        if "die0(0,0).io" in text
    )
    saved.write_text(saved.read_text().replace("die0(0,0).io", "die7(0,0).io"))
    assert f"mapping.yaml:{line}:" in refusal(saved)
