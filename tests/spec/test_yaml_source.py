import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.errors import ConfigError
from chipletsim.spec.node import MAX_DEPTH, from_plain, plain
from chipletsim.spec.yaml_source import MAX_BYTES, parse_yaml, read_yaml


def parsed(text: str):
    return plain(parse_yaml(text, "f.yaml"))


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-9", 1e-9),
        ("1E5", 1e5),
        ("1.5", 1.5),
        (".5", 0.5),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        # Text that YAML 1.1 reads as something else.
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("1:30", "1:30"),
        ("190:20:30", "190:20:30"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("0o7", "0o7"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("0.5 pJ/bit", "0.5 pJ/bit"),
        ("'5'", "5"),
        ('"true"', "true"),
    ],
)
def test_plain_scalars(text: str, value: object) -> None:
    found = parsed(f"key: {text}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text() -> None:
    assert parsed("{on: 1, 2: 2, null: 3, true: 4}") == {"on": 1, "2": 2, "null": 3, "true": 4}


def test_every_key_and_value_has_its_position() -> None:
    root = parse_yaml("a: 1\nb:\n  - x\n  - {c: 22}\n", "f.yaml")
    inner = root.at(("b", 1, "c"))
    assert inner is not None
    assert inner.place == ("f.yaml", 4, 9)
    assert inner.key == ("f.yaml", 4, 6)
    assert root.mapping["a"].key == ("f.yaml", 1, 1)
    assert root.at(("b", 0)).place == ("f.yaml", 3, 5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: key `a` is given twice, first on line 1"),
        ("a: [1, 2\n", "f.yaml:2:1: is not YAML:"),
        ("a:\n\t- 1\n", "f.yaml:2:1: is not YAML: a tab cannot indent; use spaces"),
        ("a: !!python/object:os.system x\n", "tags such as `tag:yaml.org,2002:python/object"),
        ("a: !!binary aGk=\n", "are not supported"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "f.yaml:2:5: merge keys (`<<`) are not supported"),
        ("a: *x\n", "f.yaml:1:4: alias `*x` has no anchor before it"),
        ("a: &a [*a]\n", "alias `*a` has no anchor before it"),
        ("[a, b]: 1\n", "a key must be text, not a list or mapping"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: holds a second document (`---`)"),
        ("", "f.yaml: is empty"),
        ("# only a comment\n", "f.yaml: is empty"),
        ("a: 1e999\n", "f.yaml:1:4: number 1e999 is too large"),
        ("a: 99999999999999999999\n", "is too large"),
        ("a: b\nc: \x00\n", "f.yaml:2:4: control characters are not allowed"),
        ("[" * 5000, f"is nested deeper than {MAX_DEPTH} levels"),
        ("{a: " * 5000, f"is nested deeper than {MAX_DEPTH} levels"),
    ],
)
def test_refuses(text: str, says: str) -> None:
    assert says in fault(text)


def test_all_duplicate_keys_are_said_at_once() -> None:
    assert fault("a: 1\na: 2\nb: {c: 1, c: 2}\n").count("given twice") == 2


def test_aliases_are_values_of_their_own() -> None:
    assert parsed("a: &x {b: 1}\nc: *x\n") == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_billion_laughs_end_early() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 12):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    assert "holds more than 1,000,000 values" in fault("\n".join(lines))


def test_files_that_are_no_text(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: 1\nb: caf\xe9\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin.yaml:2:7: is not UTF-8 text"):
        read_yaml(latin, "latin.yaml")
    network = tmp_path / "net.nir"
    network.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(ConfigError, match=r"^net.nir: is an HDF5 file, .*\{nir: net.nir"):
        read_yaml(network, "net.nir")
    with pytest.raises(ConfigError, match="No such file"):
        read_yaml(tmp_path / "none.yaml", "none.yaml")
    with pytest.raises(ConfigError, match="is not a file"):
        read_yaml(tmp_path, "folder")


def test_a_file_too_long_is_not_read(tmp_path: Path) -> None:
    long = tmp_path / "long.yaml"
    with long.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(ConfigError, match="is longer than"):
        read_yaml(long, "long.yaml")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert plain(read_yaml(file, "bom.yaml")) == {"a": 1}


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n")
    assert plain(read_yaml(file, "a")) == {"a": 1}
    file.write_text("a: 22\n")
    assert plain(read_yaml(file, "a")) == {"a": 22}


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(derandomize=True, deadline=None)
@given(plain_data)
def test_plain_data_survives_the_tree(data: object) -> None:
    assert plain(from_plain(data, parse_yaml("x", "f").place)) == data


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>#'\",? \n\t\x00%@`0e.~<"), max_size=40))
def test_any_text_is_a_tree_or_a_config_error(text: str) -> None:
    with suppress(ConfigError):
        json.dumps(parsed(text), allow_nan=False)
