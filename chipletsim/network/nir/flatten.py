"""Graphs within graphs, laid out as one graph.

A node ``lif`` of a graph called ``rec`` becomes ``rec.lif``. The inner ``Input`` and ``Output``
become ports: nodes that pass on what they are given. Edges to ``rec`` lead to its input port,
edges from ``rec`` leave its output port.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.spec.fault import nearest_names

PORT = "Port"
"""Type of what an inner ``Input`` or ``Output`` becomes."""


@dataclass
class FlatGraph:
    """A graph without graphs inside.

    Attributes:
        nodes: Nodes by name.
        edges: Edges between them.
        entries: Name of each inner graph to its input port.
        exits: Name of each inner graph to its output port.
    """

    nodes: dict[str, NirNode] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    entries: dict[str, str] = field(default_factory=dict)
    exits: dict[str, str] = field(default_factory=dict)

    def edge(self, source: str, target: str) -> tuple[str, str]:
        """Return an edge of the file as it lies in the flat graph.

        Raises:
            ValueError: There is no such edge; the message names the nearest one.
        """
        found = (self.exits.get(source, source), self.entries.get(target, target))
        if found in set(self.edges):
            return found
        known = [f"{one} -> {other}" for one, other in self.edges]
        close = nearest_names(f"{source} -> {target}", known)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"there is no edge '{source} -> {target}'{hint}")


def flattened(graph: NirGraph) -> FlatGraph:
    """Return a graph with all graphs inside it laid out.

    Raises:
        ConfigError: Two nodes would have one name, or edges to an inner graph do not say to
            which of its inputs they lead, or from which of its outputs.
    """
    flat = FlatGraph()
    problems: list[Problem] = []
    _lay_out(graph, "", flat, problems)
    if problems:
        raise ConfigError(problems)
    return flat


def _lay_out(graph: NirGraph, prefix: str, flat: FlatGraph, problems: list[Problem]) -> None:
    names = {name: _full_name(prefix, name) for name in graph.nodes}
    for name, node in graph.nodes.items():
        full = names[name]
        if full in flat.nodes or full in flat.entries:
            problems.append(Problem("stands twice once graphs are laid out", f"nodes.{full}"))
        elif node.graph is not None:
            _find_ports(node.graph, full, flat)
            _lay_out(node.graph, full, flat, problems)
        else:
            inner = prefix and node.type in ("Input", "Output")
            flat.nodes[full] = replace(node, type=PORT) if inner else node
    for source, target in graph.edges:
        ends = (names[source], names[target])
        problems += _port_problems(graph, source, target, ends)
        flat.edges.append((flat.exits.get(ends[0], ends[0]), flat.entries.get(ends[1], ends[1])))


def _full_name(prefix: str, name: str) -> str:
    """Return a node's name outside its graph; one that begins with the graph's stays."""
    return name if not prefix or name.startswith(f"{prefix}.") else f"{prefix}.{name}"


def _find_ports(graph: NirGraph, name: str, flat: FlatGraph) -> None:
    """Note the ports of an inner graph; missing ones are faults only where an edge needs them."""
    for ports, kind in ((flat.entries, "Input"), (flat.exits, "Output")):
        own = [inner for inner, node in graph.nodes.items() if node.type == kind]
        ports[name] = _full_name(name, own[0]) if own else name


def _port_problems(
    graph: NirGraph, source: str, target: str, names: tuple[str, str]
) -> list[Problem]:
    """Return the faults of an edge from or to an inner graph."""
    problems = []
    for end, full, kind in ((source, names[0], "Output"), (target, names[1], "Input")):
        inner = graph.nodes[end].graph
        if inner is None:
            continue
        count = sum(node.type == kind for node in inner.nodes.values())
        if count != 1:
            message = (
                f"the graph holds {count} nodes of type {kind}; edges of NIR name a graph alone,"
                f" so that one with edges needs exactly one {kind}"
            )
            problems.append(Problem(message, f"nodes.{full}"))
    return problems
