"""NIR files to networks.

NIR (Pedersen et al., Nature Communications 2024) stores continuous-time equations and
neither a time step nor the delay of a loop. Choices made here:

- Equations advance by forward Euler with the step given (``chipletsim.network.neurons``).
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
from pathlib import Path

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.build import default_value_bits
from chipletsim.network.check import validated
from chipletsim.network.connections import Shape
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.nir_file import NirGraph, NirNode, read_graph
from chipletsim.network.nir_nodes import TRANSFORMS, Chain
from chipletsim.network.schedule import component_labels, topological_order

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
        return validated(_Import(graph, dt_s).network(path.stem))
    except ConfigError as error:
        raise ConfigError([replace(fault, file=str(path)) for fault in error.problems]) from None


@dataclass
class _Import:
    """The walk over a graph, population by population from the inputs on."""

    graph: NirGraph
    dt_s: float
    shapes: dict[str, Shape] = field(default_factory=dict)
    depth: dict[str, int] = field(default_factory=dict)
    chains: list[tuple[Chain, str]] = field(default_factory=list)
    outputs: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def network(self, name: str) -> Network:
        """Return the network, or raise ConfigError with every fault."""
        self._refuse_unknown_types()
        self._walk()
        if self.problems:
            raise ConfigError(self.problems)
        delays = self._delays()
        order = self._order(delays)
        rank = {population: position for position, population in enumerate(order)}
        projections = [
            self._projection(chain, target, delay)
            for (chain, target), delay in zip(self.chains, delays, strict=True)
        ]
        projections.sort(key=lambda p: (rank[p.target], rank[p.source], p.name))
        biases = self._biases()
        populations = tuple(self._population(node, biases.get(node)) for node in order)
        return Network(name, populations, tuple(projections), self.dt_s)

    def _refuse_unknown_types(self) -> None:
        known = [*MODELS, *TRANSFORMS, "Output"]
        unknown = [
            Problem(
                f"node type {node.type} is not supported; replace it by one of {', '.join(known)}",
                f"nodes.{name}",
            )
            for name, node in self.graph.nodes.items()
            if node.type not in known
        ]
        if unknown:
            raise ConfigError(unknown)

    def _walk(self) -> None:
        """Follow all chains breadth first: inputs, then what they reach, then the rest."""
        nodes = self.graph.nodes
        inputs = [name for name, node in nodes.items() if node.type == "Input"]
        rest = [name for name, node in nodes.items() if node.type in MODELS]
        for start in (*inputs, *rest):
            waiting = deque([start] if self._place(start, None, 0) else [])
            while waiting:
                source = waiting.popleft()
                for chain, target in self._chains_from(source):
                    self.chains.append((chain, target))
                    if self._place(target, chain.shape, self.depth[source] + 1):
                        waiting.append(target)
"""  """
