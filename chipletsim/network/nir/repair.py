"""Edges to nodes that are not there, and what would repair them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chipletsim.errors import Problem
from chipletsim.spec.fault import nearest_names


def missing_nodes(
    graph: str, nodes: Mapping[str, Any], edges: Iterable[tuple[str, str]]
) -> list[Problem]:
    """Return a fault for each name that edges use and no node has.

    Args:
        graph: Name of the graph; empty for the outermost.
        nodes: Its nodes by name.
        edges: Its edges.
    """
    used = {name for edge in edges for name in edge}
    missing = sorted(used - set(nodes))
    idle = sorted(set(nodes) - used)
    place = f"nodes.{graph}" if graph else ""
    return [Problem(_message(name, idle, list(nodes)), place) for name in missing]


def _message(name: str, idle: list[str], nodes: list[str]) -> str:
    message = f"edges name a node {name!r} that is not there"
    if len(idle) == 1:
        return f"{message}; no edge names its node {idle[0]!r}: rename that to {name!r}"
    close = nearest_names(name, nodes)
    return f"{message}; did you mean {close[0]!r}?" if close else message
