"""NIR files to networks.

NIR (Pedersen et al., Nature Communications 2024) stores continuous-time equations and
neither a time step nor the delay of a loop. Choices made here:

- Equations advance by forward Euler with the step given (``chipletsim.network.neurons``).
- A neuron that spikes is set to ``v_reset`` in the same step, 0 where a file has none. NIR
  keeps no other rule: a network trained with a threshold subtracted, a reset one step late
  (snnTorch's default) or several spikes a step (Sinabs, Rockpool) is read, but spikes otherwise.
- Within a step, spikes pass along feed-forward edges. On a cycle, a projection that does
  not lead away from the inputs (its target is no farther from them than its source,
  counted in projections) acts one step later; so does every self-loop. A ``Delay`` node
  on the way overrides this.
- A bias is a current of the target population from step 0 on, on recurrent edges too.
- A leading axis of length 1 beside one or three others is a batch axis, and is dropped.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.build import default_value_bits
from chipletsim.network.check import validated
from chipletsim.network.connections import Shape
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.nir_delays import distances, implied_delays
from chipletsim.network.nir_file import NirGraph, NirNode, read_graph
from chipletsim.network.nir_nodes import TRANSFORMS, Chain, require_reasonable
from chipletsim.network.schedule import Edge, topological_order

MAX_CHAINS = 100_000
"""Most ways between two populations: a bound against maliciously branched files."""

MODELS = {"Input": "input", "IF": "if", "LIF": "lif", "CubaLIF": "cubalif", "LI": "li"}
"""NIR node types that are populations, and their models; the fields have equal names."""


def read_nir(path: str | Path, dt_s: float) -> Network:
    """Return the network in a NIR file.

    Args:
        path: The file.
        dt_s: Time step in seconds, or in whatever unit the file's time constants have.

    Raises:
        ConfigError: The file cannot be read, or holds what has no counterpart here; every
            such node is named with what it would take.
    """
    path = Path(path)
    graph = read_graph(path)
    try:
        walk = _Import(graph, dt_s)
        network = validated(walk.network(path.stem))
        walk.refuse_loose_nodes()
        return network
    except ConfigError as error:
        raise ConfigError([replace(fault, file=str(path)) for fault in error.problems]) from None


@dataclass
class _Import:
    """The walk over a graph, population by population from the inputs on."""

    graph: NirGraph
    dt_s: float
    shapes: dict[str, Shape] = field(default_factory=dict)
    chains: list[tuple[Chain, str]] = field(default_factory=list)
    outputs: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)
    neurons: int = 0

    def network(self, name: str) -> Network:
        """Return the network, or raise ConfigError with every fault."""
        self._refuse_unknown_types()
        self._walk()
        if self.problems:
            raise ConfigError(self.problems)
        names = sorted(self.shapes)
        order, delays = self._order_and_delays(names)
        biases = self._biases()
        populations = tuple(self._population(node, biases.get(node)) for node in order)
        projections = [
            self._projection(chain, target, delay)
            for (chain, target), delay in zip(self.chains, delays, strict=True)
        ]
        rank = {population: position for position, population in enumerate(order)}
        projections.sort(key=lambda p: (rank[p.target], rank[p.source], p.name))
        return Network(name, populations, tuple(projections), self.dt_s)

    def _order_and_delays(self, names: list[str]) -> tuple[list[str], list[int]]:
        """Return the populations in order, and the delay of each chain in steps."""
        index = {population: number for number, population in enumerate(names)}
        edges = [(index[chain.source], index[target]) for chain, target in self.chains]
        inputs = [index[node] for node in names if self.graph.nodes[node].type == "Input"]
        distance = distances(len(names), edges, inputs)
        implied = implied_delays(edges, distance)
        delays = [
            step if chain.delay is None else chain.delay
            for (chain, _), step in zip(self.chains, implied, strict=True)
        ]
        return [names[number] for number in _order(edges, delays, distance)], delays

    @cached_property
    def successors(self) -> dict[str, list[str]]:
        """The nodes that each node's edges lead to."""
        found: dict[str, list[str]] = {}
        for source, target in self.graph.edges:
            found.setdefault(source, []).append(target)
        return found

    def refuse_loose_nodes(self) -> None:
        """Raise ConfigError for nodes between no two populations: what they say would be lost."""
        message = "leads from no neuron or input to another; remove it, or join it"
        loose = [
            Problem(message, f"nodes.{name}")
            for name, node in self.graph.nodes.items()
            if node.type in TRANSFORMS and name not in self.passed
        ]
        if loose:
            raise ConfigError(loose)

    def _refuse_unknown_types(self) -> None:
        known = [*MODELS, *TRANSFORMS, "Output"]
        unknown = [
            Problem(_unsupported(node.type, known), f"nodes.{name}")
            for name, node in self.graph.nodes.items()
            if node.type not in known
        ]
        if unknown:
            raise ConfigError(unknown)

    def _walk(self) -> None:
        """Follow all chains breadth first: inputs, then what they reach, then the rest."""
        nodes = self.graph.nodes
        inputs = [name for name, node in nodes.items() if node.type == "Input"]
        self._walk_from([name for name in inputs if self._place(name, None)])
        for name, node in nodes.items():
            if node.type in MODELS and name not in self.shapes and self._place(name, None):
                self._walk_from([name])

    def _walk_from(self, starts: list[str]) -> None:
        waiting = deque(starts)
        while waiting:
            for chain, target in self._chains_from(waiting.popleft()):
                self.passed.update(chain.nodes)
                if self.graph.nodes[target].type == "Output":
                    self._answer(chain, target)
                    continue
                self.chains.append((chain, target))
                if target not in self.shapes and self._place(target, chain.shape):
                    waiting.append(target)

    def _chains_from(self, source: str) -> list[tuple[Chain, str]]:
        """Return every chain from a population to the next population or output."""
        open_ends = [(Chain(source, self.shapes[source], self.dt_s), source)]
        closed = []
        while open_ends:
            chain, last = open_ends.pop()
            for name in self.successors.get(last, ()):
                node = self.graph.nodes[name]
                if node.type in MODELS or node.type == "Output":
                    closed.append((chain, name))
                    continue
                try:
                    open_ends.append((chain.passed(name, node), name))
                except ValueError as error:
                    self.problems.append(Problem(str(error), f"nodes.{name}"))
            if len(open_ends) + len(closed) + len(self.problems) > MAX_CHAINS:
                raise ConfigError(f"more than {MAX_CHAINS} ways lead from one population to others")
        return closed

    def _answer(self, chain: Chain, output: str) -> None:
        """Note that a population is an answer; nothing may stand between."""
        if chain.connection is None and chain.pool is None:
            self.outputs.add(chain.source)
            return
        message = f"hangs on {chain.named_by!r}, which holds no state; put a neuron (LI) between"
        self.problems.append(Problem(message, f"nodes.{output}"))

    def _place(self, name: str, incoming: Shape | None) -> bool:
        """Give a population its shape; False after noting why it has none."""
        try:
            shape = _population_shape(self.graph.nodes[name], incoming)
            require_reasonable(shape, self.neurons)
        except ValueError as error:
            self.problems.append(Problem(str(error), f"nodes.{name}"))
            self.shapes[name] = ()
            return False
        self.shapes[name] = shape
        self.neurons += prod(shape)
        return True

    def _projection(self, chain: Chain, target: str, delay: int) -> Projection:
        connection, pool = chain.joined()
        ends = f"{chain.source}>{target}"
        name = chain.named_by or ends
        if self.uses[name] > 1:
            name = f"{name}:{ends}"
        return Projection(name, chain.source, target, connection, pool, delay)

    @cached_property
    def uses(self) -> Counter[str]:
        """How many chains each node names."""
        return Counter(chain.named_by for chain, _ in self.chains if chain.named_by)

    def _biases(self) -> dict[str, np.ndarray]:
        """Return the bias of each population: every node on its way counts once."""
        added: dict[tuple[str, str], np.ndarray] = {}
        for chain, target in self.chains:
            if chain.bias is not None:
                node, bias = chain.bias
                added[node, target] = _spread(bias, chain.shape, self.shapes[target])
        totals: dict[str, np.ndarray] = {}
        for (_, target), bias in sorted(added.items(), key=lambda item: item[0]):
            totals[target] = totals[target] + bias if target in totals else bias
        return totals

    def _population(self, name: str, bias: np.ndarray | None) -> Population:
        node, shape = self.graph.nodes[name], self.shapes[name]
        model = MODELS[node.type]
        parameters = {
            key: _filled(node.array(key, parameter.default), shape)
            for key, parameter in NEURON_MODELS[model].parameters.items()
        }
        bits = default_value_bits(model)
        return Population(name, shape, model, parameters, bias, name in self.outputs, bits)


