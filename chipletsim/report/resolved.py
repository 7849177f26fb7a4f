"""The configuration as it ran: one YAML file, each value with where it came from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from chipletsim.spec.defaults import Default

_WORDS = r"[A-Za-z_/][A-Za-z0-9_./()-]*( [A-Za-z0-9_./()-]+)*"
_QUANTITY = r"[0-9][0-9.eE+-]* [A-Za-z/]+"
_PLAIN = re.compile(f"{_WORDS}|{_QUANTITY}")
_AMBIGUOUS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_SPACE = re.compile(r"\s+")


_HEAD = (
    "# Resolved configuration: every value, and where it is stated. Values left out stand as\n"
    "# comments at the end of their section, so that this file run again is the same run.\n"
)


class Notes(NamedTuple):
    """What stands in comments.

    Attributes:
        origins: Dotted path of each value to its origin.
        defaults: Dotted path of each section to the lines of the values it leaves out.
    """

    origins: Mapping[str, object]
    defaults: Mapping[str, list[str]]


def resolved_yaml(
    resolved: Mapping[str, Any],
    origins: Mapping[str, object],
    left_out: Iterable[Default] = (),
) -> str:
    """Return a resolved configuration as YAML that can be run again.

    A comment behind each value names file, line, source and year.

    Args:
        resolved: The contents, as plain data.
        origins: Dotted path of each value to its origin, whose text is the comment.
        left_out: Values that the contents leave out.
    """
    lines: dict[str, list[str]] = {}
    for section, key, value in left_out:
        shown = _inline(list(value) if isinstance(value, tuple) else value)
        lines.setdefault(section, []).append(f"# {key}: {shown}  # default")
    return _HEAD + "\n".join(_block(resolved, Notes(origins, lines), "", 0)) + "\n"


def _block(
    value: Mapping[str, Any] | list[Any], notes: Notes, path: str, indent: int
) -> Iterator[str]:
    """Yield the lines of a section or list."""
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, child in pairs:
        below = f"{path}.{key}" if path else str(key)
        head = " " * indent + (f"{scalar(key)}:" if isinstance(value, Mapping) else "-")
        if _is_inline(child):
            origin = notes.origins.get(below) or notes.origins.get(f"{below}.0")
            yield f"{head} {_inline(child)}{_comment(origin)}"
        elif isinstance(value, Mapping):
            yield head
            yield from _block(child, notes, below, indent + 2)
        else:
            first, *rest = _block(child, notes, below, indent + 2)
            yield f"{head} {first.lstrip()}"
            yield from rest
    for line in notes.defaults.get(path, ()):
        yield " " * indent + line


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
