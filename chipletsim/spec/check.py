"""Validation: every fault of a tree at once, each with its place and the nearest name."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chipletsim.errors import Problem
from chipletsim.spec.fault import Fault, nearest_names
from chipletsim.spec.messages import describe
from chipletsim.spec.node import Node, Path, problem
from chipletsim.spec.unions import settle_unions

MAX_FAULTS = 1_000
"""Most faults of one file that are explained; nobody reads more."""


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
        found = error.errors(include_url=False)[:MAX_FAULTS]
        faults = [Fault(item, model, root) for item in found]
    chosen = list(settle_unions(faults))
    return None, list(_reported(chosen))


def _reported(faults: list[Fault | Problem]) -> Iterable[Problem]:
    """Yield problems, without those that only follow from another one."""
    typed = {
        (*fault.path[:-1], close)
        for fault in faults
        if isinstance(fault, Fault) and fault.type == "extra_forbidden"
        for close in nearest_names(str(fault.path[-1]), fault.known_keys)
    }
    for fault in faults:
        if isinstance(fault, Problem):
            yield fault
        elif not (_typed_wrong(fault, typed) or _long_enough(fault)):
            yield problem(describe(fault), fault.place, fault.path)


def _typed_wrong(fault: Fault, typed: set[Path]) -> bool:
    """Whether a missing key is there under a name with a typing error."""
    return fault.type == "missing" and fault.path in typed


def _long_enough(fault: Fault) -> bool:
    """Whether a list is only short because of items that are at fault themselves."""
    if fault.type != "too_short" or fault.node is None:
        return False
    return len(list(fault.node.children())) >= fault.context.get("min_length", 0)
