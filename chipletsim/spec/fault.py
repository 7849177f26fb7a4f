"""One error of pydantic, as a fault of a file: where it is and what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from chipletsim.spec.node import Node, Path, Place
from chipletsim.spec.trace import Trace, fields, trace


class Fault:
    """One error of pydantic and where it leads.

    Attributes:
        type: Pydantic's name of what is wrong.
        message: Pydantic's sentence.
        context: Bounds and names that belong to it.
        trace: Where its location leads.
        path: Path of the value, or of the key, that is wrong.
        root: The tree.
        node: The node at ``path``; None where it is missing.
    """

    def __init__(self, error: Any, model: Any, root: Node) -> None:
        self.type: str = error["type"]
        self.message: str = error["msg"]
        self.context: dict[str, Any] = error.get("ctx") or {}
        self.trace: Trace = trace(model, error["loc"])
        self.path: Path = self.trace.path
        if self.type == "union_tag_invalid":
            self.path = (*self.path, "kind")
        self.root = root
        self.node: Node | None = root.at(self.path)

    @property
    def place(self) -> Place:
        """Where to point: the key itself if it is the fault, else the value."""
        node = self.node or self.root.nearest(self.path)
        at_key = self.type in ("missing", "extra_forbidden") or node.mapping
        return node.key if at_key and node.key else node.place

    @property
    def known_keys(self) -> set[str]:
        """Keys of the section that the fault is in."""
        return set(fields(self.trace.model)) if self.trace.model is not None else set()


def nearest_names(name: str, names: Iterable[str]) -> list[str]:
    """Return the name most like ``name``, if any is alike."""
    return get_close_matches(name, sorted(names), n=1)
