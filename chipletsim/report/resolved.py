"""The configuration as it ran: one YAML file, each value with where it came from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_WORDS = r"[A-Za-z_/][A-Za-z0-9_./()-]*( [A-Za-z0-9_./()-]+)*"
_QUANTITY = r"[0-9][0-9.eE+-]* [A-Za-z/]+"
_PLAIN = re.compile(f"{_WORDS}|{_QUANTITY}")
_AMBIGUOUS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_SPACE = re.compile(r"\s+")


def resolved_yaml(resolved: Mapping[str, Any], origins: Mapping[str, object]) -> str:
    """Return a resolved configuration as YAML that can be run again.

    A comment behind each value names file, line, source and year.

    Args:
        resolved: The contents, as plain data.
        origins: Dotted path of each value to its origin, whose text is the comment.
    """
    head = "# Resolved configuration: all that is stated, and where; what is left out is default.\n"
    return head + "\n".join(_block(resolved, origins, "", 0)) + "\n"


def _block(
    value: Mapping[str, Any] | list[Any], origins: Mapping[str, object], path: str, indent: int
) -> Iterator[str]:
    """Yield the lines of a section or list."""
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, child in pairs:
        below = f"{path}.{key}" if path else str(key)
        head = " " * indent + (f"{scalar(key)}:" if isinstance(value, Mapping) else "-")
        if _is_inline(child):
            origin = origins.get(below) or origins.get(f"{below}.0")
            yield f"{head} {_inline(child)}{_comment(origin)}"
        elif isinstance(value, Mapping):
            yield head
            yield from _block(child, origins, below, indent + 2)
        else:
            first, *rest = _block(child, origins, below, indent + 2)
            yield f"{head} {first.lstrip()}"
            yield from rest


def _is_inline(value: Any) -> bool:
    """Whether a value stands on one line: scalars, empty sections, lists of such lists."""
    if isinstance(value, list):
        return all(_is_inline(item) for item in value)
    return not isinstance(value, Mapping) or not value


def _inline(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    return "{}" if isinstance(value, Mapping) else scalar(value)


def scalar(value: Any) -> str:
    """Return a scalar as YAML: bare where that is safe, else in double quotes."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _AMBIGUOUS:
        return value
    return json.dumps(value, ensure_ascii=False)


def _comment(origin: object) -> str:
    text = _SPACE.sub(" ", str(origin)) if origin is not None else ""
    return f"  # {text}" if text else ""
