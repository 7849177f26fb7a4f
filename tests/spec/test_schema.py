import json
from pathlib import Path

import pytest

from chipletsim.spec.kinds import FILE_KINDS
from chipletsim.spec.reference import reference_text
from chipletsim.spec.resolve import shipped_configs
from chipletsim.spec.schema import file_schema, schema_text

AGAIN = "run `python -m chipletsim.spec.schema`"


@pytest.mark.parametrize("kind", FILE_KINDS, ids=lambda kind: kind.name)
def test_the_schema_in_the_repository_is_the_generated_one(kind) -> None:
    stored = Path(shipped_configs() / "schema" / f"{kind.name}.json").read_text(encoding="utf-8")
    assert stored == schema_text(kind), AGAIN


def test_the_reference_in_the_repository_is_the_generated_one() -> None:
    stored = (shipped_configs() / "REFERENCE.md").read_text(encoding="utf-8")
    assert stored == reference_text(), AGAIN


def test_the_reference_has_every_key_and_no_dead_link() -> None:
    text = reference_text()
    headings = {
        line.lstrip("# ").lower().replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    links = {part.split(")")[0] for part in text.split("](#")[1:]}
    assert links <= headings
    for kind in FILE_KINDS:
        for section in file_schema(kind)["$defs"].values():
            keys = section.get("properties", {}).keys() - {"use", "value", "year"}
            assert all(f"`{key}`" in text for key in keys)


def test_a_section_may_use_a_preset_and_a_scalar_be_sourced() -> None:
    link = file_schema(next(kind for kind in FILE_KINDS if kind.name == "link"))
    assert "use" in link["properties"]
    assert "required" not in link
    assert link["else"]["required"] == ["bandwidth", "latency", "flit"]
    assert {"$ref": "#/$defs/Sourced"} in link["properties"]["latency"]["anyOf"]
    assert link["properties"]["energy_per_bit"]["default"] == "0 J/bit"
    json.dumps(link)
