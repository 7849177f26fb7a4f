"""From a location as pydantic names it to the path of a key in YAML.

Pydantic puts the member of a union that it tried into the location. Those parts are
taken out here, and kept apart as choices, by walking the annotations of the models.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from chipletsim.spec.node import Path


@dataclass(frozen=True)
class Choice:
    """A member of a union that pydantic tried.

    Attributes:
        path: Path of the value in YAML.
        label: Pydantic's name of the member.
        member: Its annotation.
    """

    path: Path
    label: str
    member: Any


@dataclass(frozen=True)
class Trace:
    """Where a location leads.

    Attributes:
        path: Keys and indices in YAML.
        choices: Unions passed on the way.
        kind: Annotation of the value at ``path``, None where unknown.
        model: The innermost model that has ``path`` inside, or is at it.
        info: Field at ``path``, if it is one.
    """

    path: Path
    choices: tuple[Choice, ...]
    kind: Any
    model: type[BaseModel] | None
    info: FieldInfo | None


def bare(kind: Any) -> Any:
    """Return an annotation without ``Annotated`` and ``None``."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        members = [member for member in get_args(kind) if member is not NoneType]
        if len(members) == 1:
            return bare(members[0])
    return kind


def members(kind: Any) -> list[Any]:
    """Return the members of a union other than None; the annotation itself if it is none."""
    kind = bare(kind)
    if get_origin(kind) not in (Union, UnionType):
        return [kind]
    return [bare(member) for member in get_args(kind) if member is not NoneType]


def is_model(kind: Any) -> bool:
    """Whether an annotation is a pydantic model."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def is_list(kind: Any) -> bool:
    """Whether an annotation stands for a list in YAML."""
    return get_origin(kind) in (tuple, list) or kind in (tuple, list)


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a model by their key in YAML."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def tags(kind: Any) -> list[str]:
    """Return the values of ``kind`` that the members of a tagged union take."""
    found: list[str] = []
    for member in members(kind):
        if is_model(member) and "kind" in member.model_fields:
            found += [str(tag) for tag in get_args(member.model_fields["kind"].annotation)]
    return found


def trace(root: Any, location: tuple[int | str, ...]) -> Trace:
    """Return where ``location`` leads.

    Args:
        root: Annotation of the whole file.
        location: Location as in an error of pydantic.
    """
    path: Path = ()
    choices: list[Choice] = []
    kind, model, info = bare(root), None, None
    for part in location:
        if len(members(kind)) > 1:
            member = _member(kind, str(part))
            choices.append(Choice(path, str(part), member))
            kind = member
            continue
        if is_model(kind):
            model = kind
        kind, info = _step(kind, part)
        path = (*path, part)
    if is_model(kind):
        model = kind
    return Trace(path, tuple(choices), kind, model, info)


def _step(kind: Any, part: int | str) -> tuple[Any, FieldInfo | None]:
    """Return annotation and field of the value at ``part`` of a value of ``kind``."""
    if is_model(kind):
        info = fields(kind).get(str(part))
        return (bare(info.annotation), info) if info else (None, None)
    arguments = get_args(kind)
    if get_origin(kind) is dict and len(arguments) == 2:
        return bare(arguments[1]), None
    if is_list(kind) and arguments:
        inner = [argument for argument in arguments if argument is not Ellipsis]
        index = part if isinstance(part, int) and part < len(inner) else 0
        return bare(inner[index]), None
    return None, None


def _member(kind: Any, label: str) -> Any:
    """Return the member of union ``kind`` that pydantic calls ``label``."""
    options = members(kind)
    words = set(re.findall(r"\w+", label))
    for member in options:
        if is_model(member) and (member.__name__ in words or label in tags(member)):
            return member
    for member in options:
        if str(member) == label or getattr(member, "__name__", "") == label:
            return member
    prefixes = {"tuple[": is_list, "literal[": lambda member: get_origin(member) is Literal}
    for prefix, test in prefixes.items():
        if label.startswith(prefix):
            return next((member for member in options if test(member)), None)
    return None