def _unsupported(kind: str, known: list[str]) -> str:
    if kind == "NIRGraph":
        return "is a nested graph; flatten it into the graph around it"
    return f"node type {kind} is not supported; replace it by one of {', '.join(known)}"


def _order(edges: list[Edge], delays: list[int], distance: list[int]) -> list[int]:
    """Return the populations so that same-step projections point forward where they can."""
    nearest = sorted(range(len(distance)), key=lambda node: (distance[node], node))
    rank = {node: position for position, node in enumerate(nearest)}
    same_step = [
        (rank[source], rank[target])
        for (source, target), delay in zip(edges, delays, strict=True)
        if not delay
    ]
    forward = topological_order(len(nearest), same_step)
    stuck = sorted(set(range(len(nearest))) - set(forward))
    return [nearest[position] for position in (*forward, *stuck)]


def _population_shape(node: NirNode, incoming: Shape | None) -> Shape:
    """Return a population's shape from its fields and from what arrives at it.

    Raises:
        ValueError: Neither tells it, or a field is missing.
    """
    if node.type == "Input":
        shape = node.integers("shape", 0)
        shape = shape[1:] if len(shape) in (2, 4) and shape[0] == 1 else shape
        if min(shape, default=0) < 1:
            raise ValueError("has no `shape` of numbers of at least 1")
        return shape
    shape = _parameter_shape(node)
    if incoming is None:
        if not shape:
            raise ValueError("has single numbers as parameters, and nothing before it says a shape")
        return shape
    try:
        return incoming if np.broadcast_shapes(shape, incoming) == incoming else shape
    except ValueError:
        return incoming if len(incoming) == 3 and prod(incoming) == prod(shape) else shape


def _parameter_shape(node: NirNode) -> Shape:
    """Return the shape that a neuron's parameters have together."""
    parameters = NEURON_MODELS[MODELS[node.type]].parameters
    fields = {name: node.array(name, known.default).shape for name, known in parameters.items()}
    try:
        return np.broadcast_shapes(*fields.values())
    except ValueError:
        given = ", ".join(f"{name} {list(size)}" for name, size in fields.items())
        raise ValueError(f"has parameters of shapes that do not fit together: {given}") from None


def _filled(value: np.ndarray, shape: Shape) -> np.ndarray:
    """Return a parameter as a full array of the population's shape."""
    if value.size == prod(shape) and value.shape != shape:
        return value.reshape(shape)
    return np.array(np.broadcast_to(value, shape))


def _spread(bias: np.ndarray, signal: Shape, shape: Shape) -> np.ndarray:
    """Return a bias along the first axis of ``signal`` as an array of the target's shape."""
    columns = bias.reshape(-1, *(1 for _ in signal[1:]))
    full = np.broadcast_to(columns, signal)
    return full.reshape(shape) if full.size == prod(shape) else full
