"""Validation: every fault of a tree at once, each with its place and the nearest name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import lru_cache
from itertools import groupby
from typing import Any, Literal, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from chipletsim.errors import Problem
from chipletsim.spec.node import Node, Path, Place, problem
from chipletsim.spec.resolve import SOURCE_KEYS
from chipletsim.spec.trace import Trace, fields, is_list, is_model, tags, trace

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


@lru_cache(maxsize=64)
def adapter(model: Any) -> TypeAdapter[Any]:
    """Return the validator of a model or of a union of models."""
    return TypeAdapter(model)


def validate(data: Any, root: Node, model: Any) -> tuple[Any, list[Problem]]:
    """Return the spec made of ``data``, or None, and the faults.

    Validation is that of JSON in strict mode: ``yes`` is not a boolean, ``1.0`` not
    a whole number, and ``5`` not text.

    Args:
        data: The tree as dicts, lists and scalars.
        root: The tree, for the places.
        model: Model or annotation to validate as.
    """
    try:
        return adapter(model).validate_json(json.dumps(data), strict=True), []
    except ValidationError as error:
        faults = [_Fault(item, model, root) for item in error.errors(include_url=False)]
    chosen = list(_settle_unions(faults))
    return None, list(_reported(chosen))


class _Fault:
    """One error of pydantic and where it leads."""

    def __init__(self, error: Any, model: Any, root: Node) -> None:
        self.type: str = error["type"]
        self.message: str = error["msg"]
        self.context: dict[str, Any] = error.get("ctx") or {}
        self.trace: Trace = trace(model, error["loc"])
        self.path: Path = self.trace.path
        self.root = root
        self.node: Node | None = root.at(self.path)

    @property
    def place(self) -> Place:
        """Where to point: the key itself if it is the fault, else the value."""
        node = self.node or self.root.nearest(self.path)
        at_key = self.type in ("missing", "extra_forbidden") or node.mapping
        return node.key if at_key and node.key else node.place

    def as_problem(self, message: str | None = None) -> Problem:
        """Return the fault as users see it."""
        return problem(message or _describe(self), self.place, self.path)


# --- unions: only the member that the user meant is reported -----------------------


def _settle_unions(faults: list[_Fault], depth: int = 0) -> Iterable[_Fault | Problem]:
    """Yield the faults of the intended member of each union, or one problem for it."""
    done = [fault for fault in faults if len(fault.trace.choices) <= depth]
    yield from done
    rest = [fault for fault in faults if len(fault.trace.choices) > depth]
    rest.sort(key=lambda fault: repr(fault.trace.choices[depth].path))
    for _, group in groupby(rest, key=lambda fault: fault.trace.choices[depth].path):
        tried = list(group)
        label = _intended(tried, depth)
        if label is None:
            yield _none_fits(tried, depth)
        else:
            kept = [fault for fault in tried if fault.trace.choices[depth].label == label]
            yield from _settle_unions(kept, depth + 1)


def _intended(faults: list[_Fault], depth: int) -> str | None:
    """Return the label of the union member that the value resembles most."""
    choices = {fault.trace.choices[depth].label: fault.trace.choices[depth] for fault in faults}
    if len(choices) == 1:
        return next(iter(choices))
    node = faults[0].root.nearest(faults[0].trace.choices[depth].path)
    fitting = [label for label, choice in choices.items() if _shape_fits(choice.member, node)]
    if not fitting or (not isinstance(node.value, dict | list) and len(fitting) > 1):
        return None

    def likeness(label: str) -> tuple[int, int]:
        member = choices[label].member
        known = fields(member).keys() if is_model(member) else set()
        faulty = sum(fault.trace.choices[depth].label == label for fault in faults)
        return len(known & node.mapping.keys()), -faulty

    return max(fitting, key=likeness)


def _shape_fits(member: Any, node: Node) -> bool:
    if isinstance(node.value, dict):
        return is_model(member) or get_origin(member) is dict
    if isinstance(node.value, list):
        return is_list(member)
    return not (is_model(member) or is_list(member) or get_origin(member) is dict)


def _none_fits(faults: list[_Fault], depth: int) -> Problem:
    """Return the problem of a value that resembles no member of its union."""
    choice = faults[0].trace.choices[depth]
    node = faults[0].root.nearest(choice.path)
    labels = {fault.trace.choices[depth].label: fault.trace.choices[depth] for fault in faults}
    expected = " or ".join(_member_name(option.member) for option in labels.values())
    return problem(f"expected {expected}, got {_shown(node)}", node.place, choice.path)


def _member_name(member: Any) -> str:
    if is_model(member):
        return "a section with " + ", ".join(f"`{key}`" for key in list(fields(member))[:3])
    if get_origin(member) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(member))
    names = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}
    return names.get(member, "a list" if is_list(member) else "another value")


# --- messages -------------------------------------------------------------------------


def _reported(faults: list[_Fault | Problem]) -> Iterable[Problem]:
    """Yield problems, without those that only follow from another one."""
    typed = {
        (*fault.path[:-1], close)
        for fault in faults
        if isinstance(fault, _Fault) and fault.type == "extra_forbidden"
        for close in _close(str(fault.path[-1]), _known_keys(fault))
    }
    for fault in faults:
        if isinstance(fault, Problem):
            yield fault
        elif not (_typed_wrong(fault, typed) or _long_enough(fault)):
            yield fault.as_problem()


def _typed_wrong(fault: _Fault, typed: set[Path]) -> bool:
    """Whether a missing key is there under a name with a typing error."""
    return fault.type == "missing" and fault.path in typed


def _long_enough(fault: _Fault) -> bool:
    """Whether a list is only short because of items that are at fault themselves."""
    if fault.type != "too_short" or fault.node is None:
        return False
    return len(list(fault.node.children())) >= fault.context.get("min_length", 0)


def _describe(fault: _Fault) -> str:
    for kinds, describe in _DESCRIBERS:
        if fault.type in kinds:
            return describe(fault)
    return f"{fault.message[:1].lower()}{fault.message[1:]}, got {_shown(fault.node)}"


def _missing(fault: _Fault) -> str:
    info = fault.trace.info
    about = f" ({info.description})" if info and info.description else ""
    return f"missing key `{fault.path[-1]}`{about}" if fault.path else "missing"


def _unknown(fault: _Fault) -> str:
    key, known = str(fault.path[-1]), _known_keys(fault)
    close = _close(key, known)
    hint = f"did you mean `{close[0]}`?" if close else f"known keys: {', '.join(sorted(known))}"
    return f"unknown key `{key}`; {hint}"


def _known_keys(fault: _Fault) -> set[str]:
    model = fault.trace.model
    return set(fields(model)) if model is not None else set()


def _wrong_type(fault: _Fault) -> str:
    expected = _WORDS[fault.type]
    if fault.type == "string_type" and fault.node and isinstance(fault.node.value, int | float):
        return f"expected text, got {_shown(fault.node)}; put it in quotes"
    return f"expected {expected}, got {_shown(fault.node)}{_constant_hint(fault.node)}"


def _out_of_bounds(fault: _Fault) -> str:
    words, key = _BOUNDS[fault.type]
    return f"must be {words} {fault.context[key]:g}, got {_shown(fault.node)}"


def _not_listed(fault: _Fault) -> str:
    names = [str(name) for name in get_args(fault.trace.kind)]
    return f"expected {_one_of(names)}, got {_shown(fault.node)}{_nearest(fault.node, names)}"


def _unknown_tag(fault: _Fault) -> str:
    names = re.findall(r"'([^']*)'", str(fault.context.get("expected_tags", "")))
    node = fault.node.mapping.get("kind") if fault.node else None
    return f"unknown kind {_shown(node)}; expected {_one_of(names)}{_nearest(node, names)}"


def _no_tag(fault: _Fault) -> str:
    return f"missing key `kind`; expected {_one_of(tags(fault.trace.kind))}"


def _own_message(fault: _Fault) -> str:
    return f"{fault.context.get('error', fault.message)}{_constant_hint(fault.node)}"


def _length(fault: _Fault) -> str:
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
    close = _close(str(node.value), names) if node else []
    return f"; did you mean `{close[0]}`?" if close else ""


def _close(name: str, names: Iterable[str]) -> list[str]:
    return get_close_matches(name, sorted(names), n=1)


def _shown(node: Node | None) -> str:
    """Return a value as it is quoted in a message."""
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


_Describer = Callable[[_Fault], str]
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
