"""From a walked graph to a network: models, delays, biases, order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.build import default_value_bits
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.nir.biases import Biases, gathered
from chipletsim.network.nir.chain import Chain, Synapses
from chipletsim.network.nir.delays import distances, implied_delays
from chipletsim.network.nir.graph import NirNode
from chipletsim.network.nir.notes import CURRENT, LATE, STEPS_KEY, VALUE_BITS_KEY
from chipletsim.network.nir.shapes import filled
from chipletsim.network.nir.understood import Understood
from chipletsim.network.nir.walk import Walk, with_planes
from chipletsim.network.presets import Reading
from chipletsim.network.presets.scheme import Scheme
from chipletsim.network.schedule import Edge, topological_order


class Way(NamedTuple):
    """Synapses of one delay from one population to another.

    Attributes:
        chain: The nodes between.
        target: Name of the receiving population.
        synapses: Which they are.
        several: Whether the chain has synapses of other delays, too.
        number: Number of the chain.
    """

    chain: Chain
    target: str
    synapses: Synapses
    several: bool
    number: int


def assembled(walk: Walk, read: Understood, name: str, dt_s: float) -> Network:
    """Return the network of a walked graph.

    Raises:
        ConfigError: With every fault found.
    """
    network = _Assembly(walk, read.scheme).network(name, dt_s)
    return replace(network, doubts=read.doubts)


class _Assembly:
    """One pass; faults are gathered, not raised."""

    def __init__(self, walk: Walk, scheme: Scheme) -> None:
        self.walk = walk
        self.scheme = scheme
        self.problems: list[Problem] = []
        self.shapes = with_planes(walk)
        self.ways = list(self._ways())
        self.readings = self._readings()
        self._stop_at_problems()
        self.loops, self.delays = self._delays()

    @property
    def nodes(self) -> Mapping[str, NirNode]:
        return self.walk.graph.nodes

    def network(self, name: str, dt_s: float) -> Network:
        order = self._order()
        biases = self._biases()
        populations = [self._population(node, biases.get(node)) for node in order]
        self._stop_at_problems()
        projections = [
            self._projection(way, delay) for way, delay in zip(self.ways, self.delays, strict=True)
        ]
        rank = {population: position for position, population in enumerate(order)}
        projections.sort(key=lambda p: (rank[p.target], rank[p.source], p.name))
        text = f"{self.scheme}{self._loops_in_words()}"
        return Network(name, tuple(populations), tuple(projections), dt_s, scheme=text)

    def _stop_at_problems(self) -> None:
        if self.problems:
            raise ConfigError(self.problems)

    def _ways(self) -> list[Way]:
        found = []
        for number, (chain, target) in enumerate(self.walk.chains):
            try:
                parts = chain.synapses()
            except ValueError as error:
                self._note(chain.nodes[-1], str(error))
                continue
            found += [Way(chain, target, part, len(parts) > 1, number) for part in parts]
        return found

    def _note(self, node: str, message: str) -> None:
        self.problems.append(Problem(message, f"nodes.{node}"))

    def _readings(self) -> dict[str, Reading]:
        """Return what each neuron node becomes."""
        looped = {way.target for way in self.ways if way.chain.source == way.target}
        found = {}
        for name in self.shapes:
            node = self.nodes[name]
            read = self.scheme.preset.read.get(node.type)
            if read is None:
                continue
            found[name] = read(
                self.scheme.neuron(name, node, self.walk.dt, recurrent=name in looped)
            )
        return found

    @cached_property
    def _names(self) -> list[str]:
        return sorted(self.shapes)

    @cached_property
    def _edges(self) -> list[Edge]:
        index = {population: number for number, population in enumerate(self._names)}
        return [(index[way.chain.source], index[way.target]) for way in self.ways]

    @cached_property
    def _distance(self) -> list[int]:
        names = enumerate(self._names)
        inputs = [number for number, name in names if self.nodes[name].type == "Input"]
        return distances(len(self._names), self._edges, inputs)

    def _delays(self) -> tuple[list[int], list[int]]:
        """Return for each way the steps that its loop adds, and all of its steps."""
        late = self._asked_edges() or self._traced
        own = [self._input_delay(way.target) for way in self.ways]
        given: list[int | None] = []
        for way, later in zip(self.ways, own, strict=True):
            path = way.chain.path(way.target)
            named = sum(edge in late for edge in pairwise(path))
            stated = way.synapses.delay
            if stated is None and not named and later and self._input_delay(way.chain.source):
                stated = 0  # both ends are late by themselves, which breaks any loop of them
            given.append(stated if not named else (stated or 0) + named)
        delays = implied_delays(self._edges, self._distance, given)
        loops = [
            delay - (way.synapses.delay or 0) for way, delay in zip(self.ways, delays, strict=True)
        ]
        return loops, [delay + later for delay, later in zip(delays, own, strict=True)]

    @cached_property
    def _traced(self) -> frozenset[tuple[str, str]]:
        """The edges that act one step later by the preset's own order of nodes.

        There are none in a file that our writer made for the preset: it states what is late.
        """
        late_edges = self.scheme.preset.late_edges
        if late_edges is None or self.scheme.asked.delayed_edges or self.scheme.own:
            return frozenset()
        return late_edges(self.nodes, self.walk.graph.edges)

    def _asked_edges(self) -> set[tuple[str, str]]:
        return {self.walk.graph.edge(*edge) for edge in self.scheme.asked.delayed_edges}

    def _input_delay(self, name: str) -> int:
        reading = self.readings.get(name)
        return reading.input_delay if reading else 0

    def _order(self) -> list[str]:
        """Return the populations so that same-step projections point forward where they can."""
        distance = self._distance
        nearest = sorted(range(len(distance)), key=lambda node: (distance[node], node))
        rank = {node: position for position, node in enumerate(nearest)}
        same_step = [
            (rank[source], rank[target])
            for (source, target), delay in zip(self._edges, self.delays, strict=True)
            if not delay
        ]
        forward = topological_order(len(nearest), same_step)
        stuck = sorted(set(range(len(nearest))) - set(forward))
        return [self._names[nearest[position]] for position in (*forward, *stuck)]

    def _biases(self) -> dict[str, Biases]:
        ways = [
            (way.chain, way.target, self._bias_delay(way, loop) + self._input_delay(way.target))
            for way, loop in zip(self.ways, self.loops, strict=True)
        ]
        try:
            return gathered(ways, self.shapes)
        except ValueError as error:
            raise ConfigError(str(error)) from None

    def _bias_delay(self, way: Way, loop: int) -> int:
        """Return the steps by which a way's bias is late because its loop or skip is."""
        if self.scheme.preset.late_edges is None or way.chain.bias is None:
            return 0
        if not self._traced:
            return loop
        path = way.chain.path(way.target)
        behind = path[path.index(way.chain.bias.node, 1) :]
        return sum(edge in self._traced for edge in pairwise(behind))

    def _population(self, name: str, biases: Biases | None) -> Population:
        node, shape = self.nodes[name], self.shapes[name]
        reading = self.readings.get(name)
        model = reading.model if reading else "input" if node.type == "Input" else CURRENT
        parameters = dict(reading.parameters) if reading else {}
        bias = None
        if biases is not None:
            bias = biases.values
            if np.any(biases.late):
                model = self._late_model(name, model)
                parameters |= {"late_bias": biases.late, "late_steps": biases.steps}
        bits = self._noted(name, VALUE_BITS_KEY, 0, 32)
        return Population(
            name,
            shape,
            model,
            {key: self._filled(name, value) for key, value in parameters.items()},
            bias,
            name in self.walk.outputs,
            default_value_bits(model) if bits is None else bits,
            self._noted(name, STEPS_KEY, 1, 2**31),
        )

    def _filled(self, name: str, value: np.ndarray) -> np.ndarray:
        try:
            return filled(value, self.shapes[name])
        except ValueError as error:
            self._note(name, str(error))
            return value

    def _late_model(self, name: str, model: str) -> str:
        if f"{model}{LATE}" not in NEURON_MODELS:
            self._note(
                name,
                f"receives a bias that begins after step 0, which neurons of model {model} do not"
                " know; put the delay in front of the node with the bias",
            )
            return model
        return f"{model}{LATE}"

    def _noted(self, name: str, key: str, least: int, most: int) -> int | None:
        """Return a whole number that our writer left in a node's metadata."""
        value: Any = self.nodes[name].metadata.get(key)
        if value is None:
            return None
        try:
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            number = least - 1
        if not least <= number <= most:
            self._note(name, f"metadata `{key}` must be a whole number in {least}..{most:,}")
            return None
        return number

    def _projection(self, way: Way, delay: int) -> Projection:
        chain, synapses = way.chain, way.synapses
        name = self._chain_names[way.number]
        if way.several:
            name = f"{name}@{synapses.delay}"
        return Projection(name, chain.source, way.target, synapses.connection, synapses.pool, delay)

    @cached_property
    def _chain_names(self) -> list[str]:
        """The name of each chain: its node's, with ends and then nodes where that is not unique."""
        chains = self.walk.chains
        ends = [f"{chain.source}>{target}" for chain, target in chains]
        names = [chain.named_by or end for (chain, _), end in zip(chains, ends, strict=True)]
        for further in (ends, [">".join(chain.nodes) for chain, _ in chains]):
            count = Counter(names)
            names = [
                f"{name}:{more}" if count[name] > 1 else name
                for name, more in zip(names, further, strict=True)
            ]
        return names

    def _loops_in_words(self) -> str:
        """Return which ways act a step later that the file leaves open, for reports."""
        names = [
            f"{way.chain.source} > {way.target}"
            for way, loop in zip(self.ways, self.loops, strict=True)
            if loop
        ]
        if not names:
            return ""
        shown = ", ".join(dict.fromkeys(names[:4])) + (" ..." if len(names) > 4 else "")
        return f"; one step later in loops: {shown}"
