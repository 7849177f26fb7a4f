"""A NIR file and what is asked of it: how its neurons are read, and whether that can be meant.

Everything that can be said before weights are read and synapses are followed, so that
``chipletsim validate`` says it at once: nodes, edges and options that are not there, numbers that
a preset refuses, and numbers that its framework does not write. Neither JAX nor SciPy is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.nir.file import read_outline
from chipletsim.network.nir.flatten import PORT, FlatGraph, flattened
from chipletsim.network.nir.graph import STATELESS, NirGraph, NirNode
from chipletsim.network.presets.origin import doubts, hint
from chipletsim.network.presets.scheme import ASKED, Asked, Scheme, asked_of, choose
from chipletsim.spec.nir import NirFileSpec


@dataclass(frozen=True)
class Understood:
    """How a file is read.

    Attributes:
        graph: The graph without graphs inside, put right as the preset has it.
        scheme: Preset and options.
        neurons: The nodes that are neurons, by name.
        dt: Time step in the unit of the file's time constants.
        doubts: Why the preset may be the wrong one, each a sentence; mostly nothing.
    """

    graph: FlatGraph
    scheme: Scheme
    neurons: dict[str, NirNode]
    dt: float
    doubts: tuple[str, ...]


def understand_file(spec: NirFileSpec, folder: Path) -> Understood:
    """Return how the file of a section is read, without its weights.

    Args:
        spec: The validated section.
        folder: Folder that its file path is relative to.

    Raises:
        ConfigError: As for ``understood``, or the file cannot be read.
    """
    path = folder / spec.nir
    with faults_in(path):
        return understood(read_outline(path), spec.dt_s, asked_of(spec))


def understood(graph: NirGraph, dt_s: float, asked: Asked) -> Understood:
    """Return how a graph is read.

    Args:
        graph: The graph as it lies in the file; weights do not matter.
        dt_s: Time step in seconds, or in whatever unit the file's time constants have.
        asked: Preset and options.

    Raises:
        ConfigError: The preset does not know a node's type, refuses its numbers, or is asked
            for options of nodes or edges that are not there.
    """
    scheme = choose(graph.metadata, asked)
    if not 0 < dt_s < float("inf"):
        raise ConfigError([Problem(f"time step must be positive, got {dt_s} s", "dt")])
    flat = flattened(scheme.preset.prepare(graph))
    neurons = {key: node for key, node in flat.nodes.items() if node.type in scheme.preset.read}
    _refuse_unknown_types(graph, flat, scheme, dt_s)
    scheme.refuse_unknown_nodes(neurons)
    _refuse_unknown_edges(flat, asked)
    try:
        dt = scheme.preset.file_dt(neurons, scheme.options, dt_s)
    except ValueError as error:
        message = f"{error}{hint(graph, scheme, dt_s)}"
        raise ConfigError([Problem(message, f"{ASKED}preset")]) from None
    _refuse_unreadable(graph, neurons, scheme, dt, dt_s)
    return Understood(flat, scheme, neurons, dt, doubts(graph, neurons, scheme, dt, dt_s))


@contextmanager
def faults_in(path: Path) -> Iterator[None]:
    """Name a NIR file in the faults found meanwhile, unless they lie in what is asked of it.

    Raises:
        ConfigError: The faults.
    """
    try:
        yield
    except ConfigError as error:
        raise ConfigError([_in_file(fault, path) for fault in error.problems]) from None
    except MemoryError:
        raise ConfigError([Problem("does not fit into memory", file=str(path))]) from None


def _in_file(fault: Problem, path: Path) -> Problem:
    return fault if fault.path.startswith(ASKED) else replace(fault, file=str(path))


def _refuse_unknown_types(graph: NirGraph, flat: FlatGraph, scheme: Scheme, dt_s: float) -> None:
    known = ["Input", *scheme.preset.read, *STATELESS, "Output"]
    unknown = {
        name: node.type for name, node in flat.nodes.items() if node.type not in (*known, PORT)
    }
    if not unknown:
        return
    advice = (
        f"replace it by one of {', '.join(known)}, or choose another preset"
        f"{hint(graph, scheme, dt_s)}"
    )
    raise ConfigError(
        [
            Problem(
                f"node type {kind} is not supported by preset {scheme.preset.name}; {advice}",
                f"nodes.{name}",
            )
            for name, kind in unknown.items()
        ]
    )


def _refuse_unknown_edges(flat: FlatGraph, asked: Asked) -> None:
    """Raise ConfigError for delayed edges that are not there."""
    problems = []
    for number, edge in enumerate(asked.delayed_edges):
        try:
            flat.edge(*edge)
        except ValueError as error:
            problems.append(Problem(str(error), f"{ASKED}delayed_edges.{number}"))
    if problems:
        raise ConfigError(problems)


def _refuse_unreadable(
    graph: NirGraph, neurons: dict[str, NirNode], scheme: Scheme, dt: float, dt_s: float
) -> None:
    """Raise ConfigError for neurons with numbers that the preset does not take."""
    problems = []
    for name, node in neurons.items():
        try:
            scheme.preset.read[node.type](scheme.neuron(name, node, dt))
        except ValueError as error:
            problems.append(Problem(str(error), f"nodes.{name}"))
    if problems:
        told = hint(graph, scheme, dt_s)
        raise ConfigError([replace(each, message=f"{each.message}{told}") for each in problems])
