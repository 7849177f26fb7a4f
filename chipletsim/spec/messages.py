"""What users are told of a fault: what is wrong, what was expected, the nearest name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import get_args

from chipletsim.spec.fault import Fault, nearest_names
from chipletsim.spec.node import Node
from chipletsim.spec.resolve import SOURCE_KEYS
from chipletsim.spec.trace import tags

_WORDS = {
    "string_type": "text", "int_type": "a whole number", "int_from_float": "a whole number",
    "float_type": "a number", "bool_type": "true or false", "tuple_type": "a list",
    "list_type": "a list", "dict_type": "a section of keys", "model_type": "a section of keys",
    "model_attributes_type": "a section of keys", "finite_number": "a finite number",
}  # fmt: skip
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"), "greater_than": ("greater than", "gt"),
    "less_than_equal": ("at most", "le"), "less_than": ("less than", "lt"),
}  # fmt: skip


def describe(fault: Fault) -> str:
    """Return what is wrong, what was expected, and the nearest name."""
    for kinds, describe in _DESCRIBERS:
        if fault.type in kinds:
            return describe(fault)
    return f"{fault.message[:1].lower()}{fault.message[1:]}, got {shown(fault.node)}"


def _missing(fault: Fault) -> str:
    info = fault.trace.info
    about = f" ({info.description})" if info and info.description else ""
    return f"missing key `{fault.path[-1]}`{about}" if fault.path else "missing"


def _unknown(fault: Fault) -> str:
    key, known = str(fault.path[-1]), fault.known_keys
    close = nearest_names(key, known)
    hint = f"did you mean `{close[0]}`?" if close else f"known keys: {', '.join(sorted(known))}"
    return f"unknown key `{key}`; {hint}"


def _wrong_type(fault: Fault) -> str:
    expected = _WORDS[fault.type]
    if fault.type == "string_type" and fault.node and isinstance(fault.node.value, int | float):
        return f"expected text, got {shown(fault.node)}; put it in quotes"
    return f"expected {expected}, got {shown(fault.node)}{_constant_hint(fault.node)}"


def _out_of_bounds(fault: Fault) -> str:
    words, key = _BOUNDS[fault.type]
    return f"must be {words} {fault.context[key]:g}, got {shown(fault.node)}"


def _not_listed(fault: Fault) -> str:
    names = [str(name) for name in get_args(fault.trace.kind)]
    return f"expected {_one_of(names)}, got {shown(fault.node)}{_nearest(fault.node, names)}"


def _unknown_tag(fault: Fault) -> str:
    names = re.findall(r"'([^']*)'", str(fault.context.get("expected_tags", "")))
    known = f"expected {_one_of(names)}{_nearest(fault.node, names)}"
    return f"unknown kind {shown(fault.node)}; {known}"


def _no_tag(fault: Fault) -> str:
    return f"missing key `kind`; expected {_one_of(tags(fault.trace.kind))}"


def _own_message(fault: Fault) -> str:
    return f"{fault.context.get('error', fault.message)}{_constant_hint(fault.node)}"


def _length(fault: Fault) -> str:
    low, high = fault.context.get("min_length"), fault.context.get("max_length")
    actual = len(list(fault.node.children())) if fault.node else 0
    words = f"at least {low}" if fault.type == "too_short" else f"at most {high}"
    return f"expected {words} {'entries' if (low or high) != 1 else 'entry'}, got {actual}"


def _constant_hint(node: Node | None) -> str:
    if node is None or "value" not in node.mapping:
        return ""
    if "source" not in node.mapping:
        return "; a constant given by `value` needs `source` beside it"
    extra = sorted(node.mapping.keys() - SOURCE_KEYS - {"value"})
    return f"; unknown beside `value`: {', '.join(extra)}" if extra else ""


def _one_of(names: list[str]) -> str:
    return "one of " + ", ".join(f"`{name}`" for name in names)


def _nearest(node: Node | None, names: list[str]) -> str:
    close = nearest_names(str(node.value), names) if node else []
    return f"; did you mean `{close[0]}`?" if close else ""


def shown(node: Node | None) -> str:
    """Return a value as messages quote it."""
    if node is None or node.value is None:
        return "nothing"
    if isinstance(node.value, dict):
        return "a section of keys"
    if isinstance(node.value, list):
        return "a list"
    if isinstance(node.value, bool):
        return str(node.value).lower()
    text = repr(node.value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_Describer = Callable[[Fault], str]
_DESCRIBERS: list[tuple[Iterable[str], _Describer]] = [
    (("missing",), _missing),
    (("extra_forbidden",), _unknown),
    (_WORDS.keys(), _wrong_type),
    (_BOUNDS.keys(), _out_of_bounds),
    (("literal_error",), _not_listed),
    (("union_tag_invalid",), _unknown_tag),
    (("union_tag_not_found",), _no_tag),
    (("value_error",), _own_message),
    (("too_short", "too_long"), _length),
]
