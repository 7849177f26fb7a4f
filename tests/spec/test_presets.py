from pathlib import Path

import pytest

from chipletsim.errors import ConfigError
from chipletsim.spec.node import plain
from chipletsim.spec.resolve import preset_names, resolve
from chipletsim.spec.yaml_source import MAX_BYTES, read_yaml


def resolved(file: Path):
    outcome = resolve(read_yaml(file, file.name), file.parent, (file,))
    if outcome.problems:
        raise ConfigError(outcome.problems)
    return plain(outcome.root)


@pytest.fixture
def write(tmp_path: Path):
    def writer(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return tmp_path / "main.yaml"

    return writer


def test_keys_beside_use_lie_over_the_preset(write) -> None:
    main = write(main="a: {use: base, x: 9}\n", base="x: 1\ny: {z: 2, w: 3}\n")
    assert resolved(main) == {"a": {"x": 9, "y": {"z": 2, "w": 3}}}


def test_a_section_merges_with_that_of_the_preset(write) -> None:
    main = write(main="use: base\ny: {w: 30}\n", base="x: 1\ny: {z: 2, w: 3}\n")
    assert resolved(main) == {"x": 1, "y": {"z": 2, "w": 30}}


def test_a_section_with_a_preset_of_its_own_replaces(write) -> None:
    main = write(
        main="use: base\nlink: {use: fast}\n",
        base="link: {bandwidth: 1, frame: {payload: 2}}\n",
        fast="bandwidth: 100\n",
    )
    assert resolved(main) == {"link": {"bandwidth": 100}}


def test_a_section_of_another_kind_replaces(write) -> None:
    base = "e: {kind: regular, gain: 0.5}\n"
    assert resolved(write(main="use: base\ne: {kind: latency}\n", base=base)) == {
        "e": {"kind": "latency"}
    }
    assert resolved(write(main="use: base\ne: {kind: regular}\n", base=base)) == {
        "e": {"kind": "regular", "gain": 0.5}
    }


def test_lists_and_null_replace(write) -> None:
    main = write(main="use: base\na: [9]\nb: null\n", base="a: [1, 2]\nb: {c: 1}\n")
    assert resolved(main) == {"a": [9], "b": None}


def test_the_file_beside_comes_before_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links/ucie_standard.yaml").write_text("mine: 1\n")
    main = tmp_path / "main.yaml"
    main.write_text("a: {use: links/ucie_standard}\nb: {use: links/ucie_advanced}\n")
    found = resolved(main)
    assert found["a"] == {"mine": 1}
    assert "bandwidth" in found["b"]


def test_presets_of_presets_are_relative_to_their_own_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/one.yaml").write_text("inner: {use: two}\nnir: data.nir\n")
    (tmp_path / "sub/two.yaml").write_text("deep: 1\n")
    main = tmp_path / "main.yaml"
    main.write_text("use: sub/one\ndataset: own.npz\n")
    assert resolved(main) == {
        "inner": {"deep": 1},
        "nir": str(tmp_path / "sub/data.nir"),
        "dataset": str(tmp_path / "own.npz"),
    }


def test_sourced_constants_are_their_value(write) -> None:
    main = write(
        main="use: base\nb: 7 pJ\n",
        base="a: {value: 1 pJ, source: A paper, year: 2020}\n"
        "b: {value: 2 pJ, source: Another}\nc: {value: 1, source: x, size: 3}\n",
    )
    # An unknown key beside value and source makes it a section, which the schema refuses.
    assert resolved(main) == {
        "a": "1 pJ",
        "b": "7 pJ",
        "c": {"value": 1, "source": "x", "size": 3},
    }


def test_a_sourced_constant_replaces_the_one_below(write) -> None:
    main = write(
        main="use: base\na: {value: 5 pJ, source: Mine}\n",
        base="a: {value: 1 pJ, source: A paper}\n",
    )
    assert resolved(main) == {"a": "5 pJ"}


def test_presets_with_much_in_them_end(write) -> None:
    uses = ", ".join(f"k{key}: {{use: big}}" for key in range(1200))
    main = write(main=f"{{{uses}}}\n", big=f"a: [{', '.join('x' * 1000)}]\n")
    with pytest.raises(ConfigError, match="presets give over 1,000,000 values"):
        resolved(main)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"main": "a: {use: main}\n"}, "in a circle: main.yaml > main.yaml"),
        (
            {"main": "use: one\n", "one": "use: two\n", "two": "use: one\n"},
            "in a circle: main.yaml > one.yaml > two.yaml > one.yaml",
        ),
        ({"main": "a: {use: links/ucie_standrd}\n"}, "did you mean `links/ucie_standard`?"),
        ({"main": "a: {use: links/ucie}\n"}, "did you mean `links/ucie_1_1_advanced_16g`?"),
        ({"main": "a: {use: qqqq}\n"}, "there is no preset `qqqq`; see `chipletsim list presets`"),
        ({"main": "a:\n  use: [x]\n"}, "main.yaml:2:8: `use` takes the name of a preset"),
        ({"main": "use: ''\n"}, "`use` takes the name of a preset"),
        ({"main": 'use: "a\\0b"\n'}, "`use` takes the name of a preset"),
        ({"main": f"use: {'x' * 5000}\n"}, "there is no preset"),
        ({"main": "use: bad\n", "bad": "- 1\n- 2\n"}, "preset 'bad' holds no keys"),
        ({"main": "use: bad\n", "bad": "a: 1\na: 2\n"}, "key `a` is given twice"),
    ],
)
def test_refuses(write, files: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolved(write(**files))
    assert says in str(caught.value)


def test_a_chain_of_presets_ends(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"p{number}.yaml").write_text(f"use: p{number + 1}\n")
    with pytest.raises(ConfigError, match="too deeply"):
        resolved(tmp_path / "p0.yaml")


def test_presets_that_multiply_end(tmp_path: Path) -> None:
    for number in range(7):
        uses = ", ".join(f"k{key}: {{use: p{number + 1}}}" for key in range(10))
        (tmp_path / f"p{number}.yaml").write_text(f"{{{uses}}}\n")
    (tmp_path / "p7.yaml").write_text("a: 1\n")
    with pytest.raises(ConfigError, match="uses over 4,000 presets"):
        resolved(tmp_path / "p0.yaml")


def test_every_fault_of_presets_is_said_at_once(write) -> None:
    main = write(main="a: {use: nope}\nb: {use: never}\n")
    with pytest.raises(ConfigError) as caught:
        resolved(main)
    assert len(caught.value.problems) == 2


def test_shipped_presets_have_names() -> None:
    assert "links/ucie_standard" in preset_names()
    assert all(name.startswith("tiles/") for name in preset_names("tiles"))
    assert MAX_BYTES > 0
