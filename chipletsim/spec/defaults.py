"""Values that a file leaves out: what they are, and where they would stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo


class Default(NamedTuple):
    """A value left out.

    Attributes:
        section: Dotted path of the section in which it would stand; empty at the top.
        key: Its key, dotted where a whole section below is left out.
        value: A scalar or a tuple of scalars; quantities are text with their unit.
    """

    section: str
    key: str
    value: Any


def defaults(spec: BaseModel, section: str = "") -> Iterator[Default]:
    """Yield every value that a validated section leaves out and that is not empty.

    Args:
        spec: The section.
        section: Its dotted path.
    """
    for name, field in type(spec).model_fields.items():
        key, value = field.alias or name, getattr(spec, name)
        if name in spec.model_fields_set:
            yield from _below(value, f"{section}.{key}" if section else key)
        else:
            yield from _left_out(section, key, field, value)


def _below(value: Any, path: str) -> Iterator[Default]:
    """Yield the defaults of all sections in a value that was given."""
    if isinstance(value, BaseModel):
        yield from defaults(value, path)
    elif isinstance(value, Mapping | tuple | list):
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, child in parts:
            yield from _below(child, f"{path}.{key}")


def _left_out(section: str, key: str, field: FieldInfo, value: Any) -> Iterator[Default]:
    if isinstance(value, BaseModel):
        for name, inner in type(value).model_fields.items():
            below = f"{key}.{inner.alias or name}"
            yield from _left_out(section, below, inner, getattr(value, name))
    elif value not in (None, (), {}):
        unit = _unit(field)
        yield Default(section, key, f"{value:.12g} {unit}" if unit else value)


def _unit(field: FieldInfo) -> str:
    """Return the unit of a quantity, from the example in its schema; empty for others."""
    for part in field.metadata:
        if isinstance(part, WithJsonSchema) and part.json_schema:
            return str(part.json_schema["examples"][0]).split(" ", 1)[1]
    return ""
