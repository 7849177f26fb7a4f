"""The delays that NIR leaves open: which projections of a cycle act a step later."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from chipletsim.network.nir.graph import NirNode
from chipletsim.network.schedule import Edge, component_labels

Name = tuple[str, str]
"""An edge by the names of its nodes."""


def distances(count: int, edges: Iterable[Edge], inputs: list[int]) -> list[int]:
    """Return how many projections each population is away from the nearest input.

    Populations that no input reaches count from the first of them, which stands at 0.
    """
    successors: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        successors[source].append(target)
    distance: dict[int, int] = {}
    for start in (inputs, *([node] for node in range(count))):
        waiting = deque(node for node in start if node not in distance)
        distance.update(dict.fromkeys(waiting, 0))
        while waiting:
            source = waiting.popleft()
            for target in successors[source]:
                if target not in distance:
                    distance[target] = distance[source] + 1
                    waiting.append(target)
    return [distance[node] for node in range(count)]


def implied_delays(
    edges: Sequence[Edge], distance: list[int], given: Sequence[int | None]
) -> list[int]:
    """Return the delay of each projection in steps.

    A cycle that no given delay breaks is broken where it turns back: a projection on it that
    does not lead away from the inputs acts one step later. Every cycle holds one, since
    distances cannot rise all the way round.

    Args:
        edges: Source and target of each projection.
        distance: As from ``distances``.
        given: Delay that is stated for a projection; None where it is left open.
    """
    open_edges = [edge for edge, delay in zip(edges, given, strict=True) if not delay]
    label = component_labels(len(distance), open_edges)
    return [
        int(label[source] == label[target] and distance[target] <= distance[source])
        if delay is None
        else delay
        for (source, target), delay in zip(edges, given, strict=True)
    ]


def against_depth_first(nodes: Mapping[str, NirNode], edges: Iterable[Name]) -> frozenset[Name]:
    """Return the edges that lead to a node before their own, in the order of a search in depth.

    nirtorch runs the nodes of a graph in the order in which such a search from the input first
    meets them, edges as they come in the file (``nirtorch.graph_utils.trace_execution``). An
    edge against this order, of a loop or of a skip, carries the value of the step before.

    Args:
        nodes: Nodes by name; the search begins at inputs.
        edges: Source and target of each edge, by name.
    """
    edges = list(edges)
    successors: dict[str, list[str]] = {}
    for source, target in edges:
        successors.setdefault(source, []).append(target)
    met: dict[str, int] = {}
    waiting = [name for name, node in nodes.items() if node.type == "Input"][::-1]
    while waiting:
        node = waiting.pop()
        if node not in met:
            met[node] = len(met)
            waiting += reversed(successors.get(node, []))
    return frozenset(
        (source, target) for source, target in edges if source in met and met[source] >= met[target]
    )


def against_queue(nodes: Mapping[str, NirNode], edges: Iterable[Name]) -> frozenset[Name]:
    """Return the edges that lead to a node before their own, in the order of a queue of nodes.

    ``nirtorch.nir_to_torch`` takes nodes as they come in the file, from the input on, and puts
    those back whose sources have not run. A source on a loop with the node, one of several that
    it has, is not waited for: its edge carries the value of the step before.

    Args:
        nodes: Nodes by name, in the order of the file.
        edges: Source and target of each edge, by name.
    """
    number = {name: place for place, name in enumerate(nodes)}
    sources: dict[str, set[str]] = {name: set() for name in nodes}
    for source, target in edges:
        sources[target].add(source)
    pairs = [(number[one], number[other]) for other, ones in sources.items() for one in ones]
    label = component_labels(len(number), pairs)
    late: set[Name] = set()
    done = {name for name, node in nodes.items() if node.type == "Input"}
    first = next((number[name] for name in done), 0)
    names = [*list(nodes)[first:], *list(nodes)[:first]]
    waiting = deque(name for name in names if name not in done)
    patience = len(waiting)  # how many nodes may be put back one after the other
    while waiting and patience:
        name = waiting.popleft()
        absent = sources[name] - done
        looped = {each for each in absent if label[number[each]] == label[number[name]]}
        if absent - looped or (looped and len(sources[name]) == 1):
            waiting.append(name)
            patience -= 1
            continue
        late |= {(each, name) for each in looped}
        done.add(name)
        patience = len(waiting)
    return frozenset(late)
