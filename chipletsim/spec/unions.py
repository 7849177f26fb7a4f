"""Unions: of the members that pydantic tried, only the intended one is reported."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Literal, get_args, get_origin

from chipletsim.errors import Problem
from chipletsim.spec.fault import Fault
from chipletsim.spec.messages import shown
from chipletsim.spec.node import Node, problem
from chipletsim.spec.trace import fields, is_list, is_model


def settle_unions(faults: list[Fault], depth: int = 0) -> Iterable[Fault | Problem]:
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
            yield from settle_unions(kept, depth + 1)


def _intended(faults: list[Fault], depth: int) -> str | None:
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


def _none_fits(faults: list[Fault], depth: int) -> Problem:
    """Return the problem of a value that resembles no member of its union."""
    choice = faults[0].trace.choices[depth]
    node = faults[0].root.nearest(choice.path)
    labels = {fault.trace.choices[depth].label: fault.trace.choices[depth] for fault in faults}
    expected = " or ".join(_member_name(option.member) for option in labels.values())
    return problem(f"expected {expected}, got {shown(node)}", node.place, choice.path)


def _member_name(member: Any) -> str:
    if is_model(member):
        return "a section with " + ", ".join(f"`{key}`" for key in list(fields(member))[:3])
    if get_origin(member) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(member))
    names = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}
    return names.get(member, "a list" if is_list(member) else "another value")
