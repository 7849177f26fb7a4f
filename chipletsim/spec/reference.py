"""The format reference: every section and key of every file, from the schemas."""

from __future__ import annotations

import re
from typing import Any

from chipletsim.spec.kinds import FILE_KINDS
from chipletsim.spec.schema import file_schema

INTRODUCTION = """\
# Format of the files

Generated from the schema by `python -m chipletsim.spec.schema`; JSON Schemas for editors
are in `schema/`. A file is YAML. What holds in all of them:

- **Quantities** are text with a unit: `0.5 pJ/bit`, `32 GB/s`, `4 ns`. Units are s, J, W, Hz,
  bit (b), byte (B), KiB, MiB, GiB, op (FLOP, MAC), packet (message), and their products and
  quotients; `1/s` is one over a second. Prefixes are a f p n u m for seconds, joules and watts,
  and k M G T P for the others.
- **Presets**: `use: links/ucie_standard` puts the keys of another file under those beside it.
  The file is looked for beside the one that names it, then among the shipped ones. A section
  laid over a section changes single keys, unless it uses a preset itself or names another
  `kind`: then it takes its place. A list takes the place of a list.
- **Sourced constants**: wherever a value can stand, `{value: 0.5 pJ/bit, source: ..., year: ...}`
  can too; `note`, `id`, `kind` and `provenance` may stand beside. Reports name the source.
- **Data files** (`nir`, `dataset`, `file`, `folder`) are relative to the file that names them.
- `true` and `false` are the only booleans; `no`, `on` or `2024-01-01` are text. A key given
  twice, an unknown key and a missing unit are errors.
- `--set a.b=c` sets the key at a dotted path after presets; `--set a.use=links/bow` replaces
  section `a` by a preset; a number in a path is an index in a list, from 0.
"""


def reference_text() -> str:
    """Return the format reference as Markdown."""
    sections: dict[str, dict[str, Any]] = {}
    parts = [INTRODUCTION, _contents()]
    for kind in FILE_KINDS:
        schema = file_schema(kind)
        own = _without_own(schema)
        parts.append(_file_part(kind.name, kind.folder, own))
        sections |= {name: part for name, part in schema["$defs"].items() if name != "Sourced"}
    parts.append("# Sections\n")
    parts += [_section(name, section) for name, section in sorted(sections.items())]
    return "\n".join(parts).rstrip() + "\n"


def _without_own(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "$defs"}


def _contents() -> str:
    rows = [f"- [{kind.name}](#{kind.name}-file)" for kind in FILE_KINDS]
    return "Kinds of files:\n\n" + "\n".join(rows) + "\n"


def _file_part(name: str, folder: str, schema: dict[str, Any]) -> str:
    head = f"# {name.capitalize()} file\n\nShipped ones are in `{folder}/`."
    return f"{head} {_about(schema)}\n\n{_body(schema)}\n"


def _section(name: str, schema: dict[str, Any]) -> str:
    return f"## {_title(name)}\n\n{_about(schema)}\n\n{_body(schema)}\n"


def _title(name: str) -> str:
    """Return the name of a section: that of its model, in words."""
    words = re.findall(r"[A-Z][a-z0-9]*", name.removesuffix("Spec"))
    return " ".join(words).capitalize() if words else name


def _about(schema: dict[str, Any]) -> str:
    """Return the description of a section up to its list of attributes or its example."""
    text = re.split(r"\n\n(?:Attributes|Example):", schema.get("description", ""))[0]
    return " ".join(text.replace("``", "`").split())


def _body(schema: dict[str, Any]) -> str:
    """Return the table of keys, or what else a section can be."""
    if "properties" not in schema:
        return f"One of: {_type(schema)}."
    required = set(schema.get("else", {}).get("required", []))
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, inner in schema["properties"].items():
        if key != "use":
            rows.append(_row(key, inner, needed=key in required))
    return "\n".join(rows)


def _row(key: str, schema: dict[str, Any], *, needed: bool) -> str:
    default = schema.get("default")
    shown = "**needed**" if needed else "none" if default is None else f"`{_plain(default)}`"
    meaning = schema.get("description", "")
    if meaning.startswith(("quantity in", "whole number of bits")):
        meaning = ""
    cells = (f"`{key}`", _type(schema), shown, meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        inner = ", ".join(f"{key}: {_plain(one)}" for key, one in value.items())
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_plain, value)) + "]"
    return str(value)


def _type(schema: dict[str, Any]) -> str:
    """Return what a value can be, in words."""
    if "$ref" in schema:
        title = _title(schema["$ref"].rpartition("/")[2])
        return f"[{title}](#{title.lower().replace(' ', '-')})"
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        kinds = [_type(option) for option in options if _counts(option)]
        return " or ".join(dict.fromkeys(kinds))
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    return _plain_type(schema)


def _counts(option: dict[str, Any]) -> bool:
    """Whether an option is said: null is the default, sourced constants go without saying."""
    return option.get("type") != "null" and not option.get("$ref", "").endswith("/Sourced")


def _plain_type(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "string" and "examples" in schema:
        unit = schema["examples"][0].split(" ", 1)[1]
        return f"quantity in {unit}"
    if kind == "array":
        return _list_type(schema)
    if kind == "object" and "additionalProperties" in schema:
        inner = schema["additionalProperties"]
        return f"name to {_type(inner)}" if isinstance(inner, dict) else "section"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "object": "section",
    }
    return f"{words.get(str(kind), 'any value')}{_bounds(schema)}"


def _list_type(schema: dict[str, Any]) -> str:
    if "prefixItems" in schema:
        return "[" + ", ".join(_type(item) for item in schema["prefixItems"]) + "]"
    return f"list of {_type(schema.get('items', {}))}"


def _bounds(schema: dict[str, Any]) -> str:
    words = {
        "minimum": "at least", "exclusiveMinimum": "above",
        "maximum": "at most", "exclusiveMaximum": "below",
    }  # fmt: skip
    said = [f"{word} {schema[key]:g}" for key, word in words.items() if key in schema]
    return f" {' and '.join(said)}" if said else ""
