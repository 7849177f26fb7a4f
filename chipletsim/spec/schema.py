"""JSON Schema of every kind of file, for editors.

``python -m chipletsim.spec.schema`` writes the schemas and the format reference beside
the shipped files. Beyond what pydantic derives from the models, a schema here allows
``use`` in any section, which then need not be complete, and a sourced constant,
``{value: ..., source: ...}``, for any scalar.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chipletsim.spec.check import adapter
from chipletsim.spec.kinds import FILE_KINDS, FileKind
from chipletsim.spec.resolve import SOURCE_KEYS, USE, shipped_configs

SCALARS = {"string", "number", "integer", "boolean"}
USE_SCHEMA = {"type": "string", "description": "preset whose keys these are laid over"}
SOURCED_SCHEMA = {
    "type": "object",
    "description": "A constant with its source.",
    "properties": {
        "value": {},
        **{key: {"type": ["string", "integer"]} for key in sorted(SOURCE_KEYS)},
    },
    "required": ["value", "source"],
    "additionalProperties": False,
}


def file_schema(kind: FileKind) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file."""
    schema = adapter(kind.model).json_schema(by_alias=True)
    sections = schema.pop("$defs", {})
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"chipletsim {kind.name} file",
        **_without(schema, "title"),
    }
    schema = _opened(schema)
    schema["$defs"] = {name: _opened(section) for name, section in sorted(sections.items())}
    schema["$defs"]["Sourced"] = SOURCED_SCHEMA
    return schema


def _without(schema: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _opened(section: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a section that may use a preset and hold sourced constants."""
    if "properties" not in section:
        return section
    properties = {key: _property(schema) for key, schema in section["properties"].items()}
    opened = {**section, "properties": {USE: USE_SCHEMA, **properties}}
    required = opened.pop("required", [])
    if required:
        opened |= {"if": {"required": [USE]}, "then": {}, "else": {"required": required}}
    return opened


def _property(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a key, which may hold a sourced constant if it is a scalar."""
    schema = _with_unit_in_default(_without(schema, "title"))
    options = schema.get("anyOf", [schema])
    if "const" in schema or not any(option.get("type") in SCALARS for option in options):
        return schema
    about: dict[str, Any] = {k: schema[k] for k in ("description", "default") if k in schema}
    bare = [{key: value for key, value in option.items() if key not in about} for option in options]
    return {**about, "anyOf": [*bare, {"$ref": "#/$defs/Sourced"}]}


def _with_unit_in_default(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a quantity with its default as it would be written."""
    default = schema.get("default")
    if "examples" not in schema or not isinstance(default, float | int):
        return schema
    unit = schema["examples"][0].split(" ", 1)[1]
    return {**schema, "default": f"{default:g} {unit}"}


def schema_text(kind: FileKind) -> str:
    """Return the text of the schema file of a kind of file."""
    return json.dumps(file_schema(kind), indent=1, ensure_ascii=False) + "\n"


def write_all(folder: Path) -> None:
    """Write every schema and the format reference.

    Args:
        folder: The folder of the shipped files.
    """
    from chipletsim.spec.reference import reference_text

    schemas = folder / "schema"
    schemas.mkdir(exist_ok=True)
    for kind in FILE_KINDS:
        (schemas / f"{kind.name}.json").write_text(schema_text(kind), encoding="utf-8")
    (folder / "REFERENCE.md").write_text(reference_text(), encoding="utf-8")


if __name__ == "__main__":
    write_all(shipped_configs())
