"""The resolved configuration: read back, it says the same."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.report.resolved import resolved_yaml
from chipletsim.spec.defaults import Default, defaults
from chipletsim.spec.node import plain
from chipletsim.spec.yaml_source import parse_yaml
from chipletsim.stages import load_experiment

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")), max_size=8
)
WORDS = st.sampled_from(
    ["yes", "null", "~", "1e-9", "0.5 pJ/bit", "a: b", "- x", "# c", "[1]", "{}", "", " a ", "010",
     "a #b", "true", "1 2", "1e5 J", "'q'", '"d"', "configs/a.yaml", "west(0,0).npu", "*", "&x"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | TEXT | WORDS
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc_-", min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.dictionaries(st.text("abc_", min_size=1, max_size=5), TREES, min_size=1, max_size=4))
def test_reading_it_back_gives_the_same(tree):
    text = resolved_yaml(tree, {"a": "file.yaml:3\nwith a line break # and a hash"})
    assert plain(parse_yaml(text, "resolved")) == tree


def test_origins_stand_behind_their_values():
    tree = {"link": {"energy": "0.5 pJ/bit", "shape": [2, 3]}, "list": [{"a": 1}, {"b": "x y"}]}
    origins = {
        "link.energy": "links/ucie.yaml:4: UCIe 1.1 (2023)",
        "link.shape.0": "my.yaml:7",
        "list.1.b": "my.yaml:9",
    }
    lines = resolved_yaml(tree, origins).splitlines()[2:]
    assert lines == [
        "link:",
        "  energy: 0.5 pJ/bit  # links/ucie.yaml:4: UCIe 1.1 (2023)",
        "  shape: [2, 3]  # my.yaml:7",
        "list:",
        "  - a: 1",
        "  - b: x y  # my.yaml:9",
    ]
    assert yaml.safe_load("\n".join(lines)) == tree


def test_defaults_stand_as_comments_in_their_section():
    tree = {"link": {"energy": "1 pJ/bit"}, "list": [{"a": 1}]}
    left_out = [
        Default("", "top", 2),
        Default("link", "frame.payload", "8 bit"),
        Default("list.0", "b", (1, 2)),
    ]
    lines = resolved_yaml(tree, {}, left_out).splitlines()[2:]
    assert lines == [
        "link:",
        "  energy: 1 pJ/bit",
        "  # frame.payload: 8 bit  # default",
        "list:",
        "  - a: 1",
        "    # b: [1, 2]  # default",
        "# top: 2  # default",
    ]
    assert yaml.safe_load("\n".join(lines)) == tree


@pytest.mark.parametrize("name", ["starter", "mnist"])
def test_stating_every_default_changes_nothing(name):
    loaded = load_experiment(f"experiments/{name}")
    found = {f"{d.section}.{d.key}".lstrip("."): d.value for d in defaults(loaded.spec)}
    assert found["package.packet.max_payload"] == "1024 bit"
    assert loaded.with_overrides(found).spec.model_dump() == loaded.spec.model_dump()
    assert not list(defaults(loaded.with_overrides(found).spec))
