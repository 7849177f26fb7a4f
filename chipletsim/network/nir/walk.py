"""The walk over a graph, population by population from the inputs on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.connections import Shape
from chipletsim.network.nir.chain import Chain, StandsAloneError, require_reasonable
from chipletsim.network.nir.flatten import PORT, FlatGraph
from chipletsim.network.nir.graph import NirNode
from chipletsim.network.nir.nodes import TRANSFORMS, Step
from chipletsim.network.nir.notes import ALONE_KEY, SHAPE_KEY
from chipletsim.network.nir.shapes import (
    input_shape,
    neuron_shape,
    noted_shape,
    parameter_shape,
)
from chipletsim.network.schedule import find_cycle

MAX_CHAINS = 100_000
"""Most ways between two populations: a bound against maliciously branched files."""


@dataclass
class Walk:
    """What a graph comes to.

    Attributes:
        graph: The graph.
        neurons: Node types that are neurons.
        dt: Time step in the unit of the file's time constants.
        channels_last: Whether ``Flatten`` runs in the order (H, W, C).
        shapes: Shape of each population: inputs, neurons, and values that stand alone.
        signals: Shape of what those send, where a ``Flatten`` changed it.
        chains: Every way from a population to the next.
        outputs: Populations that are answers.
        alone: Nodes whose values cannot be joined with what follows: populations, too.
        passed: Nodes on some way.
        problems: Faults found.
    """

    graph: FlatGraph
    neurons: frozenset[str]
    dt: float
    channels_last: bool
    shapes: dict[str, Shape] = field(default_factory=dict)
    signals: dict[str, Shape] = field(default_factory=dict)
    chains: list[tuple[Chain, str]] = field(default_factory=list)
    outputs: set[str] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    _count: int = 0

    def run(self) -> None:
        """Follow all chains breadth first: inputs, then what they reach, then the rest.

        Raises:
            ConfigError: With every fault found.
        """
        self._refuse_loops()
        self.alone = {name for name, node in self.graph.nodes.items() if ALONE_KEY in node.metadata}
        before = None
        while before != self.alone:  # what stands alone for one way does for all
            before = set(self.alone)
            self._follow_all()
        if self.problems:
            raise ConfigError(self.problems)

    def _follow_all(self) -> None:
        self.shapes, self.chains, self.problems, self._count = {}, [], [], 0
        self.outputs, self.passed, self.signals = set(), set(), {}
        nodes = self.graph.nodes
        inputs = [name for name, node in nodes.items() if node.type == "Input"]
        self._walk_from([name for name in inputs if self._place(name, None)])
        for name, node in nodes.items():
            if node.type in self.neurons and name not in self.shapes and self._place(name, None):
                self._walk_from([name])

    @cached_property
    def successors(self) -> dict[str, list[str]]:
        """The nodes that each node's edges lead to."""
        found: dict[str, list[str]] = {}
        for source, target in self.graph.edges:
            found.setdefault(source, []).append(target)
        return found

    @cached_property
    def sources(self) -> dict[str, int]:
        """How many edges lead to each node."""
        found: dict[str, int] = {}
        for _, target in self.graph.edges:
            found[target] = found.get(target, 0) + 1
        return found

    def _refuse_loops(self) -> None:
        """Raise ConfigError for a loop that no neuron lies on."""
        index = {
            name: number
            for number, name in enumerate(
                name for name, node in self.graph.nodes.items() if node.type in TRANSFORMS
            )
        }
        edges = [
            (index[source], index[target])
            for source, target in self.graph.edges
            if source in index and target in index
        ]
        cycle = find_cycle(len(index), edges)
        if cycle:
            names = list(index)
            path = " > ".join(names[number] for number in (*cycle, cycle[0]))
            message = f"lies on a loop without a neuron, {path}; put a neuron node on the loop"
            raise ConfigError([Problem(message, f"nodes.{names[cycle[0]]}")])

    def refuse_loose_nodes(self) -> None:
        """Raise ConfigError for nodes between no two populations: what they say would be lost."""
        message = "leads from no neuron or input to another; remove it, or join it"
        loose = [
            Problem(message, f"nodes.{name}")
            for name, node in self.graph.nodes.items()
            if node.type in TRANSFORMS and node.type != PORT and name not in self.passed
        ]
        if loose:
            raise ConfigError(loose)

    def _walk_from(self, starts: Iterable[str]) -> None:
        waiting = deque(starts)
        while waiting:
            for chain, target in self._chains_from(waiting.popleft()):
                self.passed.update(chain.nodes)
                node = self.graph.nodes[target]
                if node.type == "Output":
                    self._answer(chain, target)
                    continue
                if node.type == "Input":
                    self._note(target, "is an input, which takes no edges")
                    continue
                self.chains.append((chain, target))
                if target not in self.shapes and self._place(target, chain):
                    waiting.append(target)

    def _chains_from(self, source: str) -> list[tuple[Chain, str]]:
        """Return every chain from a population to the next population or output."""
        shape = self.signals.get(source, self.shapes[source])
        open_ends = [(Chain(source, shape, self.dt), source)]
        closed: dict[tuple[str, ...], tuple[Chain, str]] = {}
        while open_ends:
            chain, last = open_ends.pop()
            for name in self.successors.get(last, ()):
                node = self.graph.nodes[name]
                if node.type not in TRANSFORMS:
                    closed[(*chain.nodes, name)] = (chain, name)
                    continue
                try:
                    after = Step(chain, name, node, self.channels_last).after()
                except StandsAloneError:
                    self.alone.add(last)
                    closed[chain.nodes] = (chain, last)
                except ValueError as error:
                    self._note(name, str(error))
                else:
                    if name in self.alone:
                        closed[after.nodes] = (after, name)
                    else:
                        open_ends.append((after, name))
            if len(open_ends) + len(closed) + len(self.problems) > MAX_CHAINS:
                raise ConfigError(f"more than {MAX_CHAINS} ways lead from one population to others")
        return list(closed.values())

    def _answer(self, chain: Chain, output: str) -> None:
        """Note an answer: a population, or values that come to their own at the output."""
        try:
            stated = self.graph.nodes[output].integers("shape", 0)
        except ValueError as error:
            self._note(output, str(error))
            return
        if 0 not in stated and prod(stated) != prod(chain.shape):
            given = f"{list(stated)}, but a signal of shape {list(chain.shape)} arrives"
            self._note(output, f"has shape {given}")
        if chain.is_plain and all(self.sources[name] == 1 for name in chain.path(output)[1:]):
            self.outputs.add(chain.source)
            return
        self.chains.append((chain, output))
        self.outputs.add(output)
        if output not in self.shapes:
            self._place(output, chain)

    def _place(self, name: str, chain: Chain | None) -> bool:
        """Give a population its shape; False after noting why it has none."""
        node = self.graph.nodes[name]
        incoming = chain.target_shape if chain else None
        try:
            if node.type == "Input":
                shape = input_shape(node)
            elif node.type in self.neurons:
                shape = neuron_shape(node, incoming)
            else:
                shape = noted_shape(node, incoming or ())
            require_reasonable(shape, self._count)
        except ValueError as error:
            self._note(name, str(error))
            self.shapes[name] = ()
            return False
        self.shapes[name] = shape
        self._count += prod(shape)
        if chain and _stays(node, shape):
            self.signals[name] = chain.shape
        return True

    def _note(self, name: str, message: str) -> None:
        self.problems.append(Problem(message, f"nodes.{name}"))


def _stays(node: NirNode, shape: Shape) -> bool:
    """Whether a population's shape is that of planes alone, and its signal's what arrived."""
    stated = parameter_shape(node) if node.fields else ()
    return stated != shape and SHAPE_KEY not in node.metadata


def with_planes(walk: Walk) -> dict[str, Shape]:
    """Return the shapes of populations, those in front of ``Conv1d`` as [C, 1, L].

    Raises:
        ConfigError: Another node needs them otherwise.
    """
    shapes = dict(walk.shapes)
    for chain, _ in walk.chains:
        if chain.plane is not None:
            shapes[chain.source] = chain.plane
    message = "has planes of one axis for one node, and of two for another; put a neuron between"
    problems = [
        Problem(message, f"nodes.{name}")
        for chain, target in walk.chains
        for name, needs in ((chain.source, chain.pool), (target, chain.made))
        if shapes[name] != walk.shapes[name] and needs is not None and needs != shapes[name]
        if name == target or chain.plane is None
    ]
    if problems:
        raise ConfigError(problems)
    return shapes
